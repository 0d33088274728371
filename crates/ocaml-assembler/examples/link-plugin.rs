//! Assembles and links files into a plugin: `link-plugin OUT.cmxs FILE.s...`
#![expect(clippy::print_stderr, reason = "the messages are for a person to read")]

use std::process::ExitCode;

use ocaml_assembler::{LinkOptions, Object, assemble, link_shared};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let output = arguments
        .next()
        .ok_or("usage: link-plugin OUT.cmxs FILE.s...")?;
    let mut objects: Vec<Object> = Vec::new();
    for path in arguments {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        objects.push(
            assemble(&text)
                .map_err(|error| format!("{path}: {error}"))?
                .with_name(path),
        );
    }
    let options = LinkOptions::default()
        .needed("libm.so.6")
        .needed("libc.so.6");
    std::fs::write(output, link_shared(&objects, &options)?)?;
    Ok(())
}
