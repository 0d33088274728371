//! The layout of OCaml values, as `caml/mlvalues.h` gives it for 64-bit words.
#![expect(
    unsafe_code,
    reason = "reads the header and the fields of OCaml blocks"
)]

/// An OCaml value: an immediate integer (lowest bit set) or the address of a block.
pub(crate) type Raw = isize;

/// `()`, `false`, `[]`, `None` and the first constant constructor.
pub(crate) const ZERO: Raw = 1;
/// `true`.
pub(crate) const TRUE: Raw = 3;

pub(crate) const CLOSURE_TAG: u8 = 247;
pub(crate) const INFIX_TAG: u8 = 249;
/// Blocks with this tag or a higher one hold bytes, not values.
pub(crate) const NO_SCAN_TAG: u8 = 251;
pub(crate) const STRING_TAG: u8 = 252;
pub(crate) const DOUBLE_TAG: u8 = 253;
pub(crate) const DOUBLE_ARRAY_TAG: u8 = 254;
pub(crate) const CUSTOM_TAG: u8 = 255;
/// Highest tag of a constructor: 246 is `Lazy_tag`, 245 is `Cont_tag` from 5.0 on.
pub(crate) const LAST_CONSTRUCTOR_TAG: u8 = 245;

#[inline(always)]
pub(crate) fn is_immediate(value: Raw) -> bool {
    value & 1 == 1
}

/// Whether `value` is the result of a `caml_callback*_exn` that raised (`Is_exception_result`).
#[inline(always)]
pub(crate) fn is_exception(value: Raw) -> bool {
    value & 3 == 2
}

/// The exception in such a result (`Extract_exception`).
#[inline(always)]
pub(crate) fn exception(value: Raw) -> Raw {
    value & !3
}

/// `integer` must fit 63 bits; others lose their top bit.
#[inline(always)]
pub(crate) fn immediate(integer: i64) -> Raw {
    ((integer << 1) | 1) as Raw
}

#[inline(always)]
pub(crate) fn integer(value: Raw) -> i64 {
    (value >> 1) as i64
}

/// The header word of a block.
///
/// # Safety
/// `value` is the address of a live OCaml block.
#[inline(always)]
unsafe fn header(value: Raw) -> usize {
    let address = (value as *const usize).wrapping_sub(1);
    // SAFETY: the caller says that `value` is a block, and a block's header is the word before it.
    unsafe { *address }
}

/// # Safety
/// `value` is the address of a live OCaml block.
#[inline(always)]
pub(crate) unsafe fn tag(value: Raw) -> u8 {
    // SAFETY: same contract.
    let header = unsafe { header(value) };
    header as u8
}

/// Number of words.
///
/// # Safety
/// `value` is the address of a live OCaml block.
#[inline(always)]
pub(crate) unsafe fn size(value: Raw) -> usize {
    // SAFETY: same contract.
    let header = unsafe { header(value) };
    // Runtimes configured with reserved header bits are refused when the image is opened.
    header >> 10
}

/// One word of a block.
///
/// # Safety
/// `value` is the address of a live OCaml block of more than `index` words.
#[inline(always)]
pub(crate) unsafe fn field(value: Raw, index: usize) -> Raw {
    let address = (value as *const Raw).wrapping_add(index);
    // SAFETY: the caller says that the block has this word.
    unsafe { *address }
}

/// Number of bytes of a string or `bytes`: the last byte of the block counts the padding.
///
/// # Safety
/// `value` is the address of a live block with the string tag.
#[inline(always)]
pub(crate) unsafe fn string_length(value: Raw) -> usize {
    // SAFETY: same contract.
    let words = unsafe { size(value) };
    let last = words * size_of::<Raw>() - 1;
    let address = (value as *const u8).wrapping_add(last);
    // SAFETY: a string block has at least one word, and `last` is inside it.
    let padding = unsafe { *address };
    last - padding as usize
}

/// The bytes of a string.
///
/// # Safety
/// `value` is the address of a block with the string tag, which neither moves nor is freed or
/// written to during `'a`.
#[inline(always)]
pub(crate) unsafe fn string_bytes<'a>(value: Raw) -> &'a [u8] {
    // SAFETY: same contract.
    let length = unsafe { string_length(value) };
    // SAFETY: the block holds `length` bytes from its start, for `'a` by the caller's promise.
    unsafe { std::slice::from_raw_parts(value as *const u8, length) }
}

/// One number of a block of floats, or the number of a boxed float (index 0).
///
/// # Safety
/// `value` is the address of a live block of doubles of more than `index` words.
#[inline(always)]
pub(crate) unsafe fn double(value: Raw, index: usize) -> f64 {
    let address = (value as *const f64).wrapping_add(index);
    // SAFETY: the caller says that the block has this number; words are aligned to 8.
    unsafe { *address }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Smallest and largest OCaml `int`.
    const INT_MIN: i64 = -(1 << 62);
    const INT_MAX: i64 = (1 << 62) - 1;

    proptest! {
        #[test]
        fn an_integer_of_63_bits_survives_the_round_trip(n in INT_MIN..=INT_MAX) {
            prop_assert!(is_immediate(immediate(n)));
            prop_assert_eq!(integer(immediate(n)), n);
        }
    }

    /// A block as OCaml lays it out, in Rust memory; `words` without the header.
    fn block(tag: u8, words: &[usize]) -> Vec<usize> {
        let mut memory = vec![(words.len() << 10) | tag as usize];
        memory.extend_from_slice(words);
        memory
    }

    #[test]
    fn a_block_is_read_through_its_header() {
        let memory = block(3, &[immediate(7) as usize, immediate(-1) as usize]);
        let value = memory.as_ptr().wrapping_add(1) as Raw;
        // SAFETY: `memory` is laid out as a block of two words.
        let tag = unsafe { tag(value) };
        // SAFETY: as above.
        let size = unsafe { size(value) };
        assert_eq!((tag, size), (3, 2));
        // SAFETY: the block has two words.
        let last = unsafe { field(value, 1) };
        assert_eq!(integer(last), -1);
    }

    #[test]
    fn the_length_of_a_string_is_told_by_its_last_byte() {
        for length in [0usize, 1, 7, 8, 9] {
            let words = length / 8 + 1;
            let mut bytes = vec![b'x'; words * 8];
            bytes[words * 8 - 1] = (words * 8 - 1 - length) as u8;
            let content: Vec<usize> = bytes
                .chunks(8)
                .map(|c| usize::from_ne_bytes(c.try_into().unwrap()))
                .collect();
            let memory = block(STRING_TAG, &content);
            let value = memory.as_ptr().wrapping_add(1) as Raw;
            // SAFETY: `memory` is laid out as a string and outlives the slice.
            let read = unsafe { string_bytes(value) };
            assert_eq!(read.len(), length);
        }
    }
}
