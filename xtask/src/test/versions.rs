//! The tests that need OCaml, on other versions of OCaml than the installed one.

use super::{Step, strict};
use crate::{shell, toolchain};
use std::error::Error;
use std::path::{Path, PathBuf};

/// The tests whose results OCaml decides: package, test, and whether the test is about one code at a time.
const TESTS: &[(&str, &str, bool)] = &[
    ("ocaml-runtime", "runtime", false),
    ("dynloader", "dynloader", true),
    ("saddlebag-tests", "it", false),
];

/// What `--toolchain` names, in the order given.
pub(super) fn prefixes(asked: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let versions = match asked {
        "all" => toolchain::TESTED.to_vec(),
        list => list.split(',').collect(),
    };
    versions.into_iter().map(toolchain::ensure).collect()
}

/// The steps for the OCaml in `prefix`: every test in native code, and in byte code where the tests are about one code.
pub(super) fn plan(root: &Path, prefix: &Path) -> Vec<Step> {
    let step = |package: &str, test: &str, code: &str| {
        let mut command = shell::cargo();
        command
            .current_dir(root)
            .args(["test", "-p", package, "--test", test, "--no-fail-fast"]);
        command
            .env("SADDLEBAG_OCAML", prefix)
            .env("SADDLEBAG_TEST_CODE", code);
        Step::Count(strict(command))
    };
    let native = TESTS
        .iter()
        .map(|(package, test, _)| step(package, test, "native"));
    let byte = TESTS
        .iter()
        .filter(|(.., by_code)| *by_code)
        .map(|(package, test, _)| step(package, test, "byte"));
    native.chain(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_names_the_toolchain_and_fails_where_a_test_would_skip_itself() {
        let steps = plan(Path::new("/"), Path::new("/cache/5.3.0"));
        let lines: Vec<String> = steps
            .iter()
            .map(|step| match step {
                Step::Count(command) => shell::line(command),
                _ => String::new(),
            })
            .collect();
        assert_eq!(lines.len(), 4);
        assert!(
            lines
                .iter()
                .all(|line| line.contains("SADDLEBAG_OCAML=/cache/5.3.0")),
            "{lines:?}"
        );
        assert!(
            lines.iter().all(|line| line.contains("CI=true")),
            "{lines:?}"
        );
        assert!(
            lines[3].contains("SADDLEBAG_TEST_CODE=byte")
                && lines[3].ends_with("--test dynloader --no-fail-fast")
        );
    }
}
