//! Applying relocations, and collecting those that are left to the dynamic loader.

use super::Error;
use super::contents::Part;
use super::dynamic::DynamicSymbols;
use super::layout::{Layout, STUB};
use super::requirements::{Requirements, Slot, can_do_without_slot, is_absolute};
use super::symbols::{Meaning, Symbols};
use crate::elf::{self, Image};
use crate::object::{Object, Relocation, Section};

/// A relocation for the dynamic loader.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dynamic {
    pub(super) place: u64,
    pub(super) kind: u32,
    /// The index in the dynamic symbol table; 0 for none.
    pub(super) symbol: u32,
    pub(super) addend: i64,
}

/// All that relocating needs to know.
pub(super) struct Relocator<'r, 'o> {
    pub(super) objects: &'o [Object],
    pub(super) symbols: &'r Symbols<'o>,
    pub(super) requirements: &'r Requirements,
    pub(super) layout: &'r Layout<'o>,
}

impl Relocator<'_, '_> {
    /// Relocates the copied sections in `image`, fills the global offset table and the stubs, and
    /// returns what the loader has to do, relative relocations first.
    pub(super) fn apply(&self, image: &mut Image) -> Result<Vec<Dynamic>, Error> {
        let mut dynamic = Vec::with_capacity(
            self.requirements.dynamic_relocations + self.requirements.slots.len(),
        );
        for (output, &address) in self
            .layout
            .contents
            .outputs
            .iter()
            .zip(&self.layout.addresses)
        {
            for &(object, section, offset) in &output.inputs {
                let part = output.part;
                self.section(image, &mut dynamic, object, section, address + offset, part)?;
            }
        }
        self.slots(image, &mut dynamic);
        self.stubs(image);
        dynamic.sort_unstable_by_key(|relocation| {
            (
                relocation.kind != elf::R_X86_64_RELATIVE,
                relocation.symbol,
                relocation.place,
            )
        });
        Ok(dynamic)
    }

    fn section(
        &self,
        image: &mut Image,
        dynamic: &mut Vec<Dynamic>,
        object_index: usize,
        section_index: usize,
        address: u64,
        part: Part,
    ) -> Result<(), Error> {
        let object = &self.objects[object_index];
        let section = &object.sections[section_index];
        for relocation in &section.relocations {
            let Some(meaning) = self.symbols.meaning(object_index, relocation.target) else {
                continue;
            };
            let place = address + relocation.offset;
            let applied = if part == Part::Debug {
                self.debug(image, place, relocation, meaning)
            } else {
                self.loaded(image, dynamic, section, place, relocation, meaning)
            };
            applied.ok_or_else(|| Error::TooLarge {
                object: object.name().into(),
            })?;
        }
        Ok(())
    }

    /// A relocation of a section that is loaded.
    fn loaded(
        &self,
        image: &mut Image,
        dynamic: &mut Vec<Dynamic>,
        section: &Section,
        place: u64,
        relocation: &Relocation,
        meaning: Meaning,
    ) -> Option<()> {
        let address = self.layout.address(self.objects, meaning);
        let addend = relocation.addend;
        match relocation.kind {
            elf::R_X86_64_64 => match (meaning, address) {
                (Meaning::Import(import), _) => {
                    let symbol = DynamicSymbols::import_index(import);
                    dynamic.push(Dynamic {
                        place,
                        kind: elf::R_X86_64_64,
                        symbol,
                        addend,
                    });
                }
                (_, address) => {
                    let value = address?.wrapping_add_signed(addend);
                    image.set_u64(place as usize, value);
                    if !is_absolute(self.objects, meaning) {
                        let addend = value.cast_signed();
                        dynamic.push(Dynamic {
                            place,
                            kind: elf::R_X86_64_RELATIVE,
                            symbol: 0,
                            addend,
                        });
                    }
                }
            },
            elf::R_X86_64_PC64 => {
                let value = address?.wrapping_add_signed(addend).wrapping_sub(place);
                image.set_u64(place as usize, value);
            }
            elf::R_X86_64_PLT32 if address.is_none() => {
                let Meaning::Import(import) = meaning else {
                    return None;
                };
                let stub =
                    self.layout.stubs.start + STUB * u64::from(self.requirements.stub(import)?);
                distance(image, place, stub, addend)?;
            }
            elf::R_X86_64_PC32 | elf::R_X86_64_PLT32 => distance(image, place, address?, addend)?,
            // The requirements let nothing else through but the three kinds of table slots.
            _ if can_do_without_slot(self.objects, section, relocation, meaning) => {
                image.0[place as usize - 2] = 0x8d;
                distance(image, place, address?, addend)?;
            }
            kind => {
                let slot = match (kind, meaning) {
                    (elf::R_X86_64_TLSGD, Meaning::Import(import)) => Slot::ThreadModule(import),
                    (elf::R_X86_64_GOTTPOFF, Meaning::Import(import)) => {
                        Slot::ThreadDistance(import)
                    }
                    _ => Slot::Address(meaning),
                };
                distance(image, place, self.slot_address(slot)?, addend)?;
            }
        }
        Some(())
    }

    /// A relocation of a section that only debuggers read: what it refers to may be gone.
    fn debug(
        &self,
        image: &mut Image,
        place: u64,
        relocation: &Relocation,
        meaning: Meaning,
    ) -> Option<()> {
        let mut address = self.layout.address(self.objects, meaning).unwrap_or(0);
        // A reference to another debug section counts from the beginning of that section.
        if let Meaning::Section { object, section } = meaning
            && let Some((output, _)) =
                self.layout.contents.places[object as usize][section as usize]
            && self.layout.contents.outputs[output].part == Part::Debug
        {
            address -= self.layout.addresses[output];
        }
        let value = address.wrapping_add_signed(relocation.addend);
        match relocation.kind {
            elf::R_X86_64_64 => image.set_u64(place as usize, value),
            elf::R_X86_64_32 => image.set_u32(place as usize, u32::try_from(value).ok()?),
            elf::R_X86_64_PC32 => distance(image, place, value, 0)?,
            // Anything else would concern thread-local variables, which the plugin does not have.
            _ => {}
        }
        Some(())
    }

    fn slot_address(&self, slot: Slot) -> Option<u64> {
        Some(self.layout.slots.start + 8 * u64::from(self.requirements.slot(slot)?))
    }

    fn slots(&self, image: &mut Image, dynamic: &mut Vec<Dynamic>) {
        for (index, &slot) in self.requirements.slots.iter().enumerate() {
            let place = self.layout.slots.start + 8 * index as u64;
            let (kind, import) = match slot {
                Slot::Address(Meaning::Import(import)) => (elf::R_X86_64_GLOB_DAT, import),
                Slot::ThreadModule(import) => (elf::R_X86_64_DTPMOD64, import),
                Slot::ThreadOffset(import) => (elf::R_X86_64_DTPOFF64, import),
                Slot::ThreadDistance(import) => (elf::R_X86_64_TPOFF64, import),
                Slot::Address(meaning) => {
                    let value = self.layout.address(self.objects, meaning).unwrap_or(0);
                    image.set_u64(place as usize, value);
                    if !is_absolute(self.objects, meaning) {
                        let addend = value.cast_signed();
                        dynamic.push(Dynamic {
                            place,
                            kind: elf::R_X86_64_RELATIVE,
                            symbol: 0,
                            addend,
                        });
                    }
                    continue;
                }
            };
            let symbol = DynamicSymbols::import_index(import);
            dynamic.push(Dynamic {
                place,
                kind,
                symbol,
                addend: 0,
            });
        }
    }

    /// Each stub jumps to the address in a slot.
    fn stubs(&self, image: &mut Image) {
        for (index, &import) in self.requirements.stubs.iter().enumerate() {
            let place = self.layout.stubs.start + STUB * index as u64;
            let start = place as usize;
            // jmp *slot(%rip); xchg %ax, %ax
            image.0[start..start + 8].copy_from_slice(&[0xff, 0x25, 0, 0, 0, 0, 0x66, 0x90]);
            if let Some(slot) = self.slot_address(Slot::Address(Meaning::Import(import))) {
                distance(image, place + 2, slot, -4);
            }
        }
    }
}

/// Writes the 32-bit distance from `place` to `target + addend`.
fn distance(image: &mut Image, place: u64, target: u64, addend: i64) -> Option<()> {
    let distance = target
        .cast_signed()
        .wrapping_sub(place.cast_signed())
        .wrapping_add(addend);
    image.set_u32(
        place as usize,
        i32::try_from(distance).ok()?.cast_unsigned(),
    );
    Some(())
}
