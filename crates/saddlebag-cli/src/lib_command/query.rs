//! `saddlebag lib query`: what `ocamlfind query` prints, with the same exit status.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use lib_resolve::{Environment, QueryCommand};

/// Answers. Scripts ask thousands of times, so this starts no thread and does not go through the parser of the other commands.
pub(crate) fn query(arguments: &[OsString]) -> ExitCode {
    let output = QueryCommand::parse(arguments).run(&Environment::from_process());
    let written = io::stderr().write_all(&output.stderr).and_then(|()| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&output.stdout)?;
        stdout.flush()
    });
    match written {
        Ok(()) => ExitCode::from(output.status),
        // OCaml's runtime ends with status 2 when it cannot flush standard output.
        Err(_) => ExitCode::from(2),
    }
}
