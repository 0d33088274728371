//! Random programs: labels, branches of all distances, padding, data, frames and lines, mixed in
//! ways that no compiler would.

use std::fmt::Write;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::compare::difference;
use crate::tools::{gnu_as, require};

/// A line of a program, or a few; labels are indices that wrap around the number of labels.
#[derive(Debug, Clone)]
enum Statement {
    Label,
    Jump(&'static str, usize),
    /// To a label at the beginning: one in mergeable data would be called through a table.
    Call,
    Global(&'static str, &'static str),
    Instruction(&'static str),
    Space(u32),
    Align(u32),
    Section(&'static str),
    Data(&'static str, i64),
    Address(usize),
    Distance(usize),
    Difference(usize, usize),
    LoadLabel(usize),
    Line(u32, u32, Option<u32>),
    Frame(&'static str),
    Text(String),
}

fn statement() -> impl Strategy<Value = Statement> {
    let branch = prop::sample::select(vec!["jmp", "je", "jb", "jge", "jnp"]);
    let symbol = prop::sample::select(vec![
        "camlA__f_12",
        "camlB.g_3",
        "caml_call_gc",
        "global_in_text",
    ]);
    let use_of_symbol = prop::sample::select(vec![
        "call\t@@PLT",
        "jmp\t@@PLT",
        "je\t@",
        "call\t@",
        "movq\t@@GOTPCREL(%rip), %rax",
        "leaq\t@+8(%rip), %r9",
        "cmpq\t$300, @(%rip)",
        "movsd\t@(%rip), %xmm3",
        "addq\t@@GOTPCREL(%rip), %r12",
    ]);
    let instruction = prop::sample::select(vec![
        "ret",
        "nop",
        "movq\t%rax, %rbx",
        "addq\t$1000, %r15",
        "movabsq\t$-6148914691236517206, %rdx",
        "movq\t8(%rsp,%rcx,8), %rdi",
        "cqto",
        "movsd\t16(%r14), %xmm8",
        "xorpd\tcaml_mask(%rip), %xmm0",
        "pushq\t$-7",
    ]);
    let section = prop::sample::select(vec![
        ".text",
        ".data",
        ".section .rodata",
        ".section .rodata.cst8,\"aM\",@progbits,8",
        ".section .text.caml.f_1,\"ax\",@progbits",
    ]);
    let data = prop::sample::select(vec![".quad", ".long", ".word", ".byte"]);
    let frame = prop::sample::select(vec![
        ".cfi_adjust_cfa_offset 8",
        ".cfi_adjust_cfa_offset 200",
        ".cfi_remember_state",
        ".cfi_restore_state",
        ".cfi_def_cfa_register %rbx",
        ".cfi_def_cfa_offset 16",
    ]);
    prop_oneof![
        6 => Just(Statement::Label),
        8 => (branch, any::<usize>()).prop_map(|(branch, label)| Statement::Jump(branch, label)),
        1 => Just(Statement::Call),
        3 => (use_of_symbol, symbol).prop_map(|(form, symbol)| Statement::Global(form, symbol)),
        12 => instruction.prop_map(Statement::Instruction),
        2 => (0u32..140).prop_map(Statement::Space),
        3 => (0u32..6).prop_map(|power| Statement::Align(1 << power)),
        2 => section.prop_map(Statement::Section),
        3 => (data, -128i64..256).prop_map(|(directive, value)| Statement::Data(directive, value)),
        2 => any::<usize>().prop_map(Statement::Address),
        2 => any::<usize>().prop_map(Statement::Distance),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(first, second)| Statement::Difference(first, second)),
        2 => any::<usize>().prop_map(Statement::LoadLabel),
        5 => (1u32..4, 0u32..400, prop::option::weighted(0.8, 0u32..200)).prop_map(|(file, line, column)| Statement::Line(file, line, column)),
        3 => frame.prop_map(Statement::Frame),
        1 => "[ -~]{0,12}".prop_map(Statement::Text),
    ]
}

/// The text of a program. What would be no program, such as a frame directive outside a
/// procedure, is left out.
fn program(statements: &[Statement]) -> String {
    let labels = statements
        .iter()
        .filter(|statement| matches!(statement, Statement::Label))
        .count()
        .max(1);
    let mut text = String::from(
        "\t.file \"\"\n\t.file 1 \"a.ml\"\n\t.file 2 \"lib/b.ml\"\n\t.file 3 \"/c.ml\"\n",
    );
    text.push_str(
        "\t.text\n\t.globl global_in_text\n\t.type global_in_text,@function\nglobal_in_text:\n",
    );
    text.push_str(".L99:\n\t.cfi_startproc\n\tsubq\t$8, %rsp\n");
    // Numbers are not in the order of definition, as in ocamlopt's output.
    let number = |index: usize| {
        100 + (index % labels) * 7 % labels.next_power_of_two().max(8) + (index % labels) * 1000
    };
    let (mut next, mut in_text, mut remembered) = (0, true, 0);
    for statement in statements {
        let _ = match statement {
            Statement::Label => {
                next += 1;
                writeln!(text, ".L{}:", number(next - 1))
            }
            Statement::Jump(branch, label) if in_text => {
                writeln!(text, "\t{branch}\t.L{}", number(*label))
            }
            Statement::Call if in_text => writeln!(text, "\tcall\t.L99"),
            Statement::Global(form, symbol) if in_text => {
                writeln!(text, "\t{}", form.replacen('@', symbol, 1))
            }
            Statement::Instruction(instruction) if in_text => writeln!(text, "\t{instruction}"),
            Statement::LoadLabel(label) if in_text => {
                writeln!(text, "\tleaq\t.L{}(%rip), %r11", number(*label))
            }
            Statement::Line(file, line, column) if in_text => {
                let column = column.map_or(String::new(), |column| format!("\t{column}"));
                writeln!(text, "\t.loc\t{file}\t{line}{column}")
            }
            Statement::Space(length) => writeln!(text, "\t.space\t{length}"),
            Statement::Align(alignment) => writeln!(text, "\t.align\t{alignment}"),
            Statement::Section(section) => {
                in_text = *section == ".text";
                writeln!(text, "\t{section}")
            }
            Statement::Data(directive, value) => writeln!(text, "\t{directive}\t{value}"),
            Statement::Address(label) => writeln!(text, "\t.quad\t.L{} + 16", number(*label)),
            Statement::Distance(label) => writeln!(text, "\t.long\t(.L{} - .) + 4", number(*label)),
            Statement::Difference(first, second) if first % labels == second % labels => {
                writeln!(text, "\t.long\t12")
            }
            Statement::Frame(".cfi_restore_state") if in_text && remembered > 0 => {
                remembered -= 1;
                writeln!(text, "\t.cfi_restore_state\n\tnop")
            }
            Statement::Frame(directive) if in_text && *directive != ".cfi_restore_state" => {
                remembered += usize::from(*directive == ".cfi_remember_state");
                writeln!(text, "\t{directive}\n\tnop")
            }
            Statement::Text(content) => {
                let escaped = content.replace('\\', "\\134").replace('"', "\\042");
                writeln!(text, "\t.ascii\t\"{escaped}\\000\"")
            }
            _ => Ok(()),
        };
    }
    text.push_str("\t.text\n\t.cfi_endproc\n\t.size global_in_text,. - global_in_text\n");
    // Labels that nothing defined yet; and differences, which need both sides in one section.
    for index in next..labels {
        let _ = writeln!(text, ".L{}:\n\tnop", number(index));
    }
    text.push_str("\t.section .note.GNU-stack,\"\",%progbits\n");
    text
}

/// How many programs the short run compares.
const SAMPLE: u32 = 120;

#[test]
fn random_programs_assemble_to_the_objects_of_gnu_as() {
    let Some(_) = require("as") else { return };
    let directory = tempfile::tempdir().expect("a directory");
    // Only long programs show all of the relaxation's steps; the short run has a few of them.
    let (cases, longest) = if std::env::var_os("OCAML_ASSEMBLER_ALL").is_some() {
        (2000, 2500)
    } else {
        (SAMPLE, 700)
    };
    // The same programs on every run: a failure in CI is one at every desk.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(
        Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        },
        rng,
    );
    let result = runner.run(
        &prop::collection::vec(statement(), 1..longest),
        |statements| {
            let text = program(&statements);
            let theirs = gnu_as(directory.path(), &text);
            let ours = ocaml_assembler::assemble(&text);
            match (ours, theirs) {
                (Ok(ours), Ok(theirs)) => {
                    let difference = difference(&ours.to_elf(), &theirs);
                    prop_assert!(
                        difference.is_none(),
                        "{}\n{text}",
                        difference.unwrap_or_default()
                    );
                }
                (Err(error), Ok(_)) => prop_assert!(false, "{error}\n{text}"),
                (Ok(_), Err(messages)) => prop_assert!(false, "GNU as: {messages}\n{text}"),
                (Err(_), Err(_)) => {}
            }
            Ok(())
        },
    );
    if let Err(error) = result {
        panic!("{error}");
    }
}
