//! Tests of extraction.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::{Builder, Fresh, FreshError, FreshOptions, Group, Level, Places, Refusal};

/// Small, empty, shared, executable and large files in directories of two groups.
pub(crate) fn sample() -> Archive {
    let mut builder = Builder::new();
    builder.level(Level::new(1));
    builder
        .bytes("empty", "")
        .unwrap()
        .bytes("same/one", "equal")
        .unwrap()
        .bytes("same/two", "equal")
        .unwrap();
    builder.group(Group(1)).executable(true);
    let large: Vec<u8> = (0..5_500_000_u32).map(|n| (n >> 7) as u8).collect();
    builder
        .bytes("bin/deep/large", large)
        .unwrap()
        .bytes("bin/empty", "")
        .unwrap();
    builder.bytes("bin/script", "#!/bin/sh\nexit 7\n").unwrap();
    Archive::from_bytes(builder.build().unwrap()).unwrap()
}

fn assert_extracted(archive: &Archive, directory: &Path, selection: Selection) {
    let mut found = 0;
    for entry in archive.entries() {
        let path = directory.join(entry.name());
        if !selection.has(entry.group()) {
            assert!(!path.exists(), "{path:?}");
            continue;
        }
        found += 1;
        assert_eq!(
            fs::read(&path).unwrap(),
            archive.read(entry.name()).unwrap(),
            "{path:?}"
        );
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(
            mode,
            if entry.is_executable() { 0o555 } else { 0o444 },
            "{path:?}"
        );
    }
    assert!(found > 0);
}

#[test]
fn the_errors_are_small() {
    assert!(size_of::<ExtractError>() <= 64);
    assert!(size_of::<FreshError>() <= 64);
}

#[test]
fn all_files_or_one_group_are_extracted() {
    let archive = sample();
    for selection in [
        Selection::all(),
        Selection::group(Group(0)),
        Selection::group(Group(1)),
    ] {
        let directory = tempfile::tempdir().unwrap();
        archive
            .extract(directory.path().join("new/directory"), selection)
            .unwrap();
        assert_extracted(&archive, &directory.path().join("new/directory"), selection);
    }
}

#[test]
fn nothing_is_overwritten_and_no_link_is_followed() {
    let archive = sample();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("empty"), "mine").unwrap();
    let error = archive
        .extract(directory.path(), Selection::all())
        .unwrap_err();
    assert!(
        matches!(&error, ExtractError::Write { path, .. } if path.ends_with("empty")),
        "{error}"
    );
    assert_eq!(fs::read(directory.path().join("empty")).unwrap(), b"mine");

    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("target");
    std::os::unix::fs::symlink(&target, directory.path().join("empty")).unwrap();
    archive
        .extract(directory.path(), Selection::all())
        .unwrap_err();
    assert!(!target.exists());
}

#[test]
fn a_fresh_directory_is_removed_on_drop_and_on_panic() {
    let archive = sample();
    let parent = tempfile::tempdir().unwrap();
    let options = FreshOptions::new().places(Places::only(parent.path()));
    let fresh = Fresh::extract(&archive, &options).unwrap();
    assert_extracted(&archive, fresh.path(), Selection::all());
    drop(fresh);
    let unwound = std::panic::catch_unwind(|| {
        let _fresh = Fresh::extract(&archive, &options).unwrap();
        panic!("on purpose");
    });
    assert!(unwound.is_err());
    Fresh::extract(&archive, &options).unwrap().close().unwrap();
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[test]
fn bad_places_are_named_and_the_next_one_is_tried() {
    let archive = sample();
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    let bad = Places::first(parent.path().join("absent")).then(Places::only(&file));
    let Err(FreshError::NoPlace { tried }) =
        Fresh::extract(&archive, &FreshOptions::new().places(bad.clone()))
    else {
        panic!("extracted")
    };
    assert!(matches!(tried[0].refusal, Refusal::Missing) && tried[0].directory.ends_with("absent"));
    assert!(matches!(tried[1].refusal, Refusal::NotADirectory) && tried[1].directory == file);
    let text = FreshError::NoPlace { tried }.to_string();
    assert!(
        text.contains("absent` does not exist") && text.contains("file` is not a directory"),
        "{text}"
    );

    let fresh = Fresh::extract(
        &archive,
        &FreshOptions::new().places(bad.then(Places::only(parent.path()))),
    )
    .unwrap();
    assert_eq!(fresh.path().parent().unwrap(), parent.path());
}

#[test]
fn a_damaged_archive_leaves_no_directory() {
    let mut bytes = {
        let mut builder = Builder::new();
        builder
            .bytes("a", vec![1; 1000])
            .unwrap()
            .bytes("b", "text")
            .unwrap();
        builder.build().unwrap()
    };
    bytes[130] ^= 0x55;
    let archive = Archive::from_bytes(bytes).unwrap();
    assert_eq!(archive.verify().unwrap_err().total, 2);
    let parent = tempfile::tempdir().unwrap();
    let error = Fresh::extract(
        &archive,
        &FreshOptions::new().places(Places::only(parent.path())),
    )
    .unwrap_err();
    assert!(matches!(error, FreshError::Read(_)), "{error}");
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[test]
fn damage_in_a_long_run_is_an_error_and_holds_no_thread_up() {
    let large: Vec<u8> = (0..6_000_000_u32)
        .map(|n| (n.isqrt() % 251) as u8)
        .collect();
    let mut builder = Builder::new();
    builder.level(Level::new(1)).bytes("large", large).unwrap();
    let bytes = builder.build().unwrap();
    let two = NonZeroUsize::new(2).unwrap();
    for at in (128..bytes.len() - 200).step_by(bytes.len() / 40) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        let archive = Archive::from_bytes(damaged).unwrap();
        let parent = tempfile::tempdir().unwrap();
        let options = FreshOptions::new()
            .places(Places::only(parent.path()))
            .threads(two);
        let extracted = Fresh::extract(&archive, &options);
        assert_eq!(extracted.is_ok(), archive.verify().is_ok(), "byte {at}");
        drop(extracted);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}

#[test]
fn executables_start_at_once_though_other_threads_fork() {
    #![expect(
        clippy::disallowed_methods,
        reason = "the test is about starting what was extracted"
    )]
    use std::process::Command;
    let archive = sample();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    Command::new("/bin/true").status().unwrap();
                }
            });
        }
        for _ in 0..40 {
            let fresh = Fresh::extract(
                &archive,
                &FreshOptions::new().selection(Selection::group(Group(1))),
            )
            .unwrap();
            let status = Command::new(fresh.path().join("bin/script")).status();
            if !status.as_ref().is_ok_and(|status| status.code() == Some(7)) {
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
                panic!("{status:?}");
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
