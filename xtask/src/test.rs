//! `cargo xtask test`: all that must pass before a change is merged.

mod versions;

use crate::{setup, shell, test_tools, tidy, toolchain};
use std::error::Error;
use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// How many tests ran, by what their runners print last.
#[derive(Default)]
struct Tally {
    passed: AtomicU64,
    failed: AtomicU64,
}

/// One thing to do after the set-up.
enum Step {
    Tidy,
    Run(Command),
    /// Run it, and count the tests it reports.
    Count(Command),
    /// The tests that need OCaml, with that version of it, built if it is not there.
    Version(String, versions::Extent),
}

/// `cargo xtask test`: everything with the installed OCaml; where `CI` is set, also whether the other versions work.
/// With `--toolchain` what needs OCaml with other versions, and versions that are missing are built.
/// With `--assembler` the end-to-end tests, which must give the same results whatever assembles.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let steps = match arguments {
        [] => {
            let mut steps = everything(root)?;
            if std::env::var_os("CI").is_some() {
                steps.extend(versions::steps(toolchain::TESTED, versions::Extent::Core));
            }
            steps
        }
        [option, versions] if option == "--toolchain" => {
            let mut steps = vec![Step::Run(linked_in(root))];
            steps.extend(versions::ensure(versions)?);
            steps
        }
        [option, assembler] if option == "--assembler" => {
            setup::run()?;
            vec![with_assembler(root, assembler)]
        }
        _ => {
            return Err(
                "usage: cargo xtask test [--toolchain VERSION[,VERSION...]|all] [--assembler internal|external]".into(),
            );
        }
    };
    conclude(root, steps, start)
}

/// `cargo xtask ci`: the same as `test`, with every version that is tested, built if it is not there.
pub(crate) fn ci(root: &Path) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let others = versions::ensure("all")?;
    setup::run()?;
    test_tools::run()?;
    let mut steps = plan(root, has_nextest());
    steps.extend(others);
    conclude(root, steps, start)
}

fn everything(root: &Path) -> Result<Vec<Step>, Box<dyn Error>> {
    setup::run()?;
    test_tools::run()?;
    Ok(plan(root, has_nextest()))
}

/// The end-to-end tests where every command assembles as told.
fn with_assembler(root: &Path, assembler: &str) -> Step {
    let mut command = shell::cargo();
    command
        .current_dir(root)
        .args(["test", "-p", "saddlebag-tests", "--no-fail-fast"])
        .env("SADDLEBAG_TEST_ASSEMBLER", assembler)
        .stdin(Stdio::null());
    Step::Count(strict(command))
}

fn has_nextest() -> bool {
    let version = shell::cargo()
        .args(["nextest", "--version"])
        .stderr(Stdio::null())
        .output();
    version.is_ok_and(|output| output.status.success())
}

fn conclude(root: &Path, steps: Vec<Step>, start: Instant) -> Result<(), Box<dyn Error>> {
    let tally = Tally::default();
    let result = follow(steps, root, &tally);
    let (passed, failed) = (tally.passed.into_inner(), tally.failed.into_inner());
    println!("\nall steps: {:.0} s", start.elapsed().as_secs_f64());
    if passed + failed > 0 {
        println!("{passed} passed, {failed} failed");
    }
    result
}

/// The steps, the quick ones first, all with every feature, so that each crate is compiled once. nextest runs no examples of the documentation: they are a step of their own.
fn plan(root: &Path, nextest: bool) -> Vec<Step> {
    let cargo = |line: &str| {
        let mut command = shell::cargo();
        command
            .current_dir(root)
            .args(line.split(' '))
            .stdin(Stdio::null());
        command
    };
    let tests = match nextest {
        true => "nextest run --workspace --all-features --no-fail-fast",
        false => "test --workspace --all-features --all-targets --no-fail-fast",
    };
    let mut documents = cargo("doc --workspace --all-features --no-deps");
    documents.env("RUSTDOCFLAGS", "-D warnings");
    vec![
        Step::Run(cargo("fmt --all --check")),
        Step::Tidy,
        Step::Run(cargo(
            "clippy --workspace --all-features --all-targets -- -D warnings",
        )),
        Step::Run(cargo("build --workspace --all-features --all-targets")),
        Step::Run(linked_in(root)),
        Step::Count(strict(cargo(tests))),
        Step::Count(strict(cargo(
            "test --workspace --all-features --doc --no-fail-fast",
        ))),
        Step::Run(documents),
    ]
}

/// Builds the example whose build script carries a compiler. A test runs it, but building it takes longer than a test may.
fn linked_in(root: &Path) -> Command {
    let mut command = shell::cargo();
    command
        .current_dir(root.join("docs/examples/linked-in"))
        .args(["build", "--locked", "--target-dir"])
        .arg(shell::target_directory(root).join("linked-in"))
        // Nobody debugs it, and it is linked anew when anything changes.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0")
        .stdin(Stdio::null());
    command
}

/// OCaml is there: a test that skips itself for want of it would hide a fault. Tests see this by `CI`.
fn strict(mut command: Command) -> Command {
    command.env("CI", "true");
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command
}

/// Take the steps up to the first that fails.
fn follow(steps: Vec<Step>, root: &Path, tally: &Tally) -> Result<(), Box<dyn Error>> {
    steps.into_iter().try_for_each(|step| match step {
        Step::Tidy => tidy::run(root),
        Step::Run(mut command) => shell::run(&mut command),
        Step::Count(mut command) => shell::run_and_read(&mut command, |line| tally.read(line)),
        Step::Version(version, extent) => with_version(&version, extent, root, tally),
    })
}

/// The tests with one version of OCaml. That it cannot be built, for want of a network for example, says nothing of the change.
fn with_version(
    version: &str,
    extent: versions::Extent,
    root: &Path,
    tally: &Tally,
) -> Result<(), Box<dyn Error>> {
    match toolchain::ensure(version) {
        Ok(prefix) => {
            let sources = toolchain::sources(version);
            if let Err(error) = &sources {
                println!("\nNOT COMPILED: the sources of OCaml {version}: {error}");
            }
            let sources = sources.ok();
            let steps = versions::plan(root, &prefix, sources.as_deref(), extent, has_nextest());
            follow(steps, root, tally)
        }
        Err(error) => {
            println!("\nNOT TESTED with OCaml {version}: {error}");
            Ok(())
        }
    }
}

impl Tally {
    /// The last line of `cargo test` for one binary, or of nextest for all:
    /// `test result: ok. 3 passed; 0 failed; ...`, `Summary [ 1.2s] 4 tests run: 3 passed (1 slow), 1 failed, ...`.
    fn read(&self, line: &str) {
        let line = without_colours(line);
        let line = line.trim_start();
        if !line.starts_with("test result:") && !line.starts_with("Summary [") {
            return;
        }
        let words: Vec<&str> = line
            .split([' ', ';', ','])
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let counter = match pair[1] {
                "passed" => &self.passed,
                "failed" | "timed" => &self.failed,
                _ => continue,
            };
            counter.fetch_add(pair[0].parse().unwrap_or(0), Ordering::Relaxed);
        }
    }
}

/// The text without `ESC [ ... m`.
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.split_once('m').map_or(part, |(_, rest)| rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> (u64, u64) {
        let tally = Tally::default();
        lines.iter().for_each(|line| tally.read(line));
        (tally.passed.into_inner(), tally.failed.into_inner())
    }

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn warnings_fail_every_step_that_can_warn() {
        let lines: Vec<String> = plan(Path::new("/"), true)
            .iter()
            .filter_map(|step| match step {
                Step::Tidy | Step::Version(..) => None,
                Step::Run(command) | Step::Count(command) => Some(shell::line(command)),
            })
            .collect();
        let find = |part: &str| lines.iter().find(|line| line.contains(part)).unwrap();
        assert!(find("clippy").ends_with("-- -D warnings"));
        assert!(find("cargo doc").starts_with("RUSTDOCFLAGS='-D warnings' "));
        assert!(find("nextest").starts_with("CI=true "));
        assert!(find("--doc").starts_with("CI=true "));
    }

    #[test]
    fn what_is_behind_a_feature_is_linted_tested_and_documented_too() {
        for step in plan(Path::new("/"), true) {
            let (Step::Run(command) | Step::Count(command)) = step else {
                continue;
            };
            let line = shell::line(&command);
            // The example is a workspace without features.
            let others = line.contains(" fmt ") || line.ends_with("/linked-in");
            assert!(others || line.contains(" --all-features "), "{line}");
        }
    }

    #[test]
    fn the_first_failure_ends_the_run_and_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let steps = vec![
            Step::Count(sh(
                "echo 'test result: ok. 2 passed; 0 failed'; echo ' Summary [ 1s] 3 passed' >&2",
            )),
            Step::Run(sh("exit 3")),
            Step::Run(sh(&format!("touch {}/late", dir.path().display()))),
        ];
        let tally = Tally::default();
        let error = follow(steps, dir.path(), &tally).unwrap_err().to_string();
        assert_eq!(error, "`sh -c exit 3` ended with exit status: 3");
        assert_eq!(
            (tally.passed.into_inner(), tally.failed.into_inner()),
            (5, 0)
        );
        assert!(!dir.path().join("late").exists());
    }

    #[test]
    fn the_results_of_every_binary_add_up() {
        let lines = [
            "test result: ok. 21 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.07s",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.07s",
            "test this_failed ... FAILED",
        ];
        assert_eq!(tally(&lines), (24, 2));
    }

    #[test]
    fn the_summary_of_nextest_is_read_in_colours_too() {
        let plain = "     Summary [   1.204s] 50 tests run: 47 passed (1 slow), 2 failed, 1 timed out, 4 skipped";
        assert_eq!(tally(&[plain]), (47, 3));
        let colours = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m3\u{1b}[0m tests run: \u{1b}[1m3\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, 0 skipped";
        assert_eq!(tally(&[colours]), (3, 0));
    }
}
