//! `.debug_info` and its companions: what debuggers need to find the line number program.
//!
//! Source: DWARF 3, sections 3.1, 3.3, 6.1.2, 7.5 and 7.23. Like GNU as, one compilation unit with
//! a subprogram for each function.

use crate::elf::{self, Image};
use crate::frame::unsigned_leb128;
use crate::lines::Covered;
use crate::object::{Place, Relocation, Section, Symbol, Target};

/// What the compilation unit says about itself.
pub(crate) struct Unit<'u> {
    pub(crate) name: &'u [u8],
    pub(crate) directory: &'u str,
    pub(crate) covered: &'u [Covered],
    /// The symbols' names and the symbols; functions among them become subprograms.
    pub(crate) functions: &'u [(&'u [u8], &'u Symbol)],
}

const DW_TAG_COMPILE_UNIT: u8 = 0x11;
const DW_TAG_SUBPROGRAM: u8 = 0x2e;
const DW_AT_NAME: u8 = 0x03;
const DW_AT_STMT_LIST: u8 = 0x10;
const DW_AT_LOW_PC: u8 = 0x11;
const DW_AT_HIGH_PC: u8 = 0x12;
const DW_AT_LANGUAGE: u8 = 0x13;
const DW_AT_COMP_DIR: u8 = 0x1b;
const DW_AT_PRODUCER: u8 = 0x25;
const DW_AT_EXTERNAL: u8 = 0x3f;
const DW_AT_RANGES: u8 = 0x55;
const DW_FORM_ADDR: u8 = 0x01;
const DW_FORM_DATA2: u8 = 0x05;
const DW_FORM_DATA4: u8 = 0x06;
const DW_FORM_STRING: u8 = 0x08;
const DW_FORM_FLAG: u8 = 0x0c;
/// GNU as's choice too: debuggers have no language for OCaml, and print registers and memory as
/// for assembly.
const DW_LANG_MIPS_ASSEMBLER: u16 = 0x8001;

/// The sections `.debug_info`, `.debug_abbrev`, `.debug_aranges` and, when more than one section
/// has code, `.debug_ranges`; the first of them gets the index `first`. `lines` is the index of
/// `.debug_line`.
pub(crate) fn sections(unit: &Unit<'_>, lines: u32, first: u32) -> Vec<Section> {
    // `.debug_aranges`, the third, is referred to by nothing.
    let (info, abbreviations, ranges) = (first, first + 1, first + 3);
    let mut result = vec![
        info_section(unit, lines, abbreviations, ranges),
        Section::new(
            ".debug_abbrev",
            elf::SHT_PROGBITS,
            0,
            1,
            abbreviation_table(unit),
        ),
        address_section(unit, info),
    ];
    if unit.covered.len() > 1 {
        result.push(range_section(unit));
    }
    result
}

fn abbreviation_table(unit: &Unit<'_>) -> Vec<u8> {
    let mut image = Image::default();
    let children = u8::from(!unit.functions.is_empty());
    image.bytes(&[
        1,
        DW_TAG_COMPILE_UNIT,
        children,
        DW_AT_STMT_LIST,
        DW_FORM_DATA4,
    ]);
    if unit.covered.len() > 1 {
        image.bytes(&[DW_AT_RANGES, DW_FORM_DATA4]);
    } else {
        image.bytes(&[DW_AT_LOW_PC, DW_FORM_ADDR, DW_AT_HIGH_PC, DW_FORM_ADDR]);
    }
    image.bytes(&[DW_AT_NAME, DW_FORM_STRING]);
    if !unit.directory.is_empty() {
        image.bytes(&[DW_AT_COMP_DIR, DW_FORM_STRING]);
    }
    image.bytes(&[
        DW_AT_PRODUCER,
        DW_FORM_STRING,
        DW_AT_LANGUAGE,
        DW_FORM_DATA2,
        0,
        0,
    ]);
    image.bytes(&[
        2,
        DW_TAG_SUBPROGRAM,
        0,
        DW_AT_NAME,
        DW_FORM_STRING,
        DW_AT_EXTERNAL,
        DW_FORM_FLAG,
    ]);
    image.bytes(&[
        DW_AT_LOW_PC,
        DW_FORM_ADDR,
        DW_AT_HIGH_PC,
        DW_FORM_ADDR,
        0,
        0,
        0,
    ]);
    image.0
}

/// A section's bytes and relocations while they grow.
#[derive(Default)]
struct Builder {
    image: Image,
    relocations: Vec<Relocation>,
}

impl Builder {
    fn reference(&mut self, kind: u32, section: u32, addend: i64) {
        let offset = self.image.len() as u64;
        self.relocations.push(Relocation {
            offset,
            kind,
            target: Target::Section(section),
            addend,
        });
    }

    fn offset(&mut self, section: u32) {
        self.reference(elf::R_X86_64_32, section, 0);
        self.image.u32(0);
    }

    fn address(&mut self, section: u32, offset: u64) {
        self.reference(elf::R_X86_64_64, section, offset.cast_signed());
        self.image.u64(0);
    }

    fn finish(mut self, name: &str, alignment: u64) -> Section {
        // The length that precedes a unit does not count itself.
        if name != ".debug_ranges" {
            let length = self.image.len() - 4;
            self.image.set_u32(0, length as u32);
        }
        let relocations = self.relocations;
        Section {
            relocations,
            ..Section::new(name, elf::SHT_PROGBITS, 0, alignment, self.image.0)
        }
    }
}

fn info_section(unit: &Unit<'_>, lines: u32, abbreviations: u32, ranges: u32) -> Section {
    let mut builder = Builder::default();
    builder.image.u32(0);
    builder.image.u16(3);
    builder.offset(abbreviations);
    builder.image.bytes(&[8, 1]);
    builder.offset(lines);
    match unit.covered {
        [only] => {
            builder.address(only.section, 0);
            builder.address(only.section, only.length);
        }
        _ => builder.offset(ranges),
    }
    builder.image.string(unit.name);
    if !unit.directory.is_empty() {
        builder.image.string(unit.directory.as_bytes());
    }
    builder
        .image
        .string(concat!("ocaml-assembler ", env!("CARGO_PKG_VERSION")).as_bytes());
    builder.image.u16(DW_LANG_MIPS_ASSEMBLER);
    for (name, symbol) in unit.functions {
        let Place::Section(section) = symbol.place else {
            continue;
        };
        unsigned_leb128(&mut builder.image, 2);
        builder.image.string(name);
        builder
            .image
            .bytes(&[u8::from(symbol.binding != elf::STB_LOCAL)]);
        builder.address(section, symbol.value);
        builder.address(section, symbol.value + symbol.size);
    }
    if !unit.functions.is_empty() {
        builder.image.bytes(&[0]);
    }
    builder.finish(".debug_info", 1)
}

fn address_section(unit: &Unit<'_>, info: u32) -> Section {
    let mut builder = Builder::default();
    builder.image.u32(0);
    builder.image.u16(2);
    builder.offset(info);
    // Addresses of 8 bytes, no segments, and padding up to a multiple of two addresses.
    builder.image.bytes(&[8, 0, 0, 0, 0, 0]);
    for covered in unit.covered {
        builder.address(covered.section, 0);
        builder.image.u64(covered.length);
    }
    builder.image.u64(0);
    builder.image.u64(0);
    builder.finish(".debug_aranges", 16)
}

fn range_section(unit: &Unit<'_>) -> Section {
    let mut builder = Builder::default();
    // The base address is 0, whatever the unit's own would be.
    builder.image.u64(u64::MAX);
    builder.image.u64(0);
    for covered in unit.covered {
        builder.address(covered.section, 0);
        builder.address(covered.section, covered.length);
    }
    builder.image.u64(0);
    builder.image.u64(0);
    builder.finish(".debug_ranges", 1)
}
