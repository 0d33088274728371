//! The examples, from outside: what a new user sees first.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The example's program, which cargo builds with the tests; none where there is no OCaml, which is a failure when
/// `CI` is set.
#[expect(clippy::disallowed_methods, reason = "the tests run the examples")]
#[expect(clippy::print_stdout, reason = "a test that did not run must say so")]
fn example(name: &str) -> Option<Command> {
    let ocaml = Command::new("ocamlfind").arg("printconf").output();
    if !ocaml.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "these tests need OCaml");
        println!("SKIP: no OCaml here");
        return None;
    }
    let test = std::env::current_exe().unwrap();
    let profile: &Path = test.ancestors().nth(2).unwrap();
    Some(Command::new(profile.join("examples").join(name)))
}

fn write(directory: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn output(mut command: Command) -> (bool, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.success(), text(stdout), text(stderr))
}

#[test]
fn the_pricing_rules_give_discounts() {
    let Some(command) = example("pricing") else {
        return;
    };
    let (success, printed, errors) = output(command);
    assert!(success, "{errors}");
    assert_eq!(
        printed,
        "autumn rules\n\
         kettle: Fixed { amount: 25.0, reason: \"contract of 2026\" }\n\
         kettle: Percent(12.5)\n\
         teapot: Percent(5.0)\n\
         samovar: no discount, a function of the application failed: no product `samovar`\n"
    );
}

#[test]
fn pricing_rules_that_loop_are_stopped_and_wrong_ones_refused_at_their_line() {
    let directory = tempfile::tempdir().unwrap();
    let Some(mut command) = example("pricing") else {
        return;
    };
    let endless = "let name = \"endless\"\nlet rec discount order = discount order\n";
    command.arg(write(&directory, "endless.ml", endless));
    let (success, printed, errors) = output(command);
    assert!(success, "{errors}");
    let stopped = printed.matches("no discount, the call ran past its deadline");
    assert_eq!(stopped.count(), 4, "{printed}");
    let Some(mut command) = example("pricing") else {
        return;
    };
    let wrong = "let name = \"wrong\"\nlet discount order = Percent order.lines\n";
    command.arg(write(&directory, "wrong.ml", wrong));
    let (success, _, errors) = output(command);
    assert!(!success);
    assert!(
        errors.contains("wrong.ml\", line 2, characters 29-40"),
        "{errors}"
    );
}

#[test]
fn the_pricing_example_prints_its_interface() {
    let Some(mut command) = example("pricing") else {
        return;
    };
    command.arg("--interface");
    let (_, printed, _) = output(command);
    assert!(
        printed.contains("  val discount : order -> discount\n"),
        "{printed}"
    );
}

#[test]
fn the_configuration_has_its_own_settings_and_the_defaults() {
    let Some(command) = example("config") else {
        return;
    };
    let (success, printed, errors) = output(command);
    assert!(success, "{errors}");
    for expected in [
        "name: \"edge\"",
        "port: 8080",
        "timeout: 120.0",
        "body_limit: 1048576",
        "slower_than: 1.0",
        "host: \"app-2.internal\"",
        "weight: 5",
    ] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
}

#[test]
fn a_configuration_that_does_not_fit_is_refused_at_its_line() {
    let directory = tempfile::tempdir().unwrap();
    for (text, expected) in [
        (
            "open Helpers\nlet config = { default with prot = 9 }",
            "line 2, characters 28-32",
        ),
        (
            "let config = { Helpers.default with port = 70_000 }",
            "the integer 70000 is out of range",
        ),
    ] {
        let Some(mut command) = example("config") else {
            return;
        };
        command.arg(write(&directory, "wrong.ml", text));
        let (success, _, errors) = output(command);
        assert!(!success && errors.contains(expected), "{errors}");
    }
}

#[test]
fn the_filter_is_swapped_when_its_file_changes() {
    let directory = tempfile::tempdir().unwrap();
    let Some(mut command) = example("text-filter") else {
        return;
    };
    let filter = write(
        &directory,
        "filter.ml",
        "let filter line = Some (\"1 \" ^ line)",
    );
    let mut child = command
        .arg(&filter)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut line = |text: &str| {
        writeln!(input, "{text}").unwrap();
        lines.next().unwrap().unwrap()
    };
    assert_eq!(line("a"), "1 a");
    write(
        &directory,
        "filter.ml",
        "let filter line = Some (line ^ \" 2\")",
    );
    assert_eq!(line("b"), "b 2");
    write(&directory, "filter.ml", "let filter line = line + 1");
    assert_eq!(line("c"), "c 2");
    write(&directory, "filter.ml", "let filter _ = Some \"4\"");
    assert_eq!(line("d"), "4");
    drop((input, lines));
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    assert!(
        errors.contains("the old filter stays") && errors.contains("filter.ml\", line 1"),
        "{errors}"
    );
}
