//! The directives of the language.
//!
//! They are what `print_line` of OCaml's `asmcomp/x86_gas.ml` prints, except `.indirect_symbol`
//! and `.private_extern`, which exist on macOS only.

use crate::assemble::ErrorKind;
use crate::cursor::{Cursor, Fault, is_symbol_byte};
use crate::elf;
use crate::expression::{Expression, Term, expression};
use crate::frame::Rule;
use crate::register::dwarf_number;
use crate::section::{Fixup, FixupKind};
use crate::symbol::{SymbolId, SymbolType};
use crate::unit::Unit;

/// The greatest alignment: a page, which is how far loaded segments are aligned.
const MAXIMUM_ALIGNMENT: i64 = 4096;

impl<'a> Unit<'a> {
    /// Carries out the directive `name`, which begins at `offset`; `cursor` is at its arguments.
    #[inline]
    pub(crate) fn directive(
        &mut self,
        name: &[u8],
        offset: usize,
        cursor: &mut Cursor<'a>,
    ) -> Result<(), Fault> {
        match name {
            b".quad" => self.values(cursor, 8),
            b".long" => self.values(cursor, 4),
            b".word" | b".value" => self.values(cursor, 2),
            b".byte" => self.values(cursor, 1),
            b".ascii" => self.ascii(cursor),
            b".align" => self.align(cursor),
            b".globl" | b".global" => {
                let symbol = self.symbol(cursor)?;
                match self.symbols.named_mut(symbol) {
                    Some(named) if !named.is_private() => {
                        named.global = true;
                        Ok(())
                    }
                    _ => Err(Fault {
                        offset,
                        kind: ErrorKind::InvalidArguments(self.symbols.name(symbol)),
                    }),
                }
            }
            b".data" => self
                .select_section(".data", None)
                .map_err(|kind| Fault { offset, kind }),
            b".text" => self
                .select_section(".text", None)
                .map_err(|kind| Fault { offset, kind }),
            b".loc" => self.loc(cursor),
            _ => self.rare_directive(name, offset, cursor),
        }
    }

    fn rare_directive(
        &mut self,
        name: &[u8],
        offset: usize,
        cursor: &mut Cursor<'a>,
    ) -> Result<(), Fault> {
        let fault = |kind| Fault { offset, kind };
        let here = self.here();
        match name {
            b".cfi_adjust_cfa_offset" => {
                let rule = Rule::AdjustOffset(number(cursor)?);
                self.frames.rule(rule, here, offset).map_err(fault)
            }
            b".cfi_def_cfa_offset" => {
                let rule = Rule::Offset(number(cursor)?);
                self.frames.rule(rule, here, offset).map_err(fault)
            }
            b".cfi_def_cfa_register" => {
                let rule = Rule::Register(frame_register(cursor)?);
                self.frames.rule(rule, here, offset).map_err(fault)
            }
            b".cfi_remember_state" => self
                .frames
                .rule(Rule::Remember, here, offset)
                .map_err(fault),
            b".cfi_restore_state" => self.frames.rule(Rule::Restore, here, offset).map_err(fault),
            b".cfi_startproc" => self.frames.start(here, offset).map_err(fault),
            b".cfi_endproc" => self.frames.end(here).map_err(fault),
            b".file" => self.file(cursor),
            b".section" => self.section_directive(cursor),
            b".set" => self.set(cursor),
            b".size" => self.size(cursor),
            b".space" | b".zero" => {
                let start = cursor.offset();
                let fault = |kind| Fault {
                    offset: start,
                    kind,
                };
                let length = number(cursor)?;
                let bytes =
                    u64::try_from(length).map_err(|_| fault(ErrorKind::ValueOutOfRange(length)))?;
                self.has_room(bytes).map_err(fault)?;
                let section = self.section();
                section.data.resize(section.data.len() + bytes as usize, 0);
                Ok(())
            }
            b".type" => self.r#type(cursor),
            _ => Err(fault(ErrorKind::UnknownDirective(
                String::from_utf8_lossy(name).into_owned(),
            ))),
        }
    }

    /// `.byte`, `.word`, `.long` and `.quad`.
    fn values(&mut self, cursor: &mut Cursor<'a>, width: u8) -> Result<(), Fault> {
        loop {
            self.value(cursor, width)?;
            cursor.skip_blanks();
            if !cursor.take(b',') {
                return Ok(());
            }
            cursor.skip_blanks();
        }
    }

    fn value(&mut self, cursor: &mut Cursor<'a>, width: u8) -> Result<(), Fault> {
        let offset = cursor.offset();
        let fault = |kind| Fault { offset, kind };
        let value = expression(cursor, &mut self.symbols)?;
        if let Some(number) = value.number() {
            if !fits(number, width) {
                return Err(fault(ErrorKind::ValueOutOfRange(number)));
            }
            self.section()
                .data
                .extend_from_slice(&number.to_le_bytes()[..usize::from(width)]);
            return Ok(());
        }
        let value = self.expand(value);
        let (plus, minus, kind) = match (value.plus, value.minus) {
            (Some(Term::Symbol(plus)), None) => (plus, None, FixupKind::Value(width)),
            (Some(Term::Symbol(plus)), Some(Term::Symbol(minus))) => {
                (plus, Some(minus), FixupKind::Value(width))
            }
            (Some(Term::Symbol(plus)), Some(Term::Here)) => {
                (plus, None, FixupKind::ValueRelative(width))
            }
            (Some(Term::Here), Some(Term::Symbol(minus))) => {
                let here = self.here();
                (
                    self.symbols.anonymous(here),
                    Some(minus),
                    FixupKind::Value(width),
                )
            }
            _ => return Err(fault(ErrorKind::UnresolvedExpression)),
        };
        let section = self.section();
        let (place, item) = (section.data.len() as u32, section.items.len() as u32);
        let (addend, source) = (value.addend, offset as u32);
        section.fixups.push(Fixup {
            offset: place,
            item,
            kind,
            symbol: plus,
            minus,
            addend,
            source,
        });
        section
            .data
            .extend_from_slice(&[0; 8][..usize::from(width)]);
        Ok(())
    }

    /// Puts the value of a symbol that `.set` defined in the symbol's place.
    fn expand(&self, value: Expression) -> Expression {
        let Some(Term::Symbol(symbol)) = value.plus else {
            return value;
        };
        let known = self.symbols.named(symbol).and_then(|named| named.value);
        match known.map(|(known, _)| known) {
            Some(known) if value.minus.is_none() => Expression {
                addend: known.addend.wrapping_add(value.addend),
                ..known
            },
            Some(known) if known.number().is_some() => Expression {
                plus: None,
                addend: known.addend.wrapping_add(value.addend),
                ..value
            },
            _ => value,
        }
    }

    fn ascii(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        let section = &mut self.sections[self.current];
        string(cursor, &mut section.data)
    }

    fn align(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        let offset = cursor.offset();
        let fault = |kind| Fault { offset, kind };
        let alignment = number(cursor)?;
        if !(1..=MAXIMUM_ALIGNMENT).contains(&alignment) || alignment.count_ones() != 1 {
            return Err(fault(ErrorKind::ValueOutOfRange(alignment)));
        }
        self.has_room(alignment.cast_unsigned()).map_err(fault)?;
        self.section().align(alignment as u32);
        Ok(())
    }

    /// `.loc file line [column]`
    fn loc(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        let start = cursor.clone();
        let mut part = || -> Result<u32, Fault> {
            let value = number(cursor)?;
            cursor.skip_blanks();
            u32::try_from(value).map_err(|_| Fault {
                offset: start.offset(),
                kind: ErrorKind::ValueOutOfRange(value),
            })
        };
        let (file, line) = (part()?, part()?);
        let column = if cursor.peek().is_ascii_digit() {
            Some(number_as_u32(cursor, &start)?)
        } else {
            None
        };
        let here = self.here();
        if self.lines.locate(file, line, column, here) {
            Ok(())
        } else {
            Err(invalid(&start))
        }
    }

    /// `.file "name"` and `.file number "name"`
    fn file(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        let start = cursor.clone();
        let number = if cursor.peek() == b'"' {
            None
        } else {
            Some(number(cursor)?)
        };
        cursor.skip_blanks();
        let mut name = Vec::new();
        string(cursor, &mut name)?;
        match number {
            None => self.source_name = Some(String::from_utf8_lossy(&name).into_owned()),
            // A zero would end the name early.
            Some(number) if name.contains(&0) || !self.lines.add_file(number, &name) => {
                return Err(invalid(&start));
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// `.section name[,"flags"[,@type[,entry size]]]`
    fn section_directive(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        let start = cursor.clone();
        let fault = |kind| Fault {
            offset: start.offset(),
            kind,
        };
        let name = cursor.take_section_name().ok_or_else(|| invalid(&start))?;
        let mut attributes = None;
        if cursor.take(b',') {
            let flags = section_flags(cursor).ok_or_else(|| invalid(&start))?;
            let mut entry_size = 0;
            cursor.skip_blanks();
            if cursor.take(b',') {
                cursor.skip_blanks();
                if !(cursor.take(b'@') || cursor.take(b'%')) || !cursor.take_word("progbits") {
                    return Err(invalid(&start));
                }
            }
            if flags & elf::SHF_MERGE != 0 {
                if !cursor.take(b',') {
                    return Err(invalid(&start));
                }
                entry_size = u64::from(number_as_u32(cursor, &start)?);
            }
            attributes = Some((elf::SHT_PROGBITS, flags, entry_size));
        }
        self.select_section(name, attributes).map_err(fault)
    }

    /// `.set name, expression`
    fn set(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        let start = cursor.clone();
        let symbol = self.symbol(cursor)?;
        if !cursor.take(b',') {
            return Err(invalid(&start));
        }
        let value = expression(cursor, &mut self.symbols)?;
        let mut value = self.expand(value);
        let here = self.here();
        for term in [&mut value.plus, &mut value.minus] {
            if *term == Some(Term::Here) {
                *term = Some(Term::Symbol(self.symbols.anonymous(here)));
            }
        }
        let fresh = !self.symbols.position(symbol).is_defined();
        match self.symbols.named_mut(symbol) {
            Some(named) if fresh && named.value.is_none() && !named.global => {
                named.value = Some((value, start.offset()))
            }
            _ => {
                return Err(Fault {
                    offset: start.offset(),
                    kind: ErrorKind::DuplicateSymbol(self.symbols.name(symbol)),
                });
            }
        }
        Ok(())
    }

    /// `.size name,expression`
    fn size(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        let start = cursor.clone();
        let symbol = self.symbol(cursor)?;
        if !cursor.take(b',') {
            return Err(invalid(&start));
        }
        let value = expression(cursor, &mut self.symbols)?;
        let here = self.here();
        match self.symbols.named_mut(symbol) {
            Some(named) => named.size = Some((value, here, start.offset())),
            None => return Err(invalid(&start)),
        }
        Ok(())
    }

    /// `.type name,@function` or `@object`
    fn r#type(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        let start = cursor.clone();
        let symbol = self.symbol(cursor)?;
        let mut kind = None;
        if cursor.take(b',') {
            cursor.skip_blanks();
            if cursor.take(b'@') || cursor.take(b'%') {
                kind = match cursor.take_until(|byte| !is_symbol_byte(byte)) {
                    b"function" => Some(SymbolType::Function),
                    b"object" => Some(SymbolType::Data),
                    _ => None,
                };
            }
        }
        match (self.symbols.named_mut(symbol), kind) {
            (Some(named), Some(kind)) => named.kind = kind,
            _ => return Err(invalid(&start)),
        }
        Ok(())
    }

    fn symbol(&mut self, cursor: &mut Cursor<'a>) -> Result<SymbolId, Fault> {
        let start = cursor.clone();
        let name = cursor
            .take_symbol()
            .filter(|name| *name != ".")
            .ok_or_else(|| invalid(&start))?;
        cursor.skip_blanks();
        Ok(self.symbols.intern(name))
    }
}

/// Whether `number`, signed or unsigned, has at most `width` bytes.
pub(crate) fn fits(number: i64, width: u8) -> bool {
    let bits = u32::from(width) * 8;
    bits == 64 || (-(1 << (bits - 1))..1 << bits).contains(&number)
}

fn number(cursor: &mut Cursor<'_>) -> Result<i64, Fault> {
    let start = cursor.clone();
    cursor.take_number().ok_or_else(|| invalid(&start))
}

fn number_as_u32(cursor: &mut Cursor<'_>, start: &Cursor<'_>) -> Result<u32, Fault> {
    let value = number(cursor)?;
    u32::try_from(value).map_err(|_| Fault {
        offset: start.offset(),
        kind: ErrorKind::ValueOutOfRange(value),
    })
}

fn frame_register(cursor: &mut Cursor<'_>) -> Result<u8, Fault> {
    let start = cursor.clone();
    let found = if cursor.take(b'%') {
        dwarf_number(cursor.take_until(|byte| !is_symbol_byte(byte)))
    } else {
        None
    };
    found.ok_or_else(|| invalid(&start))
}

/// The letters between quotes after a section's name.
fn section_flags(cursor: &mut Cursor<'_>) -> Option<u64> {
    cursor.skip_blanks();
    let mut flags = 0;
    if !cursor.take(b'"') {
        return None;
    }
    loop {
        flags |= match cursor.peek() {
            b'a' => elf::SHF_ALLOC,
            b'w' => elf::SHF_WRITE,
            b'x' => elf::SHF_EXECINSTR,
            b'M' => elf::SHF_MERGE,
            b'S' => elf::SHF_STRINGS,
            b'"' => {
                cursor.bump();
                return Some(flags);
            }
            _ => return None,
        };
        cursor.bump();
    }
}

/// Appends the bytes of a string literal.
fn string(cursor: &mut Cursor<'_>, bytes: &mut Vec<u8>) -> Result<(), Fault> {
    let start = cursor.clone();
    if !cursor.take(b'"') {
        return Err(invalid(&start));
    }
    loop {
        bytes.extend_from_slice(cursor.take_until(|byte| matches!(byte, b'"' | b'\\')));
        if cursor.take(b'"') {
            return Ok(());
        }
        if !cursor.take(b'\\') {
            return Err(invalid(&start));
        }
        let mut value = 0u32;
        let mut digits = 0;
        while digits < 3 && matches!(cursor.peek(), b'0'..=b'7') {
            value = value * 8 + u32::from(cursor.peek() - b'0');
            cursor.bump();
            digits += 1;
        }
        let byte = match cursor.peek() {
            _ if digits > 0 => u8::try_from(value).map_err(|_| invalid(&start))?,
            b'n' => b'\n',
            b't' => b'\t',
            other @ (b'"' | b'\\') => other,
            _ => return Err(invalid(&start)),
        };
        if digits == 0 {
            cursor.bump();
        }
        bytes.push(byte);
    }
}

fn invalid(cursor: &Cursor<'_>) -> Fault {
    Fault {
        offset: cursor.offset(),
        kind: ErrorKind::InvalidArguments(cursor.excerpt()),
    }
}
