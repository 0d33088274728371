//! Numbers and strings in stored files: integers little-endian, strings behind their length (`u32`).

pub(crate) fn push_number(bytes: &mut Vec<u8>, number: u32) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

/// A length that does not fit is stored as one that no file has, so that what is read fails.
pub(crate) fn push_length(bytes: &mut Vec<u8>, length: usize) {
    push_number(bytes, u32::try_from(length).unwrap_or(u32::MAX));
}

pub(crate) fn push_string(bytes: &mut Vec<u8>, string: &[u8]) {
    push_length(bytes, string.len());
    bytes.extend_from_slice(string);
}

pub(crate) fn take_number(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}

pub(crate) fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (&byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(byte)
}

pub(crate) fn take_string<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_number(bytes)? as usize;
    let (string, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(string)
}
