//! What `run` and `load` pass to a plugin and from it: arguments, streams, exit statuses.

use saddlebag_tests::{Sandbox, ocaml};

const ARGUMENTS: &str = "let () = Array.iteri (Printf.printf \"%d=%s\\n\") Sys.argv\n";

#[test]
fn a_plugin_sees_its_name_and_its_arguments() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("main.ml", ARGUMENTS);
    let arguments = ["--", "a", "-b", "--help", "with space", "$x", "", "--"];
    let expected = "1=a\n2=-b\n3=--help\n4=with space\n5=$x\n6=\n7=--\n";
    let outcome = sandbox.saddlebag(["run", "main.ml"]).args(arguments).run();
    outcome.code(0).prints(&format!("0=main.ml\n{expected}"));
    sandbox
        .saddlebag(["build", "main.ml", "-o", "out"])
        .run()
        .code(0);
    let outcome = sandbox.saddlebag(["load", "out"]).args(arguments).run();
    outcome.code(0).prints(&format!("0=out\n{expected}"));
    sandbox
        .saddlebag(["run", "-"])
        .input(ARGUMENTS)
        .run()
        .code(0)
        .prints("0=stdin.ml\n");
}

#[test]
fn the_exit_status_of_the_plugin_is_passed_through() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    for (call, status) in [
        ("0", 0),
        ("1", 1),
        ("2", 2),
        ("42", 42),
        ("255", 255),
        ("256", 0),
        ("(-1)", 255),
    ] {
        let program = format!(
            "let () = print_string \"said\"; at_exit (fun () -> print_string \" bye\"); exit {call}\n"
        );
        sandbox
            .saddlebag(["run", "-"])
            .input(program)
            .run()
            .code(status)
            .prints("said bye")
            .is_quiet();
    }
    sandbox.write("seven.ml", "let () = exit 7\n");
    sandbox
        .saddlebag(["build", "seven.ml", "-o", "seven"])
        .run()
        .code(0);
    sandbox.saddlebag(["load", "seven"]).run().code(7);
}

#[test]
fn exit_cannot_be_caught_by_a_handler_for_exceptions() {
    if !ocaml() {
        return;
    }
    let program = "let () = try exit 3 with _ -> print_endline \"caught\"\n";
    Sandbox::new()
        .saddlebag(["run", "-"])
        .input(program)
        .run()
        .code(3)
        .prints_nothing();
}

#[test]
fn an_exception_nobody_catches_is_a_failure_in_the_words_of_ocaml() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    for (raise, message) in [
        (
            "failwith \"boom\"",
            "Fatal error: exception Failure(\"boom\")",
        ),
        ("raise Not_found", "Fatal error: exception Not_found"),
        (
            "ignore (1 / (Array.length Sys.argv - 1))",
            "Fatal error: exception Division_by_zero",
        ),
        (
            "assert (Array.length Sys.argv = 9)",
            "File \"raising.ml\", line 1, characters 27-33: Assertion failed",
        ),
        ("raise Exit", "Fatal error: exception Stdlib.Exit"),
    ] {
        sandbox.write(
            "raising.ml",
            format!("let () = print_string \"x\"; {raise}\n"),
        );
        let outcome = sandbox.saddlebag(["run", "raising.ml"]).run();
        outcome
            .code(1)
            .prints("x")
            .says(&[message])
            .does_not_say(&["saddlebag", "Dynlink"]);
    }
}

#[test]
fn an_exception_of_the_plugins_own_has_the_name_it_has_in_a_program() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write(
        "main.ml",
        "exception Mine of int\nlet () = raise (Mine 4)\n",
    );
    let outcome = sandbox.saddlebag(["run", "main.ml"]).run();
    outcome
        .code(1)
        .says(&["Fatal error: exception Main.Mine(4)"]);
}

#[test]
fn the_backtrace_of_an_exception_names_the_users_lines() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("deep.ml", "let fail () =\n  failwith \"deep\"\n");
    sandbox.write(
        "main.ml",
        "let rec f n = if n = 0 then Deep.fail () else 1 + f (n - 1)\n\nlet () = print_int (f 2)\n",
    );
    let outcome = sandbox.saddlebag(["run", "deep.ml", "main.ml"]).run();
    outcome.code(1).does_not_say(&["Called from"]);
    let traced = sandbox.saddlebag(["run", "deep.ml", "main.ml"]);
    let outcome = traced.env("OCAMLRUNPARAM", "b").run();
    outcome
        .code(1)
        .says(&["in file \"main.ml\", line 3, characters 19-24"]);
    outcome.says(&["in file \"main.ml\", line 1, characters 50-"]);
}

#[test]
fn standard_input_is_the_plugins() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("lines.ml", "let () = try while true do print_endline (\"<\" ^ read_line () ^ \">\") done with End_of_file -> ()\n");
    let outcome = sandbox
        .saddlebag(["run", "lines.ml"])
        .input("one\ntwo\n")
        .run();
    outcome.code(0).prints("<one>\n<two>\n").is_quiet();
    sandbox
        .saddlebag(["build", "lines.ml", "-o", "lines"])
        .run()
        .code(0);
    sandbox
        .saddlebag(["load", "lines"])
        .input("three")
        .run()
        .code(0)
        .prints("<three>\n");
}

#[test]
fn a_plugin_that_does_not_read_its_input_leaves_it_for_the_next_program() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("deaf.ml", "let () = print_endline \"deaf\"\n");
    sandbox.write("input", "untouched\n");
    let script = "\"$@\" < input && { \"$@\"; cat; } < input";
    let saddlebag = saddlebag_tests::saddlebag();
    let outcome = sandbox
        .command("sh")
        .args(["-c", script, "sh"])
        .arg(saddlebag)
        .args(["run", "deaf.ml"])
        .run();
    outcome.code(0).prints("deaf\ndeaf\nuntouched\n");
}

#[test]
fn what_the_plugin_prints_keeps_to_its_streams_and_its_order() {
    if !ocaml() {
        return;
    }
    let program = "let () = print_string \"out1 \"; prerr_string \"err1 \"; print_string \"out2\"; prerr_string \"err2\"\n";
    let outcome = Sandbox::new().saddlebag(["run", "-"]).input(program).run();
    outcome.code(0).prints("out1 out2");
    assert_eq!(outcome.stderr(), "err1 err2");
}

#[test]
fn what_is_printed_without_flush_comes_before_what_the_command_says_of_the_exception() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("last.ml", "let () = print_string \"first;\"; at_exit (fun () -> print_string \"second;\"); failwith \"third\"\n");
    let command = [
        saddlebag_tests::saddlebag().as_os_str(),
        "run".as_ref(),
        "last.ml".as_ref(),
    ];
    let outcome = sandbox
        .command("sh")
        .args(["-c", "\"$@\" 2>&1", "sh"])
        .args(command)
        .run();
    outcome.code(1);
    assert!(
        outcome
            .stdout()
            .starts_with("first;second;Fatal error: exception Failure(\"third\")"),
        "{outcome}"
    );
}

#[test]
fn check_and_build_run_nothing_of_the_plugin() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("loud.ml", "let () = print_endline \"loud\"; exit 5\n");
    sandbox
        .saddlebag(["check", "loud.ml"])
        .run()
        .code(0)
        .prints_nothing()
        .is_quiet();
    sandbox
        .saddlebag(["build", "loud.ml", "-o", "loud.cmxs"])
        .run()
        .code(0)
        .prints_nothing()
        .is_quiet();
    assert_eq!(sandbox.list(""), ["loud.cmxs", "loud.ml"]);
    sandbox
        .saddlebag(["load", "loud.cmxs"])
        .run()
        .code(5)
        .prints("loud\n");
}

#[test]
fn a_program_ends_with_its_main_thread_and_at_exit_comes_last() {
    if !ocaml() {
        return;
    }
    let program = "let () = at_exit (fun () -> print_endline \"1\"); at_exit (fun () -> print_endline \"2\")\n\
                   let () = print_endline \"0\"\n";
    Sandbox::new()
        .saddlebag(["run", "-"])
        .input(program)
        .run()
        .code(0)
        .prints("0\n2\n1\n");
}

#[test]
fn a_file_that_build_made_runs_from_anywhere_and_after_its_sources_are_gone() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("here/hello.ml", "let () = print_endline \"hello\"\n");
    sandbox
        .saddlebag(["build", "here/hello.ml", "-o", "made"])
        .run()
        .code(0);
    std::fs::remove_dir_all(sandbox.path("here")).unwrap();
    std::fs::rename(sandbox.path("made"), sandbox.path("moved.plugin")).unwrap();
    let load = sandbox
        .saddlebag(["load"])
        .arg(sandbox.path("moved.plugin"));
    load.current_dir("/").run().code(0).prints("hello\n");
}

#[test]
fn build_leaves_what_was_there_when_the_sources_are_wrong() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("x.ml", "let () = print_endline \"old\"\n");
    sandbox
        .saddlebag(["build", "x.ml", "-o", "x.cmxs"])
        .run()
        .code(0);
    sandbox.write("x.ml", "let () = print_endline 1\n");
    sandbox
        .saddlebag(["build", "x.ml", "-o", "x.cmxs"])
        .run()
        .code(1)
        .prints_nothing();
    sandbox
        .saddlebag(["build", "x.ml", "-o", "y.cmxs"])
        .run()
        .code(1)
        .prints_nothing();
    assert_eq!(sandbox.list(""), ["x.cmxs", "x.ml"]);
    sandbox
        .saddlebag(["load", "x.cmxs"])
        .run()
        .code(0)
        .prints("old\n");
    let nowhere = sandbox
        .saddlebag(["build", "-", "-o", "no/where.cmxs"])
        .input("let () = ()")
        .run();
    nowhere.code(1).says(&["no/where.cmxs", "No such file"]);
}

#[test]
fn load_refuses_what_build_did_not_make_or_what_was_changed_since() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("x.ml", "let () = print_endline \"ran\"\n");
    sandbox
        .saddlebag(["build", "x.ml", "-o", "x.cmxs"])
        .run()
        .code(0);
    let good = std::fs::read(sandbox.path("x.cmxs")).unwrap();
    sandbox
        .saddlebag(["load", "missing"])
        .run()
        .code(1)
        .says(&["cannot read `missing`"]);
    sandbox
        .saddlebag(["load", "x.ml"])
        .run()
        .code(1)
        .says(&["cannot load `x.ml`", "not compiled by this library"]);
    for position in (0..good.len()).step_by(good.len() / 12) {
        let mut bad = good.clone();
        bad[position] ^= 4;
        sandbox.write("bad", &bad);
        let outcome = sandbox.saddlebag(["load", "bad"]).run();
        outcome
            .code(1)
            .prints_nothing()
            .says(&["cannot load `bad`"]);
        sandbox.write("bad", &good[..position]);
        sandbox
            .saddlebag(["load", "bad"])
            .run()
            .code(1)
            .prints_nothing()
            .says(&["cannot load `bad`"]);
    }
}
