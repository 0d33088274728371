//! Archives in the repository: what an earlier version wrote must be read for ever.
use embedded_archive::{Archive, Builder, Group, Level, OpenError, Selection};

const GOLDEN: &[u8] = include_bytes!("../golden/format-1.archive");
const NEWER_MINOR: &[u8] = include_bytes!("../golden/format-1.7.archive");
const WOVEN: &[u8] = include_bytes!("../golden/format-2.archive");
const NEWER_MAJOR: &[u8] = include_bytes!("../golden/format-3.archive");
const STORED: &[u8] = include_bytes!("../golden/stored.archive");

/// The builder that wrote the golden archive.
fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .level(Level::RELEASE)
        .bytes("empty", "")
        .unwrap()
        .bytes("text/one", "one\n".repeat(1000))
        .unwrap();
    builder.bytes("text/same", "one\n".repeat(1000)).unwrap();
    builder
        .group(Group(2))
        .executable(true)
        .bytes("bin/tool", "#!/bin/sh\nexit 0\n")
        .unwrap();
    // A file that is filtered: machine code as far as its header says.
    let mut code = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0".to_vec();
    for call in 0..200_i32 {
        code.push(0xe8);
        code.extend((1000 - code.len() as i32 - 4 + call % 3).to_le_bytes());
    }
    builder.bytes("bin/code", code).unwrap();
    builder.metadata(7, &("golden", [1, 2, 3])).unwrap();
    builder
}

#[test]
fn the_golden_archive_of_format_1_is_read() {
    let archive = Archive::from_bytes(GOLDEN).unwrap();
    assert_eq!(archive.format_version(), (1, 0));
    archive.verify().unwrap();
    let entries: Vec<_> = archive
        .entries()
        .map(|entry| {
            (
                entry.name(),
                entry.len(),
                entry.is_executable(),
                entry.group().0,
            )
        })
        .collect();
    let expected = [
        ("bin/code", 1020, true, 2),
        ("bin/tool", 17, true, 2),
        ("empty", 0, false, 0),
        ("text/one", 4000, false, 0),
        ("text/same", 4000, false, 0),
    ];
    assert_eq!(entries, expected);
    assert_eq!(
        archive.read("text/same").unwrap(),
        "one\n".repeat(1000).as_bytes()
    );
    assert_eq!(
        archive.metadata::<(String, [u32; 3])>(7).unwrap(),
        ("golden".to_owned(), [1, 2, 3])
    );
    assert_eq!(archive.tree().to_string(), TREE);
    let directory = tempfile::tempdir().unwrap();
    archive
        .extract(directory.path(), Selection::group(Group(2)))
        .unwrap();
    assert!(directory.path().join("bin/code").exists() && !directory.path().join("text").exists());
}

const TREE: &str = "17fd17cd4c528af713f510bab9a786c550a391b31f3fae934388a841aa85eba3";

#[test]
fn the_files_of_the_golden_archive_have_the_same_identity_when_packed_now() {
    // Not the same bytes: another version of zstd may pack better.
    let now = Archive::from_bytes(builder().build().unwrap()).unwrap();
    assert_eq!(now.tree().to_string(), TREE);
    assert_eq!(
        now.metadata_json().unwrap(),
        Archive::from_bytes(GOLDEN)
            .unwrap()
            .metadata_json()
            .unwrap()
    );
}

/// Two programs that are long enough for their code and data to be packed apart: as far as their headers say.
fn programs() -> [(&'static str, Vec<u8>); 2] {
    let program = |length: usize, salt: u8| {
        let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0".to_vec();
        file.resize(64, 0);
        (file[0x20], file[0x38]) = (64, 2);
        for (flags, start, size) in [(5_u32, 4096_u64, 900_000_u64), (6, 1_000_000, 500_000)] {
            file.extend([1, flags].map(u32::to_le_bytes).concat());
            file.extend(
                [start, 0, 0, size, size, 4096]
                    .map(u64::to_le_bytes)
                    .concat(),
            );
        }
        file.extend([salt; 50]);
        file.resize(length, 0x90);
        for at in (4096..900_000).step_by(10_007) {
            file[at] = 0xe8;
        }
        for at in (1_000_000..1_500_000).step_by(30_011) {
            file[at] = salt;
        }
        file
    };
    [
        ("bin/one", program(4_300_000, 1)),
        ("lib/two", program(4_200_000, 2)),
    ]
}

#[test]
fn the_golden_archive_of_format_2_is_read() {
    let archive = Archive::from_bytes(WOVEN).unwrap();
    assert_eq!(archive.format_version(), (2, 0));
    archive.verify().unwrap();
    assert_eq!(archive.tree().to_string(), WOVEN_TREE);
    let directory = tempfile::tempdir().unwrap();
    archive.extract(directory.path(), Selection::all()).unwrap();
    for (name, contents) in programs() {
        assert!(archive.read(name).unwrap() == contents, "{name}");
        assert!(std::fs::read(directory.path().join(name)).unwrap() == contents);
    }
}

#[test]
fn a_damaged_byte_of_a_woven_run_is_noticed_where_it_lies() {
    let original = Archive::from_bytes(WOVEN).unwrap();
    let end = u64::from_le_bytes(WOVEN[32..40].try_into().unwrap()) as usize;
    for at in (128..end).step_by(7) {
        let mut bytes = WOVEN.to_vec();
        bytes[at] ^= 0x21;
        let archive = Archive::from_bytes(bytes).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let extracted = archive.extract(directory.path(), Selection::all()).is_ok();
        assert_eq!(extracted, archive.verify().is_ok());
        for (name, _) in programs() {
            if let Ok(contents) = archive.read(name) {
                assert!(contents == original.read(name).unwrap());
            }
        }
    }
}

#[test]
fn only_long_runs_of_programs_need_format_2() {
    let mut builder = Builder::new();
    builder.level(Level::new(1));
    for (name, contents) in programs() {
        builder.bytes(name, contents).unwrap();
    }
    let woven = Archive::from_bytes(builder.build().unwrap()).unwrap();
    assert_eq!(woven.format_version(), (2, 0));
    assert_eq!(woven.tree().to_string(), WOVEN_TREE);
    let plain = Archive::from_bytes(self::builder().build().unwrap()).unwrap();
    assert_eq!(plain.format_version(), (1, 0));
}

const WOVEN_TREE: &str = "9daca388a1b5dfb230999d1c7c1490d41ed88d23e07907c8eaa062255e14e9dd";

/// What format 1.7 may look like: longer records, a table behind the names, another minor version.
fn newer_minor() -> Vec<u8> {
    let number = |at: usize| u64::from_le_bytes(GOLDEN[at..at + 8].try_into().unwrap()) as usize;
    let count = |at: usize| u32::from_le_bytes(GOLDEN[at..at + 4].try_into().unwrap()) as usize;
    let (start, length) = (number(32), number(40));
    let (files, runs, chunks) = (count(start), count(start + 4), count(start + 8));
    let records = start + 64 + chunks * 24 + runs * 8;
    let mut bytes = GOLDEN[..records].to_vec();
    for record in GOLDEN[records..records + files * 64].chunks(64) {
        bytes.extend(record);
        bytes.extend(*b"a field of later");
    }
    bytes.extend(&GOLDEN[records + files * 64..start + length]);
    bytes.extend(b"a table of later");
    let whole = bytes.len() as u64;
    bytes[18..20].copy_from_slice(&7_u16.to_le_bytes());
    bytes[20..22].copy_from_slice(&80_u16.to_le_bytes());
    bytes[24..32].copy_from_slice(&whole.to_le_bytes());
    bytes[40..48].copy_from_slice(&(whole - start as u64).to_le_bytes());
    let digest = *blake3::hash(&bytes[start..]).as_bytes();
    bytes[96..128].copy_from_slice(&digest);
    bytes[60..64].fill(0);
    let checksum = crc32fast::hash(&bytes[..128]);
    bytes[60..64].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

#[test]
fn what_a_newer_minor_version_adds_is_ignored() {
    assert!(
        newer_minor() == NEWER_MINOR,
        "the golden archive is not what the test says"
    );
    let (older, newer) = (
        Archive::from_bytes(GOLDEN).unwrap(),
        Archive::from_bytes(NEWER_MINOR).unwrap(),
    );
    assert_eq!(newer.format_version(), (1, 7));
    newer.verify().unwrap();
    assert_eq!(newer.tree(), older.tree());
    assert_eq!(
        newer.metadata_json().unwrap(),
        older.metadata_json().unwrap()
    );
    for entry in older.entries() {
        assert_eq!(
            newer.read(entry.name()).unwrap(),
            older.read(entry.name()).unwrap()
        );
    }
}

/// Chunks that are stored as they are: they need no decoder, so that Miri can read them (see `cargo xtask miri`).
#[test]
fn the_golden_archive_of_stored_chunks_is_read() {
    let archive = Archive::from_bytes(STORED).unwrap();
    archive.verify().unwrap();
    assert_eq!(archive.tree().to_string(), STORED_TREE);
    for (name, contents) in stored_files() {
        assert_eq!(archive.read(name).unwrap(), contents, "{name}");
    }
}

/// Too short, and too much like noise, to be packed.
fn stored_files() -> [(&'static str, Vec<u8>); 4] {
    let noise = |salt: u8| blake3::hash(&[salt]).as_bytes().to_vec();
    [
        ("a", b"x".to_vec()),
        ("b/empty", Vec::new()),
        ("b/noise", noise(1)),
        ("c/d/noise", [noise(2), noise(3), noise(4)].concat()),
    ]
}

const STORED_TREE: &str = "258d1f73cd9d845dea17e3d5a94a5404e7b7480c5276cd10223dc1e7b90aa626";

#[test]
fn a_newer_major_version_is_an_error_that_names_both() {
    let error = Archive::from_bytes(NEWER_MAJOR).unwrap_err();
    assert!(matches!(
        error,
        OpenError::Version {
            major: 3,
            minor: 0,
            ..
        }
    ));
    let text = error.to_string();
    assert!(
        text.contains("format 3.0") && text.contains("formats 1.x to 2.x"),
        "{text}"
    );
}
