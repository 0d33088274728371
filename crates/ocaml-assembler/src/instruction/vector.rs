//! The SSE instructions.

use super::mnemonic::Form;
use super::{Encoder, Opcode, width_of};
use crate::assemble::ErrorKind;
use crate::operand::{Immediate, Operand};
use crate::register::{Register, Width};

use Operand::{Immediate as Constant, Memory, Register as Integer, Vector};

impl Encoder<'_, '_> {
    pub(super) fn vector(&mut self, form: Form, operands: &[Operand]) -> Result<(), ErrorKind> {
        match (form, operands) {
            (Form::Vector(prefix, byte), [place @ (Vector(_) | Memory(_)), Vector(register)])
            | (
                Form::VectorMove(prefix, byte, _),
                [place @ (Vector(_) | Memory(_)), Vector(register)],
            )
            | (Form::VectorMove(prefix, _, byte), [Vector(register), place @ Memory(_)]) => {
                self.modrm(Opcode::two(byte).prefix(prefix), *register, place)
            }
            (Form::VectorHalf, [place @ Memory(_), Vector(register)]) => {
                self.modrm(Opcode::two(0x12).prefix(0x66), *register, place)
            }
            (Form::VectorHalf, [Vector(register), place @ Memory(_)]) => {
                self.modrm(Opcode::two(0x13).prefix(0x66), *register, place)
            }
            (Form::Compare(predicate), [place @ (Vector(_) | Memory(_)), Vector(register)]) => {
                self.modrm(
                    Opcode::two(0xc2).prefix(0xf2).immediate(1),
                    *register,
                    place,
                )?;
                self.put(&[predicate]);
                Ok(())
            }
            (Form::Round(Some(mode)), [place @ (Vector(_) | Memory(_)), Vector(register)]) => {
                self.round(mode, *register, place)
            }
            (
                Form::Round(None),
                [
                    Constant(Immediate::Number(mode)),
                    place @ (Vector(_) | Memory(_)),
                    Vector(register),
                ],
            ) => {
                let mode = u8::try_from(*mode).map_err(|_| ErrorKind::ValueOutOfRange(*mode))?;
                self.round(mode, *register, place)
            }
            (Form::VectorBits, _) => self.vector_bits(operands),
            (Form::FromInteger(suffix), [place @ (Integer(_) | Memory(_)), Vector(register)]) => {
                let width = long_width(suffix, operands)?;
                self.modrm(
                    wide(Opcode::two(0x2a).prefix(0xf2), width),
                    *register,
                    place,
                )
            }
            (
                Form::ToInteger(byte, suffix),
                [place @ (Vector(_) | Memory(_)), Integer(register)],
            ) => {
                let width = long_width(suffix, operands)?;
                self.modrm(
                    wide(Opcode::two(byte).prefix(0xf2), width),
                    register.number,
                    place,
                )
            }
            _ => Err(ErrorKind::InvalidOperands),
        }
    }

    fn round(&mut self, mode: u8, register: u8, place: &Operand) -> Result<(), ErrorKind> {
        let opcode = Opcode {
            prefix: 0x66,
            bytes: [0x0f, 0x3a, 0x0b],
            length: 3,
            immediate: 1,
            ..Opcode::default()
        };
        self.modrm(opcode, register, place)?;
        self.put(&[mode]);
        Ok(())
    }

    /// `movd`, which GNU as also takes for 64-bit registers.
    fn vector_bits(&mut self, operands: &[Operand]) -> Result<(), ErrorKind> {
        let (byte, register, place) = match operands {
            [place @ (Integer(_) | Memory(_)), Vector(register)] => (0x6e, register, place),
            [Vector(register), place @ (Integer(_) | Memory(_))] => (0x7e, register, place),
            _ => return Err(ErrorKind::InvalidOperands),
        };
        let width = match place {
            Integer(Register { width, .. }) => long_width(Some(*width), &[])?,
            _ => Width::Double,
        };
        self.modrm(
            wide(Opcode::two(byte).prefix(0x66), width),
            *register,
            place,
        )
    }

    /// `movq` with a vector register.
    pub(super) fn vector_quad(&mut self, operands: &[Operand]) -> Result<(), ErrorKind> {
        match operands {
            [
                Integer(Register {
                    width: Width::Quad, ..
                }),
                Vector(_),
            ]
            | [
                Vector(_),
                Integer(Register {
                    width: Width::Quad, ..
                }),
            ] => self.vector_bits(operands),
            [place @ (Vector(_) | Memory(_)), Vector(register)] => {
                self.modrm(Opcode::two(0x7e).prefix(0xf3), *register, place)
            }
            [Vector(register), place @ Memory(_)] => {
                self.modrm(Opcode::two(0xd6).prefix(0x66), *register, place)
            }
            _ => Err(ErrorKind::InvalidOperands),
        }
    }
}

/// The width of a conversion's integer: 32 or 64 bits.
fn long_width(suffix: Option<Width>, operands: &[Operand]) -> Result<Width, ErrorKind> {
    match width_of(suffix, operands)? {
        width @ (Width::Double | Width::Quad) => Ok(width),
        Width::Byte | Width::Word => Err(ErrorKind::InvalidOperands),
    }
}

fn wide(opcode: Opcode, width: Width) -> Opcode {
    Opcode {
        wide: width == Width::Quad,
        ..opcode
    }
}
