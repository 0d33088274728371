//! The fingerprint of a compiled interface: by it the compiler and `Dynlink` tell whether two units mean the same one.

/// The length of the magic number that a compiled interface begins with (`utils/config.ml`).
const MAGIC: usize = 12;

/// The marshalled values that follow it begin with these, by whether their lengths have 32 or 64 bits (`runtime/intern.c`).
const SMALL: [u8; 4] = [0x84, 0x95, 0xa6, 0xbe];
const BIG: [u8; 4] = [0x84, 0x95, 0xa6, 0xbf];

/// A list, a pair in it, and a string shorter than 32 bytes with its length; as `Marshal` writes them.
const LIST: u8 = 0xa0;
const PAIR: u8 = 0xa0;
const STRING: std::ops::Range<u8> = 0x20..0x40;
/// A longer string, with its length in a byte.
const LONG_STRING: u8 = 0x09;
/// `Some` of a string of 16 bytes.
const SOME_DIGEST: [u8; 2] = [0x90, 0x30];

/// The unit that the compiled interface `cmi` is of, and its fingerprint in hexadecimal, as `ocamlobjinfo` prints it.
/// `None` when these are no compiled interface that this reads.
///
/// After the interface itself comes the list of all interfaces that it is made of, with its own first
/// (`typing/cmi_format.ml`).
pub(super) fn of(cmi: &[u8]) -> Option<(String, String)> {
    let after_magic = cmi.get(MAGIC..)?;
    let (_, rest) = value(after_magic)?;
    let (crcs, _) = value(rest)?;
    let crcs = crcs.strip_prefix(&[LIST, PAIR])?;
    let (name, crcs) = string(crcs)?;
    let digest = crcs.strip_prefix(&SOME_DIGEST)?.first_chunk::<16>()?;
    let hexadecimal = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some((String::from_utf8(name.to_vec()).ok()?, hexadecimal))
}

/// The data of the marshalled value that `bytes` begin with, and what follows it.
fn value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, length) = match *bytes.first_chunk()? {
        SMALL => (
            20,
            u64::from(u32::from_be_bytes(bytes.get(4..8)?.try_into().ok()?)),
        ),
        BIG => (32, u64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?)),
        _ => return None,
    };
    bytes
        .get(header..)?
        .split_at_checked(usize::try_from(length).ok()?)
}

fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match bytes {
        [code, rest @ ..] if STRING.contains(code) => {
            rest.split_at_checked(usize::from(code - STRING.start))
        }
        [LONG_STRING, length, rest @ ..] => rest.split_at_checked(usize::from(*length)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An interface, in parts: magic number, header and data of the interface, header and data of the list.
    fn interface(name: &[u8]) -> Vec<u8> {
        let header = |length: u8| [&SMALL[..], &[0, 0, 0, length], &[0; 12]].concat();
        let list = [&[LIST, PAIR], name, &SOME_DIGEST, &[0xab; 16], &[0x40]].concat();
        let parts: [&[u8]; 5] = [
            b"Caml1999I030",
            &header(3),
            b"any",
            &header(list.len() as u8),
            &list,
        ];
        parts.concat()
    }

    #[test]
    fn the_first_of_the_fingerprints_is_the_interfaces_own() {
        let expected = |name: &str| Some((name.to_owned(), "ab".repeat(16)));
        assert_eq!(of(&interface(b"\x24Unix")), expected("Unix"));
        let long = "A".repeat(40);
        let marshalled = [&[LONG_STRING, 40], long.as_bytes()].concat();
        assert_eq!(of(&interface(&marshalled)), expected(&long));
    }

    #[test]
    fn what_is_no_interface_has_no_fingerprint() {
        let whole = interface(b"\x24Unix");
        // All that counts is there without the end of the list.
        for length in 0..whole.len() - 1 {
            assert_eq!(of(&whole[..length]), None, "{length}");
        }
        for at in [12, 13, 20, 35, 40, 55] {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            let _ = of(&damaged);
        }
        assert_eq!(of(b"Caml1999I030no value"), None);
    }
}
