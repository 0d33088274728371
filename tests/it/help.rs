//! `--help`, `--version` and wrong usage.

use saddlebag_tests::Sandbox;

const COMMANDS: [&str; 10] = [
    "run",
    "check",
    "build",
    "load",
    "embed",
    "archive",
    "interface",
    "lib",
    "codes",
    "conf",
];

#[test]
fn help_names_every_command_and_goes_to_standard_output() {
    let outcome = Sandbox::new().saddlebag(["--help"]).run();
    outcome.code(0).is_quiet();
    for command in COMMANDS {
        assert!(
            outcome.stdout().contains(&format!("\n  {command} ")),
            "{command}\n{outcome}"
        );
    }
}

#[test]
fn every_command_has_help_with_examples_of_itself() {
    let sandbox = Sandbox::new();
    for command in COMMANDS {
        let outcome = sandbox.saddlebag([command, "--help"]).run();
        outcome.code(0).is_quiet();
        let examples = outcome
            .stdout()
            .split("Examples:")
            .nth(1)
            .unwrap_or_default()
            .to_owned();
        assert!(
            examples.contains(&format!("\n  saddlebag {command} ")),
            "{command}\n{outcome}"
        );
    }
}

#[test]
fn the_help_of_run_check_and_build_has_every_option_of_theirs() {
    let sandbox = Sandbox::new();
    for command in ["run", "check", "build"] {
        let outcome = sandbox.saddlebag([command, "--help"]).run();
        for option in [
            "--find-dependencies",
            "--strict",
            "--warnings <SPEC>",
            "--warnings-in-utils",
            "--no-strict-sequence",
            "-I <DIR>",
            "--require <LIB>",
            "--ppx <EXE>",
            "--cmx-flag <F>",
            "--cmxs-flag <F>",
            "--in-dir <DIR>",
            "--persistent-archive <DIR>",
            "--cache <DIR>",
            "--cache-size <N>",
            "--code <CODE>",
            "--toolchain <WHICH>",
            "--error-format <FORMAT>",
        ] {
            assert!(outcome.stdout().contains(option), "{option}\n{outcome}");
        }
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let outcome = Sandbox::new().saddlebag(["--version"]).run();
    outcome
        .code(0)
        .prints(&format!("saddlebag {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_is_status_2_and_prints_nothing() {
    let sandbox = Sandbox::new();
    for line in [
        "",
        "frobnicate",
        "run",
        "run --frobnicate x.ml",
        "run --toolchain other x.ml",
        "run --code wasm x.ml",
        "run --error-format xml x.ml",
        "run --cache-size 3 x.ml",
        "run --cache c --cache-size many x.ml",
        "run --cache c --cache-size -1 x.ml",
        "check",
        "check --warnings",
        "build x.ml",
        "build -o out",
        "load",
        "load one two",
        "embed",
        "embed exe",
        "embed exe -o out --level 23",
        "archive",
        "archive frobnicate",
        "lib",
        "lib find",
        "codes --wanted bite",
        "conf extra",
    ] {
        let outcome = sandbox.saddlebag(line.split_whitespace()).run();
        outcome.code(2).prints_nothing();
        assert!(!outcome.stderr().is_empty(), "{outcome}");
    }
}

#[test]
fn files_that_cannot_go_together_are_wrong_usage() {
    if !saddlebag_tests::ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    for (line, reason) in [
        ("run - -", "standard input can be read once"),
        (
            "run --find-dependencies a.ml b.ml",
            "--find-dependencies takes one FILE",
        ),
        (
            "run --find-dependencies -",
            "--find-dependencies cannot read standard input",
        ),
    ] {
        sandbox
            .saddlebag(line.split(' '))
            .run()
            .code(2)
            .prints_nothing()
            .says(&[reason]);
    }
}
