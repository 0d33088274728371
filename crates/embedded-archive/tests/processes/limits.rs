//! Limits of the process and its umask.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::{Test, children, is_root, own_executable, sample, shown, succeed};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_limit_on_files_is_an_error_and_no_signal",
        a_limit_on_files_is_an_error_and_no_signal,
    ),
    ("few_descriptors_are_enough", few_descriptors_are_enough),
    ("any_umask_will_do", any_umask_will_do),
    (
        "a_root_of_another_user_is_refused",
        a_root_of_another_user_is_refused,
    ),
];

fn shell(script: &str, arguments: &[&std::ffi::OsStr]) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", script, "sh"])
        .arg(own_executable())
        .args(arguments);
    command
}

fn a_limit_on_files_is_an_error_and_no_signal() {
    let parent = tempfile::tempdir().unwrap();
    let output = shell(
        "ulimit -f 8; exec \"$1\" role:fresh \"$2\" return",
        &[parent.path().as_os_str()],
    )
    .output()
    .unwrap();
    let text = shown(&output);
    assert!(
        output.status.code() == Some(3) && text.contains("bin/large") && text.contains("limit"),
        "{text}"
    );
    assert_eq!(children(parent.path()), [""; 0]);
}

fn few_descriptors_are_enough() {
    let parent = tempfile::tempdir().unwrap();
    succeed(&mut shell(
        "ulimit -n 16; exec \"$1\" role:fresh \"$2\" return",
        &[parent.path().as_os_str()],
    ));
}

fn any_umask_will_do() {
    for umask in ["0000", "0777", "0027"] {
        let directory = tempfile::tempdir().unwrap();
        let (root, file) = (
            directory.path().join("new/root"),
            directory.path().join("archive"),
        );
        fs::write(&file, packed()).unwrap();
        for outcome in ["Extracted", "Verified"] {
            let script = format!("umask {umask}; exec \"$1\" role:shared \"$2\" \"$3\"");
            assert_eq!(
                succeed(&mut shell(&script, &[file.as_os_str(), root.as_os_str()])).trim(),
                outcome,
                "{umask}"
            );
        }
        assert_eq!(
            fs::metadata(&root).unwrap().permissions().mode() & 0o777,
            0o755,
            "{umask}"
        );
        let script = format!("umask {umask}; exec \"$1\" role:fresh \"$2\" return");
        succeed(&mut shell(&script, &[directory.path().as_os_str()]));
    }
}

fn a_root_of_another_user_is_refused() {
    if !is_root() {
        return crate::support::skip("only root can give a directory to another user");
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("archive");
    fs::write(&file, packed()).unwrap();
    let root = directory.path().join("root");
    fs::create_dir(&root).unwrap();
    std::os::unix::fs::chown(&root, Some(65534), Some(65534)).unwrap();
    let output = shell(
        "exec \"$1\" role:shared \"$2\" \"$3\"",
        &[file.as_os_str(), root.as_os_str()],
    )
    .output()
    .unwrap();
    assert!(
        output.status.code() == Some(3) && shown(&output).contains("belongs to another user"),
        "{}",
        shown(&output)
    );
    assert_eq!(children(&root), [""; 0]);
}

/// The bytes of the sample: taken off an executable, as there is no other way to the bytes of an open archive.
fn packed() -> Vec<u8> {
    let mut bytes = Vec::new();
    sample("").write_to(&mut bytes).unwrap();
    bytes
}
