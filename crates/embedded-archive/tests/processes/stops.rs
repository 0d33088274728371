//! Processes that stand still, and those that clean up around them.
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use embedded_archive::{Archive, Fresh, FreshOptions, Places};
use rustix::process::{Pid, Signal, kill_process};

use crate::endings::Running;
use crate::support::{Test, archive_file, children, own_executable, role, sample, shown, succeed};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_process_that_is_stopped_while_it_extracts_holds_nobody_up",
        a_process_that_is_stopped_while_it_extracts_holds_nobody_up,
    ),
    (
        "a_cleaner_of_temporary_files_sees_that_the_directory_is_used",
        a_cleaner_of_temporary_files_sees_that_the_directory_is_used,
    ),
    (
        "a_directory_that_a_cleaner_took_away_is_no_fault_of_the_end",
        a_directory_that_a_cleaner_took_away_is_no_fault_of_the_end,
    ),
];

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// A process that has the lock of the root and a half-made tree, and stands still; `None` when it was too quick.
fn stopped(file: &Path, root: &Path) -> Option<Child> {
    let mut child = role(own_executable(), "shared")
        .arg(file)
        .arg(root)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(5);
    let is_staged = || {
        children_of(root)
            .iter()
            .any(|name| name.starts_with(".stage-"))
    };
    while !is_staged() && Instant::now() < end {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
    }
    signal(&child, Signal::STOP);
    let has_tree = root.join(sample("").tree().directory_name()).exists();
    if is_staged() && is_locked(&root.join(".lock")) && !has_tree {
        return Some(child);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

fn children_of(directory: &Path) -> Vec<String> {
    if directory.exists() {
        children(directory)
    } else {
        Vec::new()
    }
}

fn a_process_that_is_stopped_while_it_extracts_holds_nobody_up() {
    for ending in [Signal::CONT, Signal::KILL] {
        let directory = tempfile::tempdir().unwrap();
        let file = archive_file(directory.path());
        let (root, child) = (0..100)
            .find_map(|attempt| {
                let root = directory.path().join(format!("root{attempt}"));
                stopped(&file, &root).map(|child| (root, child))
            })
            .expect("a process that is caught while it extracts");
        let open = || succeed(role(own_executable(), "shared").arg(&file).arg(&root));
        assert_eq!(open().trim(), "Extracted");
        // The stopped one lives: what it has made so far stays.
        assert!(
            children(&root)
                .iter()
                .any(|name| name.starts_with(".stage-"))
        );
        signal(&child, ending);
        let output = child.wait_with_output().unwrap();
        if ending == Signal::CONT {
            assert!(output.status.success(), "{}", shown(&output));
        }
        fs::remove_dir_all(root.join(sample("").tree().directory_name()).join("bin")).unwrap();
        assert_eq!(open().trim(), "Repaired");
        assert_eq!(
            children(&root)
                .iter()
                .filter(|name| name.starts_with(".stage-") || name.starts_with(".trash-"))
                .count(),
            0
        );
    }
}

fn a_cleaner_of_temporary_files_sees_that_the_directory_is_used() {
    let parent = tempfile::tempdir().unwrap();
    let running = Running::start(parent.path(), "wait");
    // systemd-tmpfiles(8) takes an exclusive lock of a directory before it looks for old files in it, and skips the
    // directory when it does not get the lock.
    assert!(is_locked(&running.path));
    let left = running.path.clone();
    drop(running);
    // After a kill nobody has it: the cleaner may take it away, and so may the next start.
    assert!(left.exists() && !is_locked(&left));
    succeed(
        role(own_executable(), "fresh")
            .arg(parent.path())
            .arg("return"),
    );
    assert_eq!(children(parent.path()), [""; 0]);
}

fn a_directory_that_a_cleaner_took_away_is_no_fault_of_the_end() {
    let parent = tempfile::tempdir().unwrap();
    let options = FreshOptions::new().places(Places::only(parent.path()));
    let archive = sample("");
    let fresh = Fresh::extract(&archive, &options).unwrap();
    fs::remove_dir_all(fresh.path()).unwrap();
    fresh.close().unwrap();
    // Part of it is gone: the rest goes with the value, and the next extraction is whole.
    let fresh = Fresh::extract(&archive, &options).unwrap();
    fs::remove_dir_all(fresh.path().join("bin")).unwrap();
    drop(fresh);
    let fresh = Fresh::extract(&archive, &options).unwrap();
    assert_whole(&archive, fresh.path());
}

fn assert_whole(archive: &Archive, directory: &Path) {
    for entry in archive.entries() {
        let found = fs::read(directory.join(entry.name())).unwrap();
        assert_eq!(embedded_archive::Digest::of(&found), entry.digest());
    }
}
