//! Writing an object as a relocatable ELF file.

use super::{Object, Place, Target};
use crate::elf::{self, Header, Image, SectionHeader, SymbolEntry};

impl Object {
    /// The bytes of a relocatable ELF file, which `ld`, `nm`, `objdump` and `ocamlopt` read.
    ///
    /// Sections, relocations and symbols are those that GNU as writes; the order of headers and
    /// symbols is not.
    pub fn to_elf(&self) -> Vec<u8> {
        let mut image = Image(Vec::with_capacity(4096));
        image.0.resize(elf::HEADER_SIZE, 0);
        let mut names = vec![0u8];
        let mut headers = vec![SectionHeader::default()];
        let count = self.sections.len();
        for section in &self.sections {
            image.align(section.alignment.max(1) as usize);
            let name = push_name(&mut names, &section.name);
            headers.push(SectionHeader {
                name,
                kind: section.kind,
                flags: section.flags,
                offset: image.len() as u64,
                size: section.size,
                alignment: section.alignment,
                entry_size: section.entry_size,
                ..SectionHeader::default()
            });
            image.bytes(&section.data);
        }
        let with_relocations = self
            .sections
            .iter()
            .filter(|section| !section.relocations.is_empty())
            .count();
        let symbol_table = count + with_relocations + 1;

        let symbols = self.write_symbols(&mut image, symbol_table as u32, &mut headers, &mut names);
        for (index, section) in self.sections.iter().enumerate() {
            if section.relocations.is_empty() {
                continue;
            }
            image.align(8);
            let offset = image.len() as u64;
            for relocation in &section.relocations {
                let symbol = match relocation.target {
                    Target::Section(section) => symbols.sections[section as usize],
                    Target::Symbol(symbol) => symbols.symbols[symbol as usize],
                };
                image.u64(relocation.offset);
                image.u64(u64::from(symbol) << 32 | u64::from(relocation.kind));
                image.u64(relocation.addend.cast_unsigned());
            }
            let header = SectionHeader {
                name: push_name(&mut names, &format!(".rela{}", section.name)),
                kind: elf::SHT_RELA,
                flags: elf::SHF_INFO_LINK,
                offset,
                size: image.len() as u64 - offset,
                link: symbol_table as u32,
                info: index as u32 + 1,
                alignment: 8,
                entry_size: elf::RELA_SIZE as u64,
                ..SectionHeader::default()
            };
            headers.insert(headers.len() - 2, header);
        }
        let offset = image.len() as u64;
        let name = push_name(&mut names, ".shstrtab");
        image.bytes(&names);
        let size = names.len() as u64;
        headers.push(SectionHeader {
            name,
            kind: elf::SHT_STRTAB,
            offset,
            size,
            alignment: 1,
            ..SectionHeader::default()
        });

        let table = image.align(8);
        for header in &headers {
            header.write(&mut image);
        }
        let mut start = Image::default();
        Header {
            kind: elf::ET_REL,
            program_headers: 0,
            section_headers_offset: table as u64,
            section_headers: headers.len() as u16,
            section_names: headers.len() as u16 - 1,
        }
        .write(&mut start);
        image.0[..elf::HEADER_SIZE].copy_from_slice(&start.0);
        image.0
    }

    /// Writes the symbol and string tables and adds their headers, the last two of the list.
    fn write_symbols(
        &self,
        image: &mut Image,
        index: u32,
        headers: &mut Vec<SectionHeader>,
        names: &mut Vec<u8>,
    ) -> Indices {
        let mut indices = Indices {
            sections: vec![0; self.sections.len()],
            symbols: vec![0; self.symbols.len()],
        };
        let mut strings = self.names.clone();
        let offset = image.align(8) as u64;
        let mut count = 0;
        let mut push = |image: &mut Image, entry: SymbolEntry| {
            entry.write(image);
            count += 1;
            count - 1
        };
        push(
            image,
            SymbolEntry {
                name: 0,
                info: 0,
                visibility: 0,
                section: 0,
                value: 0,
                size: 0,
            },
        );
        if let Some(source) = &self.source_name {
            let name = push_name(&mut strings, source);
            push(
                image,
                SymbolEntry {
                    name,
                    info: elf::STT_FILE,
                    visibility: 0,
                    section: elf::SHN_ABS,
                    value: 0,
                    size: 0,
                },
            );
        }
        let mut used = vec![false; self.sections.len()];
        for relocation in self
            .sections
            .iter()
            .flat_map(|section| &section.relocations)
        {
            if let Target::Section(section) = relocation.target {
                used[section as usize] = true;
            }
        }
        for (section, _) in used.iter().enumerate().filter(|(_, used)| **used) {
            let entry = SymbolEntry {
                name: 0,
                info: elf::STT_SECTION,
                visibility: 0,
                section: section as u16 + 1,
                value: 0,
                size: 0,
            };
            indices.sections[section] = push(image, entry);
        }
        let mut locals = 0;
        // All local symbols precede all others: System V ABI, "Symbol Table".
        for local in [true, false] {
            for (symbol, index) in self.symbols.iter().zip(&mut indices.symbols) {
                if (symbol.binding == elf::STB_LOCAL) == local {
                    let section = match symbol.place {
                        Place::Undefined => elf::SHN_UNDEF,
                        Place::Section(section) => section as u16 + 1,
                        Place::Absolute => elf::SHN_ABS,
                        Place::Common => elf::SHN_COMMON,
                    };
                    let info = symbol.binding << 4 | symbol.kind;
                    let (name, visibility) = (symbol.name, symbol.visibility);
                    let (value, size) = (symbol.value, symbol.size);
                    *index = push(
                        image,
                        SymbolEntry {
                            name,
                            info,
                            visibility,
                            section,
                            value,
                            size,
                        },
                    );
                }
            }
            if local {
                locals = (image.len() as u64 - offset) / elf::SYMBOL_SIZE as u64;
            }
        }
        headers.push(SectionHeader {
            name: push_name(names, ".symtab"),
            kind: elf::SHT_SYMTAB,
            offset,
            size: image.len() as u64 - offset,
            link: index + 1,
            info: locals as u32,
            alignment: 8,
            entry_size: elf::SYMBOL_SIZE as u64,
            ..SectionHeader::default()
        });
        headers.push(SectionHeader {
            name: push_name(names, ".strtab"),
            kind: elf::SHT_STRTAB,
            offset: image.len() as u64,
            size: strings.len() as u64,
            alignment: 1,
            ..SectionHeader::default()
        });
        image.bytes(&strings);
        indices
    }
}

/// Where sections and symbols are in the written symbol table.
struct Indices {
    sections: Vec<u32>,
    symbols: Vec<u32>,
}

fn push_name(names: &mut Vec<u8>, name: &str) -> u32 {
    let start = names.len() as u32;
    names.extend_from_slice(name.as_bytes());
    names.push(0);
    start
}
