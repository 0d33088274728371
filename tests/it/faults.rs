//! Plugins that misbehave, and ends that come from outside.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use saddlebag_tests::{
    Command, Sandbox, await_none_mentioning, await_some, ocaml, processes_mentioning, torture,
};

#[test]
fn a_stack_overflow_is_a_failure_and_no_crash() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("deep.ml", "let rec deep n = 1 + deep (n + 1)\nlet () = print_string \"before \"; print_int (deep 0)\n");
    let outcome = sandbox.saddlebag(["run", "deep.ml"]).run();
    outcome
        .code(1)
        .prints("before ")
        .says(&["Fatal error: exception Stack_overflow"]);
    let outcome = sandbox.standalone(["run", "deep.ml"]).run();
    outcome
        .code(1)
        .prints("before ")
        .says(&["Fatal error: exception Stack_overflow"]);
}

#[test]
fn a_stack_overflow_in_a_thread_does_not_hang() {
    if !ocaml() {
        return;
    }
    let program = "let rec deep n = 1 + deep (n + 1)\n\
                   let () = Thread.join (Thread.create (fun () -> try print_int (deep 0) with Stack_overflow -> print_string \"caught\") ())\n\
                   let () = print_string \" done\"\n";
    let outcome = Sandbox::new().saddlebag(["run", "-"]).input(program).run();
    // OCaml 4 turns only an overflow of the main thread into an exception; in others the system ends the process.
    if outcome.status() == Some(0) {
        outcome.prints("caught done");
    } else {
        outcome.killed_by(Signal::SEGV);
    }
}

#[test]
fn ten_megabytes_that_nobody_flushes_arrive_whole() {
    if !ocaml() {
        return;
    }
    let program = "let () = for i = 1 to 1_310_720 do print_string \"8 bytes\\n\" done; print_string \"end\"\n";
    let sandbox = Sandbox::new();
    let outcome = sandbox.saddlebag(["run", "-"]).input(program).run();
    outcome.code(0).is_quiet();
    assert_eq!(outcome.stdout_bytes().len(), 10 * 1024 * 1024 + 3);
    assert!(outcome.stdout_bytes().ends_with(b"8 bytes\nend"));
    // Also when what ends the program is an exception, or exit.
    for end in ["failwith \"x\"", "exit 1"] {
        let outcome = sandbox
            .saddlebag(["run", "-"])
            .input(format!("{program}let () = {end}\n"))
            .run();
        assert_eq!(outcome.code(1).stdout_bytes().len(), 10 * 1024 * 1024 + 3);
    }
}

#[test]
fn output_that_nobody_reads_ends_the_command_in_silence() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write(
        "much.ml",
        "let () = for _ = 1 to 1_000_000 do print_endline \"more\" done\n",
    );
    // A program of its own is ended by SIGPIPE, without a word.
    let pipe = "{ \"$@\"; echo \"status $?\" >&2; } | head -n 1";
    let command = sandbox
        .command("sh")
        .args(["-c", pipe, "sh"])
        .arg(saddlebag_tests::saddlebag());
    let outcome = command.args(["run", "much.ml"]).run();
    assert_eq!(outcome.prints("more\n").stderr(), "status 141\n");
    let pipe = "\"$@\" | head -n 1";
    let command = sandbox
        .command("sh")
        .args(["-c", pipe, "sh"])
        .arg(saddlebag_tests::saddlebag());
    command
        .args(["conf", "--json"])
        .run()
        .prints("{\n")
        .does_not_say(&["panicked"]);
}

#[test]
fn closed_streams_are_no_reason_to_crash() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write(
        "speak.ml",
        "let () = print_endline \"out\"; prerr_endline \"err\"\n",
    );
    for (closed, output) in [("<&-", "out\n"), ("2>&-", "out\n")] {
        let script = format!("\"$@\" {closed}");
        let command = sandbox
            .command("sh")
            .args(["-c", &script, "sh"])
            .arg(saddlebag_tests::saddlebag());
        let outcome = command.args(["run", "speak.ml"]).run();
        assert_eq!(outcome.stdout(), output, "{closed}\n{outcome}");
    }
}

#[test]
fn the_runtime_ends_what_ocaml_ends() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let kill = "let () = print_endline \"x\"; Unix.kill (Unix.getpid ()) Sys.sigkill\n";
    sandbox
        .saddlebag(["run", "-"])
        .input(kill)
        .leaving_files()
        .run()
        .prints("x\n")
        .killed_by(Signal::KILL);
    let abort = "let () = Unix.kill (Unix.getpid ()) Sys.sigabrt; Unix.sleep 10\n";
    sandbox
        .saddlebag(["run", "-"])
        .input(abort)
        .leaving_files()
        .run()
        .killed_by(Signal::ABORT);
}

/// A ppx driver that never answers, so that a compilation is under way for as long as a test needs.
fn endless_driver(sandbox: &Sandbox) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = sandbox.write("endless", "#!/bin/sh\ntouch started\nexec sleep 600\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("permissions");
    path
}

/// The commands that a signal may interrupt.
fn interruptible(sandbox: &Sandbox) -> Vec<Command> {
    sandbox.write("some.ml", "let () = print_endline \"never\"\n");
    let ppx = endless_driver(sandbox);
    let with_ppx = |command: Command| command.arg("--ppx").arg(&ppx);
    vec![
        with_ppx(sandbox.saddlebag(["run", "some.ml"])),
        with_ppx(sandbox.saddlebag(["check", "some.ml"])),
        with_ppx(sandbox.saddlebag(["build", "some.ml", "-o", "out"])),
        with_ppx(
            sandbox
                .command(saddlebag_tests::standalone())
                .args(["run", "some.ml"]),
        ),
    ]
}

/// Waits until the driver of the sandbox runs.
fn await_driver(sandbox: &Sandbox) {
    let place = sandbox.temporary().display().to_string();
    await_some("the ppx driver", || {
        processes_mentioning(&place)
            .into_iter()
            .find(|line| line.contains("sleep 600"))
    });
}

#[test]
fn a_signal_during_a_compilation_leaves_no_process_and_no_file() {
    if !ocaml() {
        return;
    }
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let sandbox = Sandbox::new();
        for command in interruptible(&sandbox) {
            let started = command.start();
            await_driver(&sandbox);
            assert_ne!(left(&sandbox), [""; 0]);
            started.signal(signal);
            let outcome = started.wait();
            outcome.killed_by(signal).prints_nothing();
            assert_eq!(left(&sandbox), [""; 0], "{outcome}");
            await_none_mentioning(&sandbox.temporary().display().to_string());
            assert!(!sandbox.path("out").exists());
        }
    }
}

#[test]
fn a_signal_while_the_compiler_works_leaves_no_process_and_no_file() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    // Some seconds of work for the compiler.
    let mut text = String::new();
    for line in 0..20_000 {
        text.push_str(&format!(
            "let f{line} x y = match x with Some z -> [ z; y; {line} ] | None -> [ y ]\n"
        ));
    }
    sandbox.write("long.ml", text);
    let place = sandbox.temporary().display().to_string();
    for signal in [Signal::INT, Signal::TERM] {
        let started = sandbox.saddlebag(["run", "long.ml"]).start();
        let own = format!("{}:", started.id());
        await_some("the compiler", || {
            processes_mentioning(&place)
                .into_iter()
                .find(|line| !line.starts_with(&own) && line.contains("ml"))
        });
        started.signal(signal);
        let outcome = started.wait();
        outcome.killed_by(signal);
        assert_eq!(left(&sandbox), [""; 0], "{outcome}");
        assert_eq!(processes_mentioning(&place), [""; 0], "{outcome}");
    }
}

#[test]
fn a_signal_while_the_plugin_runs_ends_it_as_it_ends_a_program() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write(
        "wait.ml",
        "let () = close_out (open_out \"running\"); while true do Unix.sleepf 0.01 done\n",
    );
    for signal in [Signal::INT, Signal::TERM] {
        let started = sandbox.saddlebag(["run", "wait.ml"]).start();
        let running = sandbox.path("running");
        await_some("the plugin", || running.exists().then_some(()));
        started.signal(signal);
        started.wait().killed_by(signal);
        assert_eq!(left(&sandbox), [""; 0]);
        std::fs::remove_file(running).unwrap();
    }
}

#[test]
fn what_kill_9_leaves_the_next_start_removes() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    for command in interruptible(&sandbox) {
        let line = format!("{command:?}");
        let started = command.start();
        await_driver(&sandbox);
        started.signal(Signal::KILL);
        started.wait().killed_by(Signal::KILL);
        assert_ne!(left(&sandbox), [""; 0], "{line}");
        // Nobody is there to end the children of a process that is killed so.
        end_processes_of(&sandbox);
        // `run` looks whether anything is left after it.
        let next = match line.contains("standalone") {
            true => sandbox.standalone(["run", "-"]),
            false => sandbox.saddlebag(["run", "-"]),
        };
        next.input("let () = print_string \"next\"\n")
            .run()
            .code(0)
            .prints("next");
    }
}

#[test]
fn what_a_living_process_uses_is_not_removed() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let mut commands = interruptible(&sandbox);
    let started = commands.swap_remove(0).start();
    await_driver(&sandbox);
    let before = left(&sandbox);
    let other = sandbox
        .saddlebag(["run", "-"])
        .input("let () = print_string \"other\"\n");
    other.leaving_files().run().code(0).prints("other");
    assert_eq!(left(&sandbox), before);
    started.signal(Signal::TERM);
    started.wait().killed_by(Signal::TERM);
    assert_eq!(left(&sandbox), [""; 0]);
}

#[test]
fn two_hundred_kills_at_any_time_leave_nothing_that_the_next_start_cannot_remove() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("some.ml", "let () = print_endline \"ran\"\n");
    for round in (0..torture()).flat_map(|_| 0..50u64) {
        // Four at once, each killed some microseconds later than the last time.
        let started: Vec<_> = (0..4)
            .map(|index| match (round + index) % 4 {
                0 => sandbox
                    .standalone(["run", "--cache", "cache", "some.ml"])
                    .start(),
                _ => sandbox
                    .saddlebag(["run", "--cache", "cache", "some.ml"])
                    .start(),
            })
            .collect();
        std::thread::sleep(Duration::from_micros(round * 3_000));
        for process in started {
            process.signal(Signal::KILL);
            process.wait();
        }
    }
    await_none_mentioning(&sandbox.temporary().display().to_string());
    sandbox
        .saddlebag(["run", "--cache", "cache", "some.ml"])
        .leaving_files()
        .run()
        .code(0)
        .prints("ran\n");
    sandbox
        .standalone(["run", "--cache", "cache", "some.ml"])
        .run()
        .code(0)
        .prints("ran\n");
    sandbox
        .saddlebag(["run", "--cache", "cache", "some.ml"])
        .run()
        .code(0)
        .prints("ran\n");
}

/// What is in the directory for temporary files.
fn left(sandbox: &Sandbox) -> Vec<String> {
    let entries = std::fs::read_dir(sandbox.temporary()).expect("a directory");
    entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

fn end_processes_of(sandbox: &Sandbox) {
    let place = sandbox.temporary().display().to_string();
    await_some("no process", || {
        let lines = processes_mentioning(&place);
        for line in &lines {
            let number = line
                .split(':')
                .next()
                .and_then(|number| number.parse().ok())
                .and_then(Pid::from_raw);
            // It may have ended by itself.
            let _ = kill_process(number.expect("a number"), Signal::KILL);
        }
        lines.is_empty().then_some(())
    });
}
