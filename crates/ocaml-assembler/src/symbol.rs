//! The symbols of one unit while it is assembled: named ones, and ocamlopt's numbered labels.

use rustc_hash::FxHashMap;

use crate::expression::Expression;

/// A place in a section, before branches have their final sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// The section's index, or [`Position::NOWHERE`]'s.
    pub(crate) section: u32,
    /// The offset in the section as if every branch were short and no padding were inserted.
    pub(crate) offset: u32,
    /// How many elastic items of the section precede this place.
    pub(crate) item: u32,
}

impl Position {
    /// The position of what has not been defined.
    pub(crate) const NOWHERE: Position = Position {
        section: u32::MAX,
        offset: 0,
        item: 0,
    };

    pub(crate) fn is_defined(self) -> bool {
        self.section != u32::MAX
    }
}

/// A symbol's index in a [`SymbolTable`].
///
/// ocamlopt numbers its local labels (`.L100`, `.L101`, ...), so most symbols need no name and no
/// look-up: the high bit set means that the rest is such a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SymbolId(u32);

const LABEL: u32 = 1 << 31;

impl SymbolId {
    /// The number of a `.L` label; `None` for a named symbol.
    pub(crate) fn label(self) -> Option<usize> {
        (self.0 & LABEL != 0).then_some((self.0 & !LABEL) as usize)
    }

    /// The index in [`SymbolTable::named`]; `None` for a label.
    pub(crate) fn named(self) -> Option<usize> {
        (self.0 & LABEL == 0).then_some(self.0 as usize)
    }
}

/// What `.type` said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SymbolType {
    Unspecified,
    Function,
    Data,
}

/// A symbol that has a name.
#[derive(Debug)]
pub(crate) struct NamedSymbol<'a> {
    pub(crate) name: &'a str,
    pub(crate) position: Position,
    pub(crate) global: bool,
    pub(crate) kind: SymbolType,
    /// The value of `.size`, the place of that directive, and its offset in the text.
    pub(crate) size: Option<(Expression, Position, usize)>,
    /// The value of `.set`, and the offset of that directive in the text.
    pub(crate) value: Option<(Expression, usize)>,
}

impl NamedSymbol<'_> {
    /// A name that begins with `.L` is the assembler's own and leaves no symbol in the object.
    pub(crate) fn is_private(&self) -> bool {
        self.name.is_empty() || self.name.starts_with(".L")
    }
}

/// All symbols of a unit.
#[derive(Debug)]
pub(crate) struct SymbolTable<'a> {
    pub(crate) named: Vec<NamedSymbol<'a>>,
    by_name: FxHashMap<&'a str, u32>,
    labels: Vec<Position>,
    /// Labels with this number or a greater one are kept by name, so that a text cannot ask for
    /// more memory than it is long.
    label_limit: usize,
}

impl<'a> SymbolTable<'a> {
    /// A table for the symbols of a text of `length` bytes.
    pub(crate) fn new(length: usize) -> SymbolTable<'a> {
        let label_limit = length.max(1 << 12).min(LABEL as usize);
        SymbolTable {
            named: Vec::new(),
            by_name: FxHashMap::default(),
            labels: Vec::new(),
            label_limit,
        }
    }

    /// The symbol called `name`, new if it was not yet seen.
    #[inline]
    pub(crate) fn intern(&mut self, name: &'a str) -> SymbolId {
        if let Some(number) = label_number(name, self.label_limit) {
            if self.labels.len() <= number {
                self.labels.resize(number + 64, Position::NOWHERE);
            }
            return SymbolId(number as u32 | LABEL);
        }
        let named = &mut self.named;
        let index = *self.by_name.entry(name).or_insert_with(|| {
            named.push(new_symbol(name, Position::NOWHERE));
            (named.len() - 1) as u32
        });
        SymbolId(index)
    }

    /// A symbol without name, at `position`.
    pub(crate) fn anonymous(&mut self, position: Position) -> SymbolId {
        self.named.push(new_symbol("", position));
        SymbolId((self.named.len() - 1) as u32)
    }

    /// Puts `symbol` at `position`; false when it is defined already.
    #[inline]
    pub(crate) fn define(&mut self, symbol: SymbolId, position: Position) -> bool {
        let value = self
            .named(symbol)
            .is_some_and(|named| named.value.is_some());
        let slot = match symbol.label() {
            Some(number) => &mut self.labels[number],
            None => &mut self.named[symbol.0 as usize].position,
        };
        let fresh = !slot.is_defined() && !value;
        if fresh {
            *slot = position;
        }
        fresh
    }

    #[inline]
    pub(crate) fn position(&self, symbol: SymbolId) -> Position {
        match symbol.label() {
            Some(number) => self.labels[number],
            None => self.named[symbol.0 as usize].position,
        }
    }

    pub(crate) fn named(&self, symbol: SymbolId) -> Option<&NamedSymbol<'a>> {
        self.named.get(symbol.named()?)
    }

    pub(crate) fn named_mut(&mut self, symbol: SymbolId) -> Option<&mut NamedSymbol<'a>> {
        self.named.get_mut(symbol.named()?)
    }

    /// Whether another object may define or use the symbol by its name.
    pub(crate) fn is_global(&self, symbol: SymbolId) -> bool {
        self.named(symbol)
            .is_some_and(|named| named.global || !named.position.is_defined())
    }

    /// The name for a message.
    pub(crate) fn name(&self, symbol: SymbolId) -> String {
        match symbol.label() {
            Some(number) => format!(".L{number}"),
            None => self.named[symbol.0 as usize].name.to_owned(),
        }
    }
}

fn new_symbol(name: &str, position: Position) -> NamedSymbol<'_> {
    NamedSymbol {
        name,
        position,
        global: false,
        kind: SymbolType::Unspecified,
        size: None,
        value: None,
    }
}

/// The number of a label `.L<number>` below `limit`.
#[inline]
fn label_number(name: &str, limit: usize) -> Option<usize> {
    let digits = name.strip_prefix(".L")?.as_bytes();
    // A leading zero would make two names one label.
    if digits.is_empty() || digits.len() > 9 || (digits[0] == b'0' && digits.len() > 1) {
        return None;
    }
    let mut number = 0usize;
    for digit in digits {
        number = number * 10 + usize::from(digit.checked_sub(b'0').filter(|&digit| digit < 10)?);
    }
    (number < limit).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_labels_and_names_are_kept_apart() {
        let mut table = SymbolTable::new(0);
        let label = table.intern(".L100");
        assert_eq!(label.label(), Some(100));
        assert_eq!(table.intern(".L100"), label);
        assert_ne!(table.intern(".L0100"), label);
        assert_eq!(table.intern("camlA").named(), Some(1));
    }

    #[test]
    fn a_label_with_a_huge_number_takes_no_memory() {
        let mut table = SymbolTable::new(100);
        let label = table.intern(".L999999999");
        assert_eq!(label.label(), None);
        assert!(table.named[0].is_private());
        assert!(table.labels.is_empty());
    }

    #[test]
    fn a_second_definition_is_noticed() {
        let mut table = SymbolTable::new(0);
        let place = Position {
            section: 0,
            offset: 4,
            item: 0,
        };
        for name in [".L1", "a"] {
            let symbol = table.intern(name);
            assert!(table.define(symbol, place));
            assert!(!table.define(symbol, place));
            assert_eq!(table.position(symbol), place);
        }
    }
}
