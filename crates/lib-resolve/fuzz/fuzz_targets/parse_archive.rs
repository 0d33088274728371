//! The tables of compiled archives, from any bytes: no panic, and no more units than there are bytes.
#![no_main]

use lib_resolve::ArchiveContents;

libfuzzer_sys::fuzz_target!(|source: &[u8]| {
    for magic in [&b"Caml1999A029\0\0\0\x10"[..], b"Caml1999Z029"] {
        let archive = [magic, source].concat();
        if let Some(contents) = ArchiveContents::parse(&archive) {
            assert!(contents.units.len() <= source.len());
        }
    }
});
