//! `cargo xtask miri`: what reads the archive format and has no C code below it, and what of the runtime needs no OCaml,
//! interpreted.

use std::path::Path;
use std::process::Command;

use crate::{Outcome, shell};

/// The modules of `embedded-archive` whose tests run in the interpreter, by the beginnings of their names. What they
/// leave out calls zstd's C code or the system.
const MODULES: &[&str] = &[
    "carrier::elf::",
    "carrier::record::",
    "digest::",
    "format::branch::",
    "format::index::",
    "format::superblock::",
    "group::",
    "name::",
];

/// The modules of `ocaml-runtime` whose tests do without an image: layouts of values, descriptions of types, conversions
/// by serde, errors. What they leave out reads this executable or asks for the stack of its thread.
const RUNTIME_MODULES: &[&str] = &[
    "call::",
    "cancel::",
    "convert::",
    "describe::",
    "elf::tests::any_bytes",
    "host_image::",
    "interface::",
    "library::",
    "load::",
    "module::",
    "names::",
    "sys::abi::",
    "sys::carver::",
    "types::dynamic::",
];

/// Random cases of one property: the interpreter is some thousand times slower.
const CASES: &str = "16";

/// Tests of the format through the public interface that need neither.
const TESTS: &[&str] = &[
    "golden::a_newer_major_version",
    "golden::the_golden_archive_of_stored_chunks",
];

/// Runs them under Miri, if rustup has it.
pub(crate) fn run(root: &Path) -> Outcome {
    let installed = cargo().args(["miri", "--version"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        println!("SKIP: Miri is not installed: rustup component add miri --toolchain nightly");
        return Ok(());
    }
    let archive = || test(root, "embedded-archive");
    shell::run(archive().arg("--lib").arg("--").args(MODULES))?;
    shell::run(archive().args(["--test", "format"]).arg("--").args(TESTS))?;
    shell::run(
        test(root, "ocaml-runtime")
            .args(["--lib", "--all-features", "--"])
            .args(RUNTIME_MODULES)
            .env("PROPTEST_CASES", CASES)
            // A value of OCaml is an integer or an address.
            .env(
                "MIRIFLAGS",
                "-Zmiri-disable-isolation -Zmiri-permissive-provenance",
            ),
    )?;
    println!(
        "Miri found nothing in the reader of archives and in what of the runtime needs no OCaml"
    );
    Ok(())
}

fn test(root: &Path, package: &str) -> Command {
    let mut command = cargo();
    command
        .current_dir(root)
        .args(["miri", "test", "-p", package])
        // The tests read the executables and archives of this machine.
        .env("MIRIFLAGS", "-Zmiri-disable-isolation");
    command
}

/// Through rustup's own cargo: the one that runs this is of the stable toolchain.
fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command
        .arg("+nightly")
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN");
    command
}
