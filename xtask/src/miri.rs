//! `cargo xtask miri`: what reads the archive format and has no C code below it, interpreted.

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
    shell::run(test(root).arg("--lib").arg("--").args(MODULES))?;
    shell::run(test(root).args(["--test", "format"]).arg("--").args(TESTS))
}

fn test(root: &Path) -> Command {
    let mut command = cargo();
    command
        .current_dir(root)
        .args(["miri", "test", "-p", "embedded-archive"])
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
