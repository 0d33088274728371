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
mod plain_run;
mod run_command;
mod script;
mod signals;
mod sources;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};

use crate::arguments::{Arguments, Command, RunAlone};
use crate::failure::Failure;

fn main() -> ExitCode {
    // `lib query` takes ocamlfind's options, which are not clap's, and is over in a millisecond.
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(status) = lib_command::early_query(&words) {
        return status;
    }
    let result = match command(words) {
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

/// What the command line asks for; a wrong one ends the process.
fn command(words: Vec<OsString>) -> Command {
    let all = |words: Vec<OsString>| {
        let program = std::env::args_os().take(1);
        Arguments::parse_from(program.chain(words)).command
    };
    if words.first().is_none_or(|word| word != "run") {
        return all(words);
    }
    if let Some(run) = plain_run::read(&words[1..]) {
        return Command::Run(run);
    }
    let mut alone = RunAlone::command();
    let words = script::part(words, &alone);
    let matches = alone.try_get_matches_from_mut(&words[1..]);
    match matches.and_then(|matches| RunAlone::from_arg_matches(&matches)) {
        Ok(alone) => Command::Run(alone.run),
        Err(_) => all(words),
    }
}

/// The result of a command.
type Outcome = Result<ExitCode, Failure>;
