//! Preprocessors and an application's own modules: named on the command line, required as libraries, carried.

use std::fs;

use saddlebag_tests::{Jail, Sandbox, installed_libraries, ocaml, saddlebag};

const SHOWN: &str = "type t = { a : int; b : string list } [@@deriving show { with_path = false }]\n\
                     let () = print_string (show { a = 1; b = [\"x\"] })\n";

const SHOWN_OUTPUT: &str = "{ a = 1; b = [\"x\"] }";

#[test]
fn a_ppx_library_that_is_required_rewrites_the_source() {
    if !installed_libraries(&["ppx_deriving.show"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write(
        "main.ml",
        format!("#require \"ppx_deriving.show\";;\n{SHOWN}"),
    );
    sandbox.write("util.ml", "let name = \"util\"\n");
    let run = |arguments: &[&str]| sandbox.saddlebag(arguments).run();
    run(&["run", "main.ml"])
        .code(0)
        .prints(SHOWN_OUTPUT)
        .is_quiet();
    run(&["run", "util.ml", "main.ml"])
        .code(0)
        .prints(SHOWN_OUTPUT);
    run(&["build", "main.ml", "-o", "built"]).code(0);
    run(&["load", "built"]).code(0).prints(SHOWN_OUTPUT);
    sandbox.write("wrong.ml", "\ntype t = int [@@deriving nothing_known]\n");
    run(&["check", "--require", "ppx_deriving.show", "wrong.ml"])
        .code(1)
        .says(&[
            "File \"wrong.ml\", line 2, characters 25-38:",
            "nothing_known",
        ]);
    sandbox.write("typed.ml", format!("{SHOWN}let (_ : string) = show 1\n"));
    run(&["check", "--require", "ppx_deriving.show", "typed.ml"])
        .code(1)
        .says(&["File \"typed.ml\", line 3, characters 24-25:"]);
}

#[test]
fn a_root_with_nothing_uses_the_rewriter_and_the_modules_that_are_carried() {
    if !installed_libraries(&["ppx_deriving.show"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let module = sandbox.write(
        "dsl.ml",
        "let count = ref 0\nlet rule name = incr count; Printf.printf \"%s %d.\" name !count\n",
    );
    let interface = sandbox.write("dsl.mli", "val rule : string -> unit\n");
    let embed = |command: saddlebag_tests::Command| {
        command
            .args(["--require", "ppx_deriving.show", "--module"])
            .arg(&interface)
            .arg("--module")
            .arg(&module)
    };
    let Some(jail) = Jail::embedding(embed) else {
        return;
    };
    let required = format!("#require \"ppx_deriving.show\";;\n{SHOWN}let () = Dsl.rule \"r\"\n");
    fs::write(jail.path("main.ml"), required).unwrap();
    let outcome = jail.saddlebag(["run", "main.ml"]).run();
    outcome
        .code(0)
        .prints(&format!("{SHOWN_OUTPUT}r 1."))
        .is_quiet();
    fs::write(
        jail.path("plain.ml"),
        "let () = Dsl.rule \"a\"; Dsl.rule \"b\"\n",
    )
    .unwrap();
    let outcome = jail.saddlebag(["run", "plain.ml"]).run();
    outcome.code(0).prints("a 1.b 2.").is_quiet();
    fs::write(jail.path("hidden.ml"), "let () = print_int !Dsl.count\n").unwrap();
    let outcome = jail.saddlebag(["check", "hidden.ml"]).run();
    outcome.code(1).says(&["Unbound value Dsl.count"]);
}

#[test]
fn modules_to_be_carried_are_checked_when_they_are_embedded() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("dsl.ml", "\nlet rule : int = \"text\"\n");
    let embed = sandbox.saddlebag(["embed", "-o", "out", "--module", "dsl.ml"]);
    let outcome = embed.arg(saddlebag()).run();
    outcome
        .code(1)
        .says(&["File \"dsl.ml\", line 2, characters 17-23:"]);
    assert!(!sandbox.path("out").exists());
}

/// A rewriter as `Ast_mapper.run_main` makes them: it adds one to each integer.
const MAPPER: &str = "\
open Ast_mapper
open Parsetree
let expr mapper e = match e.pexp_desc with
  | Pexp_constant (Pconst_integer (n, None)) ->
    { e with pexp_desc = Pexp_constant (Pconst_integer (string_of_int (int_of_string n + 1), None)) }
  | _ -> default_mapper.expr mapper e
let () = run_main (fun _ -> { default_mapper with expr })
";

#[test]
fn a_rewriter_that_knows_the_compilers_own_protocol_alone_is_left_to_the_compiler() {
    if !ocaml() || saddlebag_tests::ocaml_is_at_least(5, 0) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("rewriter/mapper.ml", MAPPER);
    let compile = sandbox
        .ocamlopt(["-I", "+compiler-libs", "ocamlcommon.cmxa", "mapper.ml"])
        .args(["-o", "it's a ppx"])
        .current_dir(sandbox.path("rewriter"));
    compile.leaving_files().run().code(0);
    sandbox.write("main.ml", "let () = print_int (Util.two + 10)\n");
    sandbox.write("util.ml", "let two = 2\n");
    for command in [
        &["run", "util.ml", "main.ml"][..],
        &["run", "--find-dependencies", "main.ml"],
    ] {
        let outcome = sandbox
            .saddlebag(command)
            .arg("--ppx")
            .arg(sandbox.path("rewriter/it's a ppx"))
            .run();
        outcome.code(0).prints("14").is_quiet();
    }
}
