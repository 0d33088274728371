//! The table of mnemonics: the one place that says which instructions the language has.
//!
//! The language is what `print_instr` of OCaml's `asmcomp/x86_gas.ml` can print for x86-64 Linux,
//! in OCaml 4.13 to 5.x, with every operand-size suffix that its `suf` can add.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::register::Width;

/// How an instruction is encoded; the operands choose among the variants of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// No operands: these bytes.
    Fixed(&'static [u8]),
    /// `add` and its seven sisters; the number is both opcode row and opcode extension.
    Arithmetic(u8, Option<Width>),
    /// One operand, by its opcode extension; `true` for opcodes FE and FF, `false` for F6 and F7.
    Unary(u8, bool, Option<Width>),
    Shift(u8, Option<Width>),
    Multiply(Option<Width>),
    Test(Option<Width>),
    Move(Option<Width>),
    MoveAbsolute,
    LoadAddress(Option<Width>),
    Push(Option<Width>),
    Pop(Option<Width>),
    /// Sign or zero extension: the opcode's second byte, from, to.
    Extend(u8, Width, Width),
    ByteSwap,
    Exchange,
    SetCondition(u8),
    MoveCondition(u8),
    JumpCondition(u8),
    Jump,
    Call,
    /// A vector operation to a register: mandatory prefix and opcode.
    Vector(u8, u8),
    /// The same with a predicate byte.
    Compare(u8),
    /// Rounding with the mode in the mnemonic, or as an immediate.
    Round(Option<u8>),
    /// A move between vector registers or to and from memory: prefix, opcode of load and store.
    VectorMove(u8, u8, u8),
    /// `movlpd`: between a vector register and memory only.
    VectorHalf,
    /// `movd`: between a vector register and an integer register or memory.
    VectorBits,
    FromInteger(Option<Width>),
    /// The opcode, and the width of the integer register.
    ToInteger(u8, Option<Width>),
    /// An x87 operation on memory: opcode and its extension.
    StackMemory(u8, u8),
    /// An x87 operation on `%st(0)` and another register: the two bytes for `%st(0)`.
    StackPop(u8),
    /// `fldl` and `fstpl`, which also take a register: memory form, then the register's opcode.
    StackMove(u8, u8, u8, u8),
    StackExchange,
    StoreStatus,
}

/// The mnemonics by name.
#[derive(Debug)]
pub(crate) struct Mnemonics(FxHashMap<u128, Form>);

/// The longest mnemonic, `roundsd.trunc`, and every other fit a key of this many bytes.
const MAXIMUM_LENGTH: usize = 16;

impl Mnemonics {
    /// The table; built on first use.
    pub(crate) fn get() -> &'static Mnemonics {
        static TABLE: LazyLock<Mnemonics> = LazyLock::new(|| {
            Mnemonics(
                all()
                    .iter()
                    .filter_map(|(name, form)| Some((key(name.as_bytes())?, *form)))
                    .collect(),
            )
        });
        &TABLE
    }

    /// The form of the mnemonic `name`.
    #[inline]
    pub(crate) fn form(&self, name: &[u8]) -> Option<Form> {
        self.0.get(&key(name)?).copied()
    }
}

/// The name as a number, which is faster to look up than a string.
#[inline]
fn key(name: &[u8]) -> Option<u128> {
    let mut bytes = [0; MAXIMUM_LENGTH];
    bytes.get_mut(..name.len())?.copy_from_slice(name);
    Some(u128::from_le_bytes(bytes))
}

/// The conditions, by their names in `string_of_condition`, and their numbers in the encoding.
pub(crate) const CONDITIONS: [(&str, u8); 16] = [
    ("o", 0),
    ("no", 1),
    ("b", 2),
    ("ae", 3),
    ("e", 4),
    ("ne", 5),
    ("be", 6),
    ("a", 7),
    ("s", 8),
    ("ns", 9),
    ("p", 10),
    ("np", 11),
    ("l", 12),
    ("ge", 13),
    ("le", 14),
    ("g", 15),
];

/// The suffixes that `suf` adds, and none where a register tells the width.
const WIDTHS: [(&str, Option<Width>); 5] = [
    ("", None),
    ("b", Some(Width::Byte)),
    ("w", Some(Width::Word)),
    ("l", Some(Width::Double)),
    ("q", Some(Width::Quad)),
];

/// Every mnemonic of the language.
pub(crate) fn all() -> Vec<(String, Form)> {
    let mut table: Vec<(String, Form)> = Vec::with_capacity(256);
    for (suffix, width) in WIDTHS {
        let mut sized = |name: &str, form| table.push((format!("{name}{suffix}"), form));
        for (name, number) in [
            ("add", 0),
            ("or", 1),
            ("and", 4),
            ("sub", 5),
            ("xor", 6),
            ("cmp", 7),
        ] {
            sized(name, Form::Arithmetic(number, width));
        }
        for (name, extension, short) in [
            ("inc", 0, true),
            ("dec", 1, true),
            ("neg", 3, false),
            ("idiv", 7, false),
        ] {
            sized(name, Form::Unary(extension, short, width));
        }
        for (name, extension) in [("sal", 4), ("shr", 5), ("sar", 7)] {
            sized(name, Form::Shift(extension, width));
        }
        sized("imul", Form::Multiply(width));
        sized("test", Form::Test(width));
        sized("mov", Form::Move(width));
        if width != Some(Width::Byte) {
            sized("lea", Form::LoadAddress(width));
        }
        if matches!(width, None | Some(Width::Quad | Width::Word)) {
            sized("push", Form::Push(width));
            sized("pop", Form::Pop(width));
        }
        if matches!(width, None | Some(Width::Quad | Width::Double)) {
            sized("cvtsi2sd", Form::FromInteger(width));
            sized("cvttsd2si", Form::ToInteger(0x2c, width));
            sized("cvtsd2si", Form::ToInteger(0x2d, width));
        }
    }
    for (name, number) in CONDITIONS {
        table.push((format!("j{name}"), Form::JumpCondition(number)));
        table.push((format!("set{name}"), Form::SetCondition(number)));
        table.push((format!("cmov{name}"), Form::MoveCondition(number)));
    }
    // `string_of_float_condition`.
    for (predicate, name) in ["eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"]
        .into_iter()
        .enumerate()
    {
        table.push((format!("cmp{name}sd"), Form::Compare(predicate as u8)));
    }
    table.extend(
        OTHERS
            .iter()
            .map(|(name, form)| ((*name).to_owned(), *form)),
    );
    table
}

/// The mnemonics that are no product of a stem and a suffix.
const OTHERS: &[(&str, Form)] = &[
    ("bswap", Form::ByteSwap),
    ("call", Form::Call),
    ("cltd", Form::Fixed(&[0x99])),
    ("cqto", Form::Fixed(&[0x48, 0x99])),
    ("hlt", Form::Fixed(&[0xf4])),
    ("jmp", Form::Jump),
    ("leave", Form::Fixed(&[0xc9])),
    ("movabsq", Form::MoveAbsolute),
    ("movsbw", Form::Extend(0xbe, Width::Byte, Width::Word)),
    ("movsbl", Form::Extend(0xbe, Width::Byte, Width::Double)),
    ("movsbq", Form::Extend(0xbe, Width::Byte, Width::Quad)),
    ("movswl", Form::Extend(0xbf, Width::Word, Width::Double)),
    ("movswq", Form::Extend(0xbf, Width::Word, Width::Quad)),
    ("movslq", Form::Extend(0x63, Width::Double, Width::Quad)),
    ("movzbw", Form::Extend(0xb6, Width::Byte, Width::Word)),
    ("movzbl", Form::Extend(0xb6, Width::Byte, Width::Double)),
    ("movzbq", Form::Extend(0xb6, Width::Byte, Width::Quad)),
    ("movzwl", Form::Extend(0xb7, Width::Word, Width::Double)),
    ("movzwq", Form::Extend(0xb7, Width::Word, Width::Quad)),
    ("nop", Form::Fixed(&[0x90])),
    ("ret", Form::Fixed(&[0xc3])),
    ("xchg", Form::Exchange),
    // SSE2 and SSE4.1.
    ("addsd", Form::Vector(0xf2, 0x58)),
    ("mulsd", Form::Vector(0xf2, 0x59)),
    ("subsd", Form::Vector(0xf2, 0x5c)),
    ("divsd", Form::Vector(0xf2, 0x5e)),
    ("sqrtsd", Form::Vector(0xf2, 0x51)),
    ("cvtsd2ss", Form::Vector(0xf2, 0x5a)),
    ("cvtss2sd", Form::Vector(0xf3, 0x5a)),
    ("ucomisd", Form::Vector(0x66, 0x2e)),
    ("comisd", Form::Vector(0x66, 0x2f)),
    ("andpd", Form::Vector(0x66, 0x54)),
    ("xorpd", Form::Vector(0x66, 0x57)),
    ("movapd", Form::VectorMove(0x66, 0x28, 0x29)),
    ("movsd", Form::VectorMove(0xf2, 0x10, 0x11)),
    ("movss", Form::VectorMove(0xf3, 0x10, 0x11)),
    ("movlpd", Form::VectorHalf),
    ("movd", Form::VectorBits),
    // GNU as has the mode as an immediate. `string_of_rounding` puts it into the mnemonic, which
    // only an assembler inside the compiler can understand; the numbers are those of the RC field
    // (Intel SDM volume 1, table 4-8).
    ("roundsd", Form::Round(None)),
    ("roundsd.near", Form::Round(Some(0))),
    ("roundsd.down", Form::Round(Some(1))),
    ("roundsd.up", Form::Round(Some(2))),
    ("roundsd.trunc", Form::Round(Some(3))),
    // x87. The suffixes are `s` and `l` for floating point, `s`, `l` and `q` for integers.
    ("fabs", Form::Fixed(&[0xd9, 0xe1])),
    ("fchs", Form::Fixed(&[0xd9, 0xe0])),
    ("fcompp", Form::Fixed(&[0xde, 0xd9])),
    ("fcos", Form::Fixed(&[0xd9, 0xff])),
    ("fld1", Form::Fixed(&[0xd9, 0xe8])),
    ("fldlg2", Form::Fixed(&[0xd9, 0xec])),
    ("fldln2", Form::Fixed(&[0xd9, 0xed])),
    ("fldz", Form::Fixed(&[0xd9, 0xee])),
    ("fpatan", Form::Fixed(&[0xd9, 0xf3])),
    ("fptan", Form::Fixed(&[0xd9, 0xf2])),
    ("fsin", Form::Fixed(&[0xd9, 0xfe])),
    ("fsqrt", Form::Fixed(&[0xd9, 0xfa])),
    ("fyl2x", Form::Fixed(&[0xd9, 0xf1])),
    ("fadds", Form::StackMemory(0xd8, 0)),
    ("faddl", Form::StackMemory(0xdc, 0)),
    ("fmuls", Form::StackMemory(0xd8, 1)),
    ("fmull", Form::StackMemory(0xdc, 1)),
    ("fcomps", Form::StackMemory(0xd8, 3)),
    ("fcompl", Form::StackMemory(0xdc, 3)),
    ("fsubs", Form::StackMemory(0xd8, 4)),
    ("fsubl", Form::StackMemory(0xdc, 4)),
    ("fsubrs", Form::StackMemory(0xd8, 5)),
    ("fsubrl", Form::StackMemory(0xdc, 5)),
    ("fdivs", Form::StackMemory(0xd8, 6)),
    ("fdivl", Form::StackMemory(0xdc, 6)),
    ("fdivrs", Form::StackMemory(0xd8, 7)),
    ("fdivrl", Form::StackMemory(0xdc, 7)),
    ("flds", Form::StackMemory(0xd9, 0)),
    ("fstps", Form::StackMemory(0xd9, 3)),
    ("fldl", Form::StackMove(0xdd, 0, 0xd9, 0xc0)),
    ("fstpl", Form::StackMove(0xdd, 3, 0xdd, 0xd8)),
    ("filds", Form::StackMemory(0xdf, 0)),
    ("fildl", Form::StackMemory(0xdb, 0)),
    ("fildq", Form::StackMemory(0xdf, 5)),
    ("fistps", Form::StackMemory(0xdf, 3)),
    ("fistpl", Form::StackMemory(0xdb, 3)),
    ("fistpq", Form::StackMemory(0xdf, 7)),
    ("fldcw", Form::StackMemory(0xd9, 5)),
    ("fnstcw", Form::StackMemory(0xd9, 7)),
    ("fnstsw", Form::StoreStatus),
    ("fxch", Form::StackExchange),
    // In AT&T syntax `r` means the opposite of what it means in Intel's when the destination is
    // not `%st(0)`: binutils manual, "AT&T Syntax Bugs". x86_gas.ml swaps them for that reason.
    ("faddp", Form::StackPop(0xc0)),
    ("fmulp", Form::StackPop(0xc8)),
    ("fsubp", Form::StackPop(0xe0)),
    ("fsubrp", Form::StackPop(0xe8)),
    ("fdivp", Form::StackPop(0xf0)),
    ("fdivrp", Form::StackPop(0xf8)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mnemonic_is_listed_twice() {
        let mut names: Vec<String> = all().into_iter().map(|(name, _)| name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(
            Mnemonics::get().0.len(),
            count,
            "a name is too long for a key"
        );
    }

    #[test]
    fn a_prefix_or_a_longer_word_is_not_a_mnemonic() {
        for name in [
            "",
            "ad",
            "addx",
            "movqq",
            "pushl",
            "leab",
            "setc",
            "a-name-of-more-than-16-bytes",
        ] {
            assert_eq!(Mnemonics::get().form(name.as_bytes()), None, "{name}");
        }
    }
}
