//! Directories for temporary files that cannot be used: each is named with what is wrong with it.

use saddlebag_tests::{Mount, Sandbox, ocaml, saddlebag, standalone, with_mount};

const HELLO: &str = "let () = print_endline \"hello\"\n";

/// The sandbox with a source, and the path of an empty directory to mount on.
fn sandbox() -> (Sandbox, std::path::PathBuf) {
    let sandbox = Sandbox::new();
    sandbox.write("hello.ml", HELLO);
    let mount = sandbox.path("mount");
    std::fs::create_dir(&mount).expect("a directory");
    (sandbox, mount)
}

#[test]
fn a_missing_one_is_named() {
    if !ocaml() {
        return;
    }
    let (sandbox, _) = sandbox();
    for command in [
        sandbox.saddlebag(["run", "hello.ml"]),
        sandbox.standalone(["run", "hello.ml"]),
    ] {
        let outcome = command.env("TMPDIR", "/missing/directory").run();
        outcome
            .code(1)
            .prints_nothing()
            .says(&["`/missing/directory`", "No such file or directory"]);
    }
}

#[test]
fn a_file_in_its_place_is_named() {
    if !ocaml() {
        return;
    }
    let (sandbox, _) = sandbox();
    let file = sandbox.path("hello.ml");
    let outcome = sandbox
        .saddlebag(["run", "hello.ml"])
        .env("TMPDIR", &file)
        .run();
    outcome.code(1).prints_nothing().says(&["/work/hello.ml`"]);
}

#[test]
fn a_relative_one_is_refused() {
    if !ocaml() {
        return;
    }
    let (sandbox, _) = sandbox();
    let outcome = sandbox
        .saddlebag(["run", "hello.ml"])
        .env("TMPDIR", "mount")
        .run();
    outcome
        .code(1)
        .prints_nothing()
        .says(&["`mount`", "not absolute"]);
}

/// Runs a source with `mount` as the directory for temporary files.
fn refused(mount: Mount, reason: &str) {
    if !ocaml() {
        return;
    }
    let (sandbox, directory) = sandbox();
    // The host image is made before, elsewhere.
    sandbox.saddlebag(["run", "hello.ml"]).run().code(0);
    for program in [saddlebag(), standalone()] {
        let run = with_mount(
            mount,
            &directory,
            "\"$@\"; status=$?; ls -A \"$TMPDIR\"; exit $status",
            |command| {
                let command = command.arg(program).args(["run", "hello.ml"]);
                command
                    .current_dir(sandbox.work())
                    .env("TMPDIR", &directory)
            },
        );
        let Some(outcome) = run else { return };
        outcome
            .code(1)
            .prints_nothing()
            .says(&[&format!("`{}", directory.display()), reason]);
        // Another one where the caller allows it.
        let run = with_mount(mount, &directory, "\"$@\"", |command| {
            let command = command
                .arg(program)
                .args(["run", "hello.ml", "--in-dir"])
                .arg(sandbox.temporary());
            command
                .current_dir(sandbox.work())
                .env("TMPDIR", &directory)
        });
        let Some(outcome) = run else { return };
        outcome.code(0).prints("hello\n").is_quiet();
    }
}

#[test]
fn one_that_cannot_be_written_to_is_named() {
    refused(Mount::ReadOnly, "Read-only file system");
}

#[test]
fn one_from_which_nothing_runs_is_named() {
    refused(Mount::NoExec, "noexec");
}

#[test]
fn one_that_is_full_is_named() {
    // Room for the sources of the plugin and not for what is made of them.
    refused(Mount::Small(12), "no space is left");
}

#[test]
fn one_without_any_room_is_named() {
    refused(Mount::Small(4), "No space left on device");
}
