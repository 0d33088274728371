//! What is not the language of ocamlopt is refused, with a place; nothing makes the crate panic.

use ocaml_assembler::{AssembleErrorKind, assemble};
use proptest::prelude::*;

/// One line for each form that ocamlopt prints, and a few more.
const PROGRAM: &str = "\t.file \"\"
\t.section .rodata.cst16,\"aM\",@progbits,16
\t.align\t16
caml_negf_mask:
\t.quad\t0x8000000000000000
\t.quad\t-1
\t.data
\t.globl\tcamlA__data_begin
camlA__data_begin:
\t.text
\t.globl\tcamlA__f_12
camlA__f_12:
\t.file\t1\t\"a.ml\"
\t.loc\t1\t3\t7
\t.cfi_startproc
\tsubq\t$8, %rsp
\t.cfi_adjust_cfa_offset 8
\tmovq\tcamlB@GOTPCREL(%rip), %rax
\tmovsd\t.L101(%rip), %xmm0
\tleaq\t-336(%rsp), %r10
\tcmpq\t40(%r14), %r10
\tjb\t.L102
.L103:
\tmovslq\t(%rdx,%rax,4), %rax
\tmovzbq\t%al, %rax
\tsalq\t%cl, %rdi
\tcvttsd2siq\t%xmm1, %rax
\tcall\tcaml_call_gc@PLT
\tjmp\t*%rax
.L102:
\tpushq\t$34
\tjmp\t.L103
\t.cfi_adjust_cfa_offset -8
\t.cfi_endproc
\t.type camlA__f_12,@function
\t.size camlA__f_12,. - camlA__f_12
\t.section .rodata.cst8,\"aM\",@progbits,8
\t.align\t8
.L101:
\t.quad\t0x3ff8000000000000
\t.data
\t.long\t(.L103 - .) + 1610612736
\t.word\t12
\t.ascii\t\"a\\012\\000\"
\t.space\t3
\t.section .note.GNU-stack,\"\",%progbits
";

#[test]
fn the_program_itself_is_accepted() {
    assemble(PROGRAM).expect("the language of ocamlopt");
}

/// A text, the line and column of its error, and which error it is.
type Case = (&'static str, (u32, u32), fn(&AssembleErrorKind) -> bool);

#[test]
fn errors_name_the_place_and_the_cause() {
    use AssembleErrorKind as Kind;
    let cases: [Case; 26] = [
        ("\tfoo\t%rax\n", (1, 2), |kind| {
            *kind == Kind::UnknownMnemonic("foo".into())
        }),
        ("\t.foo\n", (1, 2), |kind| {
            *kind == Kind::UnknownDirective(".foo".into())
        }),
        ("\n\tmovq\t%rxa, %rax\n", (2, 7), |kind| {
            *kind == Kind::UnknownRegister("rxa".into())
        }),
        ("\tmovq\t%rax\n", (1, 2), |kind| {
            *kind == Kind::InvalidOperands
        }),
        ("\tmovq\t%eax, %rbx\n", (1, 2), |kind| {
            *kind == Kind::InvalidOperands
        }),
        ("\tmovq\t8(%rax, %rbx\n", (1, 14), |kind| {
            matches!(kind, Kind::InvalidOperand(_))
        }),
        ("\tneg\t(%rax)\n", (1, 2), |kind| {
            *kind == Kind::AmbiguousWidth
        }),
        ("\tmovb\t%ah, %r8b\n", (1, 2), |kind| {
            *kind == Kind::NotEncodable
        }),
        ("\taddq\t$2147483648, %rax\n", (1, 2), |kind| {
            *kind == Kind::ValueOutOfRange(2_147_483_648)
        }),
        ("\tret %rax\n", (1, 2), |kind| {
            *kind == Kind::InvalidOperands
        }),
        ("\tnop ; nop\n", (1, 6), |kind| {
            matches!(kind, Kind::InvalidOperand(_))
        }),
        ("f: ret\n", (1, 4), |kind| {
            *kind == Kind::UnexpectedText("ret".into())
        }),
        ("movq %rax, %rbx\n", (1, 1), |kind| {
            matches!(kind, Kind::UnexpectedText(_))
        }),
        ("\tjmp\t.L7\n", (1, 2), |kind| {
            *kind == Kind::UndefinedLabel(".L7".into())
        }),
        ("f:\nf:\n", (2, 1), |kind| {
            *kind == Kind::DuplicateSymbol("f".into())
        }),
        ("\t.byte\t256\n", (1, 8), |kind| {
            *kind == Kind::ValueOutOfRange(256)
        }),
        ("\t.quad\ta + b\n", (1, 12), |kind| {
            *kind == Kind::ExpressionTooComplex
        }),
        ("\t.quad\ta - b\n", (1, 8), |kind| {
            *kind == Kind::UndefinedLabel("b".into())
        }),
        ("\t.word\ta\n", (1, 8), |kind| {
            *kind == Kind::UnresolvedExpression
        }),
        ("\t.quad\t(1\n", (1, 8), |kind| {
            matches!(kind, Kind::InvalidExpression(_))
        }),
        ("\t.align\t3\n", (1, 9), |kind| {
            *kind == Kind::ValueOutOfRange(3)
        }),
        ("\t.ascii\t\"a\n", (1, 9), |kind| {
            matches!(kind, Kind::InvalidArguments(_))
        }),
        (
            "\t.section .rodata,\"aw\"\n\t.section .rodata,\"a\"\n",
            (2, 11),
            |kind| matches!(kind, Kind::SectionMismatch(_)),
        ),
        ("\t.cfi_endproc\n", (1, 2), |kind| {
            *kind == Kind::MisplacedFrameDirective
        }),
        (
            "\t.cfi_startproc\n\t.cfi_remember_state\n\t.cfi_endproc\n",
            (2, 2),
            |kind| *kind == Kind::FrameRuleAtStart,
        ),
        ("\t.space\t999999999999\n", (1, 9), |kind| {
            *kind == Kind::TooLarge
        }),
    ];
    for (text, place, expected) in cases {
        let error = assemble(text).expect_err(text);
        assert!(expected(&error.kind), "{text}: {error}");
        assert_eq!((error.line, error.column), place, "{text}: {error}");
    }
}

#[test]
fn directives_of_other_systems_are_refused() {
    for line in [
        ".indirect_symbol f",
        ".private_extern f",
        ".intel_syntax noprefix",
        ".comm f,8,8",
        ".weak f",
        ".incbin \"f\"",
        ".include \"f\"",
        ".macro f",
        ".rept 1000000000",
    ] {
        let error = assemble(&format!("\t{line}\n")).expect_err(line);
        assert!(
            matches!(error.kind, AssembleErrorKind::UnknownDirective(_)),
            "{line}: {error}"
        );
    }
}

#[test]
fn a_deep_expression_is_refused_and_does_not_overflow_the_stack() {
    let text = format!("\t.quad\t{}1\n", "(".repeat(100_000));
    assert!(assemble(&text).is_err());
}

fn mutated() -> impl Strategy<Value = String> {
    let edit = (
        any::<prop::sample::Index>(),
        0..4u8,
        prop::sample::select(b" ,$%()x19-az.@\t\n*+:\"\\".to_vec()),
    );
    prop::collection::vec(edit, 1..6).prop_map(|edits| {
        let mut text = PROGRAM.as_bytes().to_vec();
        for (index, action, byte) in edits {
            let place = index.index(text.len());
            match action {
                0 => drop(text.remove(place)),
                1 => text[place] = byte,
                2 => text.insert(place, byte),
                _ => {
                    // A line twice, or somewhere else.
                    let end = text[place..]
                        .iter()
                        .position(|&byte| byte == b'\n')
                        .map_or(text.len(), |end| place + end);
                    let line = text[place..end].to_vec();
                    text.splice(place..place, line);
                }
            }
        }
        String::from_utf8(text).expect("ASCII")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_programs_never_panic_and_errors_point_into_them(text in mutated()) {
        match assemble(&text) {
            Ok(object) => {
                ocaml_assembler::Object::parse(&object.to_elf()).expect("what is written can be read");
                let _ = ocaml_assembler::link_shared(&[object], &ocaml_assembler::LinkOptions::default());
            }
            Err(error) => {
                let line = text.split('\n').nth(error.line as usize - 1);
                prop_assert!(line.is_some_and(|line| error.column as usize <= line.len() + 1), "{}", error);
            }
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,80}") {
        let _ = assemble(&text);
        let _ = assemble(&format!("\t{text}\n"));
        let _ = assemble(&format!("\t.quad\t{text}\n\tmovq\t{text}, %rax\n"));
    }

    #[test]
    fn damaged_objects_and_archives_never_panic(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = assemble(PROGRAM).expect("the program").to_elf();
        for (index, byte) in edits {
            let place = index.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(object) = ocaml_assembler::Object::parse(&bytes) {
            let _ = ocaml_assembler::link_shared(&[object], &ocaml_assembler::LinkOptions::default());
        }
        let mut archive = b"!<arch>\n".to_vec();
        archive.extend_from_slice(&bytes);
        let _ = ocaml_assembler::Archive::parse(&archive);
    }
}
