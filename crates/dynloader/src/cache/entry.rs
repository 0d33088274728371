//! The stored form of a plugin: its key and a digest around the sealed file and what the compiler said.
//!
//! Layout, integers little-endian: magic (8 bytes), version (`u32`), key (32 bytes), the length of the compiler's
//! messages (`u32`), the messages, the sealed file, BLAKE3 digest of all that comes before (32 bytes).

use std::ops::Range;

use super::diagnostics;
use super::key::Key;
use crate::diagnostic::Diagnostic;
use crate::fields::{push_string, take_string};

const MAGIC: &[u8; 8] = b"SDLBCACH";
const VERSION: u32 = 2;
const HEAD: usize = MAGIC.len() + 4 + 32;

/// The bytes to store for a sealed plugin and what the compiler said of its sources.
pub(crate) fn encode(key: &Key, sealed: &[u8], diagnostics: &[Diagnostic]) -> Vec<u8> {
    let diagnostics = diagnostics::encode(diagnostics, &key.files);
    let mut bytes = Vec::with_capacity(HEAD + 4 + diagnostics.len() + sealed.len() + 32);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&key.digest());
    push_string(&mut bytes, &diagnostics);
    bytes.extend_from_slice(sealed);
    let digest = blake3::hash(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    bytes
}

/// Where the sealed plugin is, and the compiler's messages, when `bytes` are what was stored for `key`. Anything else is as
/// if nothing had been stored.
pub(crate) fn decode(key: &Key, bytes: &[u8]) -> Option<(Range<usize>, Vec<Diagnostic>)> {
    let (rest, digest) = bytes.split_last_chunk::<32>()?;
    if blake3::hash(rest) != *digest {
        return None;
    }
    let (head, mut rest) = rest.split_at_checked(HEAD)?;
    let expected = [&MAGIC[..], &VERSION.to_le_bytes(), &key.digest()].concat();
    if head != expected {
        return None;
    }
    let diagnostics = diagnostics::decode(take_string(&mut rest)?, &key.files)?;
    let end = bytes.len() - digest.len();
    Some((end - rest.len()..end, diagnostics))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use proptest::prelude::*;

    fn key(byte: u8) -> Key {
        Key {
            plugin: [byte; 32],
            context: [0; 32],
            files: vec![],
        }
    }

    #[test]
    fn an_entry_is_only_good_for_its_key() {
        let said = [Diagnostic::unplaced(Severity::Warning, "beware".to_owned())];
        let stored = encode(&key(1), b"sealed", &said);
        let (place, told) = decode(&key(1), &stored).unwrap();
        assert_eq!((&stored[place], &told[..]), (&b"sealed"[..], &said[..]));
        assert_eq!(decode(&key(2), &stored), None);
    }

    proptest! {
        #[test]
        fn no_damage_goes_unnoticed(sealed in prop::collection::vec(any::<u8>(), 0..100), at: prop::sample::Index, flip in 1u8..) {
            let mut stored = encode(&key(1), &sealed, &[]);
            let cut = at.index(stored.len());
            prop_assert_eq!(decode(&key(1), &stored[..cut]), None);
            stored[cut] ^= flip;
            prop_assert_eq!(decode(&key(1), &stored), None);
        }
    }
}
