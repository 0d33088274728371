//! Conversions between Rust and OCaml values: the traits, and the error when a value does not fit.

use std::fmt;

use crate::describe::{TypeExpression, Types};
use crate::sys::abi::Raw;
#[doc(hidden)]
pub use crate::sys::carver::{Carver, Meter};
use crate::sys::frame;
pub use crate::sys::frame::Stack;
pub use crate::sys::reader::Ref;
use crate::sys::thread::Held;

/// A Rust type that stands for an OCaml type.
///
/// # Safety
/// The type that [`describe`](OcamlType::describe) gives has to be the one whose values
/// [`ToOcaml::push_to`] makes and [`FromOcaml::read`] expects, in OCaml's memory layout: the OCaml compiler
/// relies on the text, and the collector on the layout.
/// `push_to` leaves exactly one value more on the stack when it succeeds. A function that it lends to OCaml
/// (a `dyn Fn`) lives as long as the value itself.
/// `read` does not run OCaml code: a [`Ref`] is only good until OCaml next allocates.
///
/// `#[derive(OcamlValue)]` keeps these promises.
#[expect(
    unsafe_code,
    reason = "the collector relies on what implementations promise"
)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no OCaml type",
    label = "no OCaml type stands for this",
    note = "derive it: `#[derive(OcamlValue)]`; or see the table of types in the documentation of `ocaml_runtime`"
)]
pub unsafe trait OcamlType {
    /// The OCaml type; declarations that it needs are added to `types`.
    fn describe(types: &mut Types) -> TypeExpression;

    /// Whether the OCaml type is `float`, whose arrays and records are laid out flat.
    #[doc(hidden)]
    const IS_FLOAT: bool = false;

    /// Whether the OCaml type has an [`Abstract`](crate::types::Abstract) type of a plugin in it. An implementation
    /// that describes another type's has to say what that one says.
    const OF_INSTANCE: bool = false;

    /// Whether converting runs no code but this crate's own and keeps no value, as for numbers and strings.
    #[doc(hidden)]
    const IS_PLAIN: bool = false;
}

/// A Rust type whose values can be handed to OCaml.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be handed to OCaml",
    label = "cannot be handed to OCaml",
    note = "derive it: `#[derive(OcamlValue)]`; or see the table of types in the documentation of `ocaml_runtime`"
)]
pub trait ToOcaml: OcamlType {
    /// Leaves the value on top of `stack`.
    ///
    /// # Errors
    /// The value does not fit the OCaml type, or OCaml has no memory left.
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error>;

    /// Whether [`ToOcaml::leaf`] works.
    #[doc(hidden)]
    const LEAF: bool = false;
    /// Whether [`ToOcaml::leaf`] allocates nothing.
    #[doc(hidden)]
    const IMMEDIATE: bool = false;

    /// The value made by at most one allocation, which needs no root; a shortcut for single arguments.
    #[doc(hidden)]
    #[inline(always)]
    fn leaf(&self, _heap: Heap<'_>) -> Result<Leaf, Error> {
        Err(Error::new(Kind::Unbalanced))
    }

    /// Counts the words of the value; what [`ToOcaml::carve`] cannot make, it refuses.
    #[doc(hidden)]
    #[inline(always)]
    fn measure(&self, meter: &mut Meter) {
        meter.refuse();
    }

    /// The value cut from an allocation of the words that [`ToOcaml::measure`] counted; a shortcut for small ones.
    #[doc(hidden)]
    #[inline(always)]
    fn carve(&self, _carver: &mut Carver) -> Result<Leaf, Error> {
        Err(Error::new(Kind::Unbalanced))
    }

    /// As [`ToOcaml::push_to`] for each number, when the type is `float`.
    #[doc(hidden)]
    fn as_float(&self) -> f64 {
        0.0
    }

    /// The elements as they are, when the type is `f64` itself.
    #[doc(hidden)]
    fn as_floats(_elements: &[Self]) -> Option<&[f64]>
    where
        Self: Sized,
    {
        None
    }
}

/// A Rust type that can be read from an OCaml value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from OCaml",
    label = "cannot be read from OCaml",
    note = "derive it: `#[derive(OcamlValue)]`; or see the table of types in the documentation of `ocaml_runtime`"
)]
pub trait FromOcaml: OcamlType + Sized {
    /// Copies the value out of OCaml's memory.
    ///
    /// # Errors
    /// The value has another shape, or does not fit the Rust type.
    fn read(value: Ref<'_>) -> Result<Self, Error>;

    /// As [`FromOcaml::read`] for one number of a flat block, when the type is `float`.
    #[doc(hidden)]
    fn from_float(_number: f64) -> Option<Self> {
        None
    }
}

/// Where leaves are allocated.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Heap<'h>(pub(crate) &'h Held);

/// A value that is good until OCaml next allocates.
#[doc(hidden)]
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Leaf(pub(crate) Raw);

impl Leaf {
    /// An OCaml `int`, or a constant constructor by its number.
    ///
    /// # Errors
    /// An OCaml `int` has 63 bits: others are refused.
    #[inline(always)]
    pub fn int(value: i64) -> Result<Leaf, Error> {
        frame::int(value).map(Leaf)
    }
}

impl Heap<'_> {
    #[inline(always)]
    pub fn int(self, value: i64) -> Result<Leaf, Error> {
        frame::int(value).map(Leaf)
    }

    #[inline(always)]
    pub(crate) fn float(self, value: f64) -> Leaf {
        Leaf(frame::float(self.0, value))
    }

    #[inline(always)]
    pub(crate) fn bytes(self, bytes: &[u8]) -> Result<Leaf, Error> {
        frame::string(self.0, bytes).map(Leaf)
    }
}

/// A value that does not fit the type on the other side.
///
/// ```
/// use ocaml_runtime::convert;
///
/// let error = convert::Error::custom("not a colour").within("field `background`");
/// assert_eq!(error.to_string(), "field `background`: not a colour");
/// ```
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    /// Innermost first.
    path: Vec<String>,
}

/// What did not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// An integer outside the OCaml or Rust type's range.
    IntRange(i128),
    /// A character that the other side's character type does not have.
    CharRange(u32),
    /// A string that is not UTF-8, with the number of bytes that are.
    Utf8 {
        /// Length of the part that is valid.
        valid_up_to: usize,
    },
    /// A value of another shape than its type says: forged with `Obj.magic` or by C code.
    Shape {
        /// What the Rust type reads.
        expected: &'static str,
        /// What the value's header says.
        found: String,
    },
    /// Nested too deeply for the thread's stack; also what a value that contains itself gives.
    TooDeep,
    /// A list that does not end.
    Cyclic,
    /// An array of another length than the Rust array's.
    Length {
        /// The Rust array's.
        expected: usize,
        /// The OCaml array's.
        found: usize,
    },
    /// OCaml has no memory left for the value.
    OutOfMemory,
    /// A value of another runtime: each host image has a heap of its own.
    OtherRuntime,
    /// A value of an abstract type that belongs to another instance of a plugin.
    OtherInstance,
    /// An implementation of [`ToOcaml`] left too few or too many values.
    Unbalanced,
    /// A refusal by an implementation outside this crate.
    Custom(String),
}

impl Error {
    pub(crate) fn new(kind: Kind) -> Error {
        Error(Box::new(Inner {
            kind,
            path: Vec::new(),
        }))
    }

    /// A refusal with a message of its own, for implementations outside this crate.
    #[must_use]
    pub fn custom(message: impl Into<String>) -> Error {
        Error::new(Kind::Custom(message.into()))
    }

    /// Says in which part of a larger value this happened.
    #[must_use]
    pub fn within(mut self, part: impl Into<String>) -> Error {
        // A value that is nested too deeply has as many parts as the stack had room for.
        if self.0.path.len() < 16 {
            self.0.path.push(part.into());
        }
        self
    }

    /// What did not fit.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// The parts of the larger value, outermost first.
    pub fn path(&self) -> impl Iterator<Item = &str> {
        self.0.path.iter().rev().map(String::as_str)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.path() {
            write!(f, "{part}: ")?;
        }
        match self.kind() {
            Kind::IntRange(n) => write!(f, "the integer {n} is out of range"),
            Kind::CharRange(c) => write!(f, "the character U+{c:04X} has no counterpart"),
            Kind::Utf8 { valid_up_to } => {
                write!(f, "the string is not UTF-8 after {valid_up_to} bytes")
            }
            Kind::Shape { expected, found } => write!(f, "expected {expected}, found {found}"),
            Kind::TooDeep => f.write_str("the value is nested too deeply"),
            Kind::Cyclic => f.write_str("the list contains itself"),
            Kind::Length { expected, found } => {
                write!(f, "expected an array of {expected} elements, found {found}")
            }
            Kind::OutOfMemory => f.write_str("OCaml has no memory left for the value"),
            Kind::OtherRuntime => f.write_str("the value belongs to another runtime"),
            Kind::OtherInstance => f.write_str("the value belongs to another instance of a plugin"),
            Kind::Unbalanced => f.write_str("the conversion left the stack unbalanced"),
            Kind::Custom(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn the_path_is_told_from_the_outside_in() {
        let error = Error::new(Kind::IntRange(1 << 62))
            .within("field `count`")
            .within("element 3");
        assert_eq!(
            error.to_string(),
            "element 3: field `count`: the integer 4611686018427387904 is out of range"
        );
    }
}
