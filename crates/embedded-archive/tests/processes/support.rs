//! What the tests share.
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use embedded_archive::{Archive, Builder, Level};

/// A test and its name.
pub(crate) type Test = (&'static str, fn());

/// The contents of `greeting` in [`sample`].
pub(crate) const GREETING: &str = "from inside";

/// Plain, empty, executable and large files.
pub(crate) fn sample(salt: &str) -> Archive {
    let mut builder = Builder::new();
    builder
        .level(Level::new(1))
        .bytes("greeting", GREETING)
        .unwrap()
        .bytes("empty", "")
        .unwrap();
    builder
        .bytes("lib/a/b.cmi", format!("interface {salt}"))
        .unwrap();
    builder
        .executable(true)
        .bytes("bin/script", "#!/bin/sh\nexit 7\n")
        .unwrap();
    builder
        .bytes(
            "bin/large",
            (0..1_800_000_u32)
                .map(|n| (n.isqrt() % 250) as u8)
                .collect::<Vec<_>>(),
        )
        .unwrap();
    Archive::from_bytes(builder.build().unwrap()).unwrap()
}

/// A file with [`sample`] in it.
pub(crate) fn archive_file(directory: &Path) -> PathBuf {
    let path = directory.join("archive");
    let mut bytes = Vec::new();
    sample("").write_to(&mut bytes).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

pub(crate) fn own_executable() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// This executable without debug information, which is quicker to copy, with [`sample`] attached.
pub(crate) fn carrier(directory: &Path) -> PathBuf {
    let carrier = directory.join("carrier");
    embedded_archive::attach(own_executable(), &sample(""), &carrier).unwrap();
    carrier
}

pub(crate) fn role(executable: impl AsRef<OsStr>, role: &str) -> Command {
    let mut command = Command::new(executable);
    command.arg(format!("role:{role}"));
    command
}

/// Runs a command that must work.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", shown(&output));
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn shown(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Says that something is missing here; in CI that is a failure.
#[track_caller]
pub(crate) fn skip(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "missing in CI: {what}");
    eprintln!("SKIP: {what}");
}

pub(crate) fn has_tool(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(tool).is_file())
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub(crate) fn children(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|child| child.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
