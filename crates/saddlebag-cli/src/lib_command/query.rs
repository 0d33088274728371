//! `saddlebag lib query`: what `ocamlfind query` prints, with the same exit status.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use lib_resolve::{Environment, QueryCommand};

/// Answers `lib query` before anything else of the program starts, since scripts ask thousands of times; `None` if the words are of another
/// command. As `ocamlfind` does, this takes `-toolchain NAME` in front of `query`.
pub(crate) fn early_query(words: &[OsString]) -> Option<ExitCode> {
    let (first, mut rest) = words.split_first()?;
    if first != "lib" {
        return None;
    }
    let mut toolchains = Vec::new();
    loop {
        match rest {
            [word, arguments @ ..] if word == "query" => return Some(query(arguments, toolchains)),
            [word, name, after @ ..] if word == "-toolchain" => {
                toolchains.push(name.clone());
                rest = after;
            }
            _ => return None,
        }
    }
}

pub(super) fn query(arguments: &[OsString], toolchains: Vec<OsString>) -> ExitCode {
    let output = QueryCommand::parse(arguments)
        .with_toolchains(toolchains)
        .run(&Environment::from_process());
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
