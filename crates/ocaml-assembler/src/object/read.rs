//! Reading a relocatable ELF file, such as a C stub's object.

use super::{Object, Place, Relocation, Section, Symbol, Target};
use crate::elf;

/// The error returned by [`Object::parse`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no relocatable ELF file for x86-64.
    #[error("not a relocatable object for x86-64")]
    NotAnObject,
    /// The file ends too early, or one of its tables points out of it.
    #[error("the object is damaged")]
    Damaged,
    /// The object has something that this crate does not read, such as a group of sections of
    /// which the linker keeps one.
    #[error("the object has {0}, which are not supported")]
    Unsupported(&'static str),
}

/// A section header and the bytes it describes.
struct Header<'b> {
    name: u32,
    kind: u32,
    flags: u64,
    data: &'b [u8],
    size: u64,
    link: u32,
    info: u32,
    alignment: u64,
    entry_size: u64,
}

impl Object {
    /// Reads the relocatable ELF file with these bytes.
    ///
    /// # Errors
    /// When the bytes are something else, are damaged, or use what [`crate::link_shared`] cannot
    /// link. Every offset and index in the file is checked.
    ///
    /// ```
    /// use ocaml_assembler::{Object, assemble};
    ///
    /// let bytes = assemble("\t.globl f\nf:\n\tret\n")?.to_elf();
    /// let object = Object::parse(&bytes)?;
    /// assert_eq!(object.defined_symbols().collect::<Vec<_>>(), ["f"]);
    /// assert!(Object::parse(&bytes[..bytes.len() / 2]).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Object, Error> {
        let headers = headers(bytes)?;
        let mut object = Object {
            names: vec![0],
            ..Object::default()
        };
        let names = headers
            .get(usize::from(half(bytes, 62)?))
            .ok_or(Error::Damaged)?
            .data;
        // Where each section of the file is in the object.
        let mut indices = vec![None; headers.len()];
        for (index, header) in headers.iter().enumerate() {
            match header.kind {
                0 | elf::SHT_STRTAB | elf::SHT_SYMTAB | elf::SHT_RELA => continue,
                elf::SHT_GROUP => return Err(Error::Unsupported("section groups")),
                elf::SHT_REL => return Err(Error::Unsupported("relocations without addends")),
                elf::SHT_SYMTAB_SHNDX => {
                    return Err(Error::Unsupported("more than 65,000 sections"));
                }
                _ => {}
            }
            indices[index] = Some(object.sections.len() as u32);
            let name = string(names, header.name)?;
            object.sections.push(Section {
                name: String::from_utf8_lossy(name).into_owned(),
                kind: header.kind,
                flags: header.flags,
                alignment: header.alignment.max(1),
                entry_size: header.entry_size,
                data: header.data.to_vec(),
                size: header.size,
                relocations: Vec::new(),
            });
        }
        let table = headers
            .iter()
            .position(|header| header.kind == elf::SHT_SYMTAB);
        let targets = match table {
            Some(table) => symbols(&mut object, &headers, table, &indices)?,
            None => Vec::new(),
        };
        for header in headers.iter().filter(|header| header.kind == elf::SHT_RELA) {
            let section = indices
                .get(header.info as usize)
                .copied()
                .flatten()
                .ok_or(Error::Damaged)?;
            if Some(header.link as usize) != table {
                return Err(Error::Damaged);
            }
            relocations(
                &mut object.sections[section as usize],
                header.data,
                &targets,
            )?;
        }
        Ok(object)
    }
}

/// Reads the symbols into `object`; returns what each index of the table means.
fn symbols(
    object: &mut Object,
    headers: &[Header<'_>],
    table: usize,
    indices: &[Option<u32>],
) -> Result<Vec<Option<Target>>, Error> {
    let strings = headers
        .get(headers[table].link as usize)
        .ok_or(Error::Damaged)?
        .data;
    let mut targets = Vec::new();
    for entry in headers[table].data.chunks_exact(elf::SYMBOL_SIZE) {
        let (info, visibility) = (entry[4], entry[5] & 3);
        let (binding, kind) = (info >> 4, info & 15);
        let index = half(entry, 6)?;
        let place = match index {
            elf::SHN_UNDEF => Place::Undefined,
            elf::SHN_ABS => Place::Absolute,
            elf::SHN_COMMON => Place::Common,
            index if index >= elf::SHN_LORESERVE => {
                return Err(Error::Unsupported("symbols in reserved sections"));
            }
            // A symbol of a table that is no section of the object is of no use to a linker.
            index => match indices.get(usize::from(index)).ok_or(Error::Damaged)? {
                Some(section) => Place::Section(*section),
                None => Place::Absolute,
            },
        };
        let (value, size) = (long(entry, 8)?, long(entry, 16)?);
        targets.push(match (kind, place) {
            (elf::STT_SECTION, Place::Section(section)) => Some(Target::Section(section)),
            (elf::STT_FILE, _) => None,
            _ if targets.is_empty() => None,
            (
                elf::STT_NOTYPE | elf::STT_OBJECT | elf::STT_FUNC | elf::STT_COMMON | elf::STT_TLS,
                _,
            ) => {
                if !matches!(binding, elf::STB_LOCAL | elf::STB_GLOBAL | elf::STB_WEAK) {
                    return Err(Error::Unsupported("symbols with an unusual binding"));
                }
                if let Place::Section(section) = place
                    && value > object.sections[section as usize].size
                {
                    return Err(Error::Damaged);
                }
                let limit = 1 << 31;
                if place == Place::Common
                    && (size > limit || !value.is_power_of_two() || value > 4096)
                {
                    return Err(Error::Damaged);
                }
                let name = string(strings, word(entry, 0)?)?.to_vec();
                let symbol = Symbol {
                    place,
                    value,
                    size,
                    binding,
                    kind,
                    visibility,
                    ..Symbol::default()
                };
                Some(Target::Symbol(object.push_symbol(&name, symbol)))
            }
            _ => return Err(Error::Unsupported("symbols of an unusual type")),
        });
    }
    Ok(targets)
}

fn relocations(
    section: &mut Section,
    data: &[u8],
    targets: &[Option<Target>],
) -> Result<(), Error> {
    for entry in data.chunks_exact(elf::RELA_SIZE) {
        let (offset, info) = (long(entry, 0)?, long(entry, 8)?);
        let (kind, symbol) = (info as u32, (info >> 32) as usize);
        if kind == elf::R_X86_64_NONE {
            continue;
        }
        let width = match kind {
            elf::R_X86_64_64 | elf::R_X86_64_PC64 => 8,
            // All others that the linker knows; of those that it does not know it only tells the
            // number.
            _ => 4,
        };
        if offset
            .checked_add(width)
            .is_none_or(|end| end > section.data.len() as u64)
        {
            return Err(Error::Damaged);
        }
        let target = targets
            .get(symbol)
            .copied()
            .flatten()
            .ok_or(Error::Damaged)?;
        section.relocations.push(Relocation {
            offset,
            kind,
            target,
            addend: long(entry, 16)?.cast_signed(),
        });
    }
    Ok(())
}

/// The section headers, with the bytes that they describe.
fn headers(bytes: &[u8]) -> Result<Vec<Header<'_>>, Error> {
    let identification = [elf::ELFCLASS64, elf::ELFDATA2LSB, 1];
    let is_object = bytes.len() >= elf::HEADER_SIZE
        && bytes.starts_with(&elf::MAGIC)
        && bytes[4..7] == identification
        && half(bytes, 16)? == elf::ET_REL
        && half(bytes, 18)? == elf::EM_X86_64;
    if !is_object {
        return Err(Error::NotAnObject);
    }
    let (start, count) = (long(bytes, 40)?, half(bytes, 60)?);
    if usize::from(half(bytes, 58)?) != elf::SECTION_HEADER_SIZE {
        return Err(Error::Damaged);
    }
    if count == 0 {
        return Err(Error::Unsupported("more than 65,000 sections"));
    }
    let size = u64::from(count) * elf::SECTION_HEADER_SIZE as u64;
    let table = slice(bytes, start, size)?;
    let mut headers = Vec::with_capacity(usize::from(count));
    for entry in table.chunks_exact(elf::SECTION_HEADER_SIZE) {
        let kind = word(entry, 4)?;
        let (offset, size) = (long(entry, 24)?, long(entry, 32)?);
        let in_file = kind != elf::SHT_NOBITS && kind != 0;
        let alignment = long(entry, 48)?;
        // Segments are aligned to pages; more cannot be promised.
        if size > 1 << 31 || alignment > 4096 || (alignment > 1 && !alignment.is_power_of_two()) {
            return Err(Error::Damaged);
        }
        headers.push(Header {
            name: word(entry, 0)?,
            kind,
            flags: long(entry, 8)?,
            data: if in_file {
                slice(bytes, offset, size)?
            } else {
                &[]
            },
            size,
            link: word(entry, 40)?,
            info: word(entry, 44)?,
            alignment,
            entry_size: long(entry, 56)?,
        });
    }
    Ok(headers)
}

fn slice(bytes: &[u8], start: u64, size: u64) -> Result<&[u8], Error> {
    let end = start
        .checked_add(size)
        .filter(|&end| end <= bytes.len() as u64)
        .ok_or(Error::Damaged)?;
    Ok(&bytes[start as usize..end as usize])
}

/// The bytes up to the next zero.
fn string(table: &[u8], offset: u32) -> Result<&[u8], Error> {
    let rest = table.get(offset as usize..).ok_or(Error::Damaged)?;
    let length = rest
        .iter()
        .position(|&byte| byte == 0)
        .ok_or(Error::Damaged)?;
    Ok(&rest[..length])
}

fn half(bytes: &[u8], offset: usize) -> Result<u16, Error> {
    array(bytes, offset).map(u16::from_le_bytes)
}

fn word(bytes: &[u8], offset: usize) -> Result<u32, Error> {
    array(bytes, offset).map(u32::from_le_bytes)
}

fn long(bytes: &[u8], offset: usize) -> Result<u64, Error> {
    array(bytes, offset).map(u64::from_le_bytes)
}

fn array<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], Error> {
    bytes
        .get(offset..offset + N)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(Error::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\t.globl f\n\t.type f,@function\nf:\n\tmovq\tg@GOTPCREL(%rip), %rax\n\tjmp\t*%rax\n\t.size f,. - f\n\t.data\n.L1:\n\t.quad\tf\nlocal:\n\t.quad\t.L1\n";

    #[test]
    fn what_was_written_is_read_back() {
        let written = crate::assemble(TEXT).expect("assembly").to_elf();
        let object = Object::parse(&written).expect("an object");
        assert_eq!(object.defined_symbols().collect::<Vec<_>>(), ["f"]);
        assert_eq!(object.undefined_symbols().collect::<Vec<_>>(), ["g"]);
        // Reading loses nothing that writing needs.
        let again = Object::parse(&object.to_elf()).expect("an object").to_elf();
        assert_eq!(again, object.to_elf());
    }

    #[test]
    fn other_files_are_told_apart_from_damaged_objects() {
        assert!(matches!(
            Object::parse(b"!<arch>\n"),
            Err(Error::NotAnObject)
        ));
        let bytes = crate::assemble(TEXT).expect("assembly").to_elf();
        assert!(matches!(
            Object::parse(&bytes[..bytes.len() - 1]),
            Err(Error::Damaged)
        ));
    }

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<Error>() <= 64);
    }
}
