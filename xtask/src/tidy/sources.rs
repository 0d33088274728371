//! The form of source files.

use super::Problems;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of a library or a program that is longer should be two.
const LINES: usize = 500;
/// `lib.rs` holds documentation, modules and exports.
const LIB_LINES: usize = 120;

/// Check every Rust file of the repository; returns how many there are.
pub(super) fn check(root: &Path, problems: &mut Problems) -> Result<usize, Box<dyn Error>> {
    let mut files = Vec::new();
    for directory in ["crates", "tests", "xtask"] {
        collect(&root.join(directory), &mut files)?;
    }
    files.sort();
    for path in &files {
        let text =
            fs::read_to_string(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        check_file(path.strip_prefix(root)?, &text, problems);
    }
    Ok(files.len())
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in
        fs::read_dir(directory).map_err(|error| format!("`{}`: {error}", directory.display()))?
    {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() && entry.file_name() != "target" {
            collect(&path, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn check_file(path: &Path, text: &str, problems: &mut Problems) {
    let mut problem = |what: String| problems.push(format!("{}: {what}", path.display()));
    let first = text.lines().next().unwrap_or_default();
    // The facade's page is its README.
    if !first.starts_with("//!") && !first.starts_with("#![doc = include_str!") {
        problem("starts with no `//!` line that says what it is for".to_owned());
    }
    let lines = text.lines().count();
    let in_src = path.components().any(|part| part.as_os_str() == "src");
    if in_src && lines > LINES {
        problem(format!("{lines} lines, should be split at {LINES}"));
    }
    // Put together here, so that this line is no find.
    if text
        .lines()
        .any(|line| line.trim_start().starts_with(concat!("#[", "ignore")))
    {
        problem("a test is ignored; let it assert what happens instead, and say why".to_owned());
    }
    let crate_root = path.starts_with("crates") && path.ends_with("src/lib.rs");
    if !crate_root {
        return;
    }
    if lines > LIB_LINES {
        problem(format!(
            "{lines} lines, more than {LIB_LINES}: only documentation, modules and exports belong here"
        ));
    }
    let has = |attribute: &str| text.lines().any(|line| line.trim() == attribute);
    if !has("#![deny(missing_docs)]") {
        problem("lacks `#![deny(missing_docs)]`".to_owned());
    }
    if !path.starts_with("crates/ocaml-runtime/") && !has("#![forbid(unsafe_code)]") {
        problem("lacks `#![forbid(unsafe_code)]`".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Problems {
        let mut problems = Problems::new();
        check_file(Path::new(path), text, &mut problems);
        problems
    }

    #[test]
    fn a_tidy_file_has_no_problem() {
        assert_eq!(problems("crates/x/src/a.rs", "//! A.\n"), Problems::new());
        let lib = "//! X.\n#![forbid(unsafe_code)]\n#![deny(missing_docs)]\n";
        assert_eq!(problems("crates/x/src/lib.rs", lib), Problems::new());
        assert_eq!(
            problems(
                "crates/ocaml-runtime/src/lib.rs",
                &lib.replace("forbid", "deny")
            ),
            Problems::new()
        );
    }

    #[test]
    fn each_untidy_thing_is_named_with_its_file() {
        assert_eq!(
            problems("xtask/src/a.rs", "fn a() {}\n"),
            ["xtask/src/a.rs: starts with no `//!` line that says what it is for"]
        );
        assert_eq!(
            problems("crates/x/src/a.rs", &"//! A.\n".repeat(501)),
            ["crates/x/src/a.rs: 501 lines, should be split at 500"]
        );
        assert_eq!(
            problems("crates/x/tests/a.rs", &"//! A.\n".repeat(501)),
            Problems::new()
        );
        assert_eq!(problems("crates/x/src/lib.rs", "//! X.\n").len(), 2);
        let ignored = format!("//! A.\n{}[ignore]\n", "#");
        assert_eq!(problems("crates/x/src/a.rs", &ignored).len(), 1);
    }
}
