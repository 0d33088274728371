//! Assembling: from the text that ocamlopt prints to an [`Object`].

use crate::cursor::{Cursor, Fault};
use crate::instruction::mnemonic::{Form, Mnemonics};
use crate::instruction::{Encoder, target};
use crate::object::Object;
use crate::operand::operands;
use crate::unit::Unit;

/// The error returned by [`assemble()`].
///
/// The text is not what ocamlopt prints for x86-64 Linux, or uses something that no version of it
/// printed when this crate was written. Nothing is guessed: a caller that has GNU as can give it
/// the same text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct Error {
    /// The line, from 1.
    pub line: u32,
    /// The column in bytes, from 1.
    pub column: u32,
    /// What is wrong there.
    pub kind: ErrorKind,
}

/// What [`Error`] reports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A word that is no instruction of the language.
    #[error("unknown mnemonic `{0}`")]
    UnknownMnemonic(String),
    /// A word with a leading dot that is no directive of the language.
    #[error("unknown directive `{0}`")]
    UnknownDirective(String),
    /// A name after `%` that is no register.
    #[error("unknown register `%{0}`")]
    UnknownRegister(String),
    /// An operand that is malformed.
    #[error("malformed operand `{0}`")]
    InvalidOperand(String),
    /// The instruction exists, but not with these operands.
    #[error("the instruction takes no such operands")]
    InvalidOperands,
    /// Neither a suffix nor a register tells how many bytes the operation has.
    #[error("the operand size is ambiguous")]
    AmbiguousWidth,
    /// `%ah`, `%bh`, `%ch` or `%dh` together with what needs a REX prefix.
    #[error("the registers cannot be encoded together")]
    NotEncodable,
    /// A number that does not fit.
    #[error("the value {0} is out of range")]
    ValueOutOfRange(i64),
    /// A constant expression that is malformed.
    #[error("malformed expression `{0}`")]
    InvalidExpression(String),
    /// A constant expression with more terms than a relocation has.
    #[error("the expression has more symbols than a relocation")]
    ExpressionTooComplex,
    /// A difference of symbols that are in different sections, or not defined.
    #[error("the expression cannot be expressed as a relocation")]
    UnresolvedExpression,
    /// A directive's arguments are malformed.
    #[error("malformed arguments `{0}`")]
    InvalidArguments(String),
    /// A line goes on after its end.
    #[error("unexpected `{0}`")]
    UnexpectedText(String),
    /// A symbol is defined twice.
    #[error("the symbol `{0}` is already defined")]
    DuplicateSymbol(String),
    /// A local label is used and not defined.
    #[error("the label `{0}` is not defined")]
    UndefinedLabel(String),
    /// A section comes back with another type or other flags.
    #[error("the section `{0}` has other attributes than before")]
    SectionMismatch(String),
    /// A `.cfi_` directive outside a procedure, a procedure that never ends or changes its
    /// section, or a state restored that was not remembered.
    #[error("the call frame directive is misplaced")]
    MisplacedFrameDirective,
    /// A call frame rule before a procedure's first instruction.
    #[error("a call frame rule precedes the first instruction")]
    FrameRuleAtStart,
    /// The object would have more bytes than this crate makes.
    #[error("the section is too large")]
    TooLarge,
}

/// What [`assemble_with`] can be told.
///
/// ```
/// use ocaml_assembler::{AssembleOptions, assemble_with};
///
/// let text = "\t.file 1 \"a.ml\"\n\t.loc 1 3\n\tret\n";
/// let options = AssembleOptions::default().compilation_directory("/home/me/project");
/// assert!(assemble_with(text, &options)?.section(".debug_info").is_some());
/// let options = AssembleOptions::default().debug_information(false);
/// assert!(assemble_with(text, &options)?.section(".debug_info").is_none());
/// # Ok::<(), ocaml_assembler::AssembleError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until they are given to `assemble_with`"]
pub struct Options {
    debug_information: bool,
    compilation_directory: String,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            debug_information: true,
            compilation_directory: String::new(),
        }
    }
}

impl Options {
    /// Whether `.loc` directives make `.debug_` sections, from which debuggers and profilers know
    /// files and lines. Default true. OCaml's own backtraces need none.
    pub fn debug_information(mut self, keep: bool) -> Options {
        self.debug_information = keep;
        self
    }

    /// The directory that relative file names in the debug information start from: the one where
    /// ocamlopt ran. Default empty, which leaves it out.
    pub fn compilation_directory(mut self, directory: impl Into<String>) -> Options {
        self.compilation_directory = directory.into();
        self
    }
}

/// Assembles the text that `ocamlopt -S` prints for x86-64 Linux, with the default [`Options`].
///
/// The sections, relocations and symbols are those that GNU as makes of the same text.
///
/// # Errors
/// Every directive, mnemonic and operand outside the language is an error with its line and
/// column.
///
/// ```
/// let object = ocaml_assembler::assemble("\tmovq\t$1, %rax\n\tret\n")?;
/// assert_eq!(object.section(".text"), Some(&[0x48, 0xc7, 0xc0, 1, 0, 0, 0, 0xc3][..]));
///
/// let error = ocaml_assembler::assemble("\tret\n\tmovq\t$1, %rxa\n").unwrap_err();
/// assert_eq!((error.line, error.column), (2, 11));
/// assert_eq!(error.to_string(), "line 2, column 11: unknown register `%rxa`");
/// # Ok::<(), ocaml_assembler::AssembleError>(())
/// ```
pub fn assemble(text: &str) -> Result<Object, Error> {
    assemble_with(text, &Options::default())
}

/// [`assemble()`] with options.
///
/// # Errors
/// As [`assemble()`].
pub fn assemble_with(text: &str, options: &Options) -> Result<Object, Error> {
    let mut unit = Unit::new(text.len());
    let result = read(text, &mut unit)
        .and_then(|()| unit.finish(options.debug_information, &options.compilation_directory));
    result.map_err(|fault| locate(text, fault))
}

/// The longest text: offsets in it are kept in 32 bits.
const MAXIMUM_TEXT: usize = 1 << 30;

fn read<'a>(text: &'a str, unit: &mut Unit<'a>) -> Result<(), Fault> {
    if text.len() > MAXIMUM_TEXT {
        return Err(Fault {
            offset: 0,
            kind: ErrorKind::TooLarge,
        });
    }
    let mnemonics = Mnemonics::get();
    let mut cursor = Cursor::new(text);
    while !cursor.at_end_of_text() {
        line(&mut cursor, unit, mnemonics)?;
        cursor.skip_blanks();
        if cursor.peek() == b'/' {
            comment(&mut cursor)?;
        }
        if cursor.peek() != b'\n' {
            return Err(Fault {
                offset: cursor.offset(),
                kind: ErrorKind::UnexpectedText(cursor.excerpt()),
            });
        }
        cursor.bump();
    }
    Ok(())
}

/// Reads one line up to where only blanks or a comment may follow.
#[inline]
fn line<'a>(
    cursor: &mut Cursor<'a>,
    unit: &mut Unit<'a>,
    mnemonics: &Mnemonics,
) -> Result<(), Fault> {
    // Labels begin in the first column, everything else with a tab.
    if !matches!(cursor.peek(), b'\t' | b' ' | b'\n' | b'/') {
        return label(cursor, unit);
    }
    cursor.skip_blanks();
    let offset = cursor.offset();
    match cursor.peek() {
        b'\n' | b'/' => Ok(()),
        b'.' => {
            let name = cursor.take_until(|byte| matches!(byte, b' ' | b'\t'));
            cursor.skip_blanks();
            unit.directive(name, offset, cursor)
        }
        _ => {
            let name = cursor.take_until(|byte| matches!(byte, b' ' | b'\t'));
            cursor.skip_blanks();
            let Some(form) = mnemonics.form(name) else {
                let name = String::from_utf8_lossy(name).into_owned();
                return Err(Fault {
                    offset,
                    kind: ErrorKind::UnknownMnemonic(name),
                });
            };
            instruction(form, offset, cursor, unit)
        }
    }
}

#[inline]
fn instruction<'a>(
    form: Form,
    offset: usize,
    cursor: &mut Cursor<'a>,
    unit: &mut Unit<'a>,
) -> Result<(), Fault> {
    unit.emit_pending_line();
    let source = offset as u32;
    let result = if matches!(form, Form::Jump | Form::JumpCondition(_) | Form::Call) {
        let target = target(cursor, &mut unit.symbols)?;
        Encoder {
            section: &mut unit.sections[unit.current],
            source,
        }
        .branch(form, target)
    } else {
        let (operands, count) = operands(cursor, &mut unit.symbols)?;
        Encoder {
            section: &mut unit.sections[unit.current],
            source,
        }
        .instruction(form, &operands[..count])
    };
    result.map_err(|kind| Fault { offset, kind })
}

fn label<'a>(cursor: &mut Cursor<'a>, unit: &mut Unit<'a>) -> Result<(), Fault> {
    let offset = cursor.offset();
    let start = cursor.clone();
    match cursor.take_symbol() {
        Some(name) if name != "." && cursor.take(b':') => {
            let symbol = unit.symbols.intern(name);
            if unit.symbols.define(symbol, unit.here()) {
                Ok(())
            } else {
                Err(Fault {
                    offset,
                    kind: ErrorKind::DuplicateSymbol(name.to_owned()),
                })
            }
        }
        _ => Err(Fault {
            offset,
            kind: ErrorKind::UnexpectedText(start.excerpt()),
        }),
    }
}

/// Skips a comment, which ends on the line where it begins.
fn comment(cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    let start = cursor.clone();
    let found = cursor.take_word("/*") && {
        loop {
            cursor.take_until(|byte| byte == b'*');
            if cursor.take_word("*/") {
                break true;
            }
            if !cursor.take(b'*') {
                break false;
            }
        }
    };
    cursor.skip_blanks();
    if found {
        Ok(())
    } else {
        Err(Fault {
            offset: start.offset(),
            kind: ErrorKind::UnexpectedText(start.excerpt()),
        })
    }
}

fn locate(text: &str, fault: Fault) -> Error {
    let before = &text.as_bytes()[..fault.offset.min(text.len())];
    let line_start = before
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |index| index + 1);
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    Error {
        line: line as u32,
        column: (before.len() - line_start + 1) as u32,
        kind: fault.kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
    }
}
