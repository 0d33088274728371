//! Names that nobody can guess.
use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// 128 random bits in hexadecimal.
pub(crate) fn hexadecimal() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    // Up to 256 bytes are never cut short once the pool is ready (getrandom(2)), but a signal may come before that.
    let length = rustix::io::retry_on_intr(|| getrandom(&mut bytes, GetRandomFlags::empty()))?;
    if length != bytes.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(format!("{:032x}", u128::from_le_bytes(bytes)))
}
