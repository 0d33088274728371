//! Executables of others as carriers: they must run as before.
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use embedded_archive::{Archive, attach, detach};

use crate::support::{Test, has_tool, sample, skip, succeed};

pub(crate) const TESTS: &[Test] = &[
    (
        "programs_of_every_kind_run_as_before",
        programs_of_every_kind_run_as_before,
    ),
    (
        "files_that_are_no_elf_files_carry_an_archive_at_their_end",
        files_that_are_no_elf_files_carry_an_archive_at_their_end,
    ),
    (
        "malformed_elf_files_are_carried_or_refused_without_panic",
        malformed_elf_files_are_carried_or_refused_without_panic,
    ),
];

fn assert_carries(base: &Path, directory: &Path, section: bool, what: &str) {
    let output = directory.join("out");
    let archive = sample("");
    let before = succeed(Command::new(base).arg("hello"));
    let attached = attach(base, &archive, &output).unwrap();
    assert_eq!(attached.section, section, "{what}");
    assert_eq!(
        succeed(Command::new(&output).arg("hello")),
        before,
        "{what}"
    );
    assert_eq!(
        Archive::of_executable(&output).unwrap().tree(),
        archive.tree(),
        "{what}"
    );
    if section && has_tool("strip") {
        succeed(Command::new("strip").arg(&output));
        assert_eq!(
            succeed(Command::new(&output).arg("hello")),
            before,
            "{what}, stripped"
        );
        Archive::of_executable(&output).unwrap().verify().unwrap();
    }
    attach(base, &archive, &output).unwrap();
    detach(&output, &output).unwrap();
    assert!(
        fs::read(&output).unwrap() == fs::read(base).unwrap(),
        "{what}"
    );
}

fn programs_of_every_kind_run_as_before() {
    let directory = tempfile::tempdir().unwrap();
    assert_carries(Path::new("/bin/echo"), directory.path(), true, "/bin/echo");
    if !has_tool("gcc") {
        return skip("gcc is not installed");
    }
    let source = directory.path().join("main.c");
    fs::write(
        &source,
        "#include <stdio.h>\nint main(int c, char **v) { return puts(v[1]) < 0; }\n",
    )
    .unwrap();
    for flags in [
        &["-no-pie"][..],
        &["-static"],
        &["-static-pie"],
        &["-g", "-O2"],
        &["-s"],
        &["-m32"],
    ] {
        let program = directory.path().join("program");
        if !Command::new("gcc")
            .args(flags)
            .arg(&source)
            .arg("-o")
            .arg(&program)
            .output()
            .unwrap()
            .status
            .success()
        {
            eprintln!("SKIP: gcc {flags:?} does not work here");
            continue;
        }
        assert_carries(
            &program,
            directory.path(),
            flags != ["-m32"],
            &format!("{flags:?}"),
        );
        // It refuses some static programs itself.
        let strip = || {
            Command::new("llvm-strip")
                .arg("--strip-sections")
                .arg(&program)
                .output()
        };
        if flags != ["-m32"] && strip().is_ok_and(|output| output.status.success()) {
            assert_carries(
                &program,
                directory.path(),
                false,
                &format!("{flags:?} without sections"),
            );
        }
    }
}

fn files_that_are_no_elf_files_carry_an_archive_at_their_end() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script");
    let mut file = fs::File::create(&script).unwrap();
    file.write_all(b"#!/bin/sh\necho \"$1\"\nexit 0\n").unwrap();
    file.set_permissions(fs::Permissions::from_mode(0o755))
        .unwrap();
    drop(file);
    assert_carries(&script, directory.path(), false, "script");
}

fn malformed_elf_files_are_carried_or_refused_without_panic() {
    let directory = tempfile::tempdir().unwrap();
    let (base, output) = (directory.path().join("base"), directory.path().join("out"));
    let original = fs::read("/bin/true").unwrap();
    let archive = sample("");
    for at in 4..64 {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bytes = original.clone();
            bytes[at] = value;
            fs::write(&base, bytes).unwrap();
            attach(&base, &archive, &output).unwrap();
            assert_eq!(
                Archive::of_executable(&output).unwrap().tree(),
                archive.tree(),
                "byte {at} = {value}"
            );
        }
    }
}
