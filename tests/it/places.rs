//! Directories for temporary files that cannot be used: each is named with what is wrong with it.

use std::path::Path;

use saddlebag_tests::{Mount, Outcome, Sandbox, ocaml, saddlebag, standalone, with_mount};

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
            .says(&[&format!("`{}", directory.display()), reason])
            .says(&["hint: name a directory", "--in-dir DIR, or in TMPDIR"]);
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
fn plugins_are_run_from_memory_where_nothing_runs_from_one() {
    if !ocaml() {
        return;
    }
    let (sandbox, directory) = sandbox();
    sandbox.saddlebag(["run", "hello.ml"]).run().code(0);
    let run = |program: &Path, options: &[&str]| {
        with_mount(Mount::NoExec, &directory, "\"$@\"", |command| {
            let command = command.arg(program).arg("run").args(options);
            let command = command.arg("hello.ml").current_dir(sandbox.work());
            command.env("TMPDIR", &directory)
        })
    };
    for (program, options) in [
        (standalone(), &[][..]),
        (saddlebag(), &[]),
        (saddlebag(), &["--assembler", "external"]),
        (saddlebag(), &["--code", "byte"]),
    ] {
        let Some(outcome) = run(program, options) else {
            return;
        };
        outcome.code(0).prints("hello\n").is_quiet();
    }
    // The dynamic linker finds libraries by files.
    let Some(outcome) = run(saddlebag(), &["--require", "str"]) else {
        return;
    };
    outcome
        .code(1)
        .prints_nothing()
        .says(&[&format!("`{}", directory.display()), "noexec"])
        .says(&["hint: name a directory", "--in-dir DIR, or in TMPDIR"]);
}

#[test]
fn an_empty_name_names_none() {
    if !ocaml() {
        return;
    }
    let (sandbox, _) = sandbox();
    let run = sandbox.saddlebag(["run", "hello.ml"]).env("TMPDIR", "");
    run.run().code(0).prints("hello\n").is_quiet();
}

#[test]
fn one_that_is_full_is_named() {
    // Room for the loader's directories and not for what it keeps in them.
    refused(Mount::Small(8), "no space is left");
}

#[test]
fn one_without_any_room_is_named() {
    refused(Mount::Small(4), "no space is left");
}

/// Runs a source in a system whose places for files all have these options, with a compiler that must be extracted.
fn with_places(options: &str) -> Option<Outcome> {
    with_each_place([options; 3])
}

/// The same with options for `/tmp`, `/var/tmp` and `/dev/shm`.
fn with_each_place([tmp, var, memory]: [&str; 3]) -> Option<Outcome> {
    if !ocaml() {
        return None;
    }
    let (_sandbox, directory) = sandbox();
    // The executable is opened before what it lies in is hidden.
    let script = format!(
        "exec 9<\"$1\"; shift; cd /
        mount -t tmpfs -o {tmp} none /tmp && mount -t tmpfs -o {var} none /var/tmp &&
            mount -t tmpfs -o {memory} none /dev/shm || exit 77
        /proc/self/fd/9 \"$@\"; status=$?
        for place in /tmp /var/tmp /dev/shm; do ls -A $place; done; exit $status"
    );
    with_mount(Mount::ReadOnly, &directory, &script, |command| {
        let command = command.arg(standalone());
        command
            .args(["run", "--toolchain", "embedded", "-"])
            .input(HELLO)
            .without("XDG_CACHE_HOME")
    })
}

#[test]
fn a_compiler_for_which_no_place_has_room_works_from_memory() {
    let Some(outcome) = with_places("size=1m") else {
        return;
    };
    outcome.code(0).prints("hello\n").is_quiet();
}

#[test]
fn where_no_place_takes_even_a_link_each_is_named() {
    let Some(outcome) = with_places("size=64k") else {
        return;
    };
    outcome.code(1).prints_nothing().says(&[
        "`/tmp` has too little space: ",
        "`/var/tmp` has too little space: ",
        "`/dev/shm` has too little space: ",
        "hint: name a directory",
        "--persistent-archive DIR",
    ]);
}

#[test]
fn a_system_without_a_place_to_write_to_is_told_of_it() {
    let Some(outcome) = with_places("ro") else {
        return;
    };
    outcome
        .code(1)
        .prints_nothing()
        .says(&["`/tmp`", "Read-only file system"]);
}

#[test]
fn a_compiler_works_from_memory_where_no_place_runs_anything() {
    let Some(outcome) = with_places("noexec") else {
        return;
    };
    outcome.code(0).prints("hello\n").is_quiet();
}

#[test]
fn where_nothing_runs_from_one_that_nobody_chose_another_is_found() {
    let Some(outcome) = with_each_place(["noexec", "size=100m", "noexec"]) else {
        return;
    };
    outcome.code(0).prints("hello\n").is_quiet();
}

#[test]
fn a_persistent_archive_on_a_read_only_file_system_is_used_if_it_is_there_and_named_if_not() {
    if !ocaml() {
        return;
    }
    let (sandbox, directory) = sandbox();
    let kept = directory.join("kept");
    let run = |mount, script: &str| {
        with_mount(mount, &directory, script, |command| {
            let command = command.arg(standalone()).args(["run", "hello.ml"]);
            command
                .args(["--toolchain", "embedded", "--persistent-archive"])
                .arg(&kept)
                .current_dir(sandbox.work())
                .env("TMPDIR", sandbox.temporary())
        })
    };
    let Some(outcome) = run(Mount::ReadOnly, "\"$@\"") else {
        return;
    };
    outcome.code(1).prints_nothing().says(&[&format!(
        "`{}` is on a file system mounted read-only",
        kept.display()
    )]);
    let script = format!(
        "\"$@\" && mount -o remount,ro '{}' && \"$@\"",
        directory.display()
    );
    let Some(outcome) = run(Mount::Small(100 << 10), &script) else {
        return;
    };
    outcome.code(0).prints("hello\nhello\n").is_quiet();
}

#[test]
fn a_place_for_the_installed_compiler_that_cannot_be_used_is_named_with_advice() {
    if !ocaml() {
        return;
    }
    let (sandbox, _) = sandbox();
    let file = sandbox.path("hello.ml");
    let file = file.to_str().expect("a path that is text");
    for (home, fault) in [
        ("relative", "no cache directory"),
        (file, "Not a directory"),
    ] {
        let command = sandbox.saddlebag(["run", "hello.ml"]);
        let outcome = command.without("XDG_CACHE_HOME").env("HOME", home).run();
        outcome.code(1).prints_nothing();
        outcome.says(&[fault, "hint: name", "XDG_CACHE_HOME"]);
        // What is carried needs none.
        let command = sandbox.standalone(["run", "hello.ml"]);
        command.env("HOME", home).run().code(0).prints("hello\n");
    }
}
