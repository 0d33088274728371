//! The least that running a compiled plugin can cost, to compare with: open a host image, load a file.
//! `cargo run --example minimum -- IMAGE PLUGIN`, with a plugin that `ocamlopt -shared` could have made.

use std::process::ExitCode;

use ocaml_runtime::{Runtime, open::Options};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(image), Some(plugin)) = (arguments.next(), arguments.next()) else {
        return ExitCode::from(2);
    };
    let loaded = Runtime::open(&image, &Options::default()).map(|runtime| runtime.load(&plugin));
    match loaded {
        Ok(Ok(_)) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
