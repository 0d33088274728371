//! `ocamlfind query` without findlib: `cargo run --example findlib-query -- -r -format %p lwt.unix`.

use std::io::Write as _;
use std::process::ExitCode;

use lib_resolve::{Environment, QueryCommand};

fn main() -> ExitCode {
    let output = QueryCommand::parse(std::env::args_os().skip(1)).run(&Environment::from_process());
    let written = std::io::stdout()
        .write_all(&output.stdout)
        .and_then(|()| std::io::stderr().write_all(&output.stderr));
    written.map_or(ExitCode::FAILURE, |()| ExitCode::from(output.status))
}
