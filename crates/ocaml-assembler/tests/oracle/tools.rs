//! The reference tools.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path of `program`. When it is missing, the test is skipped; with `CI` set it fails.
pub(crate) fn require(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{program} is needed");
        println!("SKIP: no {program}");
    }
    found
}

/// The compiler: `OCAMLOPT` names another one than that of the path.
pub(crate) fn ocamlopt() -> OsString {
    std::env::var_os("OCAMLOPT").unwrap_or_else(|| "ocamlopt".into())
}

/// Where the compiler has its standard library.
pub(crate) fn standard_library() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let output = Command::new(ocamlopt())
            .arg("-where")
            .output()
            .expect("ocamlopt starts");
        PathBuf::from(String::from_utf8(output.stdout).expect("UTF-8").trim())
    })
}

/// What GNU as makes of `text`, or its messages.
pub(crate) fn gnu_as(directory: &Path, text: &str) -> Result<Vec<u8>, String> {
    let (input, output) = (directory.join("reference.s"), directory.join("reference.o"));
    std::fs::write(&input, text).expect("a file");
    let finished = Command::new("as")
        .args(["--64", "-o"])
        .args([&output, &input])
        .current_dir(directory)
        .output()
        .expect("GNU as starts");
    if finished.status.success() {
        Ok(std::fs::read(&output).expect("an object"))
    } else {
        Err(String::from_utf8_lossy(&finished.stderr).into_owned())
    }
}

/// The numbers of the lines of `text` that GNU as refuses.
pub(crate) fn gnu_as_errors(directory: &Path, text: &str) -> Vec<usize> {
    let Err(messages) = gnu_as(directory, text) else {
        return Vec::new();
    };
    messages
        .lines()
        .filter(|line| line.contains("Error:"))
        .filter_map(|line| line.split(':').nth(1)?.trim().parse().ok())
        .collect()
}
