//! The `saddlebag` command.
#![forbid(unsafe_code)]

mod archive_command;
mod arguments;
mod build_command;
mod check_command;
mod codes_command;
mod compiler;
mod conf_command;
mod diagnostics;
mod embed_command;
mod examples;
mod executable;
mod failure;
mod interface_command;
mod lib_command;
mod libraries;
mod output;
mod run_command;
mod script;
mod signals;
mod sources;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command, RunAlone};
use crate::failure::Failure;

fn main() -> ExitCode {
    // `lib query` takes ocamlfind's options, which are not clap's, and is over in a millisecond.
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(status) = lib_command::early_query(&words) {
        return status;
    }
    let words = script::part(words);
    let all = || {
        let program = std::env::args_os().take(1);
        Arguments::parse_from(program.chain(words.iter().cloned())).command
    };
    let command = match words.split_first() {
        Some((name, words)) if name == "run" => RunAlone::try_parse_from(words)
            .map(|alone| Command::Run(alone.run))
            .unwrap_or_else(|_| all()),
        _ => all(),
    };
    let result = match command {
        Command::Run(arguments) => run_command::run(arguments),
        Command::Check(arguments) => check_command::run(arguments),
        Command::Build(arguments) => build_command::run(arguments),
        Command::Load(arguments) => run_command::load(arguments),
        Command::Embed(arguments) => embed_command::run(arguments),
        Command::Archive(command) => archive_command::run(command),
        Command::Interface(arguments) => interface_command::run(&arguments),
        Command::Lib(command) => return lib_command::run(command),
        Command::Codes(arguments) => compiler::codes(&arguments),
        Command::Conf(arguments) => conf_command::run(arguments),
    };
    let failure = match result {
        Ok(status) => return status,
        Err(failure) => failure,
    };
    // A signal has killed what this command was waiting for: the signal is the news, not its consequences.
    signals::wait_if_one_came();
    failure.report()
}

/// The result of a command.
type Outcome = Result<ExitCode, Failure>;
