//! What a user reads when the compiler does not like the sources.

use saddlebag_tests::{Outcome, Sandbox, ocaml, ocaml_is_at_least};
use serde_json::{Value, json};

/// The objects on standard error, one a line.
fn messages(outcome: &Outcome) -> Vec<Value> {
    let parse = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{outcome}"))
    };
    outcome.stderr().lines().map(parse).collect()
}

#[test]
fn a_type_error_is_shown_with_its_line_underlined() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write(
        "bad.ml",
        "let x = 1\nlet () = print_endline (\"the total is \" ^ x)\n",
    );
    let outcome = sandbox.saddlebag(["run", "bad.ml"]).run();
    outcome.code(1).prints_nothing();
    if ocaml_is_at_least(5, 4) {
        insta::assert_snapshot!(outcome.stderr(), @r#"
        File "bad.ml", line 2, characters 42-43:
        2 | let () = print_endline ("the total is " ^ x)
                                                      ^
        Error: The value x has type int but an expression was expected of type string
        "#);
    } else if ocaml_is_at_least(5, 2) {
        insta::assert_snapshot!(outcome.stderr(), @r#"
        File "bad.ml", line 2, characters 42-43:
        2 | let () = print_endline ("the total is " ^ x)
                                                      ^
        Error: The value "x" has type "int" but an expression was expected of type "string"
        "#);
    } else {
        insta::assert_snapshot!(outcome.stderr(), @r#"
        File "bad.ml", line 2, characters 42-43:
        2 | let () = print_endline ("the total is " ^ x)
                                                      ^
        Error: This expression has type int but an expression was expected of type
               string
        "#);
    }
    let checked = sandbox.saddlebag(["check", "bad.ml"]).run();
    assert_eq!(checked.code(1).prints_nothing().stderr(), outcome.stderr());
}

#[test]
fn a_syntax_error_is_shown_with_what_it_belongs_to() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("bad.ml", "let f x =\n  (x + 1\n\nlet () = f 1\n");
    let outcome = sandbox.saddlebag(["run", "bad.ml"]).run();
    outcome.code(1).prints_nothing();
    outcome.says(&[
        "File \"bad.ml\", line 4, characters 0-3:",
        "Error: Syntax error: ')' expected",
    ]);
    outcome.says(&["line 2, characters 2-3:", "This '(' might be unmatched"]);
}

#[test]
fn an_error_in_any_of_the_files_names_that_file_and_never_a_generated_one() {
    if !ocaml() {
        return;
    }
    for wrong in 0..3 {
        let sandbox = Sandbox::new();
        for (index, name) in ["first", "second", "third"].into_iter().enumerate() {
            let text = if index == wrong {
                "(* é *)\nlet value : string = 1\n"
            } else {
                "let value = 1\n"
            };
            sandbox.write(format!("{name}.ml"), text);
        }
        let outcome = sandbox
            .saddlebag(["run", "first.ml", "second.ml", "third.ml"])
            .run();
        let file = ["first", "second", "third"][wrong];
        outcome
            .code(1)
            .says(&[&format!("File \"{file}.ml\", line 2, characters 21-22:")]);
        assert_eq!(outcome.stderr().matches("File \"").count(), 1, "{outcome}");
        outcome.does_not_say(&["saddlebag-loader", "Saddlebag", "struct"]);
    }
}

#[test]
fn an_implementation_that_does_not_fit_its_interface_is_shown_with_both_places() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("util.mli", "val one : int\nval two : string\n");
    sandbox.write("util.ml", "let one = 1\nlet two = 2\n");
    sandbox.write("main.ml", "let () = ()\n");
    let outcome = sandbox.saddlebag(["run", "util.ml", "main.ml"]).run();
    outcome.code(1).says(&[
        "util.ml",
        "File \"util.mli\", line 2, characters 0-16:",
        "val two : int",
        "val two : string",
    ]);
    outcome.says(&["File \"util.ml\", line 2, characters 4-7:"]);
}

#[test]
fn warnings_are_told_and_do_not_stop_a_program() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write(
        "warned.ml",
        "let f = function Some x -> x\nlet () = print_int (f (Some 1))\n",
    );
    let outcome = sandbox.saddlebag(["run", "warned.ml"]).run();
    outcome.code(0).prints("1").says(&[
        "File \"warned.ml\", line 1, characters 8-28:",
        "Warning 8",
        "not exhaustive",
    ]);
    let outcome = sandbox.saddlebag(["run", "--strict", "warned.ml"]).run();
    outcome
        .code(1)
        .prints_nothing()
        .says(&["Error (warning 8", "not exhaustive"]);
}

#[test]
fn a_program_is_judged_by_the_compilers_own_defaults() {
    if !ocaml() {
        return;
    }
    // Warnings that the compiler has off by default, among them unused values and open statements.
    let program = "open Printf\nlet unused = 1\nlet f x y = x\nlet () = print_int (f 1 2)\n";
    let sandbox = Sandbox::new();
    sandbox
        .saddlebag(["run", "-"])
        .input(program)
        .run()
        .code(0)
        .prints("1")
        .is_quiet();
    sandbox
        .saddlebag(["run", "--strict", "-"])
        .input(program)
        .run()
        .code(1)
        .says(&["unused open Stdlib.Printf"]);
}

#[test]
fn as_json_a_message_is_an_object_on_a_line_of_standard_error() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write(
        "bad.ml",
        "let f = function Some x -> x\nlet () = f None; f (Some 1) ^ \"\"\n",
    );
    let outcome = sandbox
        .saddlebag(["check", "--error-format", "json", "bad.ml"])
        .run();
    outcome.code(1).prints_nothing();
    let messages = messages(&outcome);
    let error = messages
        .iter()
        .find(|message| message["severity"] == "error")
        .expect("an error");
    assert_eq!(error["location"]["file"], "bad.ml");
    assert_eq!(error["location"]["line"], 2);
    assert_eq!(error["location"]["last_line"], 2);
    assert_eq!(error["code"], Value::Null);
    for message in &messages {
        let keys: Vec<&String> = message.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["code", "location", "message", "related", "severity"]);
    }
}

#[test]
fn as_json_a_warning_has_its_number_its_name_and_its_columns_in_bytes() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("warned.ml", "let _ = \"é\" and f = function Some x -> x\n");
    let outcome = sandbox
        .saddlebag(["check", "--error-format", "json", "warned.ml"])
        .run();
    outcome.code(0).prints_nothing();
    let [warning] = &messages(&outcome)[..] else {
        panic!("one warning\n{outcome}")
    };
    assert_eq!(warning["severity"], "warning");
    assert_eq!(warning["code"], "warning 8 [partial-match]");
    let location = json!({ "file": "warned.ml", "line": 1, "last_line": 1, "start_column": 21, "end_column": 41 });
    assert_eq!(warning["location"], location);
}

#[test]
fn as_json_notes_are_related_to_their_error() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("bad.ml", "let () = print_int (1\nlet () = ()\n");
    let outcome = sandbox
        .saddlebag(["check", "--error-format", "json", "bad.ml"])
        .run();
    let [error] = &messages(outcome.code(1))[..] else {
        panic!("one error\n{outcome}")
    };
    assert_eq!(error["related"][0]["location"]["line"], 1);
    assert_eq!(error["related"][0]["location"]["start_column"], 19);
    assert!(
        error["related"][0]["message"]
            .as_str()
            .expect("text")
            .contains("unmatched"),
        "{error}"
    );
}

#[test]
fn colours_are_for_terminals_alone() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("bad.ml", "let () = 1\n");
    let escape = "\u{1b}[";
    let piped = sandbox.saddlebag(["check", "bad.ml"]).run();
    piped.code(1).does_not_say(&[escape]);
    let forced = sandbox
        .saddlebag(["check", "bad.ml"])
        .env("CLICOLOR_FORCE", "1")
        .run();
    forced.code(1).says(&[escape]);
    let refused = sandbox
        .saddlebag(["check", "bad.ml"])
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1")
        .run();
    refused.code(1).does_not_say(&[escape]);
}

#[test]
fn a_terminal_gets_colours_unless_no_color_is_set() {
    if !ocaml() || !saddlebag_tests::has("script") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("bad.ml", "let () = 1\n");
    let saddlebag = saddlebag_tests::saddlebag().display();
    // script(1) gives its child a terminal.
    let line = format!("'{saddlebag}' check bad.ml");
    let script = || {
        sandbox
            .command("script")
            .args(["-q", "-e", "-c", &line, "/dev/null"])
            .env("TERM", "xterm")
    };
    let coloured = script().run();
    assert!(coloured.code(1).stdout().contains("\u{1b}["), "{coloured}");
    let plain = script().env("NO_COLOR", "1").run();
    assert!(!plain.code(1).stdout().contains("\u{1b}["), "{plain}");
}
