//! System calls that the system refuses: locks, flags of a rename, space of a quota, files in memory.
//!
//! A filter (seccomp(2)) answers the call with an error, as a network file system, a quota or a policy would.
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use crate::endings::Running;
use crate::roles::NO_FILTER;
use crate::support::{Test, archive_file, children, own_executable, role, sample, shown, skip};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_file_system_without_locks_will_do",
        a_file_system_without_locks_will_do,
    ),
    (
        "without_locks_nothing_of_the_living_is_removed",
        without_locks_nothing_of_the_living_is_removed,
    ),
    (
        "a_file_system_without_flags_of_rename_will_do",
        a_file_system_without_flags_of_rename_will_do,
    ),
    (
        "a_quota_that_is_used_up_is_named_and_leaves_nothing",
        a_quota_that_is_used_up_is_named_and_leaves_nothing,
    ),
    (
        "a_disk_that_fails_is_named_and_leaves_nothing",
        a_disk_that_fails_is_named_and_leaves_nothing,
    ),
    (
        "a_system_that_forbids_files_in_memory_is_told_of_the_places",
        a_system_that_forbids_files_in_memory_is_told_of_the_places,
    ),
];

/// Has a system call fail from now on, in this process and its children.
pub(crate) fn refuse(call: &str) -> Result<(), Box<dyn Error>> {
    let argument = |index, operator, value| {
        SeccompCondition::new(index, SeccompCmpArgLen::Qword, operator, value)
    };
    // Writes of contents: not of a line on the standard output, not of a stamp.
    let contents = || {
        let conditions = vec![
            argument(0, SeccompCmpOp::Gt, 2)?,
            argument(2, SeccompCmpOp::Gt, 1000)?,
        ];
        SeccompRule::new(conditions).map(|rule| vec![rule])
    };
    let (number, rules, errno) = match call {
        "flock" => (libc::SYS_flock, Vec::new(), libc::ENOLCK),
        "flags" => {
            let any = SeccompRule::new(vec![argument(4, SeccompCmpOp::Ne, 0)?])?;
            (libc::SYS_renameat2, vec![any], libc::EINVAL)
        }
        "quota" => (libc::SYS_write, contents()?, libc::EDQUOT),
        "disk" => (libc::SYS_write, contents()?, libc::EIO),
        "memory" => (libc::SYS_memfd_create, Vec::new(), libc::EACCES),
        _ => return Err(format!("no filter for {call}").into()),
    };
    let filter: BpfProgram = SeccompFilter::new(
        BTreeMap::from([(number, rules)]),
        SeccompAction::Allow,
        SeccompAction::Errno(errno as u32),
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()?;
    Ok(seccompiler::apply_filter(&filter)?)
}

/// Plays a role without a system call; `None` where the system takes no filter.
fn without(call: &str, name: &str, arguments: &[&Path]) -> Option<Output> {
    let output = role(own_executable(), "refusing")
        .args([call, name])
        .args(arguments)
        .output()
        .unwrap();
    if output.status.code() == Some(NO_FILTER.into()) {
        skip("no filters of system calls");
        return None;
    }
    Some(output)
}

/// Opens a shared tree cold, warm, and damaged, without a system call.
fn assert_shared_works_without(call: &str) {
    let directory = tempfile::tempdir().unwrap();
    let (file, root) = (
        archive_file(directory.path()),
        directory.path().join("root"),
    );
    let open = || {
        let output = without(call, "shared", &[&file, &root])?;
        assert!(output.status.success(), "{call}: {}", shown(&output));
        Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    let Some(outcome) = open() else { return };
    assert_eq!(outcome, "Extracted");
    // Later than the time in which a stamp is not believed.
    std::thread::sleep(std::time::Duration::from_millis(40));
    assert_eq!(open().as_deref(), Some("Verified"));
    assert_eq!(open().as_deref(), Some("Stamped"));
    let tree = root.join(sample("").tree().directory_name());
    for damage in 0..4 {
        fs::set_permissions(&tree, fs::Permissions::from_mode(0o755)).unwrap();
        match damage {
            0 => fs::write(tree.join("more"), "x").unwrap(),
            1 => fs::remove_file(tree.join("greeting")).unwrap(),
            2 => {
                crate::storm::remove(&tree).unwrap();
                fs::write(&tree, "a file").unwrap();
            }
            _ => {
                crate::storm::remove(&tree).unwrap();
                std::os::unix::fs::symlink("/etc", &tree).unwrap();
            }
        }
        assert_eq!(open().as_deref(), Some("Repaired"), "damage {damage}");
        assert_ne!(open().as_deref(), Some("Repaired"), "damage {damage}");
    }
    let mut left = children(&root);
    left.retain(|name| !name.ends_with(".stamp") && name != ".lock");
    assert_eq!(left, [sample("").tree().directory_name()], "{call}");
}

fn a_file_system_without_locks_will_do() {
    assert_shared_works_without("flock");
    let parent = tempfile::tempdir().unwrap();
    let fresh = [parent.path(), Path::new("return")];
    if let Some(output) = without("flock", "fresh", &fresh) {
        assert!(output.status.success(), "{}", shown(&output));
        assert_eq!(children(parent.path()), [""; 0]);
    }
}

fn without_locks_nothing_of_the_living_is_removed() {
    let parent = tempfile::tempdir().unwrap();
    let alive = Running::start_with(
        role(own_executable(), "refusing").args(["flock", "fresh"]),
        parent.path(),
        "wait",
    );
    if !alive.path.is_dir() {
        return skip("no filters of system calls");
    }
    let fresh = [parent.path(), Path::new("return")];
    let Some(output) = without("flock", "fresh", &fresh) else {
        return;
    };
    assert!(output.status.success(), "{}", shown(&output));
    assert!(alive.path.join("bin/script").exists());
}

fn a_file_system_without_flags_of_rename_will_do() {
    assert_shared_works_without("flags");
}

/// Neither a private nor a shared directory is made; both errors have `words`; nothing is left.
fn assert_fails_cleanly_without(call: &str, words: &str) {
    let directory = tempfile::tempdir().unwrap();
    let file = archive_file(directory.path());
    for (name, arguments) in [
        ("fresh", [directory.path(), Path::new("return")]),
        ("shared", [&file, directory.path()]),
    ] {
        let Some(output) = without(call, name, &arguments) else {
            return;
        };
        let text = shown(&output);
        assert!(
            output.status.code() == Some(3)
                && text.contains(words)
                && text.contains(directory.path().to_str().unwrap()),
            "{call}, {name}: {text}"
        );
        let mut left = children(directory.path());
        left.retain(|name| name != ".lock");
        assert_eq!(left, ["archive"], "{call}, {name}");
    }
    // The next one, for whom the fault is mended, is not held up by anything.
    let mut next = role(own_executable(), "shared");
    crate::support::succeed(next.arg(&file).arg(directory.path()));
}

fn a_quota_that_is_used_up_is_named_and_leaves_nothing() {
    assert_fails_cleanly_without("quota", "has too little space");
}

fn a_disk_that_fails_is_named_and_leaves_nothing() {
    assert_fails_cleanly_without("disk", "Input/output error");
}

fn a_system_that_forbids_files_in_memory_is_told_of_the_places() {
    let absent = Path::new("/absent/place");
    let Some(output) = without("memory", "fresh", &[absent, Path::new("memory")]) else {
        return;
    };
    let text = shown(&output);
    assert!(
        output.status.code() == Some(3) && text.contains("`/absent/place` does not exist"),
        "{text}"
    );
}
