//! One assembly file while it is read: sections, symbols and what the directives leave behind.

use rustc_hash::FxHashMap;

use crate::assemble::ErrorKind;
use crate::elf;
use crate::frame::Frames;
use crate::lines::LineTable;
use crate::section::SectionBuilder;
use crate::symbol::{Position, SymbolTable};

/// The state of the assembler.
#[derive(Debug)]
pub(crate) struct Unit<'a> {
    pub(crate) symbols: SymbolTable<'a>,
    pub(crate) sections: Vec<SectionBuilder<'a>>,
    /// The index of the section that is being filled.
    pub(crate) current: usize,
    section_names: FxHashMap<&'a str, usize>,
    pub(crate) frames: Frames,
    pub(crate) lines: LineTable,
    pub(crate) source_name: Option<String>,
}

/// The most bytes that a section may have: half of what 32-bit distances reach, with room for
/// the growth of branches.
const MAXIMUM_SECTION: u64 = 1 << 28;

impl<'a> Unit<'a> {
    /// An empty unit for a text of `length` bytes.
    pub(crate) fn new(length: usize) -> Unit<'a> {
        let mut unit = Unit {
            symbols: SymbolTable::new(length),
            sections: Vec::with_capacity(8),
            current: 0,
            section_names: FxHashMap::default(),
            frames: Frames::default(),
            lines: LineTable::default(),
            source_name: None,
        };
        // GNU as has these three sections in every object, in this order.
        unit.create(
            ".text",
            elf::SHT_PROGBITS,
            elf::SHF_ALLOC | elf::SHF_EXECINSTR,
            0,
        );
        unit.create(
            ".data",
            elf::SHT_PROGBITS,
            elf::SHF_ALLOC | elf::SHF_WRITE,
            0,
        );
        unit.create(".bss", elf::SHT_NOBITS, elf::SHF_ALLOC | elf::SHF_WRITE, 0);
        unit.current = 0;
        unit
    }

    fn create(&mut self, name: &'a str, kind: u32, flags: u64, entry_size: u64) {
        self.current = self.sections.len();
        self.section_names.insert(name, self.current);
        self.sections
            .push(SectionBuilder::new(name, kind, flags, entry_size));
    }

    /// Makes `name` the current section; `attributes` are its type, flags and entry size where the
    /// directive says them.
    pub(crate) fn select_section(
        &mut self,
        name: &'a str,
        attributes: Option<(u32, u64, u64)>,
    ) -> Result<(), ErrorKind> {
        match self.section_names.get(name) {
            Some(&index) => {
                let section = &self.sections[index];
                let known = (section.kind, section.flags, section.entry_size);
                // No directive of the language puts bytes into `.bss`.
                if section.kind == elf::SHT_NOBITS {
                    return Err(ErrorKind::InvalidArguments(name.to_owned()));
                }
                if attributes.is_some_and(|attributes| attributes != known) {
                    return Err(ErrorKind::SectionMismatch(name.to_owned()));
                }
                self.current = index;
            }
            None => {
                // The section indices from SHN_LORESERVE on have other meanings.
                if self.sections.len() >= usize::from(elf::SHN_LORESERVE) / 2 - 16 {
                    return Err(ErrorKind::TooLarge);
                }
                let attributes = attributes.or_else(|| default_attributes(name));
                let (kind, flags, entry_size) =
                    attributes.ok_or_else(|| ErrorKind::InvalidArguments(name.to_owned()))?;
                self.create(name, kind, flags, entry_size);
            }
        }
        Ok(())
    }

    pub(crate) fn section(&mut self) -> &mut SectionBuilder<'a> {
        &mut self.sections[self.current]
    }

    /// The current place.
    #[inline]
    pub(crate) fn here(&self) -> Position {
        let section = &self.sections[self.current];
        Position {
            section: self.current as u32,
            offset: section.data.len() as u32,
            item: section.items.len() as u32,
        }
    }

    /// Whether the current section can take `more` bytes.
    pub(crate) fn has_room(&self, more: u64) -> Result<(), ErrorKind> {
        let section = &self.sections[self.current];
        let size = (section.data.len() as u64)
            .saturating_add(section.padding)
            .saturating_add(more);
        if size > MAXIMUM_SECTION {
            Err(ErrorKind::TooLarge)
        } else {
            Ok(())
        }
    }

    /// Gives the line of the last `.loc` to the instruction that begins here.
    #[inline]
    pub(crate) fn emit_pending_line(&mut self) {
        if self.lines.is_pending() {
            let here = self.here();
            self.lines.emit(here);
        }
    }
}

/// The attributes of a section whose directive says none: GNU as knows some by name.
fn default_attributes(name: &str) -> Option<(u32, u64, u64)> {
    let is = |stem: &str| {
        name.strip_prefix(stem)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let flags = if is(".text") {
        elf::SHF_ALLOC | elf::SHF_EXECINSTR
    } else if is(".data") {
        elf::SHF_ALLOC | elf::SHF_WRITE
    } else if is(".rodata") {
        elf::SHF_ALLOC
    } else {
        return None;
    };
    Some((elf::SHT_PROGBITS, flags, 0))
}
