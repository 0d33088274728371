//! Scripts: files that the system starts with `saddlebag run`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use saddlebag_tests::{
    Command, Jail, Mount, Outcome, Sandbox, await_none_mentioning, await_some, has, ocaml,
    saddlebag, standalone, with_mount,
};

const ARGUMENTS: &str = "#!/usr/bin/env -S saddlebag run\n\
                         let () = Array.iter (Printf.printf \"%s|\") Sys.argv; exit 3\n";

pub(crate) fn executable(sandbox: &Sandbox, name: &str, text: &str) -> PathBuf {
    let path = sandbox.write(name, text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("permissions");
    path
}

/// Starts a script as a shell would, with the command under test on the path.
fn started(sandbox: &Sandbox, script: &Path) -> Command {
    let mut path = saddlebag()
        .parent()
        .expect("a directory")
        .as_os_str()
        .to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    sandbox.command(script).env("PATH", path)
}

/// The files that a directory holds, at any depth.
fn files(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let count = |entry: fs::DirEntry| match entry.path() {
        path if path.is_dir() => files(&path),
        _ => 1,
    };
    entries.map(count).sum()
}

#[test]
fn the_system_starts_a_script_with_its_arguments() {
    if !ocaml() || !has("env") {
        return;
    }
    let sandbox = Sandbox::new();
    for name in ["args.ml", "my-tool"] {
        let script = executable(&sandbox, name, ARGUMENTS);
        let outcome = started(&sandbox, &script)
            .args(["a", "-b", "--strict", "--help", "x y"])
            .run();
        let expected = format!("{}|a|-b|--strict|--help|x y|", script.display());
        outcome.code(3).prints(&expected).is_quiet();
    }
    let outcome = sandbox
        .saddlebag(["run", "--strict", "args.ml", "--", "-c"])
        .run();
    outcome.code(3).prints("args.ml|-c|");
}

#[test]
fn a_script_reads_the_standard_input_and_knows_the_program_that_runs_it() {
    if !ocaml() || !has("env") {
        return;
    }
    let sandbox = Sandbox::new();
    let text = "#!/usr/bin/env -S saddlebag run\n\
                let () = print_string (read_line ()); print_string (read_line ())\n\
                let () = print_string (Filename.basename Sys.executable_name)\n";
    let script = executable(&sandbox, "reads.ml", text);
    let outcome = started(&sandbox, &script).input("one\ntwo\n").run();
    outcome.code(0).prints("onetwosaddlebag").is_quiet();
}

#[test]
fn a_script_is_compiled_once() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let text = format!("{ARGUMENTS}(* {} *)\n", sandbox.path("").display());
    executable(&sandbox, "args.ml", &text);
    let cache = sandbox.path("cache");
    fs::create_dir(&cache).expect("a directory");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o700)).expect("permissions");
    let run = |options: &[&str]| {
        let command = sandbox.saddlebag(["run"]).args(options).arg("args.ml");
        command.env("XDG_CACHE_HOME", &cache).run()
    };
    let scripts = || files(&cache.join("saddlebag/scripts"));
    run(&["--no-cache"]).code(3).prints("args.ml|");
    assert_eq!(scripts(), 0);
    run(&[]).code(3).prints("args.ml|");
    let kept = scripts();
    assert!(kept > 0);
    for _ in 0..2 {
        run(&[]).code(3).prints("args.ml|");
    }
    assert_eq!(scripts(), kept);
}

#[test]
fn a_script_runs_where_nothing_can_be_kept_for_its_next_start() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    executable(&sandbox, "args.ml", ARGUMENTS);
    let home = sandbox.path("full");
    fs::create_dir(&home).expect("a directory");
    // With the first there is room for directories alone; with the second for the plugin, and not for the compiler.
    for kilobytes in [4, 1000] {
        let outcome = with_mount(Mount::Small(kilobytes), &home, "\"$@\"", |command| {
            let command = command.arg(standalone()).args(["run", "args.ml", "x"]);
            let command = command.current_dir(sandbox.work()).env("HOME", &home);
            command
                .without("XDG_CACHE_HOME")
                .temporary(sandbox.temporary())
        });
        let Some(outcome) = outcome else { return };
        outcome.code(3).prints("args.ml|x|").is_quiet();
    }
}

#[test]
fn a_root_with_nothing_runs_scripts() {
    if !ocaml() {
        return;
    }
    let Some(jail) = Jail::new() else { return };
    fs::write(jail.path("args.ml"), ARGUMENTS).unwrap();
    for _ in 0..2 {
        let outcome = jail.saddlebag(["run", "args.ml", "a", "--strict"]).run();
        outcome.code(3).prints("args.ml|a|--strict|").is_quiet();
    }
}

/// A script that is interrupted, as by a terminal: the signal goes to its whole process group.
fn interrupted(sandbox: &Sandbox, text: &str) -> Outcome {
    let script = executable(sandbox, "waits.ml", text);
    let started = started(sandbox, &script).start();
    let running = sandbox.path("running");
    await_some("the script", || running.exists().then_some(()));
    started.signal_group(Signal::INT);
    let outcome = started.wait();
    let left = fs::read_dir(sandbox.temporary())
        .expect("a directory")
        .count();
    assert_eq!(left, 0, "{outcome}");
    let place = sandbox.temporary().display().to_string();
    await_none_mentioning(&place);
    outcome
}

#[test]
fn an_interrupt_ends_a_script_as_it_ends_a_program() {
    if !ocaml() || !has("env") {
        return;
    }
    let head =
        "#!/usr/bin/env -S saddlebag run\nlet () = at_exit (fun () -> print_string \"end\")\n";
    let wait = "let () = close_out (open_out \"running\"); while true do Unix.sleepf 0.01 done\n";
    let sandbox = Sandbox::new();
    interrupted(&sandbox, &format!("{head}{wait}"))
        .killed_by(Signal::INT)
        .prints_nothing();
    let sandbox = Sandbox::new();
    let handled = "let () = Sys.(set_signal sigint (Signal_handle (fun _ -> exit 7)))\n";
    interrupted(&sandbox, &format!("{head}{handled}{wait}"))
        .code(7)
        .prints("end");
    let sandbox = Sandbox::new();
    // It says that it runs when it would catch.
    let caught = "let () =\n  \
        Sys.catch_break true;\n  \
        try close_out (open_out \"running\"); while true do Unix.sleepf 0.01 done\n  \
        with Sys.Break -> print_string \"caught \"\n";
    interrupted(&sandbox, &format!("{head}{caught}"))
        .code(0)
        .prints("caught end");
}
