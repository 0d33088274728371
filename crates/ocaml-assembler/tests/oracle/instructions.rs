//! Every mnemonic of the language with every kind of operand: what this crate accepts, GNU as
//! accepts too and encodes in the same way; what it refuses is listed here.

use std::collections::BTreeSet;
use std::path::Path;

use ocaml_assembler::{AssembleErrorKind, assemble};

use crate::compare::difference;
use crate::tools::{gnu_as, gnu_as_errors, require};

/// The mnemonics of `print_instr` in OCaml's `asmcomp/x86_gas.ml`, written down independently of
/// the crate's table, with the suffixes that `suf` gives and the number of operands.
fn mnemonics() -> Vec<(String, usize)> {
    let mut list = Vec::new();
    let mut add = |names: &[&str], suffixes: &[&str], operands: usize| {
        for name in names {
            for suffix in suffixes {
                list.push((format!("{name}{suffix}"), operands));
            }
        }
    };
    let sized = ["", "b", "w", "l", "q"];
    add(
        &[
            "add", "and", "cmp", "imul", "lea", "mov", "or", "sal", "sar", "shr", "sub", "test",
            "xor",
        ],
        &sized,
        2,
    );
    add(
        &["dec", "idiv", "imul", "inc", "pop", "push", "neg"],
        &sized,
        1,
    );
    add(&["cvttsd2si", "cvtsi2sd"], &["", "l", "q"], 2);
    add(
        &[
            "addsd", "andpd", "comisd", "cvtsd2si", "cvtsd2ss", "cvtss2sd", "divsd", "movabsq",
            "movapd", "movd",
        ],
        &[""],
        2,
    );
    add(
        &[
            "movlpd", "movsd", "movss", "movslq", "mulsd", "sqrtsd", "subsd", "ucomisd", "xchg",
            "xorpd",
        ],
        &[""],
        2,
    );
    add(&["movs", "movz"], &["bw", "bl", "bq", "wl", "wq"], 2);
    let conditions = [
        "e", "ae", "a", "ge", "g", "ne", "b", "be", "l", "le", "np", "p", "ns", "s", "no", "o",
    ];
    for condition in conditions {
        add(&["cmov"], &[condition], 2);
        add(&["set", "j"], &[condition], 1);
    }
    for predicate in ["eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"] {
        add(&[&format!("cmp{predicate}sd")], &[""], 2);
    }
    add(
        &["faddp", "fdivp", "fdivrp", "fmulp", "fsubp", "fsubrp"],
        &[""],
        2,
    );
    add(
        &[
            "fadd", "fcomp", "fdiv", "fdivr", "fmul", "fsub", "fsubr", "fld", "fstp",
        ],
        &["s", "l"],
        1,
    );
    add(&["fild", "fistp"], &["s", "l", "q"], 1);
    add(
        &["bswap", "call", "jmp", "fldcw", "fnstcw", "fnstsw", "fxch"],
        &[""],
        1,
    );
    add(
        &[
            "fabs", "fchs", "fcompp", "fcos", "fld1", "fldlg2", "fldln2", "fldz", "fpatan",
            "fptan", "fsin",
        ],
        &[""],
        0,
    );
    add(
        &[
            "fsqrt", "fyl2x", "cltd", "cqto", "hlt", "leave", "nop", "ret",
        ],
        &[""],
        0,
    );
    list
}

const OPERANDS: [&str; 46] = [
    "%rax",
    "$1",
    "(%rax)",
    "%xmm0",
    "%cl",
    "sym(%rip)",
    "$sym",
    "%eax",
    "%r9d",
    "8(%rsp)",
    "%st(0)",
    "%r8",
    "%al",
    "sym@GOTPCREL(%rip)",
    "%ax",
    "$-129",
    "128(%rbp)",
    "%ah",
    "%sil",
    "%xmm9",
    "%rcx",
    "-8(%rax,%r12,4)",
    "$0",
    "%r10w",
    "%r11b",
    "%rsp",
    "(%r13)",
    "%st(2)",
    "$-1",
    "$127",
    "$128",
    "$65535",
    "$65536",
    "$2147483647",
    "$-2147483648",
    "$4294967295",
    "$4294967296",
    "$255",
    "(,%rbx,8)",
    "sym+8(%rip)",
    "123",
    "sym",
    "sym+8(%rax)",
    "(%rsp,%r15)",
    "*%rax",
    "*sym@GOTPCREL(%rip)",
];

/// How many of the operands the short run combines.
const SAMPLE: usize = 24;

fn lines() -> Vec<String> {
    let all = std::env::var_os("OCAML_ASSEMBLER_ALL").is_some();
    let operands = if all {
        &OPERANDS[..]
    } else {
        &OPERANDS[..SAMPLE]
    };
    let mut lines = Vec::new();
    for (mnemonic, count) in mnemonics() {
        match count {
            0 => lines.push(mnemonic),
            1 => lines.extend(
                OPERANDS
                    .iter()
                    .map(|operand| format!("{mnemonic}\t{operand}")),
            ),
            _ => {
                for first in operands {
                    lines.extend(
                        operands
                            .iter()
                            .map(|second| format!("{mnemonic}\t{first}, {second}")),
                    );
                }
            }
        }
    }
    lines
}

pub(crate) fn file(lines: &[&String]) -> String {
    let mut text = String::from("\t.text\n");
    for line in lines {
        text.push('\t');
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// Whether this crate refuses on purpose what GNU as takes: forms that x86_gas.ml cannot print.
fn is_stricter(line: &str, kind: &AssembleErrorKind) -> bool {
    let (mnemonic, operands) = line.split_once('\t').unwrap_or((line, ""));
    let is_branch = mnemonic.starts_with('j') || mnemonic == "call";
    match kind {
        // GNU as picks 32 bits, with or without a warning.
        AssembleErrorKind::AmbiguousWidth => true,
        // GNU as cuts immediates of 8 and 16 bits down.
        AssembleErrorKind::ValueOutOfRange(_) => operands.starts_with('$'),
        // An absolute address as a branch's target; a star where nothing is called, and none where
        // something is.
        AssembleErrorKind::InvalidOperand(_) => is_branch || operands.contains('*'),
        AssembleErrorKind::UnexpectedText(_) => is_branch,
        AssembleErrorKind::InvalidOperands => {
            let shift = ["sal", "sar", "shr"]
                .iter()
                .any(|stem| mnemonic.starts_with(stem));
            // GNU as takes all of the register for the count; `fcomp` of a register, where the
            // suffix means nothing; a push that misaligns the stack; an address cut to 8 or 16
            // bits; the 64-bit moves of the accumulator; operands of x87 in the wrong order.
            (shift && operands.starts_with("%rcx"))
                || (mnemonic.starts_with("fcomp") && operands.starts_with("%st"))
                || (mnemonic == "pushw" && operands.starts_with('$'))
                || operands.starts_with("$sym")
                || mnemonic == "movabsq"
                || (mnemonic.starts_with('f') && operands.ends_with(", %st(0)"))
        }
        _ => false,
    }
}

#[test]
fn every_instruction_is_encoded_like_gnu_as_does_or_refused() {
    let Some(_) = require("as") else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let lines = lines();
    let all: Vec<&String> = lines.iter().collect();
    // The first line of the file is a directive.
    let refused: BTreeSet<usize> = gnu_as_errors(directory.path(), &file(&all))
        .into_iter()
        .map(|number| number - 2)
        .collect();
    let mut both = Vec::new();
    let mut failures = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        match (assemble(&format!("\t{line}\n")), refused.contains(&number)) {
            (Ok(_), false) => both.push(line),
            (Ok(_), true) => failures.push(format!("{line}: accepted, GNU as refuses it")),
            (Err(error), false) if !is_stricter(line, &error.kind) => {
                failures.push(format!("{line}: {}", error.kind))
            }
            (Err(_), _) => {}
        }
    }
    for chunk in both.chunks(256) {
        compare(directory.path(), chunk, &mut failures);
    }
    println!("{} lines, {} accepted by both", lines.len(), both.len());
    let shown = failures
        .iter()
        .take(40)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    assert!(failures.is_empty(), "{} failures:\n{shown}", failures.len());
    assert!(both.len() > 3000, "only {} lines compared", both.len());
}

/// Compares the encodings of `lines`, and of halves of them when they differ.
pub(crate) fn compare(directory: &Path, lines: &[&String], failures: &mut Vec<String>) {
    let text = file(lines);
    let theirs = gnu_as(directory, &text).expect("GNU as accepted each line");
    let ours = assemble(&text).expect("each line was accepted").to_elf();
    let Some(difference) = difference(&ours, &theirs) else {
        return;
    };
    if let [line] = lines {
        failures.push(format!("{line}: {difference}"));
        return;
    }
    let (first, second) = lines.split_at(lines.len() / 2);
    compare(directory, first, failures);
    compare(directory, second, failures);
}
