//! `--assembler`: what is assembled and linked in the command's own process, and what cannot be.

use saddlebag_tests::{Sandbox, ocaml};

#[test]
fn what_needs_a_linker_is_named_where_none_may_run() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("main.ml", "let () = print_string \"ran\"\n");
    let run = |assembler: &str, options: &[&str]| {
        let command = sandbox.saddlebag(["run", "--assembler", assembler]);
        command.args(options).arg("main.ml").run()
    };
    let linked = ["--cmxs-flag", "-ccopt", "--cmxs-flag", "-lm"];
    run("internal", &[]).code(0).prints("ran").is_quiet();
    run("internal", &linked)
        .code(1)
        .prints_nothing()
        .says(&["`-lm` needs a linker", "--assembler auto"]);
    for assembler in ["auto", "external"] {
        run(assembler, &linked).code(0).prints("ran").is_quiet();
    }
    // What the sources lack, no linker has.
    sandbox.write("main.ml", "let () = print_string 1\n");
    run("internal", &linked)
        .code(1)
        .says(&["File \"main.ml\", line 1", "has type"]);
}

#[test]
fn a_plugin_sees_the_same_callers_whatever_assembled_it() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let source = "let[@inline never] rec calls n =
  if n > 0 then 1 + calls (n - 1)
  else begin
    print_string (Printexc.raw_backtrace_to_string (Printexc.get_callstack 50));
    0
  end
let _ = calls 2
let _ = try calls 1 / 0 with Division_by_zero -> Printexc.print_backtrace stdout; 0
";
    sandbox.write("main.ml", source);
    let run = |assembler: &str| {
        let command = sandbox.saddlebag(["run", "--assembler", assembler, "main.ml"]);
        let outcome = command.env("OCAMLRUNPARAM", "b").run();
        outcome.code(0).is_quiet().stdout().into_owned()
    };
    let internal = run("internal");
    assert!(internal.contains("Called from Main"), "{internal}");
    assert_eq!(run("external"), internal);
}
