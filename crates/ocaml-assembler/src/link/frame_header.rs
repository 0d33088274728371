//! `.eh_frame_hdr`: the sorted table by which unwinders find a function's call frame information.
//!
//! Source: Linux Standard Base core, "Exception Frames" and ".eh_frame_hdr section".

use super::Error;
use crate::elf::Image;
use crate::object::Object;

/// The size of the table for so many functions.
pub(super) fn size(frames: usize) -> u64 {
    12 + 8 * frames as u64
}

/// How many functions the section, an `.eh_frame`, describes.
///
/// # Errors
/// When the section is malformed, or encodes addresses in another way than as 4-byte distances,
/// which is the way of all compilers for this processor.
pub(super) fn count(object: &Object, section: usize) -> Result<usize, Error> {
    Ok(entries(object, section)?.len())
}

/// The offsets of the entries that describe functions.
pub(super) fn entries(object: &Object, section: usize) -> Result<Vec<u32>, Error> {
    parse(&object.sections[section].data).ok_or_else(|| Error::UnsupportedFrames {
        object: object.name().into(),
    })
}

fn parse(data: &[u8]) -> Option<Vec<u32>> {
    let word = |offset: usize| {
        Some(u32::from_le_bytes(
            data.get(offset..offset + 4)?.try_into().ok()?,
        ))
    };
    let mut entries = Vec::new();
    let mut offset = 0;
    while offset < data.len() {
        let length = word(offset)? as usize;
        let end = (offset + 4).checked_add(length)?;
        // A zero length ends the table; a length of 2^32 - 1 announces a 64-bit one.
        if length < 4 || length == u32::MAX as usize || end > data.len() {
            return None;
        }
        let pointer = word(offset + 4)? as usize;
        if pointer == 0 {
            if !is_known_form(&data[offset + 8..end]) {
                return None;
            }
        } else {
            // Function begin and length follow.
            if pointer > offset + 4 || length < 12 {
                return None;
            }
            entries.push(u32::try_from(offset).ok()?);
        }
        offset = end;
    }
    Some(entries)
}

/// Whether a common information entry says that addresses are 4-byte distances (0x1b).
fn is_known_form(entry: &[u8]) -> bool {
    let Some((&1, rest)) = entry.split_first() else {
        return false;
    };
    let Some(zero) = rest.iter().position(|&byte| byte == 0) else {
        return false;
    };
    let (augmentation, rest) = (&rest[..zero], &rest[zero + 1..]);
    // Code alignment, data alignment, return register and the augmentation's length are all one
    // byte long for this processor.
    // With a personality routine, pointers to language data follow; plugins have no C++.
    augmentation == b"zR" && matches!(rest, [_, _, _, 1, 0x1b, ..])
}

/// Writes the table to `header` for the entries at these addresses. The call frame information
/// begins at `frames`; its relocations have been applied.
pub(super) fn write(image: &mut Image, header: u64, frames: u64, entries: &[u64]) -> Option<()> {
    let distance = |from: u64, to: u64| i32::try_from(to.cast_signed() - from.cast_signed()).ok();
    let mut table = Vec::with_capacity(entries.len());
    for &entry in entries {
        let place = entry + 8;
        let bytes = image
            .0
            .get(place as usize..place as usize + 4)?
            .try_into()
            .ok()?;
        let function = place.checked_add_signed(i64::from(i32::from_le_bytes(bytes)))?;
        table.push((distance(header, function)?, distance(header, entry)?));
    }
    table.sort_unstable();
    let start = header as usize;
    // Version 1; the pointer to `.eh_frame` is a distance, the count a plain number, and the
    // table's entries are distances from the header.
    image.0[start..start + 4].copy_from_slice(&[1, 0x1b, 0x03, 0x3b]);
    image.set_u32(start + 4, distance(header + 4, frames)?.cast_unsigned());
    image.set_u32(start + 8, entries.len() as u32);
    for (index, (function, entry)) in table.into_iter().enumerate() {
        image.set_u32(start + 12 + 8 * index, function.cast_unsigned());
        image.set_u32(start + 16 + 8 * index, entry.cast_unsigned());
    }
    Some(())
}
