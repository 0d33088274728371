//! Writing the shared object.

use super::contents::Part;
use super::layout::{BUILD_ID_SIZE, Layout, PAGE, Placed, Range, program_headers};
use super::relocate::Relocator;
use super::requirements::Requirements;
use super::symbols::{Definition, Symbols};
use super::{BuildId, Error, Options, dynamic, frame_header};
use crate::elf::{self, Header, Image, SectionHeader, SymbolEntry};
use crate::object::{Object, Place, Symbol};

/// Writes the file.
pub(super) fn write(
    objects: &[Object],
    symbols: &Symbols<'_>,
    requirements: &Requirements,
    layout: &Layout<'_>,
    options: &Options,
) -> Result<Vec<u8>, Error> {
    let mut image = Image(vec![0; layout.end as usize]);
    copy_sections(&mut image, objects, layout);
    let relocations = Relocator {
        objects,
        symbols,
        requirements,
        layout,
    }
    .apply(&mut image)?;
    let relative = relocations
        .iter()
        .filter(|relocation| relocation.kind == elf::R_X86_64_RELATIVE)
        .count();

    let mut table = Image::default();
    for relocation in &relocations {
        table.u64(relocation.place);
        table.u64(u64::from(relocation.symbol) << 32 | u64::from(relocation.kind));
        table.u64(relocation.addend.cast_unsigned());
    }
    put(&mut image, layout.relocations, &table.0);
    put(&mut image, layout.hash, &layout.dynamic_symbols.hash);
    put(&mut image, layout.strings, &layout.dynamic_symbols.strings);
    let mut table = Image::default();
    layout
        .dynamic_symbols
        .write(&mut table, objects, symbols, layout, |definition| {
            section_index(objects, layout, definition)
        });
    put(&mut image, layout.symbol_table, &table.0);
    let mut table = Image::default();
    dynamic::write(&mut table, layout, relative, options);
    put(&mut image, layout.dynamic, &table.0);
    write_frame_header(&mut image, objects, layout)?;
    put(&mut image, layout.note, &note(&layout.build_id));

    let mut sections = layout.sections.clone();
    if options.symbol_table {
        write_symbol_table(&mut image, &mut sections, objects, layout);
    }
    write_headers(&mut image, sections, layout);
    if options.build_id == BuildId::Contents {
        // The identifier is part of what it identifies, with zeros in its place.
        let digest = blake3::hash(&image.0);
        let start = layout.note.start as usize + 16;
        image.0[start..start + BUILD_ID_SIZE].copy_from_slice(&digest.as_bytes()[..BUILD_ID_SIZE]);
    }
    Ok(image.0)
}

fn put(image: &mut Image, range: Range, bytes: &[u8]) {
    let start = range.start as usize;
    image.0[start..start + bytes.len()].copy_from_slice(bytes);
}

fn copy_sections(image: &mut Image, objects: &[Object], layout: &Layout<'_>) {
    for (output, &address) in layout.contents.outputs.iter().zip(&layout.addresses) {
        if output.part == Part::Zero {
            continue;
        }
        let mut end = address as usize;
        for &(object, section, offset) in &output.inputs {
            let data = &objects[object].sections[section].data;
            let start = (address + offset) as usize;
            if output.part == Part::Code {
                // What lies between two functions is never executed: trap if it is.
                image.0[end..start].fill(0xcc);
            }
            image.0[start..start + data.len()].copy_from_slice(data);
            end = start + data.len();
        }
    }
}

/// The note with the build id: name and description, each with its length.
fn note(build_id: &[u8]) -> Vec<u8> {
    let mut image = Image::default();
    if !build_id.is_empty() {
        image.u32(4);
        image.u32(build_id.len() as u32);
        image.u32(elf::NT_GNU_BUILD_ID);
        image.bytes(b"GNU\0");
        image.bytes(build_id);
        image.align(4);
    }
    image.0
}

fn write_frame_header(
    image: &mut Image,
    objects: &[Object],
    layout: &Layout<'_>,
) -> Result<(), Error> {
    let Some(index) = layout
        .contents
        .find(".eh_frame")
        .filter(|_| layout.frame_header.size() > 0)
    else {
        return Ok(());
    };
    let mut entries = Vec::new();
    for &(object, section, offset) in &layout.contents.outputs[index].inputs {
        let start = layout.addresses[index] + offset;
        entries.extend(
            frame_header::entries(&objects[object], section)?
                .into_iter()
                .map(|entry| start + u64::from(entry)),
        );
    }
    let written = frame_header::write(
        image,
        layout.frame_header.start,
        layout.addresses[index],
        &entries,
    );
    written.ok_or_else(|| Error::TooLarge {
        object: objects.first().map_or("", Object::name).into(),
    })
}

/// The section header's index of the output section that holds a definition.
fn section_index(objects: &[Object], layout: &Layout<'_>, definition: Definition) -> u16 {
    let Definition { object, symbol } = definition;
    let output = match objects[object as usize].symbols[symbol as usize].place {
        Place::Section(section) => {
            layout.contents.places[object as usize][section as usize].map(|(output, _)| output)
        }
        Place::Common => layout.contents.find(".bss"),
        Place::Absolute => return elf::SHN_ABS,
        Place::Undefined => None,
    };
    let Some(output) = output else {
        return elf::SHN_UNDEF;
    };
    let (name, address) = (
        &layout.contents.outputs[output].name,
        layout.addresses[output],
    );
    let position = layout
        .sections
        .iter()
        .position(|section| section.address == address && section.name == *name);
    position.map_or(elf::SHN_UNDEF, |position| position as u16 + 1)
}

/// Appends `.symtab` and `.strtab`.
fn write_symbol_table(
    image: &mut Image,
    sections: &mut Vec<Placed>,
    objects: &[Object],
    layout: &Layout<'_>,
) {
    let mut strings = vec![0];
    let mut locals = Image::default();
    let mut others = Image::default();
    SymbolEntry {
        name: 0,
        info: 0,
        visibility: 0,
        section: 0,
        value: 0,
        size: 0,
    }
    .write(&mut locals);
    for (object_index, object) in objects.iter().enumerate() {
        // The object's names keep their order, so that one offset serves for all of them.
        let base = strings.len() as u32;
        strings.extend_from_slice(&object.names);
        if let Some(source) = &object.source_name {
            let name = strings.len() as u32;
            strings.extend_from_slice(source.as_bytes());
            strings.push(0);
            let entry = SymbolEntry {
                name,
                info: elf::STT_FILE,
                visibility: 0,
                section: elf::SHN_ABS,
                value: 0,
                size: 0,
            };
            entry.write(&mut locals);
        }
        for (number, symbol) in object.symbols.iter().enumerate() {
            let Symbol {
                binding,
                kind,
                visibility,
                size,
                ..
            } = *symbol;
            let definition = Definition {
                object: object_index as u32,
                symbol: number as u32,
            };
            let Some(value) = layout.definition_address(objects, definition) else {
                continue;
            };
            let section = section_index(objects, layout, definition);
            let entry = SymbolEntry {
                name: base + symbol.name,
                info: binding << 4 | kind,
                visibility,
                section,
                value,
                size,
            };
            entry.write(if binding == elf::STB_LOCAL {
                &mut locals
            } else {
                &mut others
            });
        }
    }
    let count = (locals.len() / elf::SYMBOL_SIZE) as u32;
    locals.bytes(&others.0);
    let address = image.align(8) as u64;
    image.bytes(&locals.0);
    let symbol_table = Placed {
        name: ".symtab".to_owned(),
        kind: elf::SHT_SYMTAB,
        flags: 0,
        entry_size: elf::SYMBOL_SIZE as u64,
        alignment: 8,
        address,
        size: locals.len() as u64,
        link: Some(".strtab"),
        info: count,
    };
    let address = image.len() as u64;
    image.bytes(&strings);
    let (name, size) = (".strtab".to_owned(), strings.len() as u64);
    let kind = elf::SHT_STRTAB;
    let strings = Placed {
        name,
        kind,
        flags: 0,
        entry_size: 0,
        alignment: 1,
        address,
        size,
        link: None,
        info: 0,
    };
    sections.extend([symbol_table, strings]);
}

fn write_headers(image: &mut Image, sections: Vec<Placed>, layout: &Layout<'_>) {
    let mut names = vec![0u8];
    let mut headers = vec![SectionHeader::default()];
    let mut add_name = |name: &str| {
        let start = names.len() as u32;
        names.extend_from_slice(name.as_bytes());
        names.push(0);
        start
    };
    let index_of = |name: &str| {
        sections
            .iter()
            .position(|section| section.name == name)
            .map_or(0, |index| index as u32 + 1)
    };
    for section in &sections {
        let loaded = section.flags & elf::SHF_ALLOC != 0;
        let in_file = section.kind != elf::SHT_NOBITS;
        headers.push(SectionHeader {
            name: add_name(&section.name),
            kind: section.kind,
            flags: section.flags,
            address: if loaded { section.address } else { 0 },
            offset: if in_file {
                section.address
            } else {
                layout.writable.end
            },
            size: section.size,
            link: section.link.map_or(0, index_of),
            info: section.info,
            alignment: section.alignment,
            entry_size: section.entry_size,
        });
    }
    let name = add_name(".shstrtab");
    let (offset, size) = (image.len() as u64, names.len() as u64);
    headers.push(SectionHeader {
        name,
        kind: elf::SHT_STRTAB,
        offset,
        size,
        alignment: 1,
        ..SectionHeader::default()
    });
    image.bytes(&names);
    let table = image.align(8);
    for header in &headers {
        header.write(image);
    }

    let mut start = Image::default();
    let (has_note, has_frames) = (layout.note.size() > 0, layout.frame_header.size() > 0);
    Header {
        kind: elf::ET_DYN,
        program_headers: program_headers(has_note, has_frames),
        section_headers_offset: table as u64,
        section_headers: headers.len() as u16,
        section_names: headers.len() as u16 - 1,
    }
    .write(&mut start);
    let mut segment = |kind: u32, flags: u32, range: Range, memory_end: u64, alignment: u64| {
        start.u32(kind);
        start.u32(flags);
        for value in [
            range.start,
            range.start,
            range.start,
            range.size(),
            memory_end - range.start,
            alignment,
        ] {
            start.u64(value);
        }
    };
    let mut simple =
        |kind, flags, range: Range, alignment| segment(kind, flags, range, range.end, alignment);
    simple(elf::PT_LOAD, elf::PF_R, layout.read_only, PAGE);
    simple(elf::PT_LOAD, elf::PF_R | elf::PF_X, layout.code, PAGE);
    segment(
        elf::PT_LOAD,
        elf::PF_R | elf::PF_W,
        layout.writable,
        layout.writable_end,
        PAGE,
    );
    let mut simple =
        |kind, flags, range: Range, alignment| segment(kind, flags, range, range.end, alignment);
    simple(elf::PT_DYNAMIC, elf::PF_R | elf::PF_W, layout.dynamic, 8);
    if has_note {
        simple(elf::PT_NOTE, elf::PF_R, layout.note, 4);
    }
    if has_frames {
        simple(elf::PT_GNU_EH_FRAME, elf::PF_R, layout.frame_header, 4);
    }
    simple(
        elf::PT_GNU_STACK,
        elf::PF_R | elf::PF_W,
        Range::default(),
        16,
    );
    simple(elf::PT_GNU_RELRO, elf::PF_R, layout.relro, 1);
    image.0[..start.len()].copy_from_slice(&start.0);
}
