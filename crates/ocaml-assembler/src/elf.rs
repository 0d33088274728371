//! The numbers of the ELF format that this crate writes and reads.
//!
//! Sources: System V ABI, chapters 4 and 5; AMD64 supplement, chapter 4; the GNU extensions are
//! those of `<elf.h>`.

pub(crate) const MAGIC: [u8; 4] = *b"\x7fELF";
pub(crate) const ELFCLASS64: u8 = 2;
pub(crate) const ELFDATA2LSB: u8 = 1;
pub(crate) const ET_REL: u16 = 1;
pub(crate) const ET_DYN: u16 = 3;
pub(crate) const EM_X86_64: u16 = 62;

pub(crate) const HEADER_SIZE: usize = 64;
pub(crate) const SECTION_HEADER_SIZE: usize = 64;
pub(crate) const PROGRAM_HEADER_SIZE: usize = 56;
pub(crate) const SYMBOL_SIZE: usize = 24;
pub(crate) const RELA_SIZE: usize = 24;
pub(crate) const DYNAMIC_SIZE: usize = 16;

pub(crate) const SHT_PROGBITS: u32 = 1;
pub(crate) const SHT_SYMTAB: u32 = 2;
pub(crate) const SHT_STRTAB: u32 = 3;
pub(crate) const SHT_RELA: u32 = 4;
pub(crate) const SHT_DYNAMIC: u32 = 6;
pub(crate) const SHT_NOTE: u32 = 7;
pub(crate) const SHT_NOBITS: u32 = 8;
pub(crate) const SHT_REL: u32 = 9;
pub(crate) const SHT_DYNSYM: u32 = 11;
pub(crate) const SHT_INIT_ARRAY: u32 = 14;
pub(crate) const SHT_FINI_ARRAY: u32 = 15;
pub(crate) const SHT_GROUP: u32 = 17;
pub(crate) const SHT_SYMTAB_SHNDX: u32 = 18;
pub(crate) const SHT_GNU_HASH: u32 = 0x6fff_fff6;
pub(crate) const SHT_X86_64_UNWIND: u32 = 0x7000_0001;

pub(crate) const SHF_WRITE: u64 = 1;
pub(crate) const SHF_ALLOC: u64 = 2;
pub(crate) const SHF_EXECINSTR: u64 = 4;
pub(crate) const SHF_MERGE: u64 = 0x10;
pub(crate) const SHF_STRINGS: u64 = 0x20;
pub(crate) const SHF_INFO_LINK: u64 = 0x40;
pub(crate) const SHF_GROUP: u64 = 0x200;
pub(crate) const SHF_TLS: u64 = 0x400;
pub(crate) const SHF_COMPRESSED: u64 = 0x800;
pub(crate) const SHF_EXCLUDE: u64 = 0x8000_0000;

pub(crate) const SHN_UNDEF: u16 = 0;
pub(crate) const SHN_LORESERVE: u16 = 0xff00;
pub(crate) const SHN_ABS: u16 = 0xfff1;
pub(crate) const SHN_COMMON: u16 = 0xfff2;

pub(crate) const STB_LOCAL: u8 = 0;
pub(crate) const STB_GLOBAL: u8 = 1;
pub(crate) const STB_WEAK: u8 = 2;
pub(crate) const STT_NOTYPE: u8 = 0;
pub(crate) const STT_OBJECT: u8 = 1;
pub(crate) const STT_FUNC: u8 = 2;
pub(crate) const STT_SECTION: u8 = 3;
pub(crate) const STT_FILE: u8 = 4;
pub(crate) const STT_COMMON: u8 = 5;
pub(crate) const STT_TLS: u8 = 6;
pub(crate) const STV_DEFAULT: u8 = 0;
pub(crate) const STV_PROTECTED: u8 = 3;

pub(crate) const R_X86_64_NONE: u32 = 0;
pub(crate) const R_X86_64_64: u32 = 1;
pub(crate) const R_X86_64_PC32: u32 = 2;
pub(crate) const R_X86_64_PLT32: u32 = 4;
pub(crate) const R_X86_64_GLOB_DAT: u32 = 6;
pub(crate) const R_X86_64_RELATIVE: u32 = 8;
pub(crate) const R_X86_64_GOTPCREL: u32 = 9;
pub(crate) const R_X86_64_32: u32 = 10;
pub(crate) const R_X86_64_32S: u32 = 11;
pub(crate) const R_X86_64_DTPMOD64: u32 = 16;
pub(crate) const R_X86_64_DTPOFF64: u32 = 17;
pub(crate) const R_X86_64_TPOFF64: u32 = 18;
pub(crate) const R_X86_64_TLSGD: u32 = 19;
pub(crate) const R_X86_64_GOTTPOFF: u32 = 22;
pub(crate) const R_X86_64_PC64: u32 = 24;
pub(crate) const R_X86_64_GOTPCRELX: u32 = 41;
pub(crate) const R_X86_64_REX_GOTPCRELX: u32 = 42;

pub(crate) const PT_LOAD: u32 = 1;
pub(crate) const PT_DYNAMIC: u32 = 2;
pub(crate) const PT_NOTE: u32 = 4;
pub(crate) const PT_GNU_EH_FRAME: u32 = 0x6474_e550;
pub(crate) const PT_GNU_STACK: u32 = 0x6474_e551;
pub(crate) const PT_GNU_RELRO: u32 = 0x6474_e552;
pub(crate) const PF_X: u32 = 1;
pub(crate) const PF_W: u32 = 2;
pub(crate) const PF_R: u32 = 4;

pub(crate) const DT_NULL: u64 = 0;
pub(crate) const DT_NEEDED: u64 = 1;
pub(crate) const DT_STRTAB: u64 = 5;
pub(crate) const DT_SYMTAB: u64 = 6;
pub(crate) const DT_RELA: u64 = 7;
pub(crate) const DT_RELASZ: u64 = 8;
pub(crate) const DT_RELAENT: u64 = 9;
pub(crate) const DT_STRSZ: u64 = 10;
pub(crate) const DT_SYMENT: u64 = 11;
pub(crate) const DT_SONAME: u64 = 14;
pub(crate) const DT_INIT_ARRAY: u64 = 25;
pub(crate) const DT_FINI_ARRAY: u64 = 26;
pub(crate) const DT_INIT_ARRAYSZ: u64 = 27;
pub(crate) const DT_FINI_ARRAYSZ: u64 = 28;
pub(crate) const DT_FLAGS: u64 = 30;
pub(crate) const DT_GNU_HASH: u64 = 0x6fff_fef5;
pub(crate) const DT_RELACOUNT: u64 = 0x6fff_fff9;
pub(crate) const DT_FLAGS_1: u64 = 0x6fff_fffb;
pub(crate) const DF_SYMBOLIC: u64 = 2;
pub(crate) const DF_BIND_NOW: u64 = 8;
pub(crate) const DF_1_NOW: u64 = 1;
pub(crate) const NT_GNU_BUILD_ID: u32 = 3;

/// A growing little-endian image.
#[derive(Debug, Default)]
pub(crate) struct Image(pub(crate) Vec<u8>);

impl Image {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn align(&mut self, alignment: usize) -> usize {
        self.0.resize(self.0.len().next_multiple_of(alignment), 0);
        self.0.len()
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Appends the bytes of `text` and a zero.
    pub(crate) fn string(&mut self, text: &[u8]) {
        self.bytes(text);
        self.0.push(0);
    }

    pub(crate) fn set_u32(&mut self, offset: usize, value: u32) {
        self.0[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn set_u64(&mut self, offset: usize, value: u64) {
        self.0[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
    }
}

/// One entry of a symbol table.
pub(crate) struct SymbolEntry {
    pub(crate) name: u32,
    pub(crate) info: u8,
    pub(crate) visibility: u8,
    pub(crate) section: u16,
    pub(crate) value: u64,
    pub(crate) size: u64,
}

impl SymbolEntry {
    pub(crate) fn write(&self, image: &mut Image) {
        image.u32(self.name);
        image.bytes(&[self.info, self.visibility]);
        image.u16(self.section);
        image.u64(self.value);
        image.u64(self.size);
    }
}

/// One entry of the section header table.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SectionHeader {
    pub(crate) name: u32,
    pub(crate) kind: u32,
    pub(crate) flags: u64,
    pub(crate) address: u64,
    pub(crate) offset: u64,
    pub(crate) size: u64,
    pub(crate) link: u32,
    pub(crate) info: u32,
    pub(crate) alignment: u64,
    pub(crate) entry_size: u64,
}

impl SectionHeader {
    pub(crate) fn write(&self, image: &mut Image) {
        image.u32(self.name);
        image.u32(self.kind);
        image.u64(self.flags);
        image.u64(self.address);
        image.u64(self.offset);
        image.u64(self.size);
        image.u32(self.link);
        image.u32(self.info);
        image.u64(self.alignment);
        image.u64(self.entry_size);
    }
}

/// The file header.
pub(crate) struct Header {
    pub(crate) kind: u16,
    pub(crate) program_headers: u16,
    pub(crate) section_headers_offset: u64,
    pub(crate) section_headers: u16,
    pub(crate) section_names: u16,
}

impl Header {
    pub(crate) fn write(&self, image: &mut Image) {
        image.bytes(&MAGIC);
        image.bytes(&[ELFCLASS64, ELFDATA2LSB, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        image.u16(self.kind);
        image.u16(EM_X86_64);
        image.u32(1);
        image.u64(0);
        image.u64(if self.program_headers == 0 {
            0
        } else {
            HEADER_SIZE as u64
        });
        image.u64(self.section_headers_offset);
        image.u32(0);
        image.u16(HEADER_SIZE as u16);
        image.u16(if self.program_headers == 0 {
            0
        } else {
            PROGRAM_HEADER_SIZE as u16
        });
        image.u16(self.program_headers);
        image.u16(SECTION_HEADER_SIZE as u16);
        image.u16(self.section_headers);
        image.u16(self.section_names);
    }
}
