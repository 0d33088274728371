//! Bytes that somebody changed: an error or the same files, never a panic, never other files.
use std::sync::LazyLock;

use embedded_archive::{Archive, Builder, Level, Selection};
use proptest::prelude::*;

static SAMPLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut builder = Builder::new();
    builder
        .level(Level::new(3))
        .bytes("a", "text ".repeat(300))
        .unwrap()
        .bytes("b/c", [7; 500])
        .unwrap()
        .bytes("b/d", "")
        .unwrap();
    builder.metadata(1, &"metadata").unwrap();
    builder.build().unwrap()
});

/// Opens, reads and extracts; whatever is handed out must be what was packed.
fn assert_harmless(bytes: Vec<u8>) {
    let Ok(archive) = Archive::from_bytes(bytes) else {
        return;
    };
    let original = Archive::from_bytes(SAMPLE.clone()).unwrap();
    for entry in archive.entries() {
        if let Ok(contents) = archive.read(entry.name()) {
            assert_eq!(embedded_archive::Digest::of(&contents), entry.digest());
            assert_eq!(contents, original.read(entry.name()).unwrap());
        }
    }
    let _ = archive.metadata_json();
    let directory = tempfile::tempdir().unwrap();
    if archive.extract(directory.path(), Selection::all()).is_ok() {
        archive.verify().unwrap();
        assert_eq!(archive.tree(), original.tree());
    }
}

#[test]
fn every_byte_changed_alone_is_harmless() {
    for at in 0..SAMPLE.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = SAMPLE.clone();
            bytes[at] ^= change;
            assert_harmless(bytes);
        }
    }
}

#[test]
fn every_truncation_is_an_error() {
    for length in 0..SAMPLE.len() {
        assert!(Archive::from_bytes(&SAMPLE[..length]).is_err(), "{length}");
    }
}

#[test]
fn bytes_after_the_archive_are_ignored() {
    let archive = Archive::from_bytes([&SAMPLE[..], &[0xee; 100]].concat()).unwrap();
    archive.verify().unwrap();
}

proptest! {
    #[test]
    fn many_changes_are_harmless(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = SAMPLE.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        assert_harmless(bytes);
    }

    #[test]
    fn noise_is_harmless(noise in prop::collection::vec(any::<u8>(), 0..4096), keep in 0_usize..400) {
        assert_harmless(noise.clone());
        let keep = keep.min(SAMPLE.len());
        assert_harmless([&SAMPLE[..keep], &noise].concat());
    }
}
