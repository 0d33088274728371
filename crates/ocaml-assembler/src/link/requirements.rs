//! What the relocations ask of the linker: table slots, stubs and relocations at load time.

use rustc_hash::FxHashMap;

use super::Error;
use super::contents::{Contents, Part};
use super::frame_header;
use super::symbols::{Meaning, Symbols};
use crate::elf;
use crate::object::{Object, Place, Relocation, Section};

/// What a slot of the global offset table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Slot {
    Address(Meaning),
    /// The module of an imported thread-local variable; the slot after it holds the offset.
    ThreadModule(u32),
    ThreadOffset(u32),
    /// The distance of an imported thread-local variable from the thread pointer.
    ThreadDistance(u32),
}

/// Slots, stubs and counts.
#[derive(Debug, Default)]
pub(super) struct Requirements {
    /// What the slots of the global offset table hold.
    pub(super) slots: Vec<Slot>,
    slot_indices: FxHashMap<Slot, u32>,
    /// The imports that are called, each through a stub.
    pub(super) stubs: Vec<u32>,
    stub_indices: FxHashMap<u32, u32>,
    /// How many places in sections the loader has to fill in.
    pub(super) dynamic_relocations: usize,
    /// How many functions have call frame information.
    pub(super) frames: usize,
}

impl Requirements {
    /// Looks at every relocation of every section that is kept.
    pub(super) fn collect(
        objects: &[Object],
        symbols: &Symbols<'_>,
        contents: &Contents,
    ) -> Result<Requirements, Error> {
        let mut requirements = Requirements::default();
        for output in &contents.outputs {
            for &(object, section, _) in &output.inputs {
                if output.part != Part::Debug {
                    requirements.section(
                        objects,
                        symbols,
                        contents,
                        (object, section),
                        output.part,
                    )?;
                }
                if output.name == ".eh_frame" {
                    requirements.frames += frame_header::count(&objects[object], section)?;
                }
            }
        }
        Ok(requirements)
    }

    fn section(
        &mut self,
        objects: &[Object],
        symbols: &Symbols<'_>,
        contents: &Contents,
        (object_index, section_index): (usize, usize),
        part: Part,
    ) -> Result<(), Error> {
        let object = &objects[object_index];
        let section = &object.sections[section_index];
        for relocation in &section.relocations {
            let Some(meaning) = symbols.meaning(object_index, relocation.target) else {
                continue;
            };
            if let Some(section) = dropped_section(objects, contents, meaning) {
                let (object, section) = (object.name().into(), section.into());
                return Err(Error::UnsupportedSection { object, section });
            }
            let fixed = || Error::NotPositionIndependent {
                object: object.name().into(),
                section: section.name[..].into(),
            };
            match (relocation.kind, meaning) {
                (elf::R_X86_64_64, _) => {
                    if !is_absolute(objects, meaning) {
                        if !matches!(part, Part::Relro | Part::Data) {
                            return Err(fixed());
                        }
                        self.dynamic_relocations += 1;
                    }
                }
                (elf::R_X86_64_PLT32, Meaning::Import(import)) => self.add_stub(import),
                (elf::R_X86_64_PC32 | elf::R_X86_64_PC64, Meaning::Import(_))
                | (elf::R_X86_64_32 | elf::R_X86_64_32S, _) => return Err(fixed()),
                (elf::R_X86_64_PC32 | elf::R_X86_64_PC64 | elf::R_X86_64_PLT32, _) => {
                    if is_absolute(objects, meaning) {
                        return Err(fixed());
                    }
                }
                (
                    elf::R_X86_64_GOTPCREL | elf::R_X86_64_GOTPCRELX | elf::R_X86_64_REX_GOTPCRELX,
                    _,
                ) => {
                    if !can_do_without_slot(objects, section, relocation, meaning) {
                        self.add_slot(Slot::Address(meaning));
                    }
                }
                // OCaml 5 keeps its state in a thread-local variable, which C stubs use.
                (elf::R_X86_64_TLSGD, Meaning::Import(import)) => {
                    self.add_slot(Slot::ThreadModule(import));
                    self.add_slot(Slot::ThreadOffset(import));
                }
                (elf::R_X86_64_GOTTPOFF, Meaning::Import(import)) => {
                    self.add_slot(Slot::ThreadDistance(import));
                }
                (kind, _) => {
                    let (object, section) = (object.name().into(), section.name[..].into());
                    return Err(Error::UnsupportedRelocation {
                        object,
                        section,
                        kind,
                    });
                }
            }
        }
        Ok(())
    }

    fn add_slot(&mut self, slot: Slot) {
        let slots = &mut self.slots;
        self.slot_indices.entry(slot).or_insert_with(|| {
            slots.push(slot);
            slots.len() as u32 - 1
        });
    }

    fn add_stub(&mut self, import: u32) {
        let stubs = &mut self.stubs;
        self.stub_indices.entry(import).or_insert_with(|| {
            stubs.push(import);
            stubs.len() as u32 - 1
        });
        self.add_slot(Slot::Address(Meaning::Import(import)));
    }

    /// The index of a slot.
    pub(super) fn slot(&self, slot: Slot) -> Option<u32> {
        self.slot_indices.get(&slot).copied()
    }

    /// The index of the stub for calls to `import`.
    pub(super) fn stub(&self, import: u32) -> Option<u32> {
        self.stub_indices.get(&import).copied()
    }
}

/// The name of the section that `meaning` is in, when the plugin does not contain that section.
fn dropped_section<'o>(
    objects: &'o [Object],
    contents: &Contents,
    meaning: Meaning,
) -> Option<&'o str> {
    let (object, section) = match meaning {
        Meaning::Section { object, section } => (object as usize, section as usize),
        Meaning::Defined(definition) => {
            let object = definition.object as usize;
            match objects[object].symbols[definition.symbol as usize].place {
                Place::Section(section) => (object, section as usize),
                _ => return None,
            }
        }
        Meaning::Import(_) => return None,
    };
    let kept = contents.places[object][section].is_some();
    (!kept).then(|| &objects[object].sections[section].name[..])
}

/// Whether the value is the same wherever the object is loaded.
pub(super) fn is_absolute(objects: &[Object], meaning: Meaning) -> bool {
    match meaning {
        Meaning::Defined(definition) => {
            objects[definition.object as usize].symbols[definition.symbol as usize].place
                == Place::Absolute
        }
        Meaning::Section { .. } | Meaning::Import(_) => false,
    }
}

/// Whether the instruction that loads an address from the table can compute it instead: `mov`
/// becomes `lea` when the symbol is in this shared object.
///
/// Source: AMD64 supplement, section B.2.
pub(super) fn can_do_without_slot(
    objects: &[Object],
    section: &Section,
    relocation: &Relocation,
    meaning: Meaning,
) -> bool {
    let may = matches!(
        relocation.kind,
        elf::R_X86_64_GOTPCRELX | elf::R_X86_64_REX_GOTPCRELX
    );
    let local = !matches!(meaning, Meaning::Import(_)) && !is_absolute(objects, meaning);
    let opcode = relocation
        .offset
        .checked_sub(2)
        .and_then(|offset| section.data.get(offset as usize));
    may && local && relocation.addend == -4 && opcode == Some(&0x8b)
}
