//! The operands of instructions in AT&T syntax.

use crate::assemble::ErrorKind;
use crate::cursor::{Cursor, Fault, is_symbol_byte};
use crate::register::{AnyRegister, Register, Width, register};
use crate::symbol::{SymbolId, SymbolTable};

/// One operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operand {
    Register(Register),
    /// `%xmm0` to `%xmm15`.
    Vector(u8),
    /// `%st(0)` to `%st(7)`.
    Stack(u8),
    Immediate(Immediate),
    Memory(Memory),
}

/// What follows a `$`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Immediate {
    Number(i64),
    Symbol(SymbolId),
}

/// `symbol@GOTPCREL+displacement(base, index, scale)`, or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) address: Address,
    pub(crate) displacement: i32,
    pub(crate) symbol: Option<SymbolId>,
    /// The operand is the symbol's slot in the global offset table.
    pub(crate) got: bool,
}

/// What the parentheses of a memory operand say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address {
    /// No parentheses: the displacement is the address.
    Absolute,
    /// `(%rip)`
    Relative,
    /// `scale` is the logarithm of the factor.
    Registers {
        base: Option<u8>,
        index: Option<u8>,
        scale: u8,
    },
}

/// The most operands that an instruction of the language has.
pub(crate) const MAXIMUM_OPERANDS: usize = 3;

/// Reads the operands up to the end of the line; returns them and how many they are.
pub(crate) fn operands<'a>(
    cursor: &mut Cursor<'a>,
    symbols: &mut SymbolTable<'a>,
) -> Result<([Operand; MAXIMUM_OPERANDS], usize), Fault> {
    let mut operands = [Operand::Vector(0); MAXIMUM_OPERANDS];
    let mut count = 0;
    if cursor.peek() == b'\n' {
        return Ok((operands, 0));
    }
    loop {
        if count == MAXIMUM_OPERANDS {
            return Err(invalid(cursor));
        }
        operands[count] = operand(cursor, symbols)?;
        count += 1;
        cursor.skip_blanks();
        if !cursor.take(b',') {
            return Ok((operands, count));
        }
        cursor.skip_blanks();
    }
}

/// Reads one operand.
pub(crate) fn operand<'a>(
    cursor: &mut Cursor<'a>,
    symbols: &mut SymbolTable<'a>,
) -> Result<Operand, Fault> {
    match cursor.peek() {
        b'%' => match any_register(cursor)? {
            AnyRegister::Integer(register) => Ok(Operand::Register(register)),
            AnyRegister::Vector(number) => Ok(Operand::Vector(number)),
            AnyRegister::Stack => stack_register(cursor),
            AnyRegister::InstructionPointer => Err(invalid(cursor)),
        },
        b'$' => {
            let start = cursor.clone();
            cursor.bump();
            if let Some(number) = cursor.take_number() {
                return Ok(Operand::Immediate(Immediate::Number(number)));
            }
            let name = cursor.take_symbol().ok_or_else(|| invalid(&start))?;
            Ok(Operand::Immediate(Immediate::Symbol(symbols.intern(name))))
        }
        _ => memory(cursor, symbols).map(Operand::Memory),
    }
}

fn memory<'a>(cursor: &mut Cursor<'a>, symbols: &mut SymbolTable<'a>) -> Result<Memory, Fault> {
    let start = cursor.clone();
    let mut symbol = None;
    let mut got = false;
    let mut displacement = None;
    if let Some(name) = cursor.take_symbol() {
        if name == "." {
            return Err(invalid(&start));
        }
        symbol = Some(symbols.intern(name));
        got = cursor.take_word("@GOTPCREL");
        if matches!(cursor.peek(), b'+' | b'-') {
            displacement = Some(cursor.take_number().ok_or_else(|| invalid(&start))?);
        }
    } else if cursor.peek() != b'(' {
        displacement = Some(cursor.take_number().ok_or_else(|| invalid(&start))?);
    }
    let address = if cursor.take(b'(') {
        address(cursor, &start)?
    } else {
        Address::Absolute
    };
    // A slot of the table can only be reached from the instruction pointer, and a literal distance
    // from it is nothing that a compiler prints.
    if (address == Address::Relative) != symbol.is_some() && (got || address == Address::Relative) {
        return Err(invalid(&start));
    }
    let value = displacement.unwrap_or(0);
    let displacement = i32::try_from(value).map_err(|_| Fault {
        offset: start.offset(),
        kind: ErrorKind::ValueOutOfRange(value),
    })?;
    Ok(Memory {
        address,
        displacement,
        symbol,
        got,
    })
}

/// Reads what follows the opening parenthesis of a memory operand.
fn address(cursor: &mut Cursor<'_>, start: &Cursor<'_>) -> Result<Address, Fault> {
    let mut base = None;
    if cursor.peek() == b'%' {
        match any_register(cursor)? {
            AnyRegister::InstructionPointer if cursor.take(b')') => return Ok(Address::Relative),
            AnyRegister::Integer(Register {
                number,
                width: Width::Quad,
                ..
            }) => base = Some(number),
            _ => return Err(invalid(start)),
        }
    }
    let mut index = None;
    let mut scale = 0;
    if cursor.take(b',') {
        index = match any_register(cursor)? {
            // The encoding of the stack pointer as an index means "no index".
            AnyRegister::Integer(Register {
                number,
                width: Width::Quad,
                ..
            }) if number != 4 => Some(number),
            _ => return Err(invalid(start)),
        };
        if cursor.take(b',') {
            scale = match cursor.peek() {
                b'1' => 0,
                b'2' => 1,
                b'4' => 2,
                b'8' => 3,
                _ => return Err(invalid(start)),
            };
            cursor.bump();
        }
    }
    if (base.is_none() && index.is_none()) || !cursor.take(b')') {
        return Err(invalid(start));
    }
    Ok(Address::Registers { base, index, scale })
}

/// Reads the `(n)` that may follow `%st`.
fn stack_register(cursor: &mut Cursor<'_>) -> Result<Operand, Fault> {
    if !cursor.take(b'(') {
        return Ok(Operand::Stack(0));
    }
    let number = cursor.peek().wrapping_sub(b'0');
    if number > 7 {
        return Err(invalid(cursor));
    }
    cursor.bump();
    if cursor.take(b')') {
        Ok(Operand::Stack(number))
    } else {
        Err(invalid(cursor))
    }
}

fn any_register(cursor: &mut Cursor<'_>) -> Result<AnyRegister, Fault> {
    let offset = cursor.offset();
    if !cursor.take(b'%') {
        return Err(invalid(cursor));
    }
    let name = cursor.take_until(|byte| !is_symbol_byte(byte));
    register(name).ok_or_else(|| {
        let name = String::from_utf8_lossy(name).into_owned();
        Fault {
            offset,
            kind: ErrorKind::UnknownRegister(name),
        }
    })
}

fn invalid(cursor: &Cursor<'_>) -> Fault {
    Fault {
        offset: cursor.offset(),
        kind: ErrorKind::InvalidOperand(cursor.excerpt()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Operand, u8), ErrorKind> {
        let mut symbols = SymbolTable::new(0);
        let mut cursor = Cursor::new(text);
        let operand = operand(&mut cursor, &mut symbols).map_err(|fault| fault.kind)?;
        Ok((operand, cursor.peek()))
    }

    fn memory(address: Address, displacement: i32) -> Operand {
        Operand::Memory(Memory {
            address,
            displacement,
            symbol: None,
            got: false,
        })
    }

    #[test]
    fn memory_operands_name_base_index_and_scale() {
        let registers = |base, index, scale| Address::Registers { base, index, scale };
        for (text, expected) in [
            ("8(%rsp)", memory(registers(Some(4), None, 0), 8)),
            ("(%rax)", memory(registers(Some(0), None, 0), 0)),
            (
                "-4(%rax,%rbx,4)",
                memory(registers(Some(0), Some(3), 2), -4),
            ),
            ("(%r13,%r14)", memory(registers(Some(13), Some(14), 0), 0)),
            ("(,%rbx,8)", memory(registers(None, Some(3), 3), 0)),
            ("123", memory(Address::Absolute, 123)),
        ] {
            assert_eq!(read(text).ok(), Some((expected, b'\n')), "{text}");
        }
    }

    #[test]
    fn symbols_are_reached_from_the_instruction_pointer() {
        let Ok((Operand::Memory(slot), _)) = read("camlA@GOTPCREL(%rip)") else {
            panic!("no operand")
        };
        assert!(slot.got && slot.symbol.is_some() && slot.address == Address::Relative);
        let Ok((Operand::Memory(place), _)) = read("camlA+16(%rip)") else {
            panic!("no operand")
        };
        assert!(!place.got && place.displacement == 16);
    }

    #[test]
    fn malformed_operands_are_refused() {
        for text in [
            "",
            "%",
            "%rip",
            "%rp",
            "$",
            "$%rax",
            "(",
            "()",
            "(%rax",
            "(%rax,",
            "(%eax)",
            "(%rax,%rsp)",
            "(%rax,%rbx,3)",
            "(%rax,%rbx,4",
            "4(%rip)",
            "(%rip)",
            "a@GOTPCREL",
            "a@GOTPCREL(%rax)",
            "a@PLT(%rip)x@",
            "%st(8)",
            "%st(1",
            "4294967295(%rax)",
            "a+(%rip)",
            ".(%rip)",
            "(%rip,%rax)",
            "(%xmm0)",
        ] {
            assert!(
                read(text).is_err() || read(text).is_ok_and(|(_, next)| next != b'\n'),
                "{text}"
            );
        }
    }
}
