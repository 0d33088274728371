//! Where everything is: addresses, which are also offsets in the file.

use super::contents::{Contents, Part};
use super::dynamic::{self, DynamicSymbols};
use super::requirements::Requirements;
use super::symbols::{Definition, Meaning, Symbols};
use super::{BuildId, Error, Options, frame_header};
use crate::elf;
use crate::object::{Object, Place};

/// The size of a page, and the alignment of segments.
pub(super) const PAGE: u64 = 4096;

/// The size of a stub: an indirect jump of six bytes, filled up.
pub(super) const STUB: u64 = 8;

/// A section of the file, made of inputs or by the linker.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) name: String,
    pub(super) kind: u32,
    pub(super) flags: u64,
    pub(super) entry_size: u64,
    pub(super) alignment: u64,
    pub(super) address: u64,
    pub(super) size: u64,
    /// The name of the section that `sh_link` means.
    pub(super) link: Option<&'static str>,
    /// For a symbol table, how many of its symbols are local.
    pub(super) info: u32,
}

/// A stretch of addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Range {
    pub(super) fn size(self) -> u64 {
        self.end - self.start
    }
}

/// The places of all that the file holds.
pub(super) struct Layout<'o> {
    pub(super) contents: Contents,
    /// For each output of `contents`, its address.
    pub(super) addresses: Vec<u64>,
    /// The sections in the order of the file.
    pub(super) sections: Vec<Placed>,
    pub(super) dynamic_symbols: DynamicSymbols<'o>,
    pub(super) build_id: Vec<u8>,
    pub(super) note: Range,
    pub(super) hash: Range,
    pub(super) symbol_table: Range,
    pub(super) strings: Range,
    pub(super) relocations: Range,
    pub(super) frame_header: Range,
    pub(super) stubs: Range,
    pub(super) dynamic: Range,
    pub(super) slots: Range,
    pub(super) read_only: Range,
    pub(super) code: Range,
    pub(super) writable: Range,
    /// Where the writable segment's zeros end in memory.
    pub(super) writable_end: u64,
    /// The part of the writable segment that the loader makes read-only.
    pub(super) relro: Range,
    /// The end of the last section with bytes in the file.
    pub(super) end: u64,
}

/// The number of program headers: three to load, then dynamic, note, frame header, stack, relro.
pub(super) fn program_headers(has_note: bool, has_frames: bool) -> u16 {
    6 + u16::from(has_note) + u16::from(has_frames)
}

/// How many bytes a build id from the contents has: as many as ld's.
pub(super) const BUILD_ID_SIZE: usize = 20;

/// The place where the next section goes, and the list of those that have a place.
struct Cursor {
    at: u64,
    sections: Vec<Placed>,
}

impl Cursor {
    fn align(&mut self, alignment: u64) -> u64 {
        self.at = self.at.next_multiple_of(alignment);
        self.at
    }

    /// Places a section that the linker makes; an empty one is left out.
    fn place(&mut self, name: &str, kind: u32, flags: u64, alignment: u64, size: u64) -> Range {
        if size == 0 {
            return Range {
                start: self.at,
                end: self.at,
            };
        }
        let address = self.align(alignment);
        let name = name.to_owned();
        self.sections.push(Placed {
            name,
            kind,
            flags,
            entry_size: 0,
            alignment,
            address,
            size,
            link: None,
            info: 0,
        });
        self.at += size;
        Range {
            start: address,
            end: self.at,
        }
    }

    /// What the last placed section's header also says.
    fn describe(&mut self, range: Range, entry_size: usize, link: Option<&'static str>) {
        if let Some(last) = self.sections.last_mut().filter(|_| range.size() > 0) {
            last.entry_size = entry_size as u64;
            last.link = link;
            last.info = u32::from(last.kind == elf::SHT_DYNSYM);
        }
    }

    /// Places the outputs of a part.
    fn part(&mut self, part: Part, contents: &Contents, addresses: &mut [u64]) {
        for (output, address) in contents.outputs.iter().zip(addresses) {
            if output.part != part {
                continue;
            }
            *address = self.align(output.alignment);
            self.sections.push(Placed {
                name: output.name.clone(),
                kind: output.kind,
                flags: output.flags,
                entry_size: output.entry_size,
                alignment: output.alignment,
                address: *address,
                size: output.size,
                link: None,
                info: 0,
            });
            self.at += output.size;
        }
    }
}

impl<'o> Layout<'o> {
    /// Gives everything a place.
    pub(super) fn new(
        objects: &'o [Object],
        symbols: &Symbols<'o>,
        contents: Contents,
        requirements: &Requirements,
        options: &Options,
    ) -> Result<Layout<'o>, Error> {
        let build_id = match &options.build_id {
            BuildId::Contents => vec![0; BUILD_ID_SIZE],
            BuildId::Bytes(bytes) => bytes.clone(),
            BuildId::None => Vec::new(),
        };
        let has_frames = requirements.frames > 0;
        let dynamic_symbols = DynamicSymbols::new(symbols, options);
        let dynamic_relocations = requirements.dynamic_relocations + requirements.slots.len();
        let headers = program_headers(!build_id.is_empty(), has_frames);
        let mut addresses = vec![0; contents.outputs.len()];
        let at = (elf::HEADER_SIZE + elf::PROGRAM_HEADER_SIZE * usize::from(headers)) as u64;
        let mut cursor = Cursor {
            at,
            sections: vec![],
        };
        let allocated = elf::SHF_ALLOC;
        let writable = elf::SHF_ALLOC | elf::SHF_WRITE;

        let note_size = if build_id.is_empty() {
            0
        } else {
            16 + build_id.len().next_multiple_of(4) as u64
        };
        let note = cursor.place(".note.gnu.build-id", elf::SHT_NOTE, allocated, 4, note_size);
        let hash = cursor.place(
            ".gnu.hash",
            elf::SHT_GNU_HASH,
            allocated,
            8,
            dynamic_symbols.hash.len() as u64,
        );
        cursor.describe(hash, 0, Some(".dynsym"));
        let size = (elf::SYMBOL_SIZE * dynamic_symbols.count()) as u64;
        let symbol_table = cursor.place(".dynsym", elf::SHT_DYNSYM, allocated, 8, size);
        cursor.describe(symbol_table, elf::SYMBOL_SIZE, Some(".dynstr"));
        let size = dynamic_symbols.strings.len() as u64;
        let strings = cursor.place(".dynstr", elf::SHT_STRTAB, allocated, 1, size);
        let size = (elf::RELA_SIZE * dynamic_relocations) as u64;
        let relocations = cursor.place(".rela.dyn", elf::SHT_RELA, allocated, 8, size);
        cursor.describe(relocations, elf::RELA_SIZE, Some(".dynsym"));
        let size = if has_frames {
            frame_header::size(requirements.frames)
        } else {
            0
        };
        let frame_header = cursor.place(".eh_frame_hdr", elf::SHT_PROGBITS, allocated, 4, size);
        cursor.part(Part::ReadOnly, &contents, &mut addresses);
        cursor.part(Part::Frames, &contents, &mut addresses);
        let read_only = Range {
            start: 0,
            end: cursor.at,
        };

        let start = cursor.align(PAGE);
        cursor.part(Part::Code, &contents, &mut addresses);
        let size = STUB * requirements.stubs.len() as u64;
        let stubs = cursor.place(
            ".plt.got",
            elf::SHT_PROGBITS,
            allocated | elf::SHF_EXECINSTR,
            16,
            size,
        );
        let code = Range {
            start,
            end: cursor.at,
        };

        let start = cursor.align(PAGE);
        cursor.part(Part::Relro, &contents, &mut addresses);
        let entries = dynamic::entries(&contents, options);
        let dynamic = cursor.place(
            ".dynamic",
            elf::SHT_DYNAMIC,
            writable,
            8,
            (elf::DYNAMIC_SIZE * entries) as u64,
        );
        cursor.describe(dynamic, elf::DYNAMIC_SIZE, Some(".dynstr"));
        let slots = cursor.place(
            ".got",
            elf::SHT_PROGBITS,
            writable,
            8,
            8 * requirements.slots.len() as u64,
        );
        cursor.describe(slots, 8, None);
        // The loader protects whole pages.
        let relro = Range {
            start,
            end: cursor.align(PAGE),
        };
        cursor.part(Part::Data, &contents, &mut addresses);
        let writable = Range {
            start,
            end: cursor.at,
        };
        cursor.part(Part::Zero, &contents, &mut addresses);
        let writable_end = cursor.at;
        cursor.at = writable.end;
        cursor.part(Part::Debug, &contents, &mut addresses);
        // Every distance between two places must fit in 31 bits.
        if cursor.at.max(writable_end) > i32::MAX as u64 {
            let object = objects.first().map_or("", Object::name).into();
            return Err(Error::TooLarge { object });
        }
        Ok(Layout {
            contents,
            addresses,
            sections: cursor.sections,
            dynamic_symbols,
            build_id,
            note,
            hash,
            symbol_table,
            strings,
            relocations,
            frame_header,
            stubs,
            dynamic,
            slots,
            read_only,
            code,
            writable,
            writable_end,
            relro,
            end: cursor.at,
        })
    }

    /// The address of a section of an object; nothing when the section is not kept.
    pub(super) fn section_address(&self, object: usize, section: usize) -> Option<u64> {
        let (output, offset) = self.contents.places[object][section]?;
        Some(self.addresses[output] + offset)
    }

    /// The address, or the absolute value, of a definition.
    pub(super) fn definition_address(
        &self,
        objects: &[Object],
        definition: Definition,
    ) -> Option<u64> {
        let Definition { object, symbol } = definition;
        let entry = &objects[object as usize].symbols[symbol as usize];
        match entry.place {
            Place::Section(section) => Some(
                self.section_address(object as usize, section as usize)?
                    .wrapping_add(entry.value),
            ),
            Place::Absolute => Some(entry.value),
            Place::Common => {
                let (_, offset) = self
                    .contents
                    .commons
                    .iter()
                    .find(|(known, _)| *known == (object, symbol))?;
                let output = self.contents.find(".bss")?;
                Some(self.addresses[output] + offset)
            }
            Place::Undefined => None,
        }
    }

    /// The address of what is in this shared object; nothing for an import.
    pub(super) fn address(&self, objects: &[Object], meaning: Meaning) -> Option<u64> {
        match meaning {
            Meaning::Section { object, section } => {
                self.section_address(object as usize, section as usize)
            }
            Meaning::Defined(definition) => self.definition_address(objects, definition),
            Meaning::Import(_) => None,
        }
    }
}
