//! Calls and jumps.

use super::mnemonic::Form;
use super::{Encoder, Opcode};
use crate::assemble::ErrorKind;
use crate::cursor::{Cursor, Fault};
use crate::operand::{Operand, operand};
use crate::register::{Register, Width};
use crate::section::{FixupKind, Item, Jump};
use crate::symbol::{SymbolId, SymbolTable};

/// Where a call or jump goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// A symbol, with `@PLT` or without.
    Symbol { symbol: SymbolId, plt: bool },
    /// After a `*`: to the address in a register or in memory.
    Indirect(Operand),
}

/// Reads the operand of a call or jump.
///
/// Calls are the same with `@PLT` and without: GNU as writes the same relocation for both, and the
/// linker makes a procedure linkage table entry where one is needed. Jumps differ: without it GNU
/// as goes straight to a symbol of the same section, even to a global one.
pub(crate) fn target<'a>(
    cursor: &mut Cursor<'a>,
    symbols: &mut SymbolTable<'a>,
) -> Result<Target, Fault> {
    if cursor.take(b'*') {
        return operand(cursor, symbols).map(Target::Indirect);
    }
    let start = cursor.clone();
    match cursor.take_symbol() {
        Some(name) if name != "." => {
            let symbol = symbols.intern(name);
            Ok(Target::Symbol {
                symbol,
                plt: cursor.take_word("@PLT"),
            })
        }
        _ => Err(Fault {
            offset: start.offset(),
            kind: ErrorKind::InvalidOperand(start.excerpt()),
        }),
    }
}

impl Encoder<'_, '_> {
    /// Encodes a call or jump.
    pub(crate) fn branch(&mut self, form: Form, target: Target) -> Result<(), ErrorKind> {
        match (form, target) {
            (Form::Call, Target::Symbol { symbol, .. }) => {
                self.put(&[0xe8]);
                self.section
                    .push_fixup(FixupKind::Branch, symbol, -4, self.source);
                self.put(&[0; 4]);
                Ok(())
            }
            (Form::Jump, Target::Symbol { symbol, plt }) => self.jump(Jump::ALWAYS, symbol, plt),
            (Form::JumpCondition(condition), Target::Symbol { symbol, plt }) => {
                self.jump(condition, symbol, plt)
            }
            (Form::Call, Target::Indirect(place)) => self.indirect(2, place),
            (Form::Jump, Target::Indirect(place)) => self.indirect(4, place),
            _ => Err(ErrorKind::InvalidOperands),
        }
    }

    fn indirect(&mut self, extension: u8, place: Operand) -> Result<(), ErrorKind> {
        match place {
            Operand::Register(Register {
                width: Width::Quad, ..
            })
            | Operand::Memory(_) => self.modrm(Opcode::one(0xff), extension, &place),
            _ => Err(ErrorKind::InvalidOperands),
        }
    }

    fn jump(
        &mut self,
        condition: u8,
        target: SymbolId,
        replaceable: bool,
    ) -> Result<(), ErrorKind> {
        let offset = self.section.data.len() as u32;
        let jump = Jump {
            offset,
            condition,
            long: false,
            replaceable,
            target,
            source: self.source,
        };
        self.section.items.push(Item::Jump(jump));
        self.put(&[0; 2]);
        Ok(())
    }
}
