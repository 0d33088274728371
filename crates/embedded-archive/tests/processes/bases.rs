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
    #[cfg(target_arch = "x86_64")]
    (
        "a_static_program_with_its_section_table_in_front_runs_as_before",
        a_static_program_with_its_section_table_in_front_runs_as_before,
    ),
    (
        "a_packed_program_carries_an_archive_that_is_attached_after",
        a_packed_program_carries_an_archive_that_is_attached_after,
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

/// As the linker of Go lays programs out: no loader, the section table right behind the program headers.
#[cfg(target_arch = "x86_64")]
fn a_static_program_with_its_section_table_in_front_runs_as_before() {
    let directory = tempfile::tempdir().unwrap();
    let (base, output) = (directory.path().join("base"), directory.path().join("out"));
    fs::write(&base, table_in_front()).unwrap();
    fs::set_permissions(&base, fs::Permissions::from_mode(0o755)).unwrap();
    let code = |program: &Path| Command::new(program).status().unwrap().code();
    assert_eq!(code(&base), Some(9));
    let archive = sample("");
    for round in 0..2 {
        let from = if round == 0 { &base } else { &output };
        let attached = attach(from, &archive, &output).unwrap();
        assert_eq!((attached.section, attached.replaced), (true, round == 1));
        assert_eq!(code(&output), Some(9));
        Archive::of_executable(&output).unwrap().verify().unwrap();
    }
    if has_tool("strip") {
        succeed(Command::new("strip").arg(&output));
        assert_eq!(code(&output), Some(9));
        Archive::of_executable(&output).unwrap().verify().unwrap();
        attach(&base, &archive, &output).unwrap();
    }
    detach(&output, &output).unwrap();
    assert_eq!(fs::read(&output).unwrap(), fs::read(&base).unwrap());
}

/// An ELF file (elf(5)): header, one segment of the whole file, sections none, `.text`, `.shstrtab`, names, code.
#[cfg(target_arch = "x86_64")]
fn table_in_front() -> Vec<u8> {
    const ADDRESS: u64 = 0x40_0000;
    const TABLE: u64 = 64 + 56;
    const NAMES: u64 = TABLE + 3 * 64;
    let names = b"\0.text\0.shstrtab\0";
    // mov edi, 9; mov eax, 60 (exit); syscall
    let code = b"\xbf\x09\0\0\0\xb8\x3c\0\0\0\x0f\x05";
    let code_at = NAMES + names.len() as u64;
    let length = code_at + code.len() as u64;
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    let mut put = |bytes: &[&[u8]]| file.extend(bytes.concat());
    put(&[&[2, 0, 62, 0], &1_u32.to_le_bytes()]);
    put(&[
        &(ADDRESS + code_at).to_le_bytes(),
        &64_u64.to_le_bytes(),
        &TABLE.to_le_bytes(),
    ]);
    put(&[&[0; 4], &[64, 0, 56, 0, 1, 0, 64, 0, 3, 0, 2, 0]]);
    put(&[&1_u32.to_le_bytes(), &5_u32.to_le_bytes()]);
    for value in [0, ADDRESS, ADDRESS, length, length, 4096] {
        put(&[&value.to_le_bytes()]);
    }
    for (name, kind, flags, address, offset, size) in [
        (0_u32, 0_u32, 0_u64, 0, 0, 0),
        (1, 1, 6, ADDRESS + code_at, code_at, code.len() as u64),
        (7, 3, 0, 0, NAMES, names.len() as u64),
    ] {
        put(&[&name.to_le_bytes(), &kind.to_le_bytes()]);
        for value in [flags, address, offset, size, 0, 1, 0] {
            put(&[&value.to_le_bytes()]);
        }
    }
    put(&[names, code]);
    file
}

/// Packers such as UPX rewrite a whole executable: an archive that is attached before goes with the rest.
fn a_packed_program_carries_an_archive_that_is_attached_after() {
    let Some(packer) = ["upx", "upx-ucl"].into_iter().find(|tool| has_tool(tool)) else {
        // Debian has no package of it: no reason to fail where others must be installed.
        eprintln!("SKIP: upx is not installed");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("program");
    fs::copy("/bin/echo", &program).unwrap();
    succeed(Command::new(packer).arg("-q").arg(&program));
    let output = directory.path().join("out");
    attach(&program, &sample(""), &output).unwrap();
    assert_eq!(succeed(Command::new(&output).arg("hello")), "hello\n");
    Archive::of_executable(&output).unwrap().verify().unwrap();
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
