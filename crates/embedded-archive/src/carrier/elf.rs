//! The section table of 64-bit little-endian ELF files (elf(5)): read, search, append.
use std::io;

use crate::format::Cursor;
use crate::source::Source;

const HEADER: usize = 64;
/// The length of a section header.
pub(super) const ENTRY: usize = 64;
const SHOFF_AT: u64 = 0x28;
const SHNUM_AT: u64 = 0x3c;
const SHT_NULL: u32 = 0;
const SHT_PROGBITS: u32 = 1;
const SHT_NOBITS: u32 = 8;
const SHF_ALLOC: u64 = 2;
/// From here on a count needs the extended numbering of elf(5), which few tools write rightly.
const SHN_LORESERVE: usize = 0xff00;
/// The longest table of names that is read.
const MAX_NAMES: u64 = 64 << 20;

/// A section header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Section {
    name: u32,
    kind: u32,
    flags: u64,
    address: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
    link: u32,
    info: u32,
    align: u64,
    entry_size: u64,
}

/// A file's section table with the sections' names.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Where the table is.
    pub(super) offset: u64,
    pub(super) sections: Vec<Section>,
    names_section: usize,
    names: Vec<u8>,
    /// The end of the last segment in the file.
    loaded_end: u64,
}

/// Why a file has no section table that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// It is no 64-bit little-endian ELF file.
    Foreign,
    /// It has no section table.
    NoTable,
    /// The table lies beyond the end of the file.
    Truncated,
    /// The table is malformed, or of a size that needs extended numbering.
    Malformed,
}

impl Table {
    pub(super) fn read(source: &dyn Source) -> io::Result<Result<Self, Lack>> {
        let size = source.size()?;
        let mut buffer = Vec::new();
        if size < HEADER as u64 {
            return Ok(Err(Lack::Foreign));
        }
        let header = source.bytes_at(0, HEADER, &mut buffer)?;
        if !header.starts_with(b"\x7fELF\x02\x01") {
            return Ok(Err(Lack::Foreign));
        }
        let Some(header) = Header::parse(header) else {
            return Ok(Err(Lack::Malformed));
        };
        if header.sections_offset == 0 || header.sections == 0 {
            return Ok(Err(Lack::NoTable));
        }
        let fits =
            |offset: u64, length: u64| offset.checked_add(length).is_some_and(|end| end <= size);
        if !fits(
            header.sections_offset,
            u64::from(header.sections) * ENTRY as u64,
        ) {
            return Ok(Err(Lack::Truncated));
        }
        if usize::from(header.section_size) != ENTRY || header.names_section >= header.sections {
            return Ok(Err(Lack::Malformed));
        }
        let bytes = source.bytes_at(
            header.sections_offset,
            usize::from(header.sections) * ENTRY,
            &mut buffer,
        )?;
        let sections: Vec<Section> = bytes
            .chunks_exact(ENTRY)
            .filter_map(Section::parse)
            .collect();
        let names_section = usize::from(header.names_section);
        let names = sections[names_section];
        if names.kind == SHT_NOBITS || names.size > MAX_NAMES || !fits(names.offset, names.size) {
            return Ok(Err(Lack::Malformed));
        }
        let names = source
            .bytes_at(names.offset, names.size as usize, &mut buffer)?
            .to_vec();
        if !fits(
            header.segments_offset,
            u64::from(header.segments) * u64::from(header.segment_size),
        ) || (header.segments > 0 && header.segment_size < 56)
        {
            return Ok(Err(Lack::Malformed));
        }
        let segments = source.bytes_at(
            header.segments_offset,
            usize::from(header.segments) * usize::from(header.segment_size),
            &mut buffer,
        )?;
        let ends = segments
            .chunks_exact(usize::from(header.segment_size.max(1)))
            .filter_map(segment_end);
        let loaded_end = ends.max().unwrap_or(0);
        Ok(Ok(Self {
            offset: header.sections_offset,
            sections,
            names_section,
            names,
            loaded_end,
        }))
    }

    /// The number of the section of this name that has contents.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let named = |section: &Section| {
            let tail = self
                .names
                .get(section.name as usize..)?
                .strip_prefix(name.as_bytes())?;
            tail.starts_with(b"\0").then_some(())
        };
        self.sections.iter().position(|section| {
            section.kind != SHT_NOBITS && section.kind != SHT_NULL && named(section).is_some()
        })
    }

    /// Whether the section's bytes, and all that follow in the file, are of no segment, so that they may move.
    pub(super) fn is_movable_from(&self, section: usize) -> bool {
        let start = self.sections[section].offset;
        let loose = |other: &Section| {
            other.flags & SHF_ALLOC == 0
                || other.offset.saturating_add(other.size) <= start
                || other.kind == SHT_NOBITS
        };
        self.loaded_end <= start && self.sections.iter().all(loose)
    }

    /// The sections with bytes after `start`, in the order of their places.
    pub(super) fn after(&self, start: u64) -> Vec<usize> {
        let mut after: Vec<usize> = (0..self.sections.len())
            .filter(|&number| {
                let section = &self.sections[number];
                section.kind != SHT_NOBITS
                    && section.kind != SHT_NULL
                    && section.size > 0
                    && section.offset >= start
            })
            .collect();
        after.sort_by_key(|&number| self.sections[number].offset);
        after
    }

    /// Moves a section to the first aligned place from `offset` on, and says where that is.
    pub(super) fn relocate(&mut self, section: usize, offset: u64) -> u64 {
        let align = self.sections[section].align.max(1);
        let place = if align <= 4096 {
            offset.next_multiple_of(align)
        } else {
            offset
        };
        self.sections[section].offset = place;
        place
    }

    /// Makes a section an unused entry. Taking it out would change the numbers by which others name each other.
    pub(super) fn clear(&mut self, section: usize) {
        self.sections[section] = Section::default();
    }

    /// Adds a section that is not loaded. The names then lie at `names_offset`. `None` when the table is full.
    pub(super) fn add(
        &mut self,
        name: &str,
        (offset, size): (u64, u64),
        names_offset: u64,
    ) -> Option<()> {
        if self.sections.len() + 1 >= SHN_LORESERVE {
            return None;
        }
        let name_at = u32::try_from(self.names.len()).ok()?;
        self.names.extend(name.as_bytes());
        self.names.push(0);
        let names = &mut self.sections[self.names_section];
        (names.offset, names.size) = (names_offset, self.names.len() as u64);
        self.sections.push(Section {
            name: name_at,
            kind: SHT_PROGBITS,
            offset,
            size,
            align: 16,
            ..Section::default()
        });
        Some(())
    }

    pub(super) fn names(&self) -> &[u8] {
        &self.names
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        self.sections.iter().flat_map(Section::encode).collect()
    }

    /// What to write where in the file's header, for a table of this length at `offset`.
    pub(super) fn header_patches(offset: u64, sections: u16) -> [(u64, Vec<u8>); 2] {
        [
            (SHOFF_AT, offset.to_le_bytes().to_vec()),
            (SHNUM_AT, sections.to_le_bytes().to_vec()),
        ]
    }
}

struct Header {
    segments_offset: u64,
    sections_offset: u64,
    segment_size: u16,
    segments: u16,
    section_size: u16,
    sections: u16,
    names_section: u16,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor(bytes.get(0x20..)?);
        let (segments_offset, sections_offset) = (cursor.u64()?, cursor.u64()?);
        cursor.bytes(6)?;
        Some(Self {
            segments_offset,
            sections_offset,
            segment_size: cursor.u16()?,
            segments: cursor.u16()?,
            section_size: cursor.u16()?,
            sections: cursor.u16()?,
            names_section: cursor.u16()?,
        })
    }
}

fn segment_end(bytes: &[u8]) -> Option<u64> {
    let mut cursor = Cursor(bytes.get(8..)?);
    let offset = cursor.u64()?;
    cursor.bytes(16)?;
    match cursor.u64()? {
        0 => Some(0),
        length => offset.checked_add(length),
    }
}

impl Section {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor(bytes);
        Some(Self {
            name: cursor.u32()?,
            kind: cursor.u32()?,
            flags: cursor.u64()?,
            address: cursor.u64()?,
            offset: cursor.u64()?,
            size: cursor.u64()?,
            link: cursor.u32()?,
            info: cursor.u32()?,
            align: cursor.u64()?,
            entry_size: cursor.u64()?,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ENTRY);
        bytes.extend(self.name.to_le_bytes());
        bytes.extend(self.kind.to_le_bytes());
        for value in [self.flags, self.address, self.offset, self.size] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(self.link.to_le_bytes());
        bytes.extend(self.info.to_le_bytes());
        bytes.extend(self.align.to_le_bytes());
        bytes.extend(self.entry_size.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_executable() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    #[cfg_attr(miri, ignore = "an interpreter takes hours for an executable")]
    fn the_table_of_a_real_executable_is_read_and_written_unchanged() {
        let bytes = own_executable();
        let table = Table::read(&bytes).unwrap().unwrap();
        assert!(
            table.find(".text").is_some()
                && table.find(".tex").is_none()
                && table.find(".shstrtab").is_some()
        );
        let start = table.offset as usize;
        assert_eq!(
            table.encode(),
            bytes[start..start + table.sections.len() * ENTRY]
        );
        assert!(table.loaded_end > 0 && table.loaded_end < bytes.len() as u64);
    }

    #[test]
    #[cfg_attr(miri, ignore = "an interpreter takes hours for an executable")]
    fn damaged_headers_are_an_answer_and_no_panic() {
        let bytes = own_executable();
        for at in 0..HEADER {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = bytes[..4096].to_vec();
                damaged[at] = value;
                let _ = Table::read(&damaged).unwrap();
                let mut damaged = bytes.clone();
                damaged[at] = value;
                let _ = Table::read(&damaged).unwrap();
            }
        }
        assert!(matches!(
            Table::read(&bytes[..4096].to_vec()).unwrap(),
            Err(Lack::Truncated)
        ));
        assert!(matches!(
            Table::read(&b"#!/bin/sh\n".to_vec()).unwrap(),
            Err(Lack::Foreign)
        ));
    }
}
