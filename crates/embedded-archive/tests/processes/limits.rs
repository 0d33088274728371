//! Limits of the process and its umask.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::{Test, archive_file, children, own_executable, shown, succeed};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_limit_on_files_is_an_error_and_no_signal",
        a_limit_on_files_is_an_error_and_no_signal,
    ),
    ("few_descriptors_are_enough", few_descriptors_are_enough),
    ("any_umask_will_do", any_umask_will_do),
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
    let file = archive_file(parent.path());
    for role in [
        "role:fresh \"$2\" return",
        "role:shared \"$2/archive\" \"$2\"",
    ] {
        let script = format!("ulimit -f 8; exec \"$1\" {role}");
        let output = shell(&script, &[parent.path().as_os_str()])
            .output()
            .unwrap();
        let text = shown(&output);
        assert!(
            output.status.code() == Some(3) && text.contains("bin/large") && text.contains("limit"),
            "{text}"
        );
        let mut left = children(parent.path());
        left.retain(|name| name != ".lock");
        assert_eq!(left, ["archive"]);
    }
    let role = "role:attach \"$2/carrier\"";
    let script = format!("ulimit -f 8; exec \"$1\" {role}");
    let output = shell(&script, &[parent.path().as_os_str()]).output();
    let text = shown(&output.unwrap());
    assert!(
        text.contains("carrier") && text.contains("limit for files"),
        "{text}"
    );
    assert!(
        !children(parent.path())
            .iter()
            .any(|name| name.contains("carrier"))
    );
    succeed(&mut shell(
        &format!("exec \"$1\" {role}"),
        &[parent.path().as_os_str()],
    ));
    fs::remove_file(parent.path().join("carrier")).unwrap();
    // Without the limit nothing of that is in the way.
    let mut next = crate::support::role(own_executable(), "shared");
    assert_eq!(
        succeed(next.arg(&file).arg(parent.path())).trim(),
        "Extracted"
    );
}

fn few_descriptors_are_enough() {
    let parent = tempfile::tempdir().unwrap();
    archive_file(parent.path());
    for role in [
        "role:fresh \"$2\" return",
        "role:shared \"$2/archive\" \"$2\"",
        "role:shared \"$2/archive\" \"$2\"",
    ] {
        let script = format!("ulimit -n 16; exec \"$1\" {role}");
        succeed(&mut shell(&script, &[parent.path().as_os_str()]));
    }
}

fn any_umask_will_do() {
    for umask in ["0000", "0777", "0027"] {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("new/root");
        let file = archive_file(directory.path());
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
