//! The elements of a set of codes, in order.

use std::iter::FusedIterator;

use super::CodeSet;
use crate::Code;

/// The elements of a [`CodeSet`], in order.
///
/// ```
/// use code_sets::{Code, CodeSet};
///
/// let mut codes = CodeSet::TRADITIONAL.iter();
/// assert_eq!(codes.len(), 2);
/// assert_eq!(codes.next_back(), Some(Code::Native));
/// assert_eq!(codes.next(), Some(Code::Byte));
/// assert_eq!(codes.next(), None);
/// ```
#[derive(Debug, Clone)]
pub struct Iter {
    remaining: CodeSet,
}

impl Iter {
    pub(super) const fn new(remaining: CodeSet) -> Iter {
        Iter { remaining }
    }
}

impl Iterator for Iter {
    type Item = Code;

    fn next(&mut self) -> Option<Code> {
        let code = self.remaining.min()?;
        self.remaining.remove(code);
        Some(code)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining.len(), Some(self.remaining.len()))
    }
}

impl DoubleEndedIterator for Iter {
    fn next_back(&mut self) -> Option<Code> {
        Code::ALL
            .into_iter()
            .rev()
            .find(|&code| self.remaining.remove(code))
    }
}

impl ExactSizeIterator for Iter {}

impl FusedIterator for Iter {}

impl IntoIterator for CodeSet {
    type Item = Code;
    type IntoIter = Iter;

    fn into_iter(self) -> Iter {
        self.iter()
    }
}

impl IntoIterator for &CodeSet {
    type Item = Code;
    type IntoIter = Iter;

    fn into_iter(self) -> Iter {
        self.iter()
    }
}

impl FromIterator<Code> for CodeSet {
    fn from_iter<I: IntoIterator<Item = Code>>(codes: I) -> CodeSet {
        let mut set = CodeSet::NONE;
        set.extend(codes);
        set
    }
}

impl Extend<Code> for CodeSet {
    fn extend<I: IntoIterator<Item = Code>>(&mut self, codes: I) {
        for code in codes {
            self.insert(code);
        }
    }
}
