//! A program that has its archive from its own link: `tests/fixtures/linked`, built with cargo here.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use embedded_archive::{Archive, Carrier, DetachError, attach, detach};

use crate::support::{Test, has_tool, is_root, sample, shown, skip, succeed};

pub(crate) const TESTS: &[Test] = &[(
    "a_linked_archive_survives_every_tool_and_every_start",
    a_linked_archive_survives_every_tool_and_every_start,
)];

const GREETING: &str = "from the link\n";

fn build() -> PathBuf {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/linked");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("linked");
    let mut cargo = Command::new(env!("CARGO"));
    succeed(
        cargo
            .arg("build")
            .arg("--quiet")
            .current_dir(fixture)
            .env("CARGO_TARGET_DIR", &target)
            .env_remove("RUSTFLAGS"),
    );
    target.join("debug/linked")
}

fn a_linked_archive_survives_every_tool_and_every_start() {
    let program = build();
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy");
    assert_eq!(succeed(&mut Command::new(&program)), GREETING);
    let archive = Archive::of_executable(&program).unwrap();
    assert_eq!(
        (archive.carrier(), archive.read("greeting").unwrap()),
        (Carrier::Section, GREETING.as_bytes().to_vec())
    );
    assert!(matches!(
        detach(&program, &copy),
        Err(DetachError::Linked { .. })
    ));

    let tools: &[&[&str]] = &[
        &["strip", "-s"],
        &["eu-strip", "-s"],
        &["llvm-strip"],
        &["llvm-strip", "--strip-sections"],
        &["objcopy"],
        &["patchelf", "--set-rpath", "/nowhere"],
    ];
    for tool in tools {
        if !has_tool(tool[0]) {
            skip(&format!("{} is not installed", tool[0]));
            continue;
        }
        fs::copy(&program, &copy).unwrap();
        succeed(Command::new(tool[0]).args(&tool[1..]).arg(&copy));
        assert_eq!(succeed(&mut Command::new(&copy)), GREETING, "{tool:?}");
    }

    // One that is attached comes first, and leaves the linked one alone.
    attach(&program, &sample(""), &copy).unwrap();
    assert_eq!(
        Archive::of_executable(&copy).unwrap().tree(),
        sample("").tree()
    );
    assert_eq!(succeed(&mut Command::new(&copy)), GREETING);
    detach(&copy, &copy).unwrap();
    assert_eq!(
        Archive::of_executable(&copy).unwrap().tree(),
        archive.tree()
    );

    let loader = Path::new("/lib64/ld-linux-x86-64.so.2");
    if loader.exists() {
        assert_eq!(succeed(Command::new(loader).arg(&program)), GREETING);
    }
    if is_root() && has_tool("setpriv") {
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o111)).unwrap();
        succeed(
            Command::new("setpriv")
                .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
                .arg(&copy),
        );
    }
    let script = "umount -l /proc 2>/dev/null || mount -t tmpfs none /proc || exit 77; exec \"$1\"";
    let output = Command::new("unshare")
        .args(if is_root() { &["-m"][..] } else { &["-rm"] })
        .args(["sh", "-c", script, "sh"])
        .arg(&program)
        .output();
    match output {
        Ok(output)
            if output.status.code() != Some(77) && !output.stderr.starts_with(b"unshare:") =>
        {
            assert_eq!(output.stdout, GREETING.as_bytes(), "{}", shown(&output));
        }
        _ => skip("no mount namespaces"),
    }
}
