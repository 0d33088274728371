//! From a mnemonic and its operands to bytes and unresolved places.

mod branch;
#[cfg(test)]
mod disassembly;
mod integer;
pub(crate) mod mnemonic;
mod stack;
mod vector;

use crate::assemble::ErrorKind;
use crate::elf;
use crate::operand::{Address, Immediate, Memory, Operand};
use crate::register::{Register, Width};
use crate::section::{FixupKind, SectionBuilder};
use mnemonic::Form;

pub(crate) use branch::target;

/// Appends one instruction to a section.
pub(crate) struct Encoder<'s, 'a> {
    pub(crate) section: &'s mut SectionBuilder<'a>,
    /// The instruction's offset in the text, for messages about what stays unresolved.
    pub(crate) source: u32,
}

/// What precedes the ModRM byte, and how many bytes follow the displacement.
#[derive(Debug, Clone, Copy, Default)]
struct Opcode {
    /// A mandatory or operand-size prefix; none when zero.
    prefix: u8,
    /// One to three bytes, the first in the low byte.
    bytes: [u8; 3],
    length: u8,
    /// REX.W
    wide: bool,
    /// The bytes of the immediate operand: a distance counts from the instruction's end.
    immediate: u8,
    rex: Rex,
    /// The result has less than 64 bits and is an address: a symbol in it is not sign-extended.
    short_address: bool,
}

/// What byte registers ask of the REX prefix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Rex {
    #[default]
    Free,
    Required,
    Forbidden,
}

impl Opcode {
    fn one(byte: u8) -> Opcode {
        Opcode {
            bytes: [byte, 0, 0],
            length: 1,
            ..Opcode::default()
        }
    }

    /// An opcode of the second table, after 0F.
    fn two(byte: u8) -> Opcode {
        Opcode {
            bytes: [0x0f, byte, 0],
            length: 2,
            ..Opcode::default()
        }
    }

    fn prefix(self, prefix: u8) -> Opcode {
        Opcode { prefix, ..self }
    }

    fn immediate(self, immediate: u8) -> Opcode {
        Opcode { immediate, ..self }
    }

    /// The operand size of an integer instruction.
    fn width(self, width: Width) -> Opcode {
        let prefix = if width == Width::Word {
            0x66
        } else {
            self.prefix
        };
        Opcode {
            prefix,
            wide: width == Width::Quad,
            ..self
        }
    }

    /// The demands of the byte registers among `operands`.
    fn rex(mut self, operands: &[Operand]) -> Result<Opcode, ErrorKind> {
        for operand in operands {
            let Operand::Register(register) = operand else {
                continue;
            };
            let demand = match (register.high, register.needs_rex()) {
                (true, _) => Rex::Forbidden,
                (_, true) => Rex::Required,
                _ => continue,
            };
            if self.rex != Rex::Free && self.rex != demand {
                return Err(ErrorKind::NotEncodable);
            }
            self.rex = demand;
        }
        Ok(self)
    }

    fn is(&self, byte: u8) -> bool {
        self.length == 1 && self.bytes[0] == byte
    }
}

impl Encoder<'_, '_> {
    /// Encodes the instruction with this form and these operands.
    pub(crate) fn instruction(
        &mut self,
        form: Form,
        operands: &[Operand],
    ) -> Result<(), ErrorKind> {
        match form {
            Form::Fixed(bytes) if operands.is_empty() => {
                self.put(bytes);
                Ok(())
            }
            Form::Vector(..)
            | Form::Compare(_)
            | Form::Round(_)
            | Form::VectorMove(..)
            | Form::VectorHalf
            | Form::VectorBits
            | Form::FromInteger(_)
            | Form::ToInteger(..) => self.vector(form, operands),
            Form::StackMemory(..)
            | Form::StackPop(_)
            | Form::StackMove(..)
            | Form::StackExchange
            | Form::StoreStatus => self.stack(form, operands),
            _ => self.integer(form, operands),
        }
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.section.data.extend_from_slice(bytes);
    }

    /// Prefixes and opcode; says whether there is a REX prefix.
    fn opcode(&mut self, opcode: Opcode, rex: u8) -> Result<bool, ErrorKind> {
        if opcode.prefix != 0 {
            self.put(&[opcode.prefix]);
        }
        let rex = rex | u8::from(opcode.wide) << 3;
        let has_rex = rex != 0 || opcode.rex == Rex::Required;
        if has_rex {
            if opcode.rex == Rex::Forbidden {
                return Err(ErrorKind::NotEncodable);
            }
            self.put(&[0x40 | rex]);
        }
        self.put(&opcode.bytes[..usize::from(opcode.length)]);
        Ok(has_rex)
    }

    /// An instruction whose register is in the low bits of the opcode.
    fn opcode_register(&mut self, opcode: Opcode, register: u8) -> Result<(), ErrorKind> {
        let mut opcode = opcode;
        opcode.bytes[usize::from(opcode.length) - 1] |= register & 7;
        self.opcode(opcode, register >> 3)?;
        Ok(())
    }

    /// An instruction with a ModRM byte: `register` is a register or an opcode extension, `place`
    /// the operand that may be in memory.
    fn modrm(&mut self, opcode: Opcode, register: u8, place: &Operand) -> Result<(), ErrorKind> {
        let field = (register & 7) << 3;
        let high = (register >> 3) << 2;
        match *place {
            Operand::Register(Register { number, .. }) | Operand::Vector(number) => {
                self.opcode(opcode, high | number >> 3)?;
                self.put(&[0xc0 | field | number & 7]);
                Ok(())
            }
            Operand::Memory(memory) => self.memory(opcode, field, high, memory),
            Operand::Immediate(_) | Operand::Stack(_) => Err(ErrorKind::InvalidOperands),
        }
    }

    fn memory(
        &mut self,
        opcode: Opcode,
        field: u8,
        high: u8,
        memory: Memory,
    ) -> Result<(), ErrorKind> {
        let Memory {
            address,
            displacement,
            symbol,
            ..
        } = memory;
        let bytes = displacement.to_le_bytes();
        match address {
            Address::Relative => {
                let symbol = symbol.ok_or(ErrorKind::InvalidOperands)?;
                let has_rex = self.opcode(opcode, high)?;
                self.put(&[field | 5]);
                let kind = if memory.got {
                    FixupKind::GotRelative(got_relocation(opcode, field, has_rex))
                } else {
                    FixupKind::Relative
                };
                let addend = i64::from(displacement) - 4 - i64::from(opcode.immediate);
                self.section.push_fixup(kind, symbol, addend, self.source);
                self.put(&[0; 4]);
            }
            Address::Absolute => {
                self.opcode(opcode, high)?;
                // Without a SIB byte this mode would mean a distance from the instruction pointer.
                self.put(&[field | 4, 0x25]);
                self.displacement(opcode, memory);
            }
            Address::Registers {
                base: None,
                index,
                scale,
            } => {
                let index = index.ok_or(ErrorKind::InvalidOperands)?;
                self.opcode(opcode, high | (index >> 3) << 1)?;
                self.put(&[field | 4, scale << 6 | (index & 7) << 3 | 5]);
                self.displacement(opcode, memory);
            }
            Address::Registers {
                base: Some(base),
                index,
                scale,
            } => {
                self.opcode(
                    opcode,
                    high | index.map_or(0, |index| (index >> 3) << 1) | base >> 3,
                )?;
                // A base of rbp or r13 always has a displacement: its place is taken by modes
                // without a base.
                let mode = match displacement {
                    _ if symbol.is_some() => 0x80,
                    0 if base & 7 != 5 => 0,
                    -128..=127 => 0x40,
                    _ => 0x80,
                };
                match index {
                    Some(index) => {
                        self.put(&[mode | field | 4, scale << 6 | (index & 7) << 3 | base & 7])
                    }
                    None if base & 7 == 4 => self.put(&[mode | field | 4, 0x24]),
                    None => self.put(&[mode | field | base & 7]),
                }
                match mode {
                    0 => {}
                    0x40 => self.put(&bytes[..1]),
                    _ => self.displacement(opcode, memory),
                }
            }
        }
        Ok(())
    }

    /// Four bytes of displacement, or of an address that is known later.
    fn displacement(&mut self, opcode: Opcode, memory: Memory) {
        match memory.symbol {
            Some(symbol) => {
                let addend = i64::from(memory.displacement);
                let kind = if opcode.short_address {
                    FixupKind::Value(4)
                } else {
                    FixupKind::SignedAddress
                };
                self.section.push_fixup(kind, symbol, addend, self.source);
                self.put(&[0; 4]);
            }
            None => self.put(&memory.displacement.to_le_bytes()),
        }
    }

    /// An immediate operand of so many bytes; eight bytes only for `movabsq`.
    fn immediate(&mut self, immediate: Immediate, width: Width) {
        match (immediate, width) {
            (Immediate::Number(number), Width::Byte) => self.put(&number.to_le_bytes()[..1]),
            (Immediate::Number(number), Width::Word) => self.put(&number.to_le_bytes()[..2]),
            (Immediate::Number(number), _) => self.put(&number.to_le_bytes()[..4]),
            (Immediate::Symbol(symbol), width) => {
                let kind = if width == Width::Quad {
                    FixupKind::SignedAddress
                } else {
                    FixupKind::Value(4)
                };
                self.section.push_fixup(kind, symbol, 0, self.source);
                self.put(&[0; 4]);
            }
        }
    }
}

/// The relocation for a slot of the global offset table: some instructions may be rewritten by the
/// linker so that they do without the slot, and say so.
///
/// Source: AMD64 supplement, section B.2 "Optimize GOTPCRELX Relocations".
fn got_relocation(opcode: Opcode, field: u8, has_rex: bool) -> u32 {
    let extension = field >> 3;
    let indirect_branch = opcode.is(0xff) && matches!(extension, 2 | 4);
    let arithmetic = opcode.length == 1 && opcode.bytes[0] & 0xc7 == 0x03;
    // The forms with 16-bit operands are not among those that the linker can rewrite.
    let plain = opcode.prefix == 0;
    if plain && (opcode.is(0x8b) || opcode.is(0x85) || arithmetic || indirect_branch) {
        if has_rex {
            elf::R_X86_64_REX_GOTPCRELX
        } else {
            elf::R_X86_64_GOTPCRELX
        }
    } else {
        elf::R_X86_64_GOTPCREL
    }
}

/// The width that the suffix names, or that the integer registers have; both must agree.
fn width_of(suffix: Option<Width>, operands: &[Operand]) -> Result<Width, ErrorKind> {
    let mut width = suffix;
    for operand in operands {
        if let Operand::Register(register) = operand {
            match width {
                Some(width) if width != register.width => return Err(ErrorKind::InvalidOperands),
                _ => width = Some(register.width),
            }
        }
    }
    width.ok_or(ErrorKind::AmbiguousWidth)
}

/// The immediate as the instruction's width sees it: sign-extended from at most 32 bits.
fn immediate_for(immediate: Immediate, width: Width) -> Result<Immediate, ErrorKind> {
    let Immediate::Number(number) = immediate else {
        let encodable = matches!(width, Width::Double | Width::Quad);
        return if encodable {
            Ok(immediate)
        } else {
            Err(ErrorKind::InvalidOperands)
        };
    };
    // Like GNU as, take a number as signed or unsigned, except where it is sign-extended.
    let (minimum, maximum) = match width {
        Width::Byte => (i64::from(i8::MIN), i64::from(u8::MAX)),
        Width::Word => (i64::from(i16::MIN), i64::from(u16::MAX)),
        Width::Double => (i64::from(i32::MIN), i64::from(u32::MAX)),
        Width::Quad => (i64::from(i32::MIN), i64::from(i32::MAX)),
    };
    if !(minimum..=maximum).contains(&number) {
        return Err(ErrorKind::ValueOutOfRange(number));
    }
    Ok(Immediate::Number(match width {
        Width::Byte => i64::from(number as i8),
        Width::Word => i64::from(number as i16),
        Width::Double | Width::Quad => i64::from(number as i32),
    }))
}

/// How many bytes an immediate of an instruction of this width has.
fn immediate_length(width: Width) -> u8 {
    match width {
        Width::Byte => 1,
        Width::Word => 2,
        Width::Double | Width::Quad => 4,
    }
}

/// Whether an integer operation can work on the operand: a register or memory.
fn is_place(operand: &Operand) -> bool {
    matches!(operand, Operand::Register(_) | Operand::Memory(_))
}
