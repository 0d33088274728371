//! Tests of the packer.
use std::os::unix::fs::symlink;

use super::*;
use crate::{Archive, ReadError};
use proptest::prelude::*;

#[test]
fn the_errors_are_small() {
    assert!(size_of::<AddError>() <= 64);
    assert!(size_of::<BuildError>() <= 64);
}

#[test]
fn a_name_is_taken_once_and_is_a_file_or_a_directory() {
    let mut builder = Builder::new();
    builder
        .bytes("a", "")
        .unwrap()
        .bytes("d/e/f", "")
        .unwrap()
        .bytes("d-", "")
        .unwrap();
    assert!(matches!(
        builder.bytes("a", "x"),
        Err(AddError::Duplicate { .. })
    ));
    for (name, above) in [
        ("a/b", "a"),
        ("d", "d"),
        ("d/e", "d/e"),
        ("d/e/f/g", "d/e/f"),
    ] {
        let Err(AddError::FileAndDirectory { directory, .. }) = builder.bytes(name, "") else {
            panic!("{name} was taken")
        };
        assert_eq!(directory, above);
    }
    assert!(matches!(builder.bytes("../x", ""), Err(AddError::Name(_))));
    assert_eq!(
        Archive::from_bytes(builder.build().unwrap())
            .unwrap()
            .entries()
            .len(),
        3
    );
}

#[test]
fn a_directory_is_added_with_its_executable_bits_and_links_to_files_followed() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("bin")).unwrap();
    fs::write(directory.path().join("bin/tool"), "tool").unwrap();
    fs::set_permissions(
        directory.path().join("bin/tool"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    fs::write(directory.path().join("plain"), "plain").unwrap();
    symlink("plain", directory.path().join("link")).unwrap();

    let mut builder = Builder::new();
    builder.directory("p", directory.path()).unwrap();
    let archive = Archive::from_bytes(builder.build().unwrap()).unwrap();
    let files: Vec<_> = archive
        .entries()
        .map(|entry| (entry.name().to_owned(), entry.is_executable()))
        .collect();
    assert_eq!(
        files,
        [
            ("p/bin/tool".to_owned(), true),
            ("p/link".to_owned(), false),
            ("p/plain".to_owned(), false)
        ]
    );
    assert_eq!(archive.read("p/link").unwrap(), b"plain");

    symlink("bin", directory.path().join("loop")).unwrap();
    assert!(matches!(
        Builder::new().directory("", directory.path()),
        Err(AddError::Kind { .. })
    ));
}

#[test]
fn equal_files_are_kept_once() {
    let noise: Vec<u8> = (0..3000_u32)
        .flat_map(|n| *blake3::hash(&n.to_le_bytes()).as_bytes())
        .collect();
    let mut one = Builder::new();
    one.bytes("a", noise.clone()).unwrap();
    let mut two = one.clone();
    two.bytes("b", noise.clone()).unwrap();
    let (one, two) = (one.build().unwrap(), two.build().unwrap());
    assert!(
        two.len() < one.len() + 200,
        "{} and {}",
        one.len(),
        two.len()
    );
    let archive = Archive::from_bytes(two).unwrap();
    assert_eq!(archive.read("a").unwrap(), noise);
    assert_eq!(archive.read("b").unwrap(), noise);
    archive.verify().unwrap();
}

#[test]
fn order_of_adding_and_number_of_threads_change_nothing_and_the_level_changes_no_identity() {
    let files: Vec<(String, Vec<u8>)> = (0..40_usize)
        .map(|n| (format!("d{}/f{n}", n % 3), vec![n as u8; n * 10_000]))
        .collect();
    let build = |files: &mut dyn Iterator<Item = &(String, Vec<u8>)>, threads, level| {
        let mut builder = Builder::new();
        builder
            .threads(NonZeroUsize::new(threads).unwrap())
            .level(level);
        for (name, contents) in files {
            builder.bytes(name, contents.clone()).unwrap();
        }
        builder.build().unwrap()
    };
    let one = build(&mut files.iter(), 1, Level::DEVELOPMENT);
    assert_eq!(build(&mut files.iter().rev(), 3, Level::DEVELOPMENT), one);
    let other = build(&mut files.iter(), 2, Level::new(1));
    assert_ne!(other, one);
    assert_eq!(
        Archive::from_bytes(other).unwrap().tree(),
        Archive::from_bytes(one).unwrap().tree()
    );
}

#[test]
fn progress_ends_at_the_total() {
    let mut builder = Builder::new();
    builder
        .level(Level::new(1))
        .bytes("big", vec![0; 3 << 20])
        .unwrap()
        .bytes("small", "x")
        .unwrap();
    let mut calls = Vec::new();
    builder
        .build_with(&mut |progress| calls.push(progress))
        .unwrap();
    assert!(calls.windows(2).all(|pair| pair[0].done <= pair[1].done));
    assert_eq!(
        *calls.last().unwrap(),
        Progress {
            done: (3 << 20) + 1,
            total: (3 << 20) + 1
        }
    );
}

#[test]
fn absent_files_are_named() {
    let archive = Archive::from_bytes(Builder::new().build().unwrap()).unwrap();
    assert!(matches!(archive.read("a"), Err(ReadError::NoSuchFile { name }) if name == "a"));
    assert!(
        matches!(Builder::new().file("a", "/nonexistent/b"), Err(AddError::Io { path, .. }) if path == Path::new("/nonexistent/b"))
    );
    assert!(matches!(
        Builder::new().file("a", "/dev/null"),
        Err(AddError::Kind { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_is_packed_is_read_back(
        files in prop::collection::btree_map("[a-c]{1,3}(/[a-c]{1,2})?\\.[xy]", (any::<u8>(), 0_usize..3, 0_usize..2_500_000, any::<bool>()), 0..8),
        json in prop::option::of(any::<Vec<u32>>()),
    ) {
        let mut builder = Builder::new();
        builder.level(Level::new(1));
        let mut kept = Vec::new();
        for (name, (byte, group, length, executable)) in files {
            let contents: Vec<u8> = (0..length).map(|n| byte ^ (n >> 8) as u8).collect();
            builder.group(Group(group as u8)).executable(executable);
            if builder.bytes(&name, contents.clone()).is_ok() {
                kept.push((name, contents, group, executable));
            }
        }
        if let Some(json) = &json {
            builder.metadata(1, json).unwrap();
        }
        let archive = Archive::from_bytes(builder.build().unwrap()).unwrap();
        prop_assert_eq!(archive.entries().len(), kept.len());
        for (name, contents, group, executable) in &kept {
            let entry = archive.entry(name).unwrap();
            prop_assert_eq!((entry.len(), usize::from(entry.group().0), entry.is_executable()), (contents.len() as u64, *group, *executable));
            prop_assert_eq!(&archive.read(name).unwrap(), contents);
        }
        prop_assert!(archive.verify().is_ok());
        prop_assert_eq!(archive.tree_of(crate::Selection::all()), archive.tree());
        prop_assert_eq!(archive.metadata::<Vec<u32>>(1).ok(), json);
    }
}
