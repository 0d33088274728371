//! `saddlebag lib`: find OCaml libraries, and explain.

mod arguments;
mod explain;
mod failure;
mod query;
mod show;
mod table;

pub(crate) use arguments::LibCommand;
pub(crate) use query::early_query;

use std::io::{self, Write};
use std::process::ExitCode;

use failure::Failure;

/// Runs the command on this process's environment and standard output.
///
/// Exit status: 0 fine; 1 a library is missing or wrong; 2 wrong usage.
pub(crate) fn run(command: LibCommand) -> ExitCode {
    let mut output = io::BufWriter::new(io::stdout().lock());
    let result = match &command {
        LibCommand::Query { arguments } => return query::query(arguments, Vec::new()),
        LibCommand::Find(arguments) => show::find(arguments, &mut output),
        LibCommand::Deps(arguments) => show::deps(arguments, &mut output),
        LibCommand::List(arguments) => show::list(arguments, &mut output),
        LibCommand::Why(arguments) => explain::why(arguments, &mut output),
        LibCommand::Rdeps(arguments) => explain::rdeps(arguments, &mut output),
        LibCommand::Suggest(arguments) => explain::suggest(arguments, &mut output),
    };
    let result = result.and_then(|()| output.flush().map_err(Failure::write));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&mut io::stderr().lock()),
    }
}
