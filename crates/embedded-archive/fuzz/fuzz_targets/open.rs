//! Opens bytes as an archive, after making its checksums right, and unpacks everything to memory.
#![no_main]
use embedded_archive::{Archive, Digest, Memory, Selection};
use libfuzzer_sys::fuzz_target;

/// Without this nearly every input ends at a checksum.
fn correct(bytes: &mut [u8]) -> Option<()> {
    let word = |bytes: &[u8], at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?) as usize);
    let (start, length) = (word(bytes, 32)?, word(bytes, 40)?);
    let digest = *blake3::hash(bytes.get(start..start.checked_add(length)?)?).as_bytes();
    bytes.get_mut(96..128)?.copy_from_slice(&digest);
    bytes.get_mut(60..64)?.fill(0);
    let checksum = crc32fast::hash(bytes.get(..128)?);
    bytes.get_mut(60..64)?.copy_from_slice(&checksum.to_le_bytes());
    Some(())
}

fuzz_target!(|input: &[u8]| {
    let mut bytes = input.to_vec();
    let _ = correct(&mut bytes);
    for bytes in [input.to_vec(), bytes] {
        let Ok(archive) = Archive::from_bytes(bytes) else { continue };
        if archive.unpacked_len(Selection::all()) > 64 << 20 {
            continue;
        }
        let sound = archive.verify().is_ok();
        for entry in archive.entries() {
            match archive.read(entry.name()) {
                Ok(contents) => assert_eq!((contents.len() as u64, Digest::of(&contents)), (entry.len(), entry.digest())),
                Err(_) => assert!(!sound),
            }
        }
        let _ = archive.metadata_json();
        if archive.entries().len() < 100 {
            let _ = Memory::load(&archive, Selection::all());
        }
    }
});
