//! Reading OCaml values: every step checks the header before it follows an address.
#![expect(unsafe_code, reason = "reads OCaml blocks")]

use std::marker::PhantomData;

use super::abi::{self, Raw};
use super::dispatch::Shared;
use super::image::{BigarrayFacts, Image};
use super::root::Root;
use super::thread::{self, Held};
use crate::convert::{Error, Kind};

pub(crate) const NO_BIGARRAY: BigarrayFacts = BigarrayFacts {
    data: std::ptr::null_mut(),
    kind: 0,
    c_layout: 0,
    dimensions: 0,
    first_dimension: 0,
};

/// A borrowed OCaml value; an argument of [`FromOcaml::read`](crate::FromOcaml::read).
///
/// It is good as long as no OCaml code runs. Reading checks the shape step by step, so that a value
/// forged with `Obj.magic` is an error wherever its header tells so; an address that is no OCaml block
/// at all cannot be told.
#[derive(Clone, Copy)]
pub struct Ref<'a> {
    raw: Raw,
    image: &'static Image,
    /// The value is good while the lock is held and nothing allocates.
    lifetime: PhantomData<&'a Held>,
}

impl<'a> Ref<'a> {
    /// `raw` is a value that is live for `'a`, during which nothing allocates.
    #[inline(always)]
    pub(crate) fn new(held: &'a Held, raw: Raw) -> Ref<'a> {
        Ref {
            raw,
            image: held.image(),
            lifetime: PhantomData,
        }
    }

    #[inline(always)]
    fn with(self, raw: Raw) -> Ref<'a> {
        Ref { raw, ..self }
    }

    #[inline(always)]
    pub(crate) fn raw(self) -> Raw {
        self.raw
    }

    /// Keeps the value beyond the borrow.
    pub(crate) fn root(self) -> Root {
        let held = thread::enter(self.image);
        Root::new(&held, self.raw)
    }

    #[cold]
    pub(crate) fn unexpected(self, expected: &'static str) -> Error {
        Error::new(Kind::Shape {
            expected,
            found: self.describe(),
        })
    }

    /// What the header says of the value, for messages.
    pub(crate) fn describe(self) -> String {
        if self.is_immediate() {
            return format!("the immediate {}", abi::integer(self.raw));
        }
        match self.tag_unchecked() {
            abi::STRING_TAG => "a string".to_owned(),
            abi::DOUBLE_TAG => "a float".to_owned(),
            abi::DOUBLE_ARRAY_TAG => "a block of floats".to_owned(),
            abi::CUSTOM_TAG => "a custom block".to_owned(),
            abi::CLOSURE_TAG | abi::INFIX_TAG => "a function".to_owned(),
            tag => format!(
                "a block with tag {tag} and {} fields",
                self.size_unchecked()
            ),
        }
    }

    /// Whether the value is an immediate: an `int`, a `bool`, a constant constructor.
    #[inline(always)]
    #[must_use]
    pub fn is_immediate(self) -> bool {
        abi::is_immediate(self.raw)
    }

    /// The immediate's number.
    ///
    /// # Errors
    /// The value is a block.
    #[inline(always)]
    pub fn int(self) -> Result<i64, Error> {
        if self.is_immediate() {
            Ok(abi::integer(self.raw))
        } else {
            Err(self.unexpected("an immediate"))
        }
    }

    #[inline(always)]
    fn tag_unchecked(self) -> u8 {
        debug_assert!(!self.is_immediate());
        // SAFETY: every caller looked whether it is a block; it is live (no allocation, type).
        unsafe { abi::tag(self.raw) }
    }

    #[inline(always)]
    fn size_unchecked(self) -> usize {
        debug_assert!(!self.is_immediate());
        // SAFETY: every caller looked whether it is a block; it is live (no allocation, type).
        unsafe { abi::size(self.raw) }
    }

    /// The block's tag.
    ///
    /// # Errors
    /// The value is an immediate.
    #[inline(always)]
    pub fn tag(self) -> Result<u8, Error> {
        if self.is_immediate() {
            return Err(self.unexpected("a block"));
        }
        Ok(self.tag_unchecked())
    }

    /// The number of fields of a block that holds values.
    ///
    /// # Errors
    /// The value is an immediate or a block of bytes (string, float, custom).
    #[inline(always)]
    pub fn size(self) -> Result<usize, Error> {
        if self.is_immediate() || self.tag_unchecked() >= abi::NO_SCAN_TAG {
            return Err(self.unexpected("a block of values"));
        }
        Ok(self.size_unchecked())
    }

    /// One field of a block that holds values.
    ///
    /// # Errors
    /// The value is no such block, or has no such field.
    #[inline(always)]
    pub fn field(self, index: usize) -> Result<Ref<'a>, Error> {
        if self.is_immediate()
            || self.tag_unchecked() >= abi::NO_SCAN_TAG
            || self.size_unchecked() <= index
        {
            return Err(self.unexpected("a block with more fields"));
        }
        // SAFETY: looked at above.
        let raw = unsafe { abi::field(self.raw, index) };
        Ok(self.with(raw))
    }

    /// The fields of a block with this tag and this number of fields, such as a tuple or a record
    /// (tag 0) or the arguments of a constructor.
    ///
    /// # Errors
    /// The value is anything else.
    #[inline(always)]
    pub fn fields<const N: usize>(self, tag: u8) -> Result<[Ref<'a>; N], Error> {
        if self.is_immediate()
            || self.tag_unchecked() != tag
            || self.size_unchecked() != N
            || tag >= abi::NO_SCAN_TAG
        {
            return Err(self.unexpected("a block with the declared tag and fields"));
        }
        Ok(std::array::from_fn(|index| {
            // SAFETY: the block has `N` fields.
            self.with(unsafe { abi::field(self.raw, index) })
        }))
    }

    /// The bytes of a `string` or `bytes`.
    ///
    /// # Errors
    /// The value is anything else.
    #[inline(always)]
    pub fn bytes(self) -> Result<&'a [u8], Error> {
        if self.is_immediate() || self.tag_unchecked() != abi::STRING_TAG {
            return Err(self.unexpected("a string"));
        }
        // SAFETY: a string by its tag; it stays put during `'a` (no allocation).
        Ok(unsafe { abi::string_bytes(self.raw) })
    }

    /// The number in a boxed `float`.
    ///
    /// # Errors
    /// The value is anything else.
    #[inline(always)]
    pub fn float(self) -> Result<f64, Error> {
        if self.is_immediate() || self.tag_unchecked() != abi::DOUBLE_TAG {
            return Err(self.unexpected("a float"));
        }
        // SAFETY: a boxed float by its tag.
        Ok(unsafe { abi::double(self.raw, 0) })
    }

    /// The numbers of a `float array` or of a record of floats only.
    ///
    /// # Errors
    /// The value is anything else.
    pub fn floats(self) -> Result<&'a [f64], Error> {
        if self.is_immediate() {
            return Err(self.unexpected("a block of floats"));
        }
        let size = self.size_unchecked();
        if self.tag_unchecked() == 0 && size == 0 {
            return Ok(&[]);
        }
        if self.tag_unchecked() != abi::DOUBLE_ARRAY_TAG {
            return Err(self.unexpected("a block of floats"));
        }
        // SAFETY: `size` doubles by its tag; they stay put during `'a` (no allocation).
        Ok(unsafe { std::slice::from_raw_parts(self.raw as *const f64, size) })
    }

    /// The numbers of a record of `count` fields that are all floats.
    ///
    /// # Errors
    /// The value is anything else.
    pub fn record_of_floats(self, count: usize) -> Result<&'a [f64], Error> {
        let numbers = self.floats()?;
        if numbers.len() != count {
            return Err(self.unexpected("a record of floats"));
        }
        Ok(numbers)
    }

    /// The payload of a custom block of this kind; see `saddlebag_custom_kind`.
    fn custom(self, kind: u8, expected: &'static str) -> Result<i64, Error> {
        // SAFETY: looks at the value's header and at the name in its operations.
        let found = unsafe { (self.image.symbols.saddlebag_custom_kind)(self.raw) };
        if found != i32::from(kind) {
            return Err(self.unexpected(expected));
        }
        // SAFETY: the payload is the word after the operations.
        Ok(unsafe { abi::field(self.raw, 1) } as i64)
    }

    /// The number in an `int64`.
    ///
    /// # Errors
    /// The value is anything else.
    pub fn int64(self) -> Result<i64, Error> {
        self.custom(b'l', "an int64")
    }

    /// The number in an `int32`.
    ///
    /// # Errors
    /// The value is anything else.
    pub fn int32(self) -> Result<i32, Error> {
        // The payload is 32 bits wide, in the low half on little-endian machines.
        Ok(self.custom(b'i', "an int32")? as i32)
    }

    /// The number in a `nativeint`.
    ///
    /// # Errors
    /// The value is anything else.
    pub fn nativeint(self) -> Result<isize, Error> {
        Ok(self.custom(b'n', "a nativeint")? as isize)
    }

    /// Whether the value is a function.
    #[must_use]
    pub fn is_function(self) -> bool {
        !self.is_immediate() && matches!(self.tag_unchecked(), abi::CLOSURE_TAG | abi::INFIX_TAG)
    }

    /// The object of the application that the value names, if it is one.
    pub(crate) fn object(self) -> Option<Shared> {
        // SAFETY: looks at the value's header and at its operations.
        let number = unsafe { (self.image.symbols.saddlebag_object)(self.raw) };
        self.image.host.object(number)
    }

    /// Whether maps and sets of the standard library can be read.
    pub(crate) fn knows_maps(self) -> bool {
        self.image.knows_maps
    }

    /// What is known of a bigarray of one dimension in C layout, with elements of `kind`.
    pub(super) fn bigarray_facts(self, kind: i32) -> Result<BigarrayFacts, Error> {
        // SAFETY: looks at the value's header and at the name in its operations.
        let found = unsafe { (self.image.symbols.saddlebag_custom_kind)(self.raw) };
        if found != i32::from(b'b') {
            return Err(self.unexpected("a bigarray"));
        }
        let mut facts = NO_BIGARRAY;
        // SAFETY: the value is a bigarray.
        unsafe { (self.image.symbols.saddlebag_bigarray)(self.raw, &raw mut facts) };
        if facts.c_layout != 1 || facts.dimensions != 1 || facts.kind != i64::from(kind) {
            return Err(self.unexpected("a bigarray of the declared kind, one dimension, C layout"));
        }
        Ok(facts)
    }

    /// The bytes of such a bigarray, whose elements have `width` bytes.
    pub(crate) fn bigarray(self, kind: i32, width: usize) -> Result<&'a [u8], Error> {
        let facts = self.bigarray_facts(kind)?;
        let length = facts.first_dimension as usize * width;
        if length == 0 {
            return Ok(&[]);
        }
        // SAFETY: the bigarray's memory, which it keeps while it lives; the lock is held and no OCaml code
        // runs during `'a`, so nothing writes to it.
        Ok(unsafe { std::slice::from_raw_parts(facts.data.cast(), length) })
    }
}

impl std::fmt::Debug for Ref<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.describe())
    }
}
