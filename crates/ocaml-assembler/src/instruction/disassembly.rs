//! The encoder against an independent disassembler: what iced-x86 reads in the bytes of each instruction is what was
//! written.
//!
//! The instructions come from the table of mnemonics, their operands from a `match` over its forms that leaves none out:
//! nothing is added to the language without being tried here.

mod operands;

use iced_x86::{Decoder, DecoderOptions, Formatter, GasFormatter, Instruction, OpKind};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use proptest::{prop_assert, prop_assert_eq};

use super::mnemonic::{self, Form};
use crate::register::Width;
use crate::{AssembleErrorKind, assemble};
use operands::{Written, integer_name, operands};

/// How many operands each mnemonic is tried with.
const CASES: u32 = 80;

/// The operands in the order of iced-x86's, last one first, with those that are not written.
fn expected(mnemonic: &str, form: Form, written: &[Written]) -> Vec<Written> {
    let mut expected: Vec<Written> = written.to_vec();
    // The numbers are those of the RC field (Intel SDM volume 1, table 4-8).
    if let Some(mode) = mnemonic.strip_prefix("roundsd.") {
        let modes = ["near", "down", "up", "trunc"];
        let number = modes.iter().position(|name| *name == mode);
        expected.insert(
            0,
            Written::Number(number.map_or(-1, |number| number as i64)),
        );
    }
    match (form, written) {
        (Form::Compare(predicate), _) => expected.insert(0, Written::Number(predicate.into())),
        // The destination is the first factor too.
        (Form::Multiply(_), [Written::Number(_), register]) => expected.push(register.clone()),
        (Form::StackExchange, _) => expected.push(Written::Register("st0".to_owned())),
        _ => {}
    }
    for operand in &mut expected {
        if let Written::Star(target) = operand {
            *operand = (**target).clone();
        }
    }
    expected
}

/// Whether iced-x86 reads `written` in the operand `index`.
fn reads(instruction: &Instruction, index: u32, written: &Written) -> bool {
    let bits = match (instruction.op_kind(index), written) {
        (OpKind::Register, Written::Register(name)) => {
            let read = format!("{:?}", instruction.op_register(index)).to_lowercase();
            // iced-x86 calls the low bytes of the new registers `r8l`, and so on; x86_proc.ml `r8b`.
            let read = match read.strip_suffix('l') {
                Some(stem) if stem.starts_with('r') => format!("{stem}b"),
                _ => read,
            };
            return read == *name;
        }
        (OpKind::Memory, Written::Relative) => {
            return instruction.is_ip_rel_memory_operand()
                && instruction.ip_rel_memory_address() == instruction.next_ip();
        }
        (
            OpKind::Memory,
            Written::Memory {
                base,
                index,
                scale,
                displacement,
            },
        ) => {
            let is = |register: iced_x86::Register, name: Option<&str>| {
                name.unwrap_or("none") == format!("{register:?}").to_lowercase()
            };
            return is(instruction.memory_base(), *base)
                && is(instruction.memory_index(), *index)
                && instruction.memory_index_scale() == *scale
                && instruction.memory_displacement64() as i64 == i64::from(*displacement);
        }
        (OpKind::NearBranch64, Written::Label(distance)) => {
            let origin = if *distance < 0 {
                instruction.ip()
            } else {
                instruction.next_ip()
            };
            return instruction.near_branch_target() as i64 == origin as i64 + i64::from(*distance);
        }
        (OpKind::Immediate8, _) => 8,
        (OpKind::Immediate16 | OpKind::Immediate8to16, _) => 16,
        (OpKind::Immediate32 | OpKind::Immediate8to32, _) => 32,
        (OpKind::Immediate64 | OpKind::Immediate8to64 | OpKind::Immediate32to64, _) => 64,
        _ => return false,
    };
    let low = |number: i64| number << (64 - bits) >> (64 - bits);
    matches!(written, Written::Number(number) if low(instruction.immediate(index) as i64) == low(*number))
}

/// The text of the instruction alone in its section, and where it is when `before` bytes stand before it.
fn program(mnemonic: &str, written: &[Written]) -> (String, usize) {
    let operands: Vec<String> = written.iter().map(Written::to_string).collect();
    let line = format!("\t{mnemonic}\t{}\n", operands.join(", "));
    match written {
        [Written::Label(distance @ ..0)] => {
            let before = distance.unsigned_abs();
            (format!(".L1:\n\t.space\t{before}\n{line}"), before as usize)
        }
        [Written::Label(distance)] => (format!("{line}\t.space\t{distance}\n.L1:\n"), 0),
        _ => (line, 0),
    }
}

/// What iced-x86 calls the instruction: the words of GNU's disassembler, always with a suffix.
fn name(instruction: &Instruction) -> String {
    let mut formatter = GasFormatter::new();
    formatter
        .options_mut()
        .set_gas_show_mnemonic_size_suffix(true);
    let mut text = String::new();
    formatter.format(instruction, &mut text);
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// The same of what is written.
fn expected_name(mnemonic: &str, form: Form, written: &[Written]) -> String {
    let widths = [
        (Width::Byte, "b"),
        (Width::Word, "w"),
        (Width::Double, "l"),
        (Width::Quad, "q"),
    ];
    let suffix = |operand: &Written| {
        let is = |(width, _): &&(Width, _)| {
            (0..20).any(|number| *operand == Written::Register(integer_name(number, *width)))
        };
        widths.iter().find(is).map(|(_, suffix)| *suffix)
    };
    let told = written.iter().rev().find_map(suffix).unwrap_or("q");
    let without_suffix = || mnemonic[..mnemonic.len() - 1].to_owned();
    let name = match (form, written) {
        (
            Form::Arithmetic(_, None)
            | Form::Test(None)
            | Form::Move(None)
            | Form::Unary(_, _, None)
            | Form::Shift(_, None)
            | Form::Multiply(None)
            | Form::LoadAddress(None)
            | Form::Push(None)
            | Form::Pop(None)
            | Form::FromInteger(None)
            | Form::MoveCondition(_)
            | Form::ByteSwap
            | Form::Exchange,
            _,
        ) => format!("{mnemonic}{told}"),
        (Form::SetCondition(_), _) => format!("{mnemonic}b"),
        // The register tells the width.
        (Form::ToInteger(_, Some(_)), _) => without_suffix(),
        (Form::StackMove(..), [Written::Register(_)]) => without_suffix(),
        (Form::VectorBits, _) if written.iter().find_map(suffix) == Some("q") => "movq".to_owned(),
        (Form::Round(_), _) => "roundsd".to_owned(),
        _ => mnemonic.to_owned(),
    };
    match (&name[..], written) {
        ("jmp", [Written::Star(_)]) | ("call" | "leave" | "ret", _) => format!("{name}q"),
        ("fldcw" | "fnstcw", _) | ("fnstsw", [Written::Memory { .. } | Written::Relative]) => {
            format!("{name}w")
        }
        ("fildq" | "fistpq", _) => name.replace('q', "ll"),
        _ => name.replace("sal", "shl"),
    }
}

/// Whether iced-x86 reads what is written.
fn check(mnemonic: &str, form: Form, written: &[Written]) -> Result<(), TestCaseError> {
    let (text, offset) = program(mnemonic, written);
    let object = match assemble(&text) {
        // One of the high bytes together with what needs a REX prefix.
        Err(error) if matches!(error.kind, AssembleErrorKind::NotEncodable) => {
            return Err(TestCaseError::reject("no such instruction"));
        }
        object => object.map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?,
    };
    let bytes = &object.section(".text").unwrap_or_default()[offset..];
    let instruction = Decoder::with_ip(64, bytes, offset as u64, DecoderOptions::NONE).decode();
    let length = bytes.len()
        - match written {
            [Written::Label(distance @ 0..)] => *distance as usize,
            _ => 0,
        };
    let shown = format!("{text}{:02x?}: {instruction:?}", &bytes[..length.min(15)]);
    prop_assert_eq!(instruction.len(), length, "{}", shown);
    let expected_name = expected_name(mnemonic, form, written);
    prop_assert_eq!(name(&instruction), expected_name, "{}", shown);
    let mut expected = expected(mnemonic, form, written);
    prop_assert_eq!(instruction.op_count() as usize, expected.len(), "{}", shown);
    let same = |expected: &[Written]| {
        let indices = (0..instruction.op_count()).rev();
        indices
            .zip(expected)
            .all(|(index, operand)| reads(&instruction, index, operand))
    };
    let is_same = same(&expected) || {
        // These have no source and no destination.
        expected.reverse();
        matches!(form, Form::Test(_) | Form::Exchange) && same(&expected)
    };
    prop_assert!(is_same, "{}", shown);
    Ok(())
}

#[test]
fn every_instruction_of_the_language_means_what_is_written() {
    for (mnemonic, form) in mnemonic::all() {
        // The same instructions on every run: a failure in CI is one at every desk.
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let config = Config {
            cases: CASES,
            failure_persistence: None,
            ..Config::default()
        };
        let result = TestRunner::new_with_rng(config, rng)
            .run(&operands(form), |written| check(&mnemonic, form, &written));
        if let Err(error) = result {
            panic!("{mnemonic}: {error}");
        }
    }
}
