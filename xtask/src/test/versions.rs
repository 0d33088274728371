//! The tests that need OCaml, on other versions of OCaml than the installed one.

use super::{Step, strict};
use crate::{shell, toolchain};
use std::error::Error;
use std::path::Path;

/// The tests whose results OCaml decides: package, test, whether the test is about one code at a time, and those of its modules
/// that are enough to tell that a version works.
const TESTS: &[(&str, &str, bool, &str)] = &[
    ("ocaml-runtime", "runtime", false, "calls|loading"),
    ("dynloader", "dynloader", true, "loads|libraries|programs"),
    (
        "saddlebag-tests",
        "it",
        false,
        "programs|requirements|scripts",
    ),
    ("ocaml-assembler", "oracle", false, "constructors|units"),
    ("ocaml-assembler", "load", false, "programs"),
];

/// How many of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    All,
    /// What every change is tried with.
    Core,
}

/// What `--toolchain` names, in the order given; each is built if it is not there.
pub(super) fn ensure(asked: &str) -> Result<Vec<Step>, Box<dyn Error>> {
    let versions = match asked {
        "all" => toolchain::TESTED.to_vec(),
        list => list.split(',').collect(),
    };
    for version in &versions {
        toolchain::ensure(version)?;
    }
    Ok(steps(&versions, Extent::All))
}

/// One step for each version.
pub(super) fn steps(versions: &[&str], extent: Extent) -> Vec<Step> {
    let step = |version: &&str| Step::Version((*version).to_owned(), extent);
    versions.iter().map(step).collect()
}

/// The steps for the OCaml in `prefix`: every test in native code, and in byte code where the tests are about one code.
/// `sources` is OCaml's source tree, which some tests compile.
pub(super) fn plan(
    root: &Path,
    prefix: &Path,
    sources: Option<&Path>,
    extent: Extent,
    nextest: bool,
) -> Vec<Step> {
    let step = |code: &str, tests: &[(&str, &str, bool, &str)]| {
        let mut command = shell::cargo();
        command.current_dir(root);
        let words = if nextest {
            &["nextest", "run"][..]
        } else {
            &["test"]
        };
        // The features of the whole workspace: nothing is compiled again.
        command
            .args(words)
            .args(["--workspace", "--all-features", "--no-fail-fast"]);
        if nextest {
            let filters = tests.iter().map(|test| filter(test, extent));
            command
                .arg("-E")
                .arg(filters.collect::<Vec<_>>().join(" + "));
        } else {
            for (_, test, ..) in tests {
                command.args(["--test", test]);
            }
        }
        command
            .env("SADDLEBAG_OCAML", prefix)
            .env("SADDLEBAG_TEST_CODE", code)
            .env("OCAMLOPT", prefix.join("bin/ocamlopt"));
        if let Some(sources) = sources {
            command.env("OCAML_SOURCES", sources);
        }
        Step::Count(strict(command))
    };
    let by_code: Vec<_> = TESTS.iter().filter(|test| test.2).copied().collect();
    vec![step("native", TESTS), step("byte", &by_code)]
}

/// nextest's expression for a test.
fn filter((package, test, _, modules): &(&str, &str, bool, &str), extent: Extent) -> String {
    match extent {
        Extent::All => format!("binary_id({package}::{test})"),
        Extent::Core => format!("(binary_id({package}::{test}) & test(/^({modules})::/))"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(extent: Extent, nextest: bool) -> Vec<String> {
        let steps = plan(
            Path::new("/"),
            Path::new("/cache/5.3.0"),
            Some(Path::new("/cache/sources")),
            extent,
            nextest,
        );
        let line = |step: &Step| match step {
            Step::Count(command) => shell::line(command),
            _ => String::new(),
        };
        steps.iter().map(line).collect()
    }

    #[test]
    fn each_step_names_the_toolchain_and_fails_where_a_test_would_skip_itself() {
        for nextest in [true, false] {
            let lines = lines(Extent::All, nextest);
            assert_eq!(lines.len(), 2);
            for line in &lines {
                assert!(line.contains("SADDLEBAG_OCAML=/cache/5.3.0"), "{line}");
                assert!(
                    line.contains("OCAMLOPT=/cache/5.3.0/bin/ocamlopt"),
                    "{line}"
                );
                assert!(line.contains("OCAML_SOURCES=/cache/sources"), "{line}");
                assert!(line.contains("CI=true"), "{line}");
                assert!(line.contains(" --workspace --all-features "), "{line}");
            }
            assert!(lines[0].contains("SADDLEBAG_TEST_CODE=native"));
            assert!(lines[1].contains("SADDLEBAG_TEST_CODE=byte"));
            assert!(lines[1].contains("dynloader") && !lines[1].contains("runtime"));
        }
    }

    #[test]
    fn the_core_is_a_part_of_every_test() {
        let [all, core] = [Extent::All, Extent::Core].map(|extent| lines(extent, true).remove(0));
        for (package, test, _, modules) in TESTS {
            let id = format!("binary_id({package}::{test})");
            assert!(all.contains(&id) && core.contains(&id));
            assert!(core.contains(modules) && !all.contains(modules));
        }
    }
}
