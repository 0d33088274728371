//! `.debug_line`: from `.file` and `.loc` to the line number program.
//!
//! Source: DWARF 3, section 6.2. The choices among equivalent programs are those of GNU as.

use crate::elf::{self, Image};
use crate::frame::{signed_leb128, unsigned_leb128};
use crate::object::{Relocation, Target};
use crate::section::SectionBuilder;
use crate::symbol::Position;

/// What the directives said.
#[derive(Debug, Default)]
pub(crate) struct LineTable {
    /// The names of the files 1, 2, ...
    files: Vec<Vec<u8>>,
    /// The sections that have rows, in the order of their first rows.
    sequences: Vec<Sequence>,
    pending: Option<Location>,
    /// That of the last `.loc` that had one: GNU as keeps it for those without.
    column: u32,
}

/// The rows of one section.
#[derive(Debug)]
struct Sequence {
    section: u32,
    rows: Vec<(Position, Location)>,
}

/// A place in a source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) file: u32,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// A stretch of a section that has line information.
pub(crate) struct Covered {
    pub(crate) section: u32,
    pub(crate) length: u64,
}

impl LineTable {
    /// `.file number "name"`; false when the number is not the next one or has another name.
    pub(crate) fn add_file(&mut self, number: i64, name: &[u8]) -> bool {
        let Some(index) = usize::try_from(number)
            .ok()
            .and_then(|number| number.checked_sub(1))
        else {
            return false;
        };
        if index == self.files.len() {
            self.files.push(name.to_owned());
        }
        self.files.get(index).is_some_and(|known| known == name)
    }

    /// `.loc`: the location of the next instruction. A location that waits for its instruction is
    /// given to the current place. False when the file is unknown.
    pub(crate) fn locate(
        &mut self,
        file: u32,
        line: u32,
        column: Option<u32>,
        here: Position,
    ) -> bool {
        if self.pending.is_some() {
            self.emit(here);
        }
        let column = column.unwrap_or(self.column);
        self.column = column;
        self.pending = Some(Location { file, line, column });
        (1..=self.files.len()).contains(&(file as usize))
    }

    #[inline]
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Gives the waiting location to `here`.
    pub(crate) fn emit(&mut self, here: Position) {
        // Line 0 means "no line"; GNU as makes no row of it.
        let Some(location) = self.pending.take().filter(|location| location.line != 0) else {
            return;
        };
        let last = self
            .sequences
            .last()
            .is_some_and(|sequence| sequence.section == here.section);
        let index = if last {
            self.sequences.len() - 1
        } else if let Some(index) = self
            .sequences
            .iter()
            .position(|sequence| sequence.section == here.section)
        {
            index
        } else {
            self.sequences.push(Sequence {
                section: here.section,
                rows: Vec::new(),
            });
            self.sequences.len() - 1
        };
        self.sequences[index].rows.push((here, location));
    }

    /// The name of the first file.
    pub(crate) fn first_file(&self) -> Option<&[u8]> {
        self.files.first().map(Vec::as_slice)
    }

    /// The sections that have rows, and their sizes.
    pub(crate) fn covered(&self, sections: &[SectionBuilder<'_>]) -> Vec<Covered> {
        let length = |section: u32| sections[section as usize].data.len() as u64;
        self.sequences
            .iter()
            .map(|&Sequence { section, .. }| Covered {
                section,
                length: length(section),
            })
            .collect()
    }

    /// The contents of `.debug_line`; nothing when there is no row.
    pub(crate) fn encode(
        &self,
        sections: &[SectionBuilder<'_>],
    ) -> Option<(Vec<u8>, Vec<Relocation>)> {
        if self.sequences.is_empty() {
            return None;
        }
        let mut image = Image::default();
        let mut relocations = Vec::with_capacity(self.sequences.len());
        image.u32(0);
        image.u16(3);
        image.u32(0);
        image.bytes(&[
            1,
            1,
            LINE_BASE.cast_unsigned(),
            LINE_RANGE as u8,
            OPCODE_BASE as u8,
        ]);
        // How many operands the standard opcodes 1 to 12 have.
        image.bytes(&[0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1]);
        self.encode_files(&mut image);
        let header = image.len() - 10;
        image.set_u32(6, header as u32);
        for sequence in &self.sequences {
            let section = &sections[sequence.section as usize];
            encode_sequence(&mut image, &mut relocations, sequence, section);
        }
        let length = image.len() - 4;
        image.set_u32(0, length as u32);
        Some((image.0, relocations))
    }

    /// The tables of directories and files.
    fn encode_files(&self, image: &mut Image) {
        let mut directories: Vec<&[u8]> = Vec::new();
        let mut entries = Vec::with_capacity(self.files.len());
        for file in &self.files {
            // A file in the root directory keeps its whole name.
            let slash = file
                .iter()
                .rposition(|&byte| byte == b'/')
                .filter(|&slash| slash > 0);
            let Some(slash) = slash else {
                entries.push((&file[..], 0));
                continue;
            };
            let directory = &file[..slash];
            let known = directories.iter().position(|&known| known == directory);
            let index = known.unwrap_or_else(|| {
                directories.push(directory);
                directories.len() - 1
            });
            entries.push((&file[slash + 1..], index as u64 + 1));
        }
        for directory in directories {
            image.string(directory);
        }
        image.bytes(&[0]);
        for (name, directory) in entries {
            image.string(name);
            unsigned_leb128(image, directory);
            // The time of change and the size are unknown.
            image.bytes(&[0, 0]);
        }
        image.bytes(&[0]);
    }
}

const LINE_BASE: i8 = -5;
const LINE_RANGE: u64 = 14;
const OPCODE_BASE: u64 = 13;
const MAXIMUM_SPECIAL_ADVANCE: u64 = (255 - OPCODE_BASE) / LINE_RANGE;

const DW_LNS_COPY: u8 = 1;
const DW_LNS_ADVANCE_PC: u8 = 2;
const DW_LNS_ADVANCE_LINE: u8 = 3;
const DW_LNS_SET_FILE: u8 = 4;
const DW_LNS_SET_COLUMN: u8 = 5;
const DW_LNS_CONST_ADD_PC: u8 = 8;
const DW_LNE_END_SEQUENCE: u8 = 1;
const DW_LNE_SET_ADDRESS: u8 = 2;

fn encode_sequence(
    image: &mut Image,
    relocations: &mut Vec<Relocation>,
    sequence: &Sequence,
    section: &SectionBuilder<'_>,
) {
    let mut state = Location {
        file: 1,
        line: 1,
        column: 0,
    };
    let mut address = None;
    for &(position, location) in &sequence.rows {
        if location.file != state.file {
            image.bytes(&[DW_LNS_SET_FILE]);
            unsigned_leb128(image, u64::from(location.file));
        }
        if location.column != state.column {
            image.bytes(&[DW_LNS_SET_COLUMN]);
            unsigned_leb128(image, u64::from(location.column));
        }
        let next = section.final_offset(position);
        let last = *address.get_or_insert_with(|| {
            image.bytes(&[0, 9, DW_LNE_SET_ADDRESS]);
            relocations.push(Relocation {
                offset: image.len() as u64,
                kind: elf::R_X86_64_64,
                target: Target::Section(sequence.section),
                addend: i64::from(next),
            });
            image.u64(0);
            next
        });
        advance(
            image,
            i64::from(location.line) - i64::from(state.line),
            u64::from(next - last),
        );
        address = Some(next);
        state = location;
    }
    let end = section.data.len() as u64 - u64::from(address.unwrap_or(0));
    if end == MAXIMUM_SPECIAL_ADVANCE {
        image.bytes(&[DW_LNS_CONST_ADD_PC]);
    } else if end > 0 {
        image.bytes(&[DW_LNS_ADVANCE_PC]);
        unsigned_leb128(image, end);
    }
    image.bytes(&[0, 1, DW_LNE_END_SEQUENCE]);
}

/// Adds a row so many lines and bytes after the last.
fn advance(image: &mut Image, lines: i64, bytes: u64) {
    let mut lines = lines;
    let far = !(i64::from(LINE_BASE)..i64::from(LINE_BASE) + LINE_RANGE as i64).contains(&lines);
    if far {
        image.bytes(&[DW_LNS_ADVANCE_LINE]);
        signed_leb128(image, lines);
        lines = 0;
    }
    if lines == 0 && bytes == 0 {
        return image.bytes(&[DW_LNS_COPY]);
    }
    let base = (lines - i64::from(LINE_BASE)) as u64 + OPCODE_BASE;
    let special = |bytes: u64| u8::try_from(base + bytes * LINE_RANGE).ok();
    if bytes < 256 + MAXIMUM_SPECIAL_ADVANCE {
        if let Some(opcode) = special(bytes) {
            return image.bytes(&[opcode]);
        }
        if let Some(opcode) = bytes.checked_sub(MAXIMUM_SPECIAL_ADVANCE).and_then(special) {
            return image.bytes(&[DW_LNS_CONST_ADD_PC, opcode]);
        }
    }
    image.bytes(&[DW_LNS_ADVANCE_PC]);
    unsigned_leb128(image, bytes);
    image.bytes(&[if far { DW_LNS_COPY } else { base as u8 }]);
}
