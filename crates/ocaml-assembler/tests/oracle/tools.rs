//! The reference tools.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The path of `program`. When it is missing, the test is skipped; with `CI` set it fails.
pub(crate) fn require(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|directory| directory.join(program)).find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{program} is needed");
        println!("SKIP: no {program}");
    }
    found
}

/// What GNU as makes of `text`, or its messages.
pub(crate) fn gnu_as(directory: &Path, text: &str) -> Result<Vec<u8>, String> {
    let output = directory.join("reference.o");
    let mut child = Command::new("as")
        .args(["--64", "-o"])
        .arg(&output)
        .arg("-")
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("GNU as starts");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("GNU as reads");
    let finished = child.wait_with_output().expect("GNU as ends");
    if finished.status.success() {
        Ok(std::fs::read(&output).expect("an object"))
    } else {
        Err(String::from_utf8_lossy(&finished.stderr).into_owned())
    }
}
