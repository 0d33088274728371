//! Small values made by one allocation, cut into blocks.
//!
//! One block of the minor heap is allocated for all, and headers are written into it, as the runtime itself does
//! when it reads a marshalled value (`runtime/intern.c`). Nothing can be collected in between, so no value needs
//! a root. Values of more than [`LIMIT`] words go through the shadow stack.
#![expect(unsafe_code, reason = "writes headers and fields of OCaml blocks")]

use std::ptr;

use super::abi::{self, Raw};
use super::thread::Held;
use crate::convert::{Error, Kind, Leaf};

/// Words of all blocks together, headers included: `Max_young_wosize` of `caml/config.h` and one header. What an
/// image says is checked when it is opened.
pub(crate) const LIMIT: usize = 257;

/// Adds up the words of a value; an argument of [`ToOcaml::measure`](crate::ToOcaml::measure).
#[derive(Debug, Default)]
pub struct Meter {
    words: usize,
}

impl Meter {
    /// Counts a block of `size` fields or words.
    #[inline(always)]
    pub fn block(&mut self, size: usize) {
        self.words += size + 1;
    }

    /// Counts a string of `length` bytes.
    #[inline(always)]
    pub fn bytes(&mut self, length: usize) {
        self.words += length / size_of::<Raw>() + 2;
    }

    /// The value cannot be made this way.
    #[inline(always)]
    pub fn refuse(&mut self) {
        self.words += LIMIT + 1;
    }

    /// Whether more has been counted than can be made at once: nothing more needs to be.
    #[inline(always)]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.words > LIMIT
    }

    #[inline(always)]
    pub(crate) fn words(&self) -> usize {
        self.words
    }
}

/// Cuts blocks; an argument of [`ToOcaml::carve`](crate::ToOcaml::carve).
///
/// A value made by it is good until OCaml next allocates, which is after all are made.
#[derive(Debug)]
pub struct Carver {
    next: *mut usize,
    left: usize,
    /// The bits of a header that tell the collector that the block is new.
    colour: usize,
}

impl Carver {
    /// Room for `words`, at most [`LIMIT`].
    #[inline(always)]
    pub(crate) fn new(held: &Held, words: usize) -> Carver {
        if !(2..=LIMIT).contains(&words) {
            return Carver {
                next: ptr::null_mut(),
                left: 0,
                colour: 0,
            };
        }
        // SAFETY: between one word and `Max_young_wosize`; allocates with the lock held. The block is a string
        // until its header is written over, so that its content is never looked at.
        let value = unsafe { (held.image().symbols.caml_alloc_small)(words - 1, abi::STRING_TAG) };
        let next = (value as *mut usize).wrapping_sub(1);
        // SAFETY: the header of the block that was just made.
        let header = unsafe { *next };
        Carver {
            next,
            left: words,
            colour: header & 0x300,
        }
    }

    /// Writes a header and returns the address behind it.
    #[inline(always)]
    fn cut(&mut self, tag: u8, size: usize) -> Result<*mut usize, Error> {
        if size == 0 || self.left <= size {
            return Err(Error::new(Kind::Unbalanced));
        }
        let header = self.next;
        // SAFETY: inside the allocated block, of which `left` words from `next` on are unused.
        unsafe { *header = (size << 10) | self.colour | usize::from(tag) };
        self.next = header.wrapping_add(size + 1);
        self.left -= size + 1;
        Ok(header.wrapping_add(1))
    }

    /// A block of these fields: see [`Stack::make_block`](crate::Stack::make_block).
    ///
    /// # Errors
    /// More words are asked for than were measured, or the tag is not one of a constructor.
    #[inline(always)]
    pub fn block<const N: usize>(&mut self, tag: u8, fields: [Leaf; N]) -> Result<Leaf, Error> {
        if tag > abi::LAST_CONSTRUCTOR_TAG {
            return Err(Error::new(Kind::Unbalanced));
        }
        let block = self.cut(tag, N)?;
        // SAFETY: `N` unused words; a `Leaf` is a word.
        unsafe { ptr::copy_nonoverlapping(fields.as_ptr().cast::<usize>(), block, N) };
        Ok(Leaf(block as Raw))
    }

    /// A boxed float.
    ///
    /// # Errors
    /// More words are asked for than were measured.
    #[inline(always)]
    pub fn float(&mut self, number: f64) -> Result<Leaf, Error> {
        let block = self.cut(abi::DOUBLE_TAG, 1)?;
        // SAFETY: one unused word, which is aligned to 8.
        unsafe { *block.cast::<f64>() = number };
        Ok(Leaf(block as Raw))
    }

    /// A record of floats only; not an empty one.
    ///
    /// # Errors
    /// More words are asked for than were measured.
    #[inline(always)]
    pub fn floats<const N: usize>(&mut self, numbers: [f64; N]) -> Result<Leaf, Error> {
        let block = self.cut(abi::DOUBLE_ARRAY_TAG, N)?;
        // SAFETY: `N` unused words, which are aligned to 8.
        unsafe { ptr::copy_nonoverlapping(numbers.as_ptr(), block.cast(), N) };
        Ok(Leaf(block as Raw))
    }

    /// A `string` or a `bytes`.
    ///
    /// # Errors
    /// More words are asked for than were measured.
    #[inline(always)]
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<Leaf, Error> {
        let words = bytes.len() / size_of::<Raw>() + 1;
        let block = self.cut(abi::STRING_TAG, words)?;
        let last = block.wrapping_add(words - 1);
        let padding = words * size_of::<Raw>() - 1 - bytes.len();
        // The last byte in memory counts the padding, the others of the padding are zero (little-endian).
        // SAFETY: the last of `words` unused words.
        unsafe { *last = (padding << 56).to_le() };
        // SAFETY: fewer bytes than the unused words hold.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), block.cast(), bytes.len()) };
        Ok(Leaf(block as Raw))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A carver over Rust memory.
    fn over(memory: &mut [usize]) -> Carver {
        Carver {
            next: memory.as_mut_ptr(),
            left: memory.len(),
            colour: 0x300,
        }
    }

    proptest! {
        #[test]
        fn a_string_is_laid_out_with_its_padding(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut meter = Meter::default();
            meter.bytes(bytes.len());
            let mut memory = vec![usize::MAX; meter.words()];
            let mut carver = over(&mut memory);
            let Leaf(value) = carver.bytes(&bytes).unwrap();
            prop_assert_eq!(carver.left, 0);
            // SAFETY: just laid out as a string, in `memory`.
            let tag = unsafe { abi::tag(value) };
            prop_assert_eq!(tag, abi::STRING_TAG);
            // SAFETY: as above.
            let read = unsafe { abi::string_bytes(value) };
            prop_assert_eq!(read, &bytes[..]);
        }
    }

    #[test]
    fn blocks_lie_side_by_side() {
        let mut memory = vec![0; 7];
        let mut carver = over(&mut memory);
        let float = carver.float(1.5).unwrap();
        let pair = carver.block(3, [float, Leaf(abi::ZERO)]).unwrap();
        assert!(carver.block(0, [pair]).is_ok());
        assert!(carver.float(1.0).is_err(), "all words are used");
        let Leaf(pair) = pair;
        // SAFETY: just laid out as a block of two fields.
        let (tag, first) = (unsafe { abi::tag(pair) }, unsafe { abi::field(pair, 0) });
        assert_eq!((tag, first), (3, float.0));
        // SAFETY: a boxed float.
        let number = unsafe { abi::double(first, 0) };
        assert_eq!(number.to_bits(), 1.5f64.to_bits());
    }
}
