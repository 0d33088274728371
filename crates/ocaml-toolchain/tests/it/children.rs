//! What becomes of child processes.

use futures_lite::future::{self, FutureExt};
use ocaml_toolchain::invocation::Error;
use ocaml_toolchain::{Invocation, running, threads};
use std::path::Path;
use std::time::{Duration, Instant};

fn shell(script: &str) -> Invocation {
    Invocation::new("sh").args(["-c", script])
}

/// The state of a process as `ps` shows it, `Z` for a zombie; `None` if there is no such process.
fn state(pid: &str) -> Option<char> {
    if let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        return stat.rsplit(") ").next()?.chars().next();
    }
    if Path::new("/proc/self").exists() {
        return None;
    }
    let output = Invocation::new("ps")
        .args(["-o", "stat=", "-p", pid])
        .output_blocking()
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .chars()
        .next()
}

/// Whether a process runs: it exists, and is no zombie.
fn runs(pid: &str) -> bool {
    state(pid).is_some_and(|state| state != 'Z')
}

/// Poll until `condition` holds; the limit only keeps a broken build from hanging.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn read_pids(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file)
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

#[test]
fn both_outputs_may_be_larger_than_a_pipe() {
    let output = shell("head -c 300000 /dev/zero >&2; head -c 400000 /dev/zero")
        .run_blocking()
        .unwrap();
    assert_eq!(
        (output.stdout.len(), output.stderr.len()),
        (400_000, 300_000)
    );
}

#[test]
fn a_child_may_leave_its_input_unread() {
    let output = shell("exec <&-; echo done")
        .stdin_bytes(vec![b'x'; 1 << 20])
        .run_blocking()
        .unwrap();
    assert_eq!(output.stdout, b"done\n");
}

#[test]
fn a_child_may_write_while_it_reads() {
    let bytes: Vec<u8> = (0..1_000_000u32).map(|n| n as u8).collect();
    assert_eq!(
        Invocation::new("cat")
            .stdin_bytes(bytes.clone())
            .run_blocking()
            .unwrap()
            .stdout,
        bytes
    );
}

#[test]
fn standard_input_is_empty_by_default() {
    assert_eq!(Invocation::new("cat").run_blocking().unwrap().stdout, b"");
}

#[test]
fn directory_and_environment_reach_the_child() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let command = shell("pwd; echo ${A-none} ${CARGO_MANIFEST_DIR-none}");
    let output = command
        .clone()
        .current_dir(&dir)
        .env("A", "1")
        .run_blocking()
        .unwrap();
    let inherited = env!("CARGO_MANIFEST_DIR");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("{}\n1 {inherited}\n", dir.display())
    );
    let output = command
        .current_dir("/")
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .run_blocking()
        .unwrap();
    assert_eq!(output.stdout, b"/\nnone none\n");
}

#[test]
fn a_missing_program_is_named() {
    let error = Invocation::new("/nowhere/ocamlopt")
        .run_blocking()
        .unwrap_err();
    assert!(error.is_program_missing());
    assert_eq!(error.to_string(), "could not start `/nowhere/ocamlopt`");
    assert_eq!(error.invocation().program(), Path::new("/nowhere/ocamlopt"));
}

#[test]
fn a_missing_directory_is_not_taken_for_a_missing_program() {
    let error = shell("true")
        .current_dir("/nowhere/at/all")
        .run_blocking()
        .unwrap_err();
    assert!(
        matches!(&error, Error::CurrentDir { directory, .. } if ***directory == *"/nowhere/at/all"),
        "{error:?}"
    );
    assert!(!error.is_program_missing());
}

#[test]
fn a_file_that_is_no_program_cannot_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Invocation::new(file.path()).run_blocking().unwrap_err();
    assert!(
        matches!(&error, Error::Start { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied)
    );
}

#[test]
fn a_failure_carries_command_status_and_output() {
    let error = shell("echo out; echo err >&2; exit 7")
        .current_dir("/")
        .run_blocking()
        .unwrap_err();
    let failure = error.failure().unwrap();
    assert_eq!(failure.status.code(), Some(7));
    assert_eq!(
        (&*failure.stdout_text(), &*failure.stderr_text()),
        ("out\n", "err\n")
    );
    assert_eq!(failure.current_dir(), Some(Path::new("/")));
    assert_eq!(failure.argv().count(), 3);
    let line = "(cd / && sh -c 'echo out; echo err >&2; exit 7')";
    assert_eq!(
        error.to_string(),
        format!("`{line}` ended with exit status: 7:\nerr")
    );
}

#[test]
fn output_takes_any_status() {
    assert_eq!(
        shell("exit 7").output_blocking().unwrap().status.code(),
        Some(7)
    );
}

#[test]
fn dropping_the_future_kills_the_child_and_what_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pids");
    // The grandchild stands for the assembler below the compiler.
    let command =
        shell("sleep 600 & echo $$ $! > pids.new; mv pids.new pids; wait").current_dir(dir.path());
    let written = || read_pids(&file).len() == 2;
    let stop = async {
        threads::unblock({
            let file = file.clone();
            move || eventually("pids", || read_pids(&file).len() == 2)
        })
        .await
    };
    future::block_on(async { command.run().await.map(drop).unwrap() }.or(stop));
    assert!(written());
    for pid in read_pids(&file) {
        eventually("the child is gone", || !runs(&pid));
    }
}

#[test]
fn a_dropped_child_is_reaped() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pids");
    let command =
        shell("echo $$ > pids.new; mv pids.new pids; exec sleep 600").current_dir(dir.path());
    let stop = async {
        threads::unblock({
            let file = file.clone();
            move || eventually("pid", || read_pids(&file).len() == 1)
        })
        .await
    };
    future::block_on(async { command.run().await.map(drop).unwrap() }.or(stop));
    let pid = read_pids(&file).remove(0);
    eventually("no zombie is left", || state(&pid).is_none());
}

#[test]
fn a_program_still_open_for_writing_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tool");
    std::fs::copy("/bin/true", &path).unwrap();
    let open = std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap();
    let closer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        drop(open);
    });
    assert!(
        Invocation::new(&path)
            .run_blocking()
            .unwrap()
            .status
            .success()
    );
    closer.join().unwrap();
}

/// `kill_all` and `shut_down` reach every child of a process, so they are tried in a process of their own.
fn in_a_process_of_its_own(test: &str, role: &str) {
    let exe = std::env::current_exe().unwrap();
    let output = Invocation::new(exe)
        .args(["--exact", test, "--nocapture"])
        .env("ROLE", role)
        .run_blocking();
    assert!(output.is_ok(), "{}", output.unwrap_err());
}

#[test]
fn inherited_output_is_the_programs_own() {
    if std::env::var_os("ROLE").as_deref() == Some("inherit".as_ref()) {
        let output = shell("cat; echo to-stdout; echo to-stderr >&2")
            .inherit_stdio()
            .run_blocking()
            .unwrap();
        assert_eq!((output.stdout.len(), output.stderr.len()), (0, 0));
        return;
    }
    let name = "children::inherited_output_is_the_programs_own";
    let output = Invocation::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("ROLE", "inherit")
        .stdin_bytes("from-stdin\n")
        .run_blocking()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("from-stdin\nto-stdout\n"), "{stdout}");
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("to-stderr\n")
    );
}

#[test]
fn kill_all_ends_every_running_command() {
    if std::env::var_os("ROLE").as_deref() != Some("kill_all".as_ref()) {
        return in_a_process_of_its_own(
            "children::kill_all_ends_every_running_command",
            "kill_all",
        );
    }
    let commands: Vec<_> = (0..3)
        .map(|_| std::thread::spawn(|| shell("sleep 600; true").run_blocking()))
        .collect();
    let mut killed = 0;
    eventually("three commands were killed", {
        let killed = std::cell::RefCell::new(&mut killed);
        move || {
            **killed.borrow_mut() += running::kill_all();
            commands.iter().all(std::thread::JoinHandle::is_finished)
        }
    });
    assert!(killed >= 3);
    shell("true").run_blocking().unwrap();
    assert_eq!(running::kill_all(), 0);
}

#[test]
fn after_shut_down_nothing_starts_and_what_ran_says_so() {
    if std::env::var_os("ROLE").as_deref() != Some("shut_down".as_ref()) {
        return in_a_process_of_its_own(
            "children::after_shut_down_nothing_starts_and_what_ran_says_so",
            "shut_down",
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pids");
    let command =
        shell("echo $$ > pids.new; mv pids.new pids; sleep 600; true").current_dir(dir.path());
    let thread = std::thread::spawn(move || command.run_blocking());
    eventually("it runs", || read_pids(&file).len() == 1);
    assert!(!running::is_shut_down());
    assert_eq!(running::shut_down(), 1);
    assert!(matches!(
        thread.join().unwrap(),
        Err(Error::ShutDown { .. })
    ));
    assert!(matches!(
        shell("true").run_blocking(),
        Err(Error::ShutDown { .. })
    ));
    assert!(running::is_shut_down());
}
