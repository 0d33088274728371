//! What the environment says of places, right or wrong.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::{Test, children, is_root, own_executable, role, shown, skip, succeed};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_bad_directory_for_temporary_files_is_passed_over",
        a_bad_directory_for_temporary_files_is_passed_over,
    ),
    (
        "an_environment_that_names_nothing_will_do",
        an_environment_that_names_nothing_will_do,
    ),
    (
        "when_no_place_will_do_each_is_named_with_its_fault",
        when_no_place_will_do_each_is_named_with_its_fault,
    ),
];

/// Extracts to the standard places and says where.
fn extract(set: impl FnOnce(&mut Command) -> &mut Command) -> String {
    let mut command = role(own_executable(), "fresh");
    let text = succeed(set(command.arg("return").env_clear()));
    assert!(!Path::new(text.trim()).exists(), "{text}");
    text
}

fn a_bad_directory_for_temporary_files_is_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for bad in [
        Path::new("relative"),
        Path::new(""),
        Path::new("/absent/place"),
        Path::new("/proc/self"),
        &file,
    ] {
        // A relative one means another directory in each process; it must not be made either.
        let place = extract(|command| command.env("TMPDIR", bad).current_dir(directory.path()));
        assert!(
            place.starts_with("/tmp/embedded-archive."),
            "{bad:?}: {place}"
        );
    }
    assert_eq!(children(directory.path()), ["file"]);
    let place = extract(|command| command.env("TMPDIR", directory.path()));
    assert!(
        place.starts_with(directory.path().to_str().unwrap()),
        "{place}"
    );
}

fn an_environment_that_names_nothing_will_do() {
    let place = extract(|command| command);
    assert!(place.starts_with("/tmp/embedded-archive."), "{place}");
    let place = extract(|command| command.env("HOME", "").env("XDG_RUNTIME_DIR", "run"));
    assert!(place.starts_with("/tmp/embedded-archive."), "{place}");
}

fn when_no_place_will_do_each_is_named_with_its_fault() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    fs::create_dir_all(home.join(".cache")).unwrap();
    fs::set_permissions(home.join(".cache"), fs::Permissions::from_mode(0o555)).unwrap();
    // The executable itself must stay within reach, for it may lie below /tmp.
    let script = "exec 9<\"$1\"
        mount -t tmpfs -o noexec none /tmp && mount -t tmpfs -o ro none /var/tmp \\
          && mount -t tmpfs -o size=4k none /dev/shm || exit 77
        exec /proc/self/fd/9 role:fresh return";
    let output = Command::new("unshare")
        .args(if is_root() { &["-m"][..] } else { &["-rm"] })
        .args(["sh", "-c", script, "sh"])
        .arg(own_executable())
        .env_remove("XDG_RUNTIME_DIR")
        .env_remove("XDG_CACHE_HOME")
        .env("HOME", directory.path().join("absent"))
        .env("TMPDIR", "/absent/place")
        .output();
    match output {
        Ok(output)
            if output.status.code() != Some(77) && !output.stderr.starts_with(b"unshare:") =>
        {
            let text = shown(&output);
            assert_eq!(output.status.code(), Some(3), "{text}");
            for part in [
                "`/absent/place` does not exist",
                "`/tmp` is on a file system mounted noexec",
                "absent/.cache` does not exist",
                "`/var/tmp` is on a file system mounted read-only",
                "`/dev/shm` has too little space",
            ] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
        _ => skip("no mount namespaces"),
    }
}
