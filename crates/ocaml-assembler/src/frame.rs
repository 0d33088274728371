//! Call frame information: from `.cfi_` directives to the bytes of `.eh_frame`.
//!
//! Sources: DWARF 4, section 6.4; Linux Standard Base core, "Exception Frames", for the
//! augmentation `zR`.

use crate::assemble::ErrorKind;
use crate::cursor::Fault;
use crate::elf::{self, Image};
use crate::object::{Relocation, Target};
use crate::section::SectionBuilder;
use crate::symbol::Position;

/// One `.cfi_` directive inside a procedure.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    AdjustOffset(i64),
    Offset(i64),
    Register(u8),
    Remember,
    Restore,
}

/// The directives of a unit, in order.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    procedures: Vec<Procedure>,
    /// A rule, its place and its offset in the text.
    rules: Vec<(Rule, Position, usize)>,
}

#[derive(Debug)]
struct Procedure {
    start: Position,
    end: Option<Position>,
    /// The index of the procedure's first rule.
    rules: usize,
    source: usize,
}

impl Frames {
    pub(crate) fn is_empty(&self) -> bool {
        self.procedures.is_empty()
    }

    pub(crate) fn start(&mut self, place: Position, source: usize) -> Result<(), ErrorKind> {
        if self
            .procedures
            .last()
            .is_some_and(|procedure| procedure.end.is_none())
        {
            return Err(ErrorKind::MisplacedFrameDirective);
        }
        self.procedures.push(Procedure {
            start: place,
            end: None,
            rules: self.rules.len(),
            source,
        });
        Ok(())
    }

    pub(crate) fn end(&mut self, place: Position) -> Result<(), ErrorKind> {
        self.open(place)?.end = Some(place);
        Ok(())
    }

    pub(crate) fn rule(
        &mut self,
        rule: Rule,
        place: Position,
        source: usize,
    ) -> Result<(), ErrorKind> {
        self.open(place)?;
        self.rules.push((rule, place, source));
        Ok(())
    }

    /// The procedure that has begun and not ended, in the section of `place`.
    fn open(&mut self, place: Position) -> Result<&mut Procedure, ErrorKind> {
        match self.procedures.last_mut() {
            Some(procedure)
                if procedure.end.is_none() && procedure.start.section == place.section =>
            {
                Ok(procedure)
            }
            _ => Err(ErrorKind::MisplacedFrameDirective),
        }
    }

    /// The contents of `.eh_frame`, with one relocation for each procedure.
    pub(crate) fn encode(
        &self,
        sections: &[SectionBuilder<'_>],
    ) -> Result<(Vec<u8>, Vec<Relocation>), Fault> {
        let mut image = Image::default();
        let mut relocations = Vec::with_capacity(self.procedures.len());
        // The common information entry: version 1, `zR`, code alignment 1, data alignment -8,
        // return address in column 16, pointers as 4-byte distances; at entry the frame begins at
        // rsp + 8 and the return address lies 8 bytes below that.
        image.bytes(&[
            0x14, 0, 0, 0, 0, 0, 0, 0, 1, b'z', b'R', 0, 1, 0x78, 16, 1, 0x1b,
        ]);
        image.bytes(&[DW_CFA_DEF_CFA, 7, 8, DW_CFA_OFFSET | 16, 1, 0, 0]);
        for (index, procedure) in self.procedures.iter().enumerate() {
            let Some(end) = procedure.end else {
                return Err(Fault {
                    offset: procedure.source,
                    kind: ErrorKind::MisplacedFrameDirective,
                });
            };
            let section = &sections[procedure.start.section as usize];
            let (start, end) = (
                section.final_offset(procedure.start),
                section.final_offset(end),
            );
            let entry = image.len();
            image.u32(0);
            image.u32(image.len() as u32);
            relocations.push(Relocation {
                offset: image.len() as u64,
                kind: elf::R_X86_64_PC32,
                target: Target::Section(procedure.start.section),
                addend: i64::from(start),
            });
            image.u32(0);
            image.u32(end - start);
            image.bytes(&[0]);
            let last = self
                .procedures
                .get(index + 1)
                .map_or(self.rules.len(), |next| next.rules);
            rules(
                &mut image,
                &self.rules[procedure.rules..last],
                section,
                start,
            )?;
            // GNU as aligns the section's end to 8 bytes by way of its last entry.
            image.align(if index + 1 == self.procedures.len() {
                8
            } else {
                4
            });
            let length = image.len() - entry - 4;
            image.set_u32(entry, length as u32);
        }
        Ok((image.0, relocations))
    }
}

const DW_CFA_ADVANCE_LOC: u8 = 0x40;
const DW_CFA_OFFSET: u8 = 0x80;
const DW_CFA_ADVANCE_LOC1: u8 = 0x02;
const DW_CFA_ADVANCE_LOC2: u8 = 0x03;
const DW_CFA_ADVANCE_LOC4: u8 = 0x04;
const DW_CFA_REMEMBER_STATE: u8 = 0x0a;
const DW_CFA_RESTORE_STATE: u8 = 0x0b;
const DW_CFA_DEF_CFA: u8 = 0x0c;
const DW_CFA_DEF_CFA_REGISTER: u8 = 0x0d;
const DW_CFA_DEF_CFA_OFFSET: u8 = 0x0e;

fn rules(
    image: &mut Image,
    rules: &[(Rule, Position, usize)],
    section: &SectionBuilder<'_>,
    start: u32,
) -> Result<(), Fault> {
    let mut place = start;
    let mut offset = 8;
    let mut remembered = Vec::new();
    for &(rule, position, source) in rules {
        let fault = |kind| Fault {
            offset: source,
            kind,
        };
        let next = section.final_offset(position);
        // GNU as moves what holds from the first byte on into an entry of its own.
        if next == start {
            return Err(fault(ErrorKind::FrameRuleAtStart));
        }
        match next - place {
            0 => {}
            distance @ 1..0x40 => image.bytes(&[DW_CFA_ADVANCE_LOC | distance as u8]),
            distance @ 0x40..0x100 => image.bytes(&[DW_CFA_ADVANCE_LOC1, distance as u8]),
            distance @ 0x100..0x1_0000 => {
                image.bytes(&[DW_CFA_ADVANCE_LOC2]);
                image.u16(distance as u16);
            }
            distance => {
                image.bytes(&[DW_CFA_ADVANCE_LOC4]);
                image.u32(distance);
            }
        }
        place = next;
        match rule {
            Rule::AdjustOffset(_) | Rule::Offset(_) => {
                let value = match rule {
                    Rule::AdjustOffset(change) => i64::saturating_add(offset, change),
                    Rule::Offset(value) => value,
                    _ => offset,
                };
                offset = value;
                let value =
                    u32::try_from(value).map_err(|_| fault(ErrorKind::ValueOutOfRange(value)))?;
                image.bytes(&[DW_CFA_DEF_CFA_OFFSET]);
                unsigned_leb128(image, u64::from(value));
            }
            Rule::Register(register) => image.bytes(&[DW_CFA_DEF_CFA_REGISTER, register]),
            Rule::Remember => {
                remembered.push(offset);
                image.bytes(&[DW_CFA_REMEMBER_STATE]);
            }
            Rule::Restore => {
                offset = remembered
                    .pop()
                    .ok_or_else(|| fault(ErrorKind::MisplacedFrameDirective))?;
                image.bytes(&[DW_CFA_RESTORE_STATE]);
            }
        }
    }
    Ok(())
}

/// Appends a number in the variable-length form of DWARF.
pub(crate) fn unsigned_leb128(image: &mut Image, mut value: u64) {
    while value >= 0x80 {
        image.0.push(value as u8 | 0x80);
        value >>= 7;
    }
    image.0.push(value as u8);
}

/// Appends a signed number in the variable-length form of DWARF.
pub(crate) fn signed_leb128(image: &mut Image, mut value: i64) {
    while !(-64..64).contains(&value) {
        image.0.push(value as u8 | 0x80);
        value >>= 7;
    }
    image.0.push(value as u8 & 0x7f);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_length_numbers_are_those_of_the_dwarf_standard() {
        // The examples of DWARF 4, section 7.6.
        let unsigned = |value| {
            let mut image = Image::default();
            unsigned_leb128(&mut image, value);
            image.0
        };
        let signed = |value| {
            let mut image = Image::default();
            signed_leb128(&mut image, value);
            image.0
        };
        assert_eq!(
            (unsigned(2), unsigned(127), unsigned(128), unsigned(12857)),
            (vec![2], vec![127], vec![0x80, 1], vec![0xb9, 100])
        );
        assert_eq!(
            (signed(2), signed(-2), signed(127), signed(-128)),
            (vec![2], vec![0x7e], vec![0xff, 0], vec![0x80, 0x7f])
        );
    }
}
