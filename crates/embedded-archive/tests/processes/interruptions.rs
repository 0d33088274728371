//! System calls that a signal interrupts (EINTR), as on FUSE and network file systems that can be interrupted.
use std::path::Path;
use std::process::{Command, Output};

use crate::support::{Test, archive_file, children, has_tool, own_executable, shown, skip};

pub(crate) const TESTS: &[Test] = &[(
    "interrupted_system_calls_are_repeated",
    interrupted_system_calls_are_repeated,
)];

/// Plays a role under strace(1), which has every third of these calls fail after the first of the start.
fn interrupted(call: &str, name: &str, arguments: &[&Path]) -> Output {
    Command::new("strace")
        .args(["-f", "-qqq", "-o", "/dev/null"])
        .args(["-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={call}:error=EINTR:when={FIRST}+3")])
        .arg(own_executable())
        .arg(format!("role:{name}"))
        .args(arguments)
        .output()
        .unwrap()
}

/// Past the calls of the dynamic loader and of the start of the program, which do not expect it.
const FIRST: usize = 14;

fn interrupted_system_calls_are_repeated() {
    if !has_tool("strace") {
        return skip("strace is not installed");
    }
    let probe = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        return skip("strace may not trace");
    }
    // Those for which open(2), read(2), write(2), flock(2) and chmod(2) know EINTR, on disks of some kind.
    for call in ["openat", "read", "write", "pread64", "flock", "fchmod"] {
        let directory = tempfile::tempdir().unwrap();
        let file = archive_file(directory.path());
        let root = directory.path().join("root");
        for (name, arguments) in [
            ("fresh", [directory.path(), Path::new("return")]),
            ("shared", [&file, &root]),
            ("shared", [&file, &root]),
        ] {
            let output = interrupted(call, name, &arguments);
            assert!(
                output.status.success(),
                "{call}, {name}: {}",
                shown(&output)
            );
        }
        assert_eq!(children(directory.path()), ["archive", "root"], "{call}");
    }
}
