//! Attached archives: tools that rewrite executables, replacement, and strange ways to start.
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use embedded_archive::{Archive, Carrier, OpenError, attach, detach};

use crate::support::{
    GREETING, Test, carrier, has_tool, is_root, own_executable, role, sample, shown, skip, succeed,
};

pub(crate) const TESTS: &[Test] = &[
    (
        "an_executable_reads_the_archive_attached_to_it",
        an_executable_reads_the_archive_attached_to_it,
    ),
    (
        "the_archive_survives_tools_that_rewrite_executables",
        the_archive_survives_tools_that_rewrite_executables,
    ),
    (
        "attaching_again_replaces_the_archive",
        attaching_again_replaces_the_archive,
    ),
    (
        "detaching_gives_the_executable_back",
        detaching_gives_the_executable_back,
    ),
    (
        "a_stripped_carrier_takes_another_archive_without_growing",
        a_stripped_carrier_takes_another_archive_without_growing,
    ),
    (
        "a_carrier_may_be_its_own_output_while_it_runs",
        a_carrier_may_be_its_own_output_while_it_runs,
    ),
    (
        "a_carrier_that_was_unlinked_still_reads_its_archive",
        a_carrier_that_was_unlinked_still_reads_its_archive,
    ),
    (
        "a_running_carrier_reads_its_own_archive_though_another_took_its_place",
        a_running_carrier_reads_its_own_archive_though_another_took_its_place,
    ),
    (
        "a_carrier_started_through_the_loader_reads_its_archive",
        a_carrier_started_through_the_loader_reads_its_archive,
    ),
    (
        "a_carrier_without_proc_reads_its_archive",
        a_carrier_without_proc_reads_its_archive,
    ),
    (
        "a_carrier_that_cannot_be_read_says_so",
        a_carrier_that_cannot_be_read_says_so,
    ),
    (
        "a_truncated_carrier_yields_the_whole_archive_or_an_error",
        a_truncated_carrier_yields_the_whole_archive_or_an_error,
    ),
];

fn assert_reads(executable: &Path, what: &str) {
    let output = role(executable, "read").arg("greeting").output().unwrap();
    assert!(
        output.status.success() && output.stdout == GREETING.as_bytes(),
        "{what}: {}",
        shown(&output)
    );
}

fn an_executable_reads_the_archive_attached_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let carrier = carrier(directory.path());
    assert_reads(&carrier, "plain");
    let archive = Archive::of_executable(&carrier).unwrap();
    assert_eq!(archive.carrier(), Carrier::Trailer);
    assert_eq!(archive.path(), Some(&*carrier));
    archive.verify().unwrap();
    let output = role(own_executable(), "read")
        .arg("greeting")
        .output()
        .unwrap();
    let text = shown(&output);
    assert!(
        output.status.code() == Some(3) && text.contains("no trailer at its end"),
        "{text}"
    );
}

/// Tools, and what a shell runs: `$1` is the carrier, which most change in place, `$2` another file to write.
const TOOLS: &[(&str, &str)] = &[
    ("strip", r#"strip "$1""#),
    ("strip", r#"strip -s "$1""#),
    ("strip", r#"strip --strip-debug "$1""#),
    ("strip", r#"strip --strip-unneeded "$1""#),
    ("install", r#"install -s "$1" "$2""#),
    ("objcopy", r#"objcopy "$1""#),
    ("objcopy", r#"objcopy -S "$1" "$2""#),
    ("objcopy", r#"objcopy --compress-debug-sections "$1""#),
    // As packagers split off what a debugger needs.
    (
        "objcopy",
        r#"objcopy --only-keep-debug "$1" "$1.debug" && strip -g "$1" && objcopy --add-gnu-debuglink="$1.debug" "$1""#,
    ),
    ("eu-strip", r#"eu-strip "$1""#),
    ("eu-strip", r#"eu-strip -s "$1""#),
    ("eu-strip", r#"eu-strip -f "$1.debug" "$1""#),
    ("llvm-strip", r#"llvm-strip "$1""#),
    ("llvm-objcopy", r#"llvm-objcopy --strip-all "$1""#),
    ("patchelf", r#"patchelf --set-rpath /nowhere "$1""#),
    ("patchelf", r#"patchelf --add-needed libm.so.6 "$1""#),
    (
        "patchelf",
        r#"patchelf --set-interpreter "$(patchelf --print-interpreter "$1")" "$1""#,
    ),
    ("cp", r#"cp --sparse=always "$1" "$2""#),
    ("gzexe", r#"gzexe "$1""#),
    // One after the other.
    (
        "patchelf",
        r#"strip "$1" && patchelf --set-rpath /nowhere "$1" && strip "$1""#,
    ),
];

fn the_archive_survives_tools_that_rewrite_executables() {
    let directory = tempfile::tempdir().unwrap();
    let carrier = carrier(directory.path());
    let (copy, second) = (
        directory.path().join("copy"),
        directory.path().join("second"),
    );
    let run = |line: &str| {
        fs::copy(&carrier, &copy).unwrap();
        let mut shell = Command::new("sh");
        succeed(shell.args(["-c", line, "sh"]).arg(&copy).arg(&second));
    };
    for (tool, line) in TOOLS {
        if !has_tool(tool) {
            skip(&format!("{tool} is not installed"));
            continue;
        }
        run(line);
        let result = if line.contains("$2") { &second } else { &copy };
        assert_reads(result, line);
    }
    if has_tool("llvm-strip") {
        // It takes away the sections and what lies behind the program: there is nothing left to find.
        run(r#"llvm-strip --strip-sections "$1""#);
        let error = Archive::of_executable(&copy).unwrap_err();
        assert!(matches!(error, OpenError::NotFound { .. }), "{error}");
    }
    fs::copy(&carrier, &copy).unwrap();
    fs::OpenOptions::new()
        .append(true)
        .open(&copy)
        .unwrap()
        .write_all(&[b'x'; 100])
        .unwrap();
    assert_reads(&copy, "bytes appended");
    assert_eq!(
        Archive::of_executable(&copy).unwrap().carrier(),
        Carrier::Section
    );
    let mut bytes = fs::read(&carrier).unwrap();
    bytes[0x28..0x30].fill(0);
    bytes[0x3c..0x40].fill(0);
    fs::write(&copy, bytes).unwrap();
    assert_reads(&copy, "no section table");
}

fn attaching_again_replaces_the_archive() {
    let directory = tempfile::tempdir().unwrap();
    let first = carrier(directory.path());
    let second = directory.path().join("second");
    let other = sample("a longer one, for the length");
    let attached = attach(&first, &other, &second).unwrap();
    assert!(attached.replaced && attached.section);
    assert_eq!(
        Archive::of_executable(&second).unwrap().tree(),
        other.tree()
    );
    let direct = directory.path().join("direct");
    attach(own_executable(), &other, &direct).unwrap();
    assert!(
        fs::read(&direct).unwrap() == fs::read(&second).unwrap(),
        "attaching twice differs from attaching once"
    );
    assert_reads(&second, "replaced");
}

fn detaching_gives_the_executable_back() {
    let directory = tempfile::tempdir().unwrap();
    let carrier = carrier(directory.path());
    let back = directory.path().join("back");
    detach(&carrier, &back).unwrap();
    assert!(fs::read(&back).unwrap() == fs::read(own_executable()).unwrap());
    assert_eq!(
        fs::metadata(&back).unwrap().permissions(),
        fs::metadata(own_executable()).unwrap().permissions()
    );
    let error = detach(&back, &back).unwrap_err();
    assert!(
        matches!(error, embedded_archive::DetachError::NotFound(_)),
        "{error}"
    );
}

fn a_stripped_carrier_takes_another_archive_without_growing() {
    if !has_tool("strip") {
        return skip("strip is not installed");
    }
    let directory = tempfile::tempdir().unwrap();
    let carrier = carrier(directory.path());
    let mut lengths = Vec::new();
    for round in 0..3 {
        succeed(Command::new("strip").arg(&carrier));
        assert_eq!(
            Archive::of_executable(&carrier).unwrap().carrier(),
            Carrier::Section
        );
        assert!(attach(&carrier, &sample("x"), &carrier).unwrap().replaced);
        assert_reads(&carrier, &format!("round {round}"));
        lengths.push(fs::metadata(&carrier).unwrap().len());
    }
    assert!(lengths[2] < lengths[0] + 1024, "{lengths:?}");
    succeed(Command::new("strip").arg(&carrier));
    detach(&carrier, &carrier).unwrap();
    let length = fs::metadata(&carrier).unwrap().len();
    assert!(
        length + sample("x").packed_len() < lengths[0] + 1024,
        "{length} of {lengths:?}"
    );
    let output = role(&carrier, "read").arg("greeting").output().unwrap();
    assert!(
        output.status.code() == Some(3) && shown(&output).contains("no archive"),
        "{}",
        shown(&output)
    );
}

fn a_carrier_may_be_its_own_output_while_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let carrier = carrier(directory.path());
    fs::set_permissions(&carrier, fs::Permissions::from_mode(0o750)).unwrap();
    let mut running = role(&carrier, "fresh")
        .arg(directory.path())
        .arg("wait")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let attached = attach(&carrier, &sample("new"), &carrier);
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(attached.unwrap().replaced);
    assert_eq!(
        fs::metadata(&carrier).unwrap().permissions().mode() & 0o7777,
        0o750
    );
    assert_eq!(
        Archive::of_executable(&carrier).unwrap().tree(),
        sample("new").tree()
    );
}

fn a_carrier_that_was_unlinked_still_reads_its_archive() {
    let directory = tempfile::tempdir().unwrap();
    let carrier = carrier(directory.path());
    // The shell opens the file before it is removed.
    let script = "exec 9<\"$1\"; rm \"$1\"; exec /proc/self/fd/9 role:read greeting";
    assert_eq!(
        succeed(Command::new("sh").args(["-c", script, "sh"]).arg(&carrier)),
        GREETING
    );
    assert!(!carrier.exists());
}

fn a_running_carrier_reads_its_own_archive_though_another_took_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let carrier = carrier(directory.path());
    let mut running = role(&carrier, "read late")
        .arg("lib/a/b.cmi")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0; 6];
    running
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut ready)
        .unwrap();
    attach(&carrier, &sample("new"), &carrier).unwrap();
    drop(running.stdin.take());
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"interface ", "{}", shown(&output));
    // The next one that is started has the new one.
    let next = succeed(role(&carrier, "read").arg("lib/a/b.cmi"));
    assert_eq!(next, "interface new");
}

fn a_carrier_started_through_the_loader_reads_its_archive() {
    let Some(loader) = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"]
        .into_iter()
        .find(|loader| Path::new(loader).exists())
    else {
        return skip("no loader of glibc");
    };
    let directory = tempfile::tempdir().unwrap();
    let carrier = carrier(directory.path());
    assert_eq!(
        succeed(
            Command::new(loader)
                .arg(&carrier)
                .args(["role:read", "greeting"])
        ),
        GREETING
    );
}

fn a_carrier_without_proc_reads_its_archive() {
    let directory = tempfile::tempdir().unwrap();
    let carrier = carrier(directory.path());
    let script = "umount -l /proc 2>/dev/null || mount -t tmpfs none /proc || exit 77; test ! -e /proc/self || exit 77; exec \"$1\" role:read greeting";
    let output = Command::new("unshare")
        .args(if is_root() { &["-m"][..] } else { &["-rm"] })
        .args(["sh", "-c", script, "sh"])
        .arg(&carrier)
        .output();
    match output {
        Ok(output)
            if output.status.code() != Some(77) && !output.stderr.starts_with(b"unshare:") =>
        {
            assert!(output.stdout == GREETING.as_bytes(), "{}", shown(&output));
        }
        _ => skip("no mount namespaces"),
    }
}

fn a_carrier_that_cannot_be_read_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let carrier = carrier(directory.path());
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&carrier, fs::Permissions::from_mode(0o111)).unwrap();
    let mut command = if is_root() {
        if !has_tool("setpriv") {
            return skip("setpriv is not installed");
        }
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(&carrier)
            .arg("role:read");
        command
    } else {
        role(&carrier, "read")
    };
    let output = command.arg("greeting").output().unwrap();
    let text = shown(&output);
    assert!(
        output.status.code() == Some(3)
            && text.contains("could not read")
            && text.contains("ermission denied"),
        "{text}"
    );
}

fn a_truncated_carrier_yields_the_whole_archive_or_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let carrier = carrier(directory.path());
    let length = fs::metadata(&carrier).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&carrier).unwrap();
    for cut in [1, 127, 128, 192, 193, 300, 4096, 100_000] {
        file.set_len(length - cut).unwrap();
        // Without trailer and record the section still names the archive, which is whole.
        if cut <= 192 {
            Archive::of_executable(&carrier).unwrap().verify().unwrap();
            continue;
        }
        let error = Archive::of_executable(&carrier).unwrap_err();
        assert!(
            matches!(error, OpenError::Damaged { .. }),
            "{cut} bytes cut: {error}"
        );
        assert!(error.to_string().contains("truncated"), "{error}");
    }
}
