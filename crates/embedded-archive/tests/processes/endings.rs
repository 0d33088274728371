//! However a process ends, its private directory goes.
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::{Test, children, own_executable, role, shown, succeed};

pub(crate) const TESTS: &[Test] = &[
    (
        "endings_that_run_code_remove_the_directory",
        endings_that_run_code_remove_the_directory,
    ),
    (
        "endings_that_run_no_code_leave_it_to_the_next_start",
        endings_that_run_no_code_leave_it_to_the_next_start,
    ),
    #[cfg(feature = "signals")]
    (
        "signals_remove_the_directory_and_end_the_process_as_they_would",
        signals_remove_the_directory_and_end_the_process_as_they_would,
    ),
    #[cfg(feature = "signals")]
    (
        "a_signal_that_was_ignored_from_the_start_stays_ignored",
        a_signal_that_was_ignored_from_the_start_stays_ignored,
    ),
];

fn endings_that_run_code_remove_the_directory() {
    for (ending, code) in [
        ("return", 0),
        ("exit", 5),
        ("exit in a thread", 5),
        ("panic", 101),
    ] {
        let parent = tempfile::tempdir().unwrap();
        let output = role(own_executable(), "fresh")
            .arg(parent.path())
            .arg(ending)
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{ending}: {}",
            shown(&output)
        );
        assert!(
            output
                .stdout
                .starts_with(parent.path().as_os_str().as_encoded_bytes()),
            "{ending}: {}",
            shown(&output)
        );
        assert_eq!(children(parent.path()), [""; 0], "{ending}");
    }
}

fn endings_that_run_no_code_leave_it_to_the_next_start() {
    let parent = tempfile::tempdir().unwrap();
    let alive = Running::start(parent.path(), "wait");
    let killed = Running::start(parent.path(), "wait");
    let left = killed.path.clone();
    // Dropping kills it.
    drop(killed);
    assert!(left.join("bin/script").exists());
    let aborted = role(own_executable(), "fresh")
        .arg(parent.path())
        .arg("abort")
        .output()
        .unwrap();
    assert_eq!(aborted.status.code(), None, "{}", shown(&aborted));
    assert!(!left.exists());
    assert_eq!(children(parent.path()).len(), 2);
    succeed(
        role(own_executable(), "fresh")
            .arg(parent.path())
            .arg("return"),
    );
    // Only that of the process that lives is still there.
    assert_eq!(
        children(parent.path()),
        [alive.path.file_name().unwrap().to_str().unwrap()]
    );
    assert!(alive.path.join("greeting").exists());
}

/// A process that has extracted and waits; killed when this value is dropped, so that a failed test leaves none.
pub(crate) struct Running {
    child: Child,
    pub(crate) path: PathBuf,
}

impl Running {
    pub(crate) fn start(parent: &Path, ending: &str) -> Self {
        Self::start_with(&mut role(own_executable(), "fresh"), parent, ending)
    }

    /// The same by another command, to which these arguments are added.
    pub(crate) fn start_with(command: &mut Command, parent: &Path, ending: &str) -> Self {
        let mut child = command
            .arg(parent)
            .arg(ending)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.stdout.take();
        let mut running = Self {
            child,
            path: PathBuf::new(),
        };
        let mut line = String::new();
        BufReader::new(output.unwrap())
            .read_line(&mut line)
            .unwrap();
        running.path = PathBuf::from(line.trim_end());
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(feature = "signals")]
fn signals_remove_the_directory_and_end_the_process_as_they_would() {
    use std::os::unix::process::ExitStatusExt as _;

    use rustix::process::{Pid, Signal, kill_process};

    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let parent = tempfile::tempdir().unwrap();
        let mut running = Running::start(parent.path(), "signals");
        assert!(running.path.exists());
        kill_process(Pid::from_child(&running.child), signal).unwrap();
        assert_eq!(
            running.child.wait().unwrap().signal(),
            Some(signal.as_raw())
        );
        assert_eq!(children(parent.path()), [""; 0], "{signal:?}");
    }
}

/// As under nohup(1), and as a shell without job control starts what is to run in the background.
#[cfg(feature = "signals")]
fn a_signal_that_was_ignored_from_the_start_stays_ignored() {
    use std::os::unix::process::ExitStatusExt as _;

    use rustix::process::{Pid, Signal, kill_process};

    let parent = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' HUP INT; exec \"$@\"", "sh"])
        .arg(own_executable())
        .arg("role:fresh");
    let mut running = Running::start_with(&mut command, parent.path(), "signals");
    let process = Pid::from_child(&running.child);
    for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
        kill_process(process, signal).unwrap();
    }
    let status = running.child.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
    assert_eq!(children(parent.path()), [""; 0]);
}
