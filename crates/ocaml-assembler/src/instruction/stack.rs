//! The x87 instructions.

use super::mnemonic::Form;
use super::{Encoder, Opcode};
use crate::assemble::ErrorKind;
use crate::operand::Operand;
use crate::register::{Register, Width};

impl Encoder<'_, '_> {
    pub(super) fn stack(&mut self, form: Form, operands: &[Operand]) -> Result<(), ErrorKind> {
        match (form, operands) {
            (Form::StackMemory(byte, extension), [place @ Operand::Memory(_)])
            | (Form::StackMove(byte, extension, _, _), [place @ Operand::Memory(_)]) => {
                self.modrm(Opcode::one(byte), extension, place)
            }
            (Form::StackMove(_, _, first, second), [Operand::Stack(number)]) => {
                self.put(&[first, second | number]);
                Ok(())
            }
            (Form::StackPop(byte), [Operand::Stack(0), Operand::Stack(number)]) => {
                self.put(&[0xde, byte | number]);
                Ok(())
            }
            (Form::StackExchange, [Operand::Stack(number)]) => {
                self.put(&[0xd9, 0xc8 | number]);
                Ok(())
            }
            (Form::StoreStatus, [place @ Operand::Memory(_)]) => {
                self.modrm(Opcode::one(0xdd), 7, place)
            }
            (
                Form::StoreStatus,
                [
                    Operand::Register(Register {
                        number: 0,
                        width: Width::Word,
                        ..
                    }),
                ],
            ) => {
                self.put(&[0xdf, 0xe0]);
                Ok(())
            }
            _ => Err(ErrorKind::InvalidOperands),
        }
    }
}
