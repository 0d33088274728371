//! Archives in the repository: what an earlier version wrote must be read for ever.
use embedded_archive::{Archive, Builder, Group, Level, OpenError, Selection};

const GOLDEN: &[u8] = include_bytes!("../golden/format-1.archive");

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

#[test]
fn a_newer_major_version_is_an_error_that_names_both() {
    let mut newer = GOLDEN.to_vec();
    newer[16..18].copy_from_slice(&2_u16.to_le_bytes());
    let error = Archive::from_bytes(newer).unwrap_err();
    assert!(matches!(
        error,
        OpenError::Version {
            major: 2,
            minor: 0,
            ..
        }
    ));
    let text = error.to_string();
    assert!(
        text.contains("format 2.0") && text.contains("format 1.x"),
        "{text}"
    );
}
