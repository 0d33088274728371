//! The integer instructions.

use super::mnemonic::Form;
use super::{Encoder, Opcode, immediate_for, immediate_length, is_place, width_of};
use crate::assemble::ErrorKind;
use crate::operand::{Immediate, Operand};
use crate::register::{Register, Width};
use crate::section::FixupKind;

use Operand::{Immediate as Constant, Memory, Register as Integer};

impl Encoder<'_, '_> {
    pub(super) fn integer(&mut self, form: Form, operands: &[Operand]) -> Result<(), ErrorKind> {
        match form {
            Form::Arithmetic(row, suffix) => self.arithmetic(row, suffix, operands),
            Form::Move(suffix) => self.r#move(suffix, operands),
            Form::Test(suffix) => self.test(suffix, operands),
            Form::Multiply(suffix) => self.multiply(suffix, operands),
            Form::Shift(extension, suffix) => self.shift(extension, suffix, operands),
            Form::Push(suffix) => self.push(suffix, operands),
            Form::Exchange => self.exchange(operands),
            Form::Unary(extension, short, suffix) => match operands {
                [place] if is_place(place) => {
                    let width = width_of(suffix, operands)?;
                    let byte = if short { 0xfe } else { 0xf6 };
                    self.modrm(sized(byte, width).rex(operands)?, extension, place)
                }
                _ => Err(ErrorKind::InvalidOperands),
            },
            Form::Pop(suffix) => match operands {
                [Integer(register)] => {
                    let width = stack_width(suffix, operands)?;
                    self.opcode_register(Opcode::one(0x58).width(narrow(width)), register.number)
                }
                [place @ Memory(_)] => {
                    let width = stack_width(suffix, operands)?;
                    self.modrm(Opcode::one(0x8f).width(narrow(width)), 0, place)
                }
                _ => Err(ErrorKind::InvalidOperands),
            },
            Form::LoadAddress(suffix) => match operands {
                [place @ Memory(_), Integer(register)] if register.width != Width::Byte => {
                    let width = width_of(suffix, operands)?;
                    let short_address = width != Width::Quad;
                    let opcode = Opcode {
                        short_address,
                        ..Opcode::one(0x8d).width(width)
                    };
                    self.modrm(opcode, register.number, place)
                }
                _ => Err(ErrorKind::InvalidOperands),
            },
            Form::MoveAbsolute => match operands {
                [
                    Constant(value),
                    Integer(Register {
                        number,
                        width: Width::Quad,
                        ..
                    }),
                ] => {
                    self.opcode_register(Opcode::one(0xb8).width(Width::Quad), *number)?;
                    match *value {
                        Immediate::Number(number) => self.put(&number.to_le_bytes()),
                        Immediate::Symbol(symbol) => {
                            self.section
                                .push_fixup(FixupKind::Value(8), symbol, 0, self.source);
                            self.put(&[0; 8]);
                        }
                    }
                    Ok(())
                }
                _ => Err(ErrorKind::InvalidOperands),
            },
            Form::Extend(byte, from, to) => match operands {
                [place, Integer(register)] if is_place(place) && register.width == to => {
                    if matches!(place, Integer(source) if source.width != from) {
                        return Err(ErrorKind::InvalidOperands);
                    }
                    let opcode = if byte == 0x63 {
                        Opcode::one(byte)
                    } else {
                        Opcode::two(byte)
                    };
                    self.modrm(
                        opcode.width(to).rex(&operands[..1])?,
                        register.number,
                        place,
                    )
                }
                _ => Err(ErrorKind::InvalidOperands),
            },
            Form::ByteSwap => match operands {
                [
                    Integer(Register {
                        number,
                        width: width @ (Width::Double | Width::Quad),
                        ..
                    }),
                ] => self.opcode_register(Opcode::two(0xc8).width(*width), *number),
                _ => Err(ErrorKind::InvalidOperands),
            },
            Form::SetCondition(condition) => match operands {
                [place] if is_place(place) => {
                    width_of(Some(Width::Byte), operands)?;
                    self.modrm(Opcode::two(0x90 | condition).rex(operands)?, 0, place)
                }
                _ => Err(ErrorKind::InvalidOperands),
            },
            Form::MoveCondition(condition) => match operands {
                [place, Integer(register)] if is_place(place) && register.width != Width::Byte => {
                    let width = width_of(None, operands)?;
                    self.modrm(
                        Opcode::two(0x40 | condition).width(width),
                        register.number,
                        place,
                    )
                }
                _ => Err(ErrorKind::InvalidOperands),
            },
            _ => Err(ErrorKind::InvalidOperands),
        }
    }

    fn arithmetic(
        &mut self,
        row: u8,
        suffix: Option<Width>,
        operands: &[Operand],
    ) -> Result<(), ErrorKind> {
        let width = width_of(suffix, operands)?;
        match operands {
            [Constant(value), place] if is_place(place) => {
                let value = immediate_for(*value, width)?;
                let short =
                    matches!(value, Immediate::Number(number) if i8::try_from(number).is_ok());
                if short && width != Width::Byte {
                    let opcode = Opcode::one(0x83).width(width).immediate(1);
                    self.modrm(opcode, row, place)?;
                    self.immediate(value, Width::Byte);
                    return Ok(());
                }
                self.with_immediate(
                    sized(0x80, width),
                    sized(row << 3 | 4, width),
                    row,
                    place,
                    value,
                    width,
                )
            }
            [Integer(register), place] if is_place(place) => self.modrm(
                sized(row << 3, width).rex(operands)?,
                register.number,
                place,
            ),
            [place @ Memory(_), Integer(register)] => self.modrm(
                sized(row << 3 | 2, width).rex(operands)?,
                register.number,
                place,
            ),
            _ => Err(ErrorKind::InvalidOperands),
        }
    }

    /// An operation with a full immediate, which has a shorter form for the accumulator.
    fn with_immediate(
        &mut self,
        general: Opcode,
        accumulator: Opcode,
        extension: u8,
        place: &Operand,
        value: Immediate,
        width: Width,
    ) -> Result<(), ErrorKind> {
        if matches!(
            place,
            Integer(Register {
                number: 0,
                high: false,
                ..
            })
        ) {
            self.opcode(accumulator, 0)?;
        } else {
            let opcode = general
                .immediate(immediate_length(width))
                .rex(std::slice::from_ref(place))?;
            self.modrm(opcode, extension, place)?;
        }
        self.immediate(value, width);
        Ok(())
    }

    fn test(&mut self, suffix: Option<Width>, operands: &[Operand]) -> Result<(), ErrorKind> {
        let width = width_of(suffix, operands)?;
        match operands {
            [Constant(value), place] if is_place(place) => {
                let value = immediate_for(*value, width)?;
                self.with_immediate(
                    sized(0xf6, width),
                    sized(0xa8, width),
                    0,
                    place,
                    value,
                    width,
                )
            }
            [Integer(register), place] | [place @ Memory(_), Integer(register)]
                if is_place(place) =>
            {
                self.modrm(sized(0x84, width).rex(operands)?, register.number, place)
            }
            _ => Err(ErrorKind::InvalidOperands),
        }
    }

    fn r#move(&mut self, suffix: Option<Width>, operands: &[Operand]) -> Result<(), ErrorKind> {
        // x86_gas.ml has one constructor for all moves, so `movq` may name a vector register.
        if operands
            .iter()
            .any(|operand| matches!(operand, Operand::Vector(_)))
        {
            return if suffix == Some(Width::Quad) {
                self.vector_quad(operands)
            } else {
                Err(ErrorKind::InvalidOperands)
            };
        }
        let width = width_of(suffix, operands)?;
        match operands {
            [Constant(value), Integer(register)] if width != Width::Quad => {
                let value = immediate_for(*value, width)?;
                let byte = if width == Width::Byte { 0xb0 } else { 0xb8 };
                let opcode = Opcode::one(byte).width(width).rex(&operands[1..])?;
                self.opcode_register(opcode, register.number)?;
                self.immediate(value, width);
                Ok(())
            }
            [Constant(value), place] if is_place(place) => {
                let value = immediate_for(*value, width)?;
                self.modrm(
                    sized(0xc6, width).immediate(immediate_length(width)),
                    0,
                    place,
                )?;
                self.immediate(value, width);
                Ok(())
            }
            [Integer(register), place] if is_place(place) => {
                self.modrm(sized(0x88, width).rex(operands)?, register.number, place)
            }
            [place @ Memory(_), Integer(register)] => {
                self.modrm(sized(0x8a, width).rex(operands)?, register.number, place)
            }
            _ => Err(ErrorKind::InvalidOperands),
        }
    }

    fn multiply(&mut self, suffix: Option<Width>, operands: &[Operand]) -> Result<(), ErrorKind> {
        let width = width_of(suffix, operands)?;
        match operands {
            [place] if is_place(place) => self.modrm(sized(0xf6, width).rex(operands)?, 5, place),
            [Constant(value), place @ Integer(register)] if width != Width::Byte => {
                let value = immediate_for(*value, width)?;
                let short =
                    matches!(value, Immediate::Number(number) if i8::try_from(number).is_ok());
                let (byte, length, kept) = if short {
                    (0x6b, 1, Width::Byte)
                } else {
                    (0x69, immediate_length(width), width)
                };
                self.modrm(
                    Opcode::one(byte).width(width).immediate(length),
                    register.number,
                    place,
                )?;
                self.immediate(value, kept);
                Ok(())
            }
            [place, Integer(register)] if is_place(place) && width != Width::Byte => {
                self.modrm(Opcode::two(0xaf).width(width), register.number, place)
            }
            _ => Err(ErrorKind::InvalidOperands),
        }
    }

    fn shift(
        &mut self,
        extension: u8,
        suffix: Option<Width>,
        operands: &[Operand],
    ) -> Result<(), ErrorKind> {
        let [count, place] = operands else {
            return Err(ErrorKind::InvalidOperands);
        };
        if !is_place(place) {
            return Err(ErrorKind::InvalidOperands);
        }
        let width = width_of(suffix, &operands[1..])?;
        let rex = &operands[1..];
        match *count {
            Constant(Immediate::Number(1)) => {
                self.modrm(sized(0xd0, width).rex(rex)?, extension, place)
            }
            Constant(Immediate::Number(number)) => {
                let number =
                    u8::try_from(number).map_err(|_| ErrorKind::ValueOutOfRange(number))?;
                self.modrm(sized(0xc0, width).immediate(1).rex(rex)?, extension, place)?;
                self.put(&[number]);
                Ok(())
            }
            Integer(Register {
                number: 1,
                width: Width::Byte,
                high: false,
            }) => self.modrm(sized(0xd2, width).rex(rex)?, extension, place),
            _ => Err(ErrorKind::InvalidOperands),
        }
    }

    fn push(&mut self, suffix: Option<Width>, operands: &[Operand]) -> Result<(), ErrorKind> {
        match operands {
            [Integer(register)] => {
                let width = stack_width(suffix, operands)?;
                self.opcode_register(Opcode::one(0x50).width(narrow(width)), register.number)
            }
            [place @ Memory(_)] => {
                let width = stack_width(suffix, operands)?;
                self.modrm(Opcode::one(0xff).width(narrow(width)), 6, place)
            }
            // `pushw` with an immediate would misalign the stack; no compiler prints it.
            [Constant(value)] if suffix != Some(Width::Word) => {
                match immediate_for(*value, Width::Quad)? {
                    Immediate::Number(number) if i8::try_from(number).is_ok() => {
                        self.put(&[0x6a, number as u8]);
                    }
                    value => {
                        self.put(&[0x68]);
                        self.immediate(value, Width::Quad);
                    }
                }
                Ok(())
            }
            _ => Err(ErrorKind::InvalidOperands),
        }
    }

    fn exchange(&mut self, operands: &[Operand]) -> Result<(), ErrorKind> {
        let width = width_of(None, operands)?;
        match operands {
            // The short forms; the one for `%eax, %eax` would be `nop`, which keeps the upper half.
            [Integer(first), Integer(second)]
                if width != Width::Byte
                    && (first.number == 0 || second.number == 0)
                    && !(width == Width::Double && first == second) =>
            {
                let other = first.number | second.number;
                // GNU as leaves REX.W out of `xchg %rax, %rax`.
                let width = if first == second && width == Width::Quad {
                    Width::Double
                } else {
                    width
                };
                self.opcode_register(Opcode::one(0x90).width(width), other)
            }
            [Integer(register), place] | [place @ Memory(_), Integer(register)]
                if is_place(place) =>
            {
                self.modrm(sized(0x86, width).rex(operands)?, register.number, place)
            }
            _ => Err(ErrorKind::InvalidOperands),
        }
    }
}

/// An opcode whose lowest bit distinguishes bytes from greater widths.
fn sized(byte: u8, width: Width) -> Opcode {
    Opcode::one(byte | u8::from(width != Width::Byte)).width(width)
}

/// `push` and `pop` move 64 bits, or 16; a memory operand without suffix has 64.
fn stack_width(suffix: Option<Width>, operands: &[Operand]) -> Result<Width, ErrorKind> {
    match operands {
        [Memory(_)] => Ok(suffix.unwrap_or(Width::Quad)),
        _ => match width_of(suffix, operands)? {
            width @ (Width::Quad | Width::Word) => Ok(width),
            Width::Byte | Width::Double => Err(ErrorKind::InvalidOperands),
        },
    }
}

/// `push` and `pop` have 64 bits without REX.W.
fn narrow(width: Width) -> Width {
    if width == Width::Quad {
        Width::Double
    } else {
        width
    }
}
