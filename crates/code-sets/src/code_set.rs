//! A set of codes in one byte.

use std::{
    cmp::Ordering,
    fmt,
    ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Sub, SubAssign},
    str::FromStr,
};

use crate::Code;

mod iter;
mod text;

pub use iter::Iter;
pub use text::{Error, Human};

pub(crate) use text::{ListError, parse_list};

/// A set of codes in one byte.
///
/// Its operations are those of a `BTreeSet<Code>`, by value and in constants. Its order is that
/// of a `BTreeSet<Code>` too: the sequences of elements are compared. As [`CodeSet::min`] is the
/// least element, the least of two sets is `std::cmp::min(a, b)`.
///
/// ```
/// use code_sets::{Code, CodeSet};
///
/// const SUPPORTED: CodeSet = CodeSet::BYTE.union(CodeSet::NATIVE);
/// assert_eq!(SUPPORTED, CodeSet::TRADITIONAL);
/// assert_eq!(SUPPORTED & CodeSet::NATIVE, CodeSet::NATIVE);
/// assert_eq!(SUPPORTED.iter().collect::<Vec<_>>(), [Code::Byte, Code::Native]);
/// assert_eq!(SUPPORTED.to_string(), "{byte, native}");
/// assert_eq!(SUPPORTED.human().to_string(), "codes byte and native");
/// assert_eq!("{byte, native}".parse(), Ok(SUPPORTED));
/// assert_eq!(size_of::<CodeSet>(), 1);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CodeSet {
    bits: u8,
}

const fn bit(code: Code) -> u8 {
    1 << code as u8
}

impl CodeSet {
    /// The empty set.
    pub const NONE: CodeSet = CodeSet { bits: 0 };
    /// The set of [`Code::Byte`] alone.
    pub const BYTE: CodeSet = CodeSet::singleton(Code::Byte);
    /// The set of [`Code::Native`] alone.
    pub const NATIVE: CodeSet = CodeSet::singleton(Code::Native);
    /// The set of [`Code::Wasm`] alone.
    pub const WASM: CodeSet = CodeSet::singleton(Code::Wasm);
    /// Byte and native code: what the OCaml compilers themselves generate.
    pub const TRADITIONAL: CodeSet = CodeSet::BYTE.union(CodeSet::NATIVE);
    /// Every code.
    pub const ALL: CodeSet = CodeSet::TRADITIONAL.union(CodeSet::WASM);

    /// The empty set.
    ///
    /// ```
    /// assert!(code_sets::CodeSet::empty().is_empty());
    /// ```
    #[must_use]
    pub const fn empty() -> CodeSet {
        CodeSet::NONE
    }

    /// The set whose only element is `code`.
    ///
    /// ```
    /// use code_sets::{Code, CodeSet};
    ///
    /// assert_eq!(CodeSet::singleton(Code::Wasm), CodeSet::WASM);
    /// ```
    #[must_use]
    pub const fn singleton(code: Code) -> CodeSet {
        CodeSet { bits: bit(code) }
    }

    /// The codes whose [tools](Code::tools) are all there.
    ///
    /// `has_tool` says whether the tool of a name, without a directory, is there.
    ///
    /// ```
    /// use code_sets::CodeSet;
    ///
    /// assert_eq!(CodeSet::from_tools(|tool| tool.starts_with("ocaml")), CodeSet::TRADITIONAL);
    /// // WebAssembly is compiled from byte code.
    /// assert_eq!(CodeSet::from_tools(|tool| tool == "wasm_of_ocaml"), CodeSet::NONE);
    /// ```
    #[must_use]
    pub fn from_tools(mut has_tool: impl FnMut(&str) -> bool) -> CodeSet {
        Code::ALL
            .into_iter()
            .filter(|code| code.tools().iter().all(|tool| has_tool(tool)))
            .collect()
    }

    /// Adds `code`; `true` if it was not in the set.
    ///
    /// ```
    /// use code_sets::{Code, CodeSet};
    ///
    /// let mut available = CodeSet::BYTE;
    /// assert!(available.insert(Code::Native));
    /// assert!(!available.insert(Code::Native));
    /// assert_eq!(available, CodeSet::TRADITIONAL);
    /// ```
    pub const fn insert(&mut self, code: Code) -> bool {
        let absent = !self.contains(code);
        self.bits |= bit(code);
        absent
    }

    /// Removes `code`; `true` if it was in the set.
    ///
    /// ```
    /// use code_sets::{Code, CodeSet};
    ///
    /// let mut available = CodeSet::ALL;
    /// assert!(available.remove(Code::Wasm));
    /// assert!(!available.remove(Code::Wasm));
    /// assert_eq!(available, CodeSet::TRADITIONAL);
    /// ```
    pub const fn remove(&mut self, code: Code) -> bool {
        let present = self.contains(code);
        self.bits &= !bit(code);
        present
    }

    /// Whether `code` is in the set.
    ///
    /// ```
    /// use code_sets::{Code, CodeSet};
    ///
    /// assert!(CodeSet::TRADITIONAL.contains(Code::Byte));
    /// assert!(!CodeSet::TRADITIONAL.contains(Code::Wasm));
    /// ```
    #[must_use]
    pub const fn contains(self, code: Code) -> bool {
        self.bits & bit(code) != 0
    }

    /// Whether the set has no element.
    ///
    /// ```
    /// use code_sets::CodeSet;
    ///
    /// assert!((CodeSet::BYTE & CodeSet::NATIVE).is_empty());
    /// ```
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// The number of elements, 3 at most.
    ///
    /// ```
    /// use code_sets::CodeSet;
    ///
    /// assert_eq!(CodeSet::TRADITIONAL.len(), 2);
    /// ```
    #[must_use]
    pub const fn len(self) -> usize {
        self.bits.count_ones() as usize
    }

    /// Whether every element of `self` is in `other`.
    ///
    /// ```
    /// use code_sets::CodeSet;
    ///
    /// assert!(CodeSet::BYTE.is_subset(CodeSet::TRADITIONAL));
    /// assert!(!CodeSet::ALL.is_subset(CodeSet::TRADITIONAL));
    /// ```
    #[must_use]
    pub const fn is_subset(self, other: CodeSet) -> bool {
        self.difference(other).is_empty()
    }

    /// Whether every element of `other` is in `self`.
    ///
    /// ```
    /// use code_sets::CodeSet;
    ///
    /// assert!(CodeSet::ALL.is_superset(CodeSet::WASM));
    /// ```
    #[must_use]
    pub const fn is_superset(self, other: CodeSet) -> bool {
        other.is_subset(self)
    }

    /// Whether the sets have no element in common.
    ///
    /// ```
    /// use code_sets::CodeSet;
    ///
    /// assert!(CodeSet::WASM.is_disjoint(CodeSet::TRADITIONAL));
    /// ```
    #[must_use]
    pub const fn is_disjoint(self, other: CodeSet) -> bool {
        self.intersection(other).is_empty()
    }

    /// The codes that are in one of the sets or in both; also `self | other`.
    ///
    /// ```
    /// use code_sets::CodeSet;
    ///
    /// assert_eq!(CodeSet::BYTE.union(CodeSet::NATIVE), CodeSet::TRADITIONAL);
    /// ```
    #[must_use]
    pub const fn union(self, other: CodeSet) -> CodeSet {
        CodeSet {
            bits: self.bits | other.bits,
        }
    }

    /// The codes that are in both sets; also `self & other`.
    ///
    /// ```
    /// use code_sets::CodeSet;
    ///
    /// assert_eq!(CodeSet::ALL.intersection(CodeSet::NATIVE), CodeSet::NATIVE);
    /// ```
    #[must_use]
    pub const fn intersection(self, other: CodeSet) -> CodeSet {
        CodeSet {
            bits: self.bits & other.bits,
        }
    }

    /// The codes of `self` that are not in `other`; also `self - other`.
    ///
    /// ```
    /// use code_sets::CodeSet;
    ///
    /// assert_eq!(CodeSet::ALL.difference(CodeSet::TRADITIONAL), CodeSet::WASM);
    /// ```
    #[must_use]
    pub const fn difference(self, other: CodeSet) -> CodeSet {
        CodeSet {
            bits: self.bits & !other.bits,
        }
    }

    /// The least element, `None` for the empty set.
    ///
    /// ```
    /// use code_sets::{Code, CodeSet};
    ///
    /// assert_eq!(CodeSet::ALL.min(), Some(Code::Byte));
    /// assert_eq!(CodeSet::NONE.min(), None);
    /// ```
    #[must_use]
    pub const fn min(self) -> Option<Code> {
        match self.bits.trailing_zeros() {
            0 => Some(Code::Byte),
            1 => Some(Code::Native),
            2 => Some(Code::Wasm),
            _ => None,
        }
    }

    /// The elements, in order.
    ///
    /// ```
    /// use code_sets::{Code, CodeSet};
    ///
    /// assert_eq!(CodeSet::ALL.iter().rev().next(), Some(Code::Wasm));
    /// ```
    #[must_use]
    pub const fn iter(self) -> Iter {
        Iter::new(self)
    }

    /// A form for sentences: `no code`, `code byte`, `codes byte and native`.
    ///
    /// ```
    /// use code_sets::CodeSet;
    ///
    /// assert_eq!(CodeSet::NONE.human().to_string(), "no code");
    /// assert_eq!(CodeSet::BYTE.human().to_string(), "code byte");
    /// assert_eq!(CodeSet::ALL.human().to_string(), "codes byte, native and wasm");
    /// ```
    #[must_use]
    pub const fn human(self) -> Human {
        Human::new(self)
    }
}

impl fmt::Debug for CodeSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

impl PartialOrd for CodeSet {
    fn partial_cmp(&self, other: &CodeSet) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CodeSet {
    fn cmp(&self, other: &CodeSet) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl From<Code> for CodeSet {
    fn from(code: Code) -> CodeSet {
        CodeSet::singleton(code)
    }
}

impl<const N: usize> From<[Code; N]> for CodeSet {
    fn from(codes: [Code; N]) -> CodeSet {
        codes.into_iter().collect()
    }
}

macro_rules! operators {
    ($($operator:ident $method:ident, $assign_operator:ident $assign_method:ident: $function:ident;)*) => {$(
        impl $operator for CodeSet {
            type Output = CodeSet;

            fn $method(self, other: CodeSet) -> CodeSet {
                self.$function(other)
            }
        }

        impl $assign_operator for CodeSet {
            fn $assign_method(&mut self, other: CodeSet) {
                *self = self.$function(other);
            }
        }
    )*};
}

operators! {
    BitOr bitor, BitOrAssign bitor_assign: union;
    BitAnd bitand, BitAndAssign bitand_assign: intersection;
    Sub sub, SubAssign sub_assign: difference;
}

impl FromStr for CodeSet {
    type Err = Error;

    fn from_str(text: &str) -> Result<CodeSet, Error> {
        text::parse_set(text)
    }
}
