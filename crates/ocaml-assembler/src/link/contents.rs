//! Which input sections go into which output section.

use super::Error;
use super::symbols::Symbols;
use crate::elf;
use crate::object::{Object, Place, Section};

/// A part of the file that is loaded with the same rights; in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    ReadOnly,
    /// Call frame information: read-only too, and followed by a zero word, which ends it.
    Frames,
    Code,
    /// Written by the dynamic loader, then read-only.
    Relro,
    Data,
    /// Not in the file: zeros.
    Zero,
    /// Not loaded.
    Debug,
}

/// An output section made of input sections.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) name: String,
    pub(super) part: Part,
    pub(super) kind: u32,
    pub(super) flags: u64,
    pub(super) entry_size: u64,
    pub(super) alignment: u64,
    /// The object's and the section's index, and where it begins in the output section.
    pub(super) inputs: Vec<(usize, usize, u64)>,
    pub(super) size: u64,
}

/// The output sections, and the places in them.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) outputs: Vec<Output>,
    /// For each object, for each section, the output's index and the offset in it.
    pub(super) places: Vec<Vec<Option<(usize, u64)>>>,
    /// For each uninitialised symbol that has no section, its object and index, and the offset in
    /// the output `.bss`.
    pub(super) commons: Vec<((u32, u32), u64)>,
}

impl Contents {
    /// The index of the output section called `name`.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|output| output.name == name)
    }

    fn output(&mut self, name: &str, part: Part, section: &Section) -> usize {
        if let Some(index) = self
            .outputs
            .iter()
            .position(|output| output.name == name && output.part == part)
        {
            return index;
        }
        // Rights and allocation only: what is merged or sorted elsewhere is kept as it is here.
        let flags = section.flags & (elf::SHF_WRITE | elf::SHF_ALLOC | elf::SHF_EXECINSTR);
        self.outputs.push(Output {
            name: name.to_owned(),
            part,
            kind: section.kind,
            flags,
            entry_size: 0,
            alignment: 1,
            inputs: Vec::new(),
            size: 0,
        });
        self.outputs.len() - 1
    }
}

/// Distributes the sections of `objects`.
pub(super) fn contents(
    objects: &[Object],
    symbols: &Symbols<'_>,
    debug_information: bool,
) -> Result<Contents, Error> {
    let mut contents = Contents {
        outputs: Vec::with_capacity(8),
        places: Vec::with_capacity(objects.len()),
        commons: Vec::new(),
    };
    for (object_index, object) in objects.iter().enumerate() {
        let mut places = vec![None; object.sections.len()];
        for (section_index, section) in object.sections.iter().enumerate() {
            let unsupported = || Error::UnsupportedSection {
                object: object.name().into(),
                section: section.name[..].into(),
            };
            let Some((part, name)) = destination(section).ok_or_else(unsupported)? else {
                continue;
            };
            if part == Part::Debug && (section.size == 0 || !debug_information) {
                continue;
            }
            let alignment = section.alignment.max(1);
            let index = contents.output(name, part, section);
            let output = &mut contents.outputs[index];
            // Padding between tables of call frame information would end them.
            let place =
                output
                    .size
                    .next_multiple_of(if name == ".eh_frame" { 4 } else { alignment });
            output.alignment = output.alignment.max(alignment);
            output.size = place.saturating_add(section.size);
            output.inputs.push((object_index, section_index, place));
            places[section_index] = Some((index, place));
        }
        contents.places.push(places);
    }
    add_commons(&mut contents, objects, symbols);
    for frames in contents
        .outputs
        .iter_mut()
        .filter(|output| output.part == Part::Frames)
    {
        frames.size += 4;
    }
    Ok(contents)
}

/// Gives places to uninitialised symbols that have no section.
fn add_commons(contents: &mut Contents, objects: &[Object], symbols: &Symbols<'_>) {
    for (_, definition) in &symbols.exports {
        let symbol = &objects[definition.object as usize].symbols[definition.symbol as usize];
        if symbol.place != Place::Common {
            continue;
        }
        let zeros = Section {
            kind: elf::SHT_NOBITS,
            flags: elf::SHF_ALLOC | elf::SHF_WRITE,
            ..Section::default()
        };
        let index = contents.output(".bss", Part::Zero, &zeros);
        let output = &mut contents.outputs[index];
        // The value of such a symbol is its alignment.
        let alignment = symbol.value.max(1);
        output.alignment = output.alignment.max(alignment);
        let place = output.size.next_multiple_of(alignment);
        output.size = place.saturating_add(symbol.size);
        contents
            .commons
            .push(((definition.object, definition.symbol), place));
    }
}

/// Where a section goes: `None` when the linker does not know it, `Some(None)` when it is dropped.
fn destination(section: &Section) -> Option<Option<(Part, &str)>> {
    let name = &section.name[..];
    let has = |flag| section.flags & flag != 0;
    if has(elf::SHF_TLS | elf::SHF_GROUP | elf::SHF_COMPRESSED) {
        return None;
    }
    if name == ".note.GNU-stack" {
        // An object that wants its stack executable is none that a plugin should have.
        return if has(elf::SHF_EXECINSTR) {
            None
        } else {
            Some(None)
        };
    }
    if has(elf::SHF_EXCLUDE) {
        return Some(None);
    }
    if !has(elf::SHF_ALLOC) {
        let kept = name.starts_with(".debug_") && section.kind == elf::SHT_PROGBITS;
        return Some(kept.then_some((Part::Debug, name)));
    }
    // Code and tables that a whole program's start-up and end run through, in an order of their own.
    if [".init", ".fini", ".ctors", ".dtors", ".preinit_array"].contains(&name) {
        return None;
    }
    let writable = has(elf::SHF_WRITE);
    Some(Some(match section.kind {
        elf::SHT_NOBITS if writable => (Part::Zero, ".bss"),
        elf::SHT_INIT_ARRAY if name == ".init_array" => (Part::Relro, ".init_array"),
        elf::SHT_FINI_ARRAY if name == ".fini_array" => (Part::Relro, ".fini_array"),
        // Notes describe how a whole program was made; one object's do not hold for the rest.
        elf::SHT_NOTE => return Some(None),
        elf::SHT_PROGBITS | elf::SHT_X86_64_UNWIND => program_destination(section)?,
        _ => return None,
    }))
}

/// Where code and initialised data go.
fn program_destination(section: &Section) -> Option<(Part, &str)> {
    let name = &section.name[..];
    let stem = |stem: &str| {
        name.strip_prefix(stem)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let writable = section.flags & elf::SHF_WRITE != 0;
    let executable = section.flags & elf::SHF_EXECINSTR != 0;
    match (writable, executable) {
        (true, true) => None,
        (false, true) => Some((Part::Code, ".text")),
        (true, false) if stem(".data.rel.ro") => Some((Part::Relro, ".data.rel.ro")),
        (true, false) if stem(".data") => Some((Part::Data, ".data")),
        (true, false) => Some((Part::Data, name)),
        (false, false) if name == ".eh_frame" => Some((Part::Frames, name)),
        (false, false) if stem(".rodata") => Some((Part::ReadOnly, ".rodata")),
        (false, false) => Some((Part::ReadOnly, name)),
    }
}
