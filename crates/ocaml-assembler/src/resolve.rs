//! From a unit that has been read to an object: final offsets, constants and relocations.

use rustc_hash::FxHashMap;

use crate::assemble::ErrorKind;
use crate::cursor::Fault;
use crate::debug;
use crate::directive::fits;
use crate::elf;
use crate::expression::{Expression, Term};
use crate::object::{Object, Place, Relocation, Section, Symbol, Target};
use crate::relax::{ExternalJump, relax};
use crate::section::{Fixup, FixupKind, SectionBuilder};
use crate::symbol::{Position, SymbolId, SymbolTable, SymbolType};
use crate::unit::Unit;

impl Unit<'_> {
    /// Lays out the sections and resolves what can be resolved.
    pub(crate) fn finish(
        mut self,
        debug_information: bool,
        directory: &str,
    ) -> Result<Object, Fault> {
        let mut external = Vec::with_capacity(self.sections.len());
        for (index, section) in self.sections.iter_mut().enumerate() {
            external.push(relax(section, index as u32, &self.symbols));
        }
        let mut resolver = Resolver::new(&self.symbols, &self.sections);
        resolver.object.source_name = self.source_name.take();
        resolver.defined_symbols()?;
        let mut resolved = Vec::with_capacity(self.sections.len());
        for (index, section) in self.sections.iter().enumerate() {
            resolved.push(resolver.section(index as u32, section, &external[index])?);
        }
        let mut object = resolver.object;
        let lines = if debug_information {
            self.lines.encode(&self.sections)
        } else {
            None
        };
        let covered = self.lines.covered(&self.sections);
        let frames = if self.frames.is_empty() {
            None
        } else {
            Some(self.frames.encode(&self.sections)?)
        };
        for (builder, (patches, relocations)) in self.sections.into_iter().zip(resolved) {
            let SectionBuilder {
                name,
                kind,
                flags,
                entry_size,
                alignment,
                mut data,
                ..
            } = builder;
            for patch in patches {
                data[patch.offset..patch.offset + patch.width]
                    .copy_from_slice(&patch.value[..patch.width]);
            }
            // The linker takes the section apart into entries: GNU as fills up the last one.
            if flags & (elf::SHF_MERGE | elf::SHF_STRINGS) == elf::SHF_MERGE
                && entry_size.is_power_of_two()
            {
                data.resize(data.len().next_multiple_of(entry_size as usize), 0);
            }
            let section = Section::new(name, kind, flags, u64::from(alignment), data);
            object.sections.push(Section {
                entry_size,
                relocations,
                ..section
            });
        }
        if let Some((data, relocations)) = frames {
            let section = Section::new(".eh_frame", elf::SHT_PROGBITS, elf::SHF_ALLOC, 8, data);
            object.sections.push(Section {
                relocations,
                ..section
            });
        }
        if let Some((data, relocations)) = lines {
            let index = object.sections.len() as u32;
            let section = Section::new(".debug_line", elf::SHT_PROGBITS, 0, 1, data);
            object.sections.push(Section {
                relocations,
                ..section
            });
            let functions: Vec<_> = object
                .symbols
                .iter()
                .filter(|symbol| symbol.kind == elf::STT_FUNC && symbol.size > 0)
                .map(|symbol| (object.name_bytes(symbol), symbol))
                .collect();
            let name = self.lines.first_file().unwrap_or_default();
            let unit = debug::Unit {
                name,
                directory,
                covered: &covered,
                functions: &functions,
            };
            let sections = debug::sections(&unit, index, index + 1);
            object.sections.extend(sections);
        }
        Ok(object)
    }
}

/// Bytes to write into a section.
struct Patch {
    offset: usize,
    width: usize,
    value: [u8; 8],
}

/// Turns symbols and fixups into those of the object.
struct Resolver<'r, 'a> {
    symbols: &'r SymbolTable<'a>,
    sections: &'r [SectionBuilder<'a>],
    object: Object,
    /// The index in the object of each named symbol that has one.
    named: Vec<Option<u32>>,
    /// Labels that relocations must name, and their indices in the object.
    labels: FxHashMap<SymbolId, u32>,
}

impl<'r, 'a> Resolver<'r, 'a> {
    fn new(symbols: &'r SymbolTable<'a>, sections: &'r [SectionBuilder<'a>]) -> Resolver<'r, 'a> {
        let object = Object {
            names: vec![0],
            ..Object::default()
        };
        Resolver {
            symbols,
            sections,
            object,
            named: vec![None; symbols.named.len()],
            labels: FxHashMap::default(),
        }
    }

    fn final_offset(&self, position: Position) -> u32 {
        self.sections[position.section as usize].final_offset(position)
    }

    /// Adds the symbols that the unit defines, except those that are the assembler's own.
    fn defined_symbols(&mut self) -> Result<(), Fault> {
        for (index, named) in self.symbols.named.iter().enumerate() {
            if named.is_private() {
                continue;
            }
            if let Some((value, source)) = &named.value {
                // Its uses have the value already; like GNU as, tell debuggers of it.
                let value = self.constant(value, Position::NOWHERE).ok_or(Fault {
                    offset: *source,
                    kind: ErrorKind::UnresolvedExpression,
                })?;
                let symbol = Symbol {
                    place: Place::Absolute,
                    value: value.cast_unsigned(),
                    binding: elf::STB_LOCAL,
                    kind: symbol_kind(named.kind),
                    ..Symbol::default()
                };
                self.object.push_symbol(named.name.as_bytes(), symbol);
            }
            if !named.position.is_defined() {
                continue;
            }
            let size = match &named.size {
                None => 0,
                Some((size, here, source)) => {
                    let value = self.constant(size, *here).filter(|&value| value >= 0);
                    let fault = Fault {
                        offset: *source,
                        kind: ErrorKind::UnresolvedExpression,
                    };
                    value.ok_or(fault)?.cast_unsigned()
                }
            };
            let symbol = Symbol {
                place: Place::Section(named.position.section),
                value: u64::from(self.final_offset(named.position)),
                size,
                binding: if named.global {
                    elf::STB_GLOBAL
                } else {
                    elf::STB_LOCAL
                },
                kind: symbol_kind(named.kind),
                ..Symbol::default()
            };
            self.named[index] = Some(self.object.push_symbol(named.name.as_bytes(), symbol));
        }
        Ok(())
    }

    /// The value of an expression at `here`, when the layout of one section determines it.
    fn constant(&self, value: &Expression, here: Position) -> Option<i64> {
        let place = |term| match term {
            Term::Here => here,
            Term::Symbol(symbol) => self.symbols.position(symbol),
        };
        match (value.plus, value.minus) {
            (None, None) => Some(value.addend),
            (Some(plus), Some(minus)) => {
                let (plus, minus) = (place(plus), place(minus));
                let same = plus.is_defined() && plus.section == minus.section;
                same.then(|| self.distance(minus, plus).wrapping_add(value.addend))
            }
            _ => None,
        }
    }

    fn distance(&self, from: Position, to: Position) -> i64 {
        i64::from(self.final_offset(to)) - i64::from(self.final_offset(from))
    }

    /// The constants and the relocations of a section.
    fn section(
        &mut self,
        index: u32,
        section: &SectionBuilder<'_>,
        external: &[ExternalJump],
    ) -> Result<(Vec<Patch>, Vec<Relocation>), Fault> {
        let mut patches = Vec::new();
        let mut relocations = Vec::with_capacity(section.fixups.len() + external.len());
        for fixup in &section.fixups {
            let position = Position {
                section: index,
                offset: fixup.offset,
                item: fixup.item,
            };
            let offset = section.final_offset(position);
            match self.fixup(fixup, index, offset) {
                Ok(Resolution::Constant(value, width)) => {
                    if !fits(value, width) {
                        return Err(Fault {
                            offset: fixup.source as usize,
                            kind: ErrorKind::ValueOutOfRange(value),
                        });
                    }
                    let (offset, width) = (offset as usize, usize::from(width));
                    patches.push(Patch {
                        offset,
                        width,
                        value: value.to_le_bytes(),
                    });
                }
                Ok(Resolution::Relocation(relocation)) => relocations.push(relocation),
                Err(kind) => {
                    return Err(Fault {
                        offset: fixup.source as usize,
                        kind,
                    });
                }
            }
        }
        for jump in external {
            let fault = |kind| Fault {
                offset: jump.source as usize,
                kind,
            };
            let kind = self.branch_kind(jump.target);
            let relocation = self
                .relocation(jump.offset, kind, jump.target, -4)
                .map_err(fault)?;
            relocations.push(relocation);
        }
        if !external.is_empty() {
            relocations.sort_by_key(|relocation| relocation.offset);
        }
        Ok((patches, relocations))
    }

    fn fixup(&mut self, fixup: &Fixup, section: u32, offset: u32) -> Result<Resolution, ErrorKind> {
        let Fixup { symbol, addend, .. } = *fixup;
        let place = self.symbols.position(symbol);
        if self
            .symbols
            .named(symbol)
            .is_some_and(|named| named.value.is_some())
        {
            return Err(ErrorKind::UnresolvedExpression);
        }
        let near = place.section == section;
        let here = i64::from(offset);
        match fixup.kind {
            FixupKind::Relative | FixupKind::Branch if near && !self.symbols.is_global(symbol) => {
                let distance = i64::from(self.final_offset(place)) + addend - here;
                let distance =
                    i32::try_from(distance).map_err(|_| ErrorKind::ValueOutOfRange(distance))?;
                Ok(Resolution::Constant(i64::from(distance), 4))
            }
            FixupKind::Relative => self.relocate(offset, elf::R_X86_64_PC32, symbol, addend),
            FixupKind::Branch => self.relocate(offset, self.branch_kind(symbol), symbol, addend),
            FixupKind::GotRelative(kind) => self.relocate(offset, kind, symbol, addend),
            FixupKind::SignedAddress => self.relocate(offset, elf::R_X86_64_32S, symbol, addend),
            FixupKind::ValueRelative(width) if near => {
                let value = i64::from(self.final_offset(place))
                    .wrapping_sub(here)
                    .wrapping_add(addend);
                Ok(Resolution::Constant(value, width))
            }
            FixupKind::ValueRelative(width) => {
                let kind = relative_kind(width)?;
                self.relocate(offset, kind, symbol, addend)
            }
            FixupKind::Value(width) => {
                let Some(minus) = fixup.minus else {
                    let kind = match width {
                        8 => elf::R_X86_64_64,
                        4 => elf::R_X86_64_32,
                        _ => return Err(ErrorKind::UnresolvedExpression),
                    };
                    return self.relocate(offset, kind, symbol, addend);
                };
                let base = self.symbols.position(minus);
                if !base.is_defined() {
                    return Err(self.undefined(minus));
                }
                if place.section == base.section {
                    return Ok(Resolution::Constant(
                        self.distance(base, place).wrapping_add(addend),
                        width,
                    ));
                }
                if base.section != section {
                    return Err(ErrorKind::UnresolvedExpression);
                }
                // The distance from another place of this section is the one from here and a
                // constant.
                let addend = addend.wrapping_add(here - i64::from(self.final_offset(base)));
                self.relocate(offset, relative_kind(width)?, symbol, addend)
            }
        }
    }

    /// Calls and jumps to what another object may define ask for a procedure linkage table entry,
    /// as GNU as has done since 2.31.
    fn branch_kind(&self, symbol: SymbolId) -> u32 {
        if self.symbols.is_global(symbol) {
            elf::R_X86_64_PLT32
        } else {
            elf::R_X86_64_PC32
        }
    }

    fn relocate(
        &mut self,
        offset: u32,
        kind: u32,
        symbol: SymbolId,
        addend: i64,
    ) -> Result<Resolution, ErrorKind> {
        self.relocation(offset, kind, symbol, addend)
            .map(Resolution::Relocation)
    }

    fn relocation(
        &mut self,
        offset: u32,
        kind: u32,
        symbol: SymbolId,
        addend: i64,
    ) -> Result<Relocation, ErrorKind> {
        let offset = u64::from(offset);
        let place = self.symbols.position(symbol);
        let by_section = place.is_defined()
            && !self.symbols.is_global(symbol)
            && !self.needs_name(place, kind, addend);
        if by_section {
            let addend = addend.wrapping_add(i64::from(self.final_offset(place)));
            return Ok(Relocation {
                offset,
                kind,
                target: Target::Section(place.section),
                addend,
            });
        }
        let target = Target::Symbol(self.object_symbol(symbol)?);
        Ok(Relocation {
            offset,
            kind,
            target,
            addend,
        })
    }

    /// Whether a relocation must name a local symbol: the linker moves the parts of a mergeable
    /// section, and keeps slots of the global offset table by symbol.
    fn needs_name(&self, place: Position, kind: u32, addend: i64) -> bool {
        let got = matches!(
            kind,
            elf::R_X86_64_GOTPCREL | elf::R_X86_64_GOTPCRELX | elf::R_X86_64_REX_GOTPCRELX
        );
        let relative = matches!(
            kind,
            elf::R_X86_64_PC32 | elf::R_X86_64_PC64 | elf::R_X86_64_PLT32
        );
        let mergeable = self.sections[place.section as usize].flags & elf::SHF_MERGE != 0;
        got || (mergeable && (relative || addend != 0))
    }

    /// The object's symbol for `symbol`.
    fn object_symbol(&mut self, symbol: SymbolId) -> Result<u32, ErrorKind> {
        if let Some(index) = symbol.named() {
            if let Some(known) = self.named[index] {
                return Ok(known);
            }
            let named = &self.symbols.named[index];
            if !named.position.is_defined() && !named.is_private() {
                let kind = symbol_kind(named.kind);
                let new = Symbol {
                    binding: elf::STB_GLOBAL,
                    kind,
                    ..Symbol::default()
                };
                let new = self.object.push_symbol(named.name.as_bytes(), new);
                self.named[index] = Some(new);
                return Ok(new);
            }
        }
        if let Some(known) = self.labels.get(&symbol) {
            return Ok(*known);
        }
        let position = self.symbols.position(symbol);
        if !position.is_defined() {
            return Err(self.undefined(symbol));
        }
        let place = Place::Section(position.section);
        let new = Symbol {
            place,
            value: u64::from(self.final_offset(position)),
            ..Symbol::default()
        };
        let new = self
            .object
            .push_symbol(self.symbols.name(symbol).as_bytes(), new);
        self.labels.insert(symbol, new);
        Ok(new)
    }

    fn undefined(&self, symbol: SymbolId) -> ErrorKind {
        ErrorKind::UndefinedLabel(self.symbols.name(symbol))
    }
}

/// What becomes of a fixup.
enum Resolution {
    /// A value and how many bytes it has.
    Constant(i64, u8),
    Relocation(Relocation),
}

fn relative_kind(width: u8) -> Result<u32, ErrorKind> {
    match width {
        8 => Ok(elf::R_X86_64_PC64),
        4 => Ok(elf::R_X86_64_PC32),
        _ => Err(ErrorKind::UnresolvedExpression),
    }
}

fn symbol_kind(kind: SymbolType) -> u8 {
    match kind {
        SymbolType::Unspecified => elf::STT_NOTYPE,
        SymbolType::Function => elf::STT_FUNC,
        SymbolType::Data => elf::STT_OBJECT,
    }
}
