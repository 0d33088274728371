//! One section while it is assembled: bytes, elastic items and unresolved places.

use crate::elf;
use crate::symbol::{Position, SymbolId};

/// Something whose size depends on where other things end up.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Item {
    /// A branch, held as two bytes until its distance is known.
    Jump(Jump),
    /// Padding up to a multiple of `alignment`, a power of two.
    Align { offset: u32, alignment: u32 },
}

/// A direct `jmp` or conditional jump.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Jump {
    pub(crate) offset: u32,
    /// The condition's number in the encoding; [`Jump::ALWAYS`] for `jmp`.
    pub(crate) condition: u8,
    pub(crate) long: bool,
    /// Whether the target's name has `@PLT`: a symbol that is global stays replaceable then.
    pub(crate) replaceable: bool,
    pub(crate) target: SymbolId,
    /// The offset in the text, for messages.
    pub(crate) source: u32,
}

impl Jump {
    pub(crate) const ALWAYS: u8 = 0xff;

    /// How many bytes the long form has beyond the two of the short one.
    pub(crate) fn growth(&self) -> u32 {
        match (self.long, self.condition) {
            (false, _) => 0,
            (true, Jump::ALWAYS) => 3,
            (true, _) => 4,
        }
    }
}

/// What to write at an unresolved place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FixupKind {
    /// The 32-bit distance to a symbol in data or code.
    Relative,
    /// The 32-bit distance to the target of a `call`.
    Branch,
    /// The 32-bit distance to a symbol's slot in the global offset table; holds the relocation's
    /// type, which tells the linker whether it may do without the slot.
    GotRelative(u32),
    /// A value of so many bytes: `symbol - minus + addend`.
    Value(u8),
    /// `symbol - . + addend` in so many bytes.
    ValueRelative(u8),
    /// The address as 32 bits that the processor sign-extends.
    SignedAddress,
}

/// An unresolved place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fixup {
    pub(crate) offset: u32,
    pub(crate) item: u32,
    pub(crate) kind: FixupKind,
    pub(crate) symbol: SymbolId,
    pub(crate) minus: Option<SymbolId>,
    pub(crate) addend: i64,
    /// The offset in the text, for messages.
    pub(crate) source: u32,
}

/// A section under construction.
#[derive(Debug)]
pub(crate) struct SectionBuilder<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: u32,
    pub(crate) flags: u64,
    pub(crate) entry_size: u64,
    pub(crate) alignment: u32,
    pub(crate) data: Vec<u8>,
    pub(crate) items: Vec<Item>,
    /// For each item, and once more for the end, how many bytes the items before it have added;
    /// empty until the section is relaxed, and when it has no items.
    pub(crate) growth: Vec<u32>,
    pub(crate) fixups: Vec<Fixup>,
    /// The most that padding may add.
    pub(crate) padding: u64,
}

impl<'a> SectionBuilder<'a> {
    pub(crate) fn new(name: &'a str, kind: u32, flags: u64, entry_size: u64) -> SectionBuilder<'a> {
        SectionBuilder {
            name,
            kind,
            flags,
            entry_size,
            alignment: 1,
            data: Vec::new(),
            items: Vec::new(),
            growth: Vec::new(),
            fixups: Vec::new(),
            padding: 0,
        }
    }

    pub(crate) fn is_code(&self) -> bool {
        self.flags & elf::SHF_EXECINSTR != 0
    }

    /// Where `position`, which lies in this section, ends up. Call it after relaxation.
    #[inline]
    pub(crate) fn final_offset(&self, position: Position) -> u32 {
        let growth = self
            .growth
            .get(position.item as usize)
            .copied()
            .unwrap_or(0);
        position.offset + growth
    }

    /// Adds padding up to a multiple of `alignment`.
    pub(crate) fn align(&mut self, alignment: u32) {
        self.alignment = self.alignment.max(alignment);
        if alignment <= 1 {
            return;
        }
        self.padding += u64::from(alignment);
        if self.is_code() || !self.items.is_empty() {
            self.items.push(Item::Align {
                offset: self.data.len() as u32,
                alignment,
            });
        } else {
            self.data
                .resize(self.data.len().next_multiple_of(alignment as usize), 0);
        }
    }

    pub(crate) fn push_fixup(
        &mut self,
        kind: FixupKind,
        symbol: SymbolId,
        addend: i64,
        source: u32,
    ) {
        let (offset, item) = (self.data.len() as u32, self.items.len() as u32);
        self.fixups.push(Fixup {
            offset,
            item,
            kind,
            symbol,
            minus: None,
            addend,
            source,
        });
    }
}
