//! The language from its source: each constructor of `instruction` in the installed compiler's `x86_ast.mli`, with every
//! operand, in the words that the compiler's own `x86_gas.ml` has for it. A compiler with an instruction that this crate
//! does not know, or prints otherwise, fails here before a user meets it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use ocaml_assembler::{AssembleErrorKind, assemble};

use crate::compare::difference;
use crate::instructions::{compare, file};
use crate::tools::{gnu_as, gnu_as_errors, ocamlopt, require, standard_library};

/// Operands in the words of `x86_ast.mli`; those before the mark are enough where there is a condition too.
const OPERANDS: &str = "
  Reg64 RAX; Reg64 R9; Reg32 R12; Reg16 RBX; Reg8L RSI; Reg8H BH; Imm 1L; Regf (XMM 0); Regf (XMM 11);
  Mem64_RIP (QWORD, \"sym\", 0); memory QWORD RSP 1 None None 8; memory DWORD R13 1 None None 0; Sym \"sym\"; (* mark *)
  Reg64 RSP; Reg64 R13; Reg32 RCX; Reg8L RCX; Reg8L R8; Reg16 R15; Imm 0L; Imm (-1L); Imm 127L; Imm 128L; Imm (-129L);
  Imm 0x7FFF_FFFFL; Imm (-0x8000_0000L); Imm 0x8000_0000L; Imm 0x7FFF_FFFF_FFFF_FFFFL; Regf TOS; Regf (ST 0);
  Regf (ST 3); Mem64_RIP (REAL8, \"sym\", -16); Mem64_RIP (DWORD, \"sym\", 4); Mem64_RIP (BYTE, \"sym\", 0);
  memory REAL4 RAX 1 None None (-8); memory REAL8 R12 1 None None 0; memory WORD RBP 1 None None 1000;
  memory QWORD R14 8 (Some RBX) None 24; memory BYTE RDI 1 (Some RSP) None 0; memory QWORD RCX 4 None None 16;
  memory QWORD RAX 0 None None 256; memory QWORD RDX 1 None (Some \"sym\") 8";

/// Prints a file of one instruction for each; nothing for what `x86_gas.ml` has no words for, an assertion of which fails.
const HEAD: &str = "
open X86_ast
let memory typ idx scale base sym displ = Mem { arch = X64; typ; idx; scale; base; sym; displ }
let print instruction = try X86_gas.generate_asm stdout [ Ins instruction ] with Assert_failure _ -> ()
let one operands f = List.iter (fun a -> print (f a)) operands
let two operands f = List.iter (fun a -> one operands (f a)) operands
";

/// A file with every kind of line that is for GNU as on Linux: constructor of `asm_line`, and an example.
const LINES: &[(&str, &str)] = &[
    ("File", r#"File (1, "dir/a \"b\".ml")"#),
    ("Section", r#"Section ([".data"], None, [])"#),
    ("Global", r#"Global "first""#),
    ("NewLabel", r#"NewLabel ("first", QWORD)"#),
    ("Bytes", r#"Bytes "a\000b\"\\\n\t\200\2559""#),
    ("Byte", "Byte (Const 255L)"),
    ("Byte", "Byte (Const (-128L))"),
    ("Word", "Word (Const 0xFFFFL)"),
    ("Word", "Word (Const (-3L))"),
    (
        "Long",
        r#"Long (ConstAdd (ConstSub (ConstLabel "first", ConstThis), Const 4L))"#,
    ),
    (
        "Long",
        r#"Long (ConstSub (ConstLabel ".Lend", ConstLabel "first"))"#,
    ),
    ("Quad", "Quad (Const 0x7FFF_FFFF_FFFF_FFFFL)"),
    ("Quad", "Quad (Const (-0x8000_0000_0001L))"),
    (
        "Quad",
        r#"Quad (ConstAdd (ConstLabel "elsewhere", Const 16L))"#,
    ),
    ("Space", "Space 3"),
    ("Align", "Align (true, 8)"),
    (
        "Comment",
        r#"Comment "in words, with \"quotes\" and ; signs""#,
    ),
    ("NewLabel", r#"NewLabel (".Lend", NONE)"#),
    (
        "Set",
        r#"Set ("length", ConstSub (ConstLabel ".Lend", ConstLabel "first"))"#,
    ),
    ("Quad", r#"Quad (ConstLabel "length")"#),
    (
        "Section",
        r#"Section ([".rodata.cst8"], Some "aM", ["@progbits"; "8"])"#,
    ),
    (
        "Section",
        r#"Section ([".text.caml.f"], Some "ax", ["@progbits"])"#,
    ),
    ("Section", r#"Section ([".text"], None, [])"#),
    ("Align", "Align (false, 16)"),
    ("Type", r#"Type ("f", "@function")"#),
    ("NewLabel", r#"NewLabel ("f", NONE)"#),
    ("Cfi_startproc", "Cfi_startproc"),
    ("Loc", "Loc (1, 10, 3)"),
    ("Ins", "Ins (SUB (Imm 8L, Reg64 RSP))"),
    ("Cfi_adjust_cfa_offset", "Cfi_adjust_cfa_offset 8"),
    ("Loc", "Loc (1, 11, -1)"),
    ("Ins", r#"Ins (CALL (Sym "f"))"#),
    ("Cfi_remember_state", "Cfi_remember_state"),
    ("Cfi_def_cfa_register", r#"Cfi_def_cfa_register "rbx""#),
    ("Ins", "Ins NOP"),
    ("Cfi_def_cfa_offset", "Cfi_def_cfa_offset 16"),
    ("Ins", "Ins NOP"),
    ("Cfi_restore_state", "Cfi_restore_state"),
    ("Ins", "Ins RET"),
    ("Cfi_endproc", "Cfi_endproc"),
    ("Type", r#"Type ("first", "@object")"#),
    (
        "Size",
        r#"Size ("f", ConstSub (ConstThis, ConstLabel "f"))"#,
    ),
    (
        "Section",
        r#"Section ([".note.GNU-stack"], Some "", ["%progbits"])"#,
    ),
];

/// Lines for Microsoft's assembler, and for macOS.
const FOREIGN: [&str; 5] = [
    "External",
    "Mode386",
    "Model",
    "Indirect_symbol",
    "Private_extern",
];

/// The constructors of the type `name` in an interface, with the types of their arguments.
fn constructors(interface: &str, name: &str) -> Vec<(String, Vec<String>)> {
    let start = format!("type {name} =");
    let (_, body) = interface.split_once(&start).expect("the type");
    let body = body.split("\ntype ").next().unwrap_or_default();
    let mut text = String::new();
    let mut rest = body;
    while let Some((before, comment)) = rest.split_once("(*") {
        text.push_str(before);
        rest = comment.split_once("*)").expect("the comment's end").1;
    }
    text.push_str(rest);
    let cases = text
        .split('|')
        .map(str::trim)
        .filter(|case| !case.is_empty());
    let read = |case: &str| match case.split_once(" of ") {
        None => (case.to_owned(), Vec::new()),
        Some((name, arguments)) => {
            let arguments = arguments.split('*').map(|word| word.trim().to_owned());
            (name.trim().to_owned(), arguments.collect())
        }
    };
    cases.map(read).collect()
}

/// The OCaml program that prints every instruction of the compiler that has this `x86_ast.mli`.
fn program(interface: &str) -> String {
    let used: Vec<&str> = OPERANDS
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .collect();
    for (operand, _) in constructors(interface, "arg") {
        // `memory` makes those.
        assert!(
            operand == "Mem" || used.contains(&&operand[..]),
            "{operand} is a new kind of operand"
        );
    }
    let few = OPERANDS.split("(* mark *)").next().unwrap_or_default();
    let mut text = format!("{HEAD}let operands = [{OPERANDS}]\nlet few = [{few}]\nlet () =\n");
    for (name, arguments) in constructors(interface, "instruction") {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let _ = match arguments[..] {
            [] => writeln!(text, "  print {name};"),
            ["arg"] => writeln!(text, "  one operands (fun a -> {name} a);"),
            ["arg", "arg"] => writeln!(text, "  two operands (fun a b -> {name} (a, b));"),
            ["arg", "arg option"] => writeln!(
                text,
                "  one operands (fun a -> {name} (a, None));\n  two operands (fun a b -> {name} (a, Some b));"
            ),
            [kind, ref rest @ ..] => {
                for (condition, arguments) in constructors(interface, kind) {
                    assert!(arguments.is_empty(), "{name} of {condition}");
                    let _ = match rest {
                        ["arg"] => {
                            writeln!(text, "  one operands (fun a -> {name} ({condition}, a));")
                        }
                        ["arg", "arg"] => {
                            writeln!(text, "  two few (fun a b -> {name} ({condition}, a, b));")
                        }
                        _ => panic!("{name} has new kinds of arguments"),
                    };
                }
                Ok(())
            }
        };
    }
    text.push_str("  ()\n");
    text
}

/// The compiler's `x86_ast.mli`.
fn interface() -> String {
    let path = standard_library().join("compiler-libs/x86_ast.mli");
    std::fs::read_to_string(path).expect("compiler-libs")
}

/// What an OCaml program that uses the compiler's own modules prints.
fn output(directory: &Path, program: &str) -> String {
    std::fs::write(directory.join("print.ml"), program).expect("a program");
    let libraries = ["ocamlcommon.cmxa", "ocamloptcomp.cmxa"];
    let made = Command::new(ocamlopt())
        .args(["-I", "+compiler-libs", "-w", "-a"])
        .args(libraries)
        .args(["print.ml", "-o", "print"])
        .current_dir(directory)
        .output()
        .expect("ocamlopt starts");
    let messages = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{messages}");
    let printed = Command::new(directory.join("print")).output();
    let printed = printed.expect("the program starts");
    assert!(printed.status.success());
    String::from_utf8(printed.stdout).expect("ASCII")
}

/// Whether this crate refuses on purpose what GNU as takes: the printer can be made to print it, and no code generator of
/// OCaml's does. GNU as guesses, cuts down or corrects there.
fn is_refused(line: &str, kind: &AssembleErrorKind) -> bool {
    let (mnemonic, operands) = line.split_once('\t').unwrap_or((line, ""));
    match kind {
        AssembleErrorKind::AmbiguousWidth => true,
        AssembleErrorKind::ValueOutOfRange(_) => operands.starts_with('$'),
        // From memory to memory these are instructions on strings, for GNU as.
        AssembleErrorKind::UnknownMnemonic(_) => ["movs", "cmps"].contains(&mnemonic),
        AssembleErrorKind::InvalidOperands => {
            let shift = ["sal", "sar", "shr"].contains(&&mnemonic[..3]);
            operands.starts_with("$sym")
                || (shift && operands.starts_with("%ecx"))
                || operands.ends_with("%st(3), %st(0)")
        }
        _ => false,
    }
}

#[test]
fn every_instruction_of_the_compilers_own_printer_is_encoded_like_gnu_as_does() {
    let (Some(_), Some(_)) = (require("ocamlopt"), require("as")) else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let text = output(directory.path(), &program(&interface()));
    let lines = text.lines().filter(|line| !line.starts_with("\t.file"));
    let lines: Vec<String> = lines.map(|line| line.trim_start().to_owned()).collect();
    let all: Vec<&String> = lines.iter().collect();
    // The first line of the file is a directive.
    let refused: BTreeSet<usize> = gnu_as_errors(directory.path(), &file(&all))
        .into_iter()
        .map(|number| number - 2)
        .collect();
    let (mut both, mut failures) = (Vec::new(), Vec::new());
    for (number, line) in lines.iter().enumerate() {
        match (assemble(&format!("\t{line}\n")), refused.contains(&number)) {
            (Ok(_), false) => both.push(line),
            // The rounding mode as a part of the name, which only an assembler in the compiler was meant to read.
            (Ok(_), true) if line.starts_with("roundsd.") => {}
            (Ok(_), true) => failures.push(format!("{line}: accepted, GNU as refuses it")),
            (Err(error), false) if !is_refused(line, &error.kind) => {
                failures.push(format!("{line}: {}", error.kind));
            }
            (Err(_), _) => {}
        }
    }
    for chunk in both.chunks(256) {
        compare(directory.path(), chunk, &mut failures);
    }
    println!("{} lines, {} accepted by both", lines.len(), both.len());
    let shown = failures.iter().take(40).cloned().collect::<Vec<_>>();
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        shown.join("\n")
    );
    assert!(both.len() > 5000, "only {} lines compared", both.len());
}

#[test]
fn every_kind_of_line_of_the_compilers_own_printer_means_what_it_means_to_gnu_as() {
    let (Some(_), Some(_)) = (require("ocamlopt"), require("as")) else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let kinds: BTreeSet<String> = constructors(&interface(), "asm_line")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    for kind in &kinds {
        let known = LINES.iter().any(|(name, _)| name == kind) || FOREIGN.contains(&&kind[..]);
        assert!(known, "{kind} is a new kind of line");
    }
    let lines = LINES.iter().filter(|(kind, _)| kinds.contains(*kind));
    let lines: Vec<&str> = lines.map(|(_, line)| *line).collect();
    let lines = lines.join("; ");
    let program = format!("open X86_ast\nlet () = X86_gas.generate_asm stdout [{lines}]\n");
    let text = output(directory.path(), &program);
    let theirs = gnu_as(directory.path(), &text).expect("GNU as understands it");
    let ours = assemble(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let difference = difference(&ours.to_elf(), &theirs);
    assert!(
        difference.is_none(),
        "{}\n{text}",
        difference.unwrap_or_default()
    );
}
