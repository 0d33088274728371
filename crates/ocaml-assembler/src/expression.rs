//! Constant expressions: sums and differences of numbers, symbols and `.`.

use crate::assemble::ErrorKind;
use crate::cursor::{Cursor, Fault, signed};
use crate::symbol::{SymbolId, SymbolTable};

/// Something whose value is known only when sections are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Term {
    Symbol(SymbolId),
    /// `.`, the place of the directive itself.
    Here,
}

/// `plus - minus + addend`: all that a relocation can say, and all that ocamlopt asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Expression {
    pub(crate) plus: Option<Term>,
    pub(crate) minus: Option<Term>,
    pub(crate) addend: i64,
}

/// Nesting that no compiler prints; keeps the recursion shallow.
const MAXIMUM_DEPTH: u32 = 32;

impl Expression {
    /// The value, when it depends on nothing else.
    pub(crate) fn number(&self) -> Option<i64> {
        (self.plus.is_none() && self.minus.is_none()).then_some(self.addend)
    }

    fn add(&mut self, term: Term, negative: bool) -> bool {
        let (same, opposite) = if negative {
            (&mut self.minus, &mut self.plus)
        } else {
            (&mut self.plus, &mut self.minus)
        };
        if *opposite == Some(term) {
            *opposite = None;
            return true;
        }
        same.replace(term).is_none()
    }
}

/// Reads an expression up to the first byte that cannot continue it.
pub(crate) fn expression<'a>(
    cursor: &mut Cursor<'a>,
    symbols: &mut SymbolTable<'a>,
) -> Result<Expression, Fault> {
    let mut result = Expression::default();
    sum(cursor, symbols, &mut result, false, 0)?;
    Ok(result)
}

fn sum<'a>(
    cursor: &mut Cursor<'a>,
    symbols: &mut SymbolTable<'a>,
    result: &mut Expression,
    negated: bool,
    depth: u32,
) -> Result<(), Fault> {
    let mut negative = negated;
    loop {
        cursor.skip_blanks();
        operand(cursor, symbols, result, negative, depth)?;
        cursor.skip_blanks();
        negative = match cursor.peek() {
            b'+' => negated,
            b'-' => !negated,
            _ => return Ok(()),
        };
        cursor.bump();
    }
}

fn operand<'a>(
    cursor: &mut Cursor<'a>,
    symbols: &mut SymbolTable<'a>,
    result: &mut Expression,
    mut negative: bool,
    depth: u32,
) -> Result<(), Fault> {
    let offset = cursor.offset();
    let fault = |kind| Fault { offset, kind };
    let invalid = |cursor: &Cursor<'_>| fault(ErrorKind::InvalidExpression(cursor.excerpt()));
    if cursor.take(b'(') {
        if depth == MAXIMUM_DEPTH {
            return Err(invalid(cursor));
        }
        sum(cursor, symbols, result, negative, depth + 1)?;
        return if cursor.take(b')') {
            Ok(())
        } else {
            Err(invalid(cursor))
        };
    }
    if cursor.peek() == b'-' {
        cursor.bump();
        negative = !negative;
    }
    if cursor.peek().is_ascii_digit() {
        let value = cursor
            .take_magnitude()
            .and_then(|magnitude| signed(magnitude, negative));
        let value = value.ok_or_else(|| invalid(cursor))?;
        result.addend = result.addend.wrapping_add(value);
        return Ok(());
    }
    let Some(name) = cursor.take_symbol() else {
        return Err(invalid(cursor));
    };
    let term = if name == "." {
        Term::Here
    } else {
        Term::Symbol(symbols.intern(name))
    };
    if result.add(term, negative) {
        Ok(())
    } else {
        Err(fault(ErrorKind::ExpressionTooComplex))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Expression, u8)> {
        let mut symbols = SymbolTable::new(0);
        let mut cursor = Cursor::new(text);
        // Numbered labels make the expected terms easy to write down.
        expression(&mut cursor, &mut symbols)
            .ok()
            .map(|value| (value, cursor.peek()))
    }

    fn label(number: u32) -> Option<Term> {
        let mut symbols = SymbolTable::new(0);
        let names = [".L0", ".L1", ".L2"];
        Some(Term::Symbol(symbols.intern(names[number as usize])))
    }

    #[test]
    fn the_forms_that_ocamlopt_prints_are_read() {
        let jump_table = Expression {
            plus: label(1),
            minus: label(2),
            addend: 0,
        };
        assert_eq!(read(".L1 - .L2\n"), Some((jump_table, b'\n')));
        let frame_table = Expression {
            plus: label(1),
            minus: Some(Term::Here),
            addend: 4,
        };
        assert_eq!(read("(.L1 - .) + 4\n"), Some((frame_table, b'\n')));
        let size = Expression {
            plus: Some(Term::Here),
            minus: label(1),
            addend: 0,
        };
        assert_eq!(read(". - .L1"), Some((size, b'\n')));
        assert_eq!(
            read("-1,").map(|(value, next)| (value.number(), next)),
            Some((Some(-1), b','))
        );
    }

    #[test]
    fn a_minus_before_a_parenthesis_turns_every_sign() {
        let expected = Expression {
            plus: label(2),
            minus: label(1),
            addend: 3,
        };
        assert_eq!(
            read("5 - (.L1 - .L2 + 2)").map(|(value, _)| value),
            Some(expected)
        );
    }

    #[test]
    fn a_term_and_its_opposite_cancel() {
        assert_eq!(
            read(".L1 - .L1 + 7").and_then(|(value, _)| value.number()),
            Some(7)
        );
    }

    #[test]
    fn what_no_relocation_can_say_is_refused() {
        for text in [
            "",
            ".L1 + .L2",
            "- - 1",
            "(1",
            "1 +",
            "%rax",
            "0 - .L1 - .L2",
            &"(".repeat(100),
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
