//! `cargo xtask test`: all that must pass before a change is merged.

use crate::{setup, shell, tidy};
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

pub(crate) fn run(root: &Path) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let tally = Tally::default();
    let result = steps(root, &tally);
    let (passed, failed) = (tally.passed.into_inner(), tally.failed.into_inner());
    println!("\nall steps: {:.0} s", start.elapsed().as_secs_f64());
    println!("{passed} passed, {failed} failed");
    result
}

fn steps(root: &Path, tally: &Tally) -> Result<(), Box<dyn Error>> {
    setup::run()?;
    let cargo = |arguments: &[&str]| {
        let mut command = shell::cargo();
        command
            .current_dir(root)
            .args(arguments)
            .stdin(Stdio::null());
        command
    };
    shell::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    tidy::run(root)?;
    shell::run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    shell::run(&mut cargo(&["build", "--workspace", "--all-targets"]))?;
    let nextest = cargo(&["nextest", "--version"])
        .stderr(Stdio::null())
        .output();
    let tests = match nextest {
        Ok(output) if output.status.success() => {
            cargo(&["nextest", "run", "--workspace", "--no-fail-fast"])
        }
        _ => cargo(&["test", "--workspace", "--all-targets", "--no-fail-fast"]),
    };
    for command in [tests, cargo(&["test", "--workspace", "--doc"])] {
        shell::run_and_read(&mut checked(command), |line| tally.read(line))?;
    }
    shell::run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// OCaml is there: a test that skips itself for want of it would hide a fault. Tests see this by `CI`.
fn checked(mut command: Command) -> Command {
    command.env("CI", "true");
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command
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
