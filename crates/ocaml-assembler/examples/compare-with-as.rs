//! Compares this crate with GNU as on assembly files: `compare-with-as FILE.s...`
//!
//! To compare a whole tree, compile it with `ocamlopt -S` first.
#![expect(
    clippy::disallowed_methods,
    reason = "the reference assembler is a process"
)]
#![expect(clippy::print_stdout, reason = "the result is for a person to read")]

#[path = "../tests/oracle/compare.rs"]
mod compare;

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let output = std::env::temp_dir().join(format!("compare-with-as-{}.o", std::process::id()));
    let (mut count, mut failures) = (0, 0);
    for path in std::env::args().skip(1) {
        let Ok(text) = std::fs::read_to_string(&path) else {
            println!("{path}: not readable as text");
            failures += 1;
            continue;
        };
        let status = Command::new("as")
            .args(["--64", "-o"])
            .arg(&output)
            .arg(&path)
            .status();
        let theirs = match status {
            Ok(status) if status.success() => std::fs::read(&output).unwrap_or_default(),
            _ => {
                println!("{path}: refused by GNU as");
                continue;
            }
        };
        count += 1;
        let difference = match ocaml_assembler::assemble(&text) {
            Ok(object) => compare::difference(&object.to_elf(), &theirs),
            Err(error) => Some(error.to_string()),
        };
        if let Some(difference) = difference {
            println!("{path}: {difference}");
            failures += 1;
        }
    }
    let _ = std::fs::remove_file(&output);
    println!("{} of {count} equal", count - failures);
    if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
