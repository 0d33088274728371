//! Plugins in byte code: `--code byte`, and a file that carries nothing but a byte-code compiler.

use std::fs;

use saddlebag_tests::{Jail, Sandbox, byte_standalone, ocaml, saddlebag, standalone};

/// Says which code runs it.
const WHICH: &str = "let () = print_endline (match Sys.backend_type with Sys.Bytecode -> \"byte\" | _ -> \"native\")\n";

#[test]
fn run_and_load_use_the_code_asked_for() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("which.ml", WHICH);
    for (options, code) in [
        (&["--code", "byte"][..], "byte\n"),
        (&["--code", "native"], "native\n"),
        (&[], "native\n"),
    ] {
        sandbox
            .saddlebag(["run"])
            .args(options)
            .arg("which.ml")
            .run()
            .code(0)
            .prints(code)
            .is_quiet();
        sandbox
            .saddlebag(["build", "which.ml", "-o", "out"])
            .args(options)
            .run()
            .code(0)
            .prints_nothing();
        // The file says which code it is in.
        sandbox
            .saddlebag(["load", "out"])
            .run()
            .code(0)
            .prints(code);
    }
}

#[test]
fn a_program_in_byte_code_behaves_as_in_native_code() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("util.mli", "val depth : unit -> string\n");
    let deep = "let rec f n = 1 + f (n + 1)\nlet depth () = try string_of_int (f 0) with Stack_overflow -> \"deep\"\n";
    sandbox.write("util.ml", deep);
    let main = "let seen = ref []\n\
                let add n = Thread.delay 0.001; seen := n :: !seen\n\
                let () = List.iter Thread.join (List.init 4 (Thread.create add))\n\
                let () = at_exit (fun () -> print_endline \"left\")\n\
                let () = Printf.printf \"%s %d %s\\n\" (Util.depth ()) (List.length !seen) Sys.argv.(1)\n\
                let () = if Unix.getpid () > 0 then exit 5\n";
    sandbox.write("main.ml", main);
    for code in ["byte", "native"] {
        let outcome = sandbox
            .saddlebag(["run", "--code", code, "util", "main.ml", "--", "argument"])
            .run();
        outcome.code(5).prints("deep 4 argument\nleft\n").is_quiet();
    }
}

#[test]
fn the_backtrace_of_an_exception_holds_the_plugins_lines_alone() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write(
        "fails.ml",
        "let f x = if x > 0 then failwith \"no\" else x\n\nlet () = print_int (1 + f 2)\n",
    );
    let outcome = sandbox
        .saddlebag(["run", "--code", "byte", "fails.ml"])
        .env("OCAMLRUNPARAM", "b")
        .run();
    outcome.code(1).says(&[
        "Fatal error: exception Failure(\"no\")",
        "in file \"fails.ml\", line 3, characters 24-27",
    ]);
    outcome.does_not_say(&["unknown location"]);
}

#[test]
fn errors_and_warnings_are_those_of_native_code() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write(
        "wrong.ml",
        "let unused = 1\nlet () = let x = 2 in print_string unused\n",
    );
    let [byte, native] = ["byte", "native"].map(|code| {
        let outcome = sandbox
            .saddlebag(["check", "--code", code, "wrong.ml"])
            .run();
        outcome.code(1).prints_nothing();
        outcome.stderr().into_owned()
    });
    assert_eq!(byte, native);
    assert!(
        byte.contains("File \"wrong.ml\", line 2, characters 35-41"),
        "{byte}"
    );
}

#[test]
fn wasm_is_refused_because_it_cannot_be_loaded() {
    let sandbox = Sandbox::new();
    for command in [
        &["run", "x.ml"][..],
        &["check", "x.ml"],
        &["build", "x.ml", "-o", "out"],
        &["embed", "x", "-o", "y"],
    ] {
        let outcome = sandbox.saddlebag(command).args(["--code", "wasm"]).run();
        outcome
            .code(2)
            .prints_nothing()
            .says(&["code wasm cannot be loaded in process"]);
    }
}

#[test]
fn a_carried_byte_code_compiler_takes_at_most_four_megabytes_and_works_in_an_empty_root() {
    if !ocaml() {
        return;
    }
    let size = |path| fs::metadata(path).unwrap().len();
    let carried = size(byte_standalone()) - size(saddlebag());
    assert!(carried < 4_000_000, "{carried} bytes");
    let Some(jail) = Jail::of_byte_code() else {
        return;
    };
    fs::write(jail.path("which.ml"), WHICH).unwrap();
    fs::write(jail.path("wrong.ml"), "let () = print_endline 1\n").unwrap();
    fs::write(jail.path("main.ml"), "let () = print_int (Other.twice 4)\n").unwrap();
    fs::write(jail.path("other.ml"), "let twice x = x * 2\n").unwrap();
    jail.saddlebag(["run", "which.ml"])
        .run()
        .code(0)
        .prints("byte\n")
        .is_quiet();
    jail.saddlebag(["run", "--find-dependencies", "main.ml"])
        .run()
        .code(0)
        .prints("8");
    jail.saddlebag(["check", "wrong.ml"])
        .run()
        .code(1)
        .says(&["File \"wrong.ml\", line 1, characters 23-24"]);
    jail.saddlebag(["build", "which.ml", "-o", "out"])
        .run()
        .code(0);
    jail.saddlebag(["load", "out"])
        .run()
        .code(0)
        .prints("byte\n");
}

#[test]
fn a_file_that_carries_one_code_says_so_when_it_is_asked_for_the_other() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("which.ml", WHICH);
    for (file, carried, other) in [
        (byte_standalone(), "byte", "native"),
        (standalone(), "native", "byte"),
    ] {
        let run = |options: &[&str]| {
            let command = sandbox
                .command(file)
                .arg("run")
                .args(options)
                .arg("which.ml");
            let command = command
                .env("PATH", "/nonexistent")
                .without("OPAM_SWITCH_PREFIX");
            command
                .without("SADDLEBAG_OCAML")
                .without("OCAMLFIND")
                .run()
        };
        run(&[]).code(0).prints(&format!("{carried}\n"));
        let missing = format!("the carried OCaml compiler makes code {carried}, not {other}");
        run(&["--code", other])
            .code(1)
            .prints_nothing()
            .says(&[&missing, "saddlebag embed --code"]);
        run(&["--code", other, "--toolchain", "embedded"])
            .code(1)
            .prints_nothing();
        // Where a compiler to the other code is installed, it takes the place of the carried one.
        let installed = sandbox
            .command(file)
            .args(["run", "--code", other, "which.ml"])
            .run();
        installed.code(0).prints(&format!("{other}\n"));
    }
}

#[test]
fn files_that_carry_different_compilers_share_directories_without_mixing() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("which.ml", WHICH);
    for _ in 0..2 {
        for (file, carried) in [(byte_standalone(), "byte\n"), (standalone(), "native\n")] {
            let command = sandbox.command(file).args([
                "run",
                "--persistent-archive",
                "files",
                "--cache",
                "cache",
            ]);
            command
                .arg("which.ml")
                .run()
                .code(0)
                .prints(carried)
                .is_quiet();
        }
    }
}

#[test]
fn the_toolchain_named_on_the_command_line_goes_before_those_of_the_environment() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let prefix = sandbox.path("prefix");
    fs::create_dir_all(prefix.join("bin")).unwrap();
    let compiler = sandbox.ocamlopt(["-config-var", "standard_library"]).run();
    let library = compiler.code(0).stdout().trim().to_owned();
    let place = sandbox.installed("ocamlc").expect("a byte-code compiler");
    std::os::unix::fs::symlink(place, prefix.join("bin/ocamlc")).unwrap();
    for path in [
        prefix.clone(),
        prefix.join("bin"),
        prefix.join("bin/ocamlc"),
    ] {
        let json = sandbox
            .saddlebag(["conf", "--json", "--ocaml"])
            .arg(&path)
            .run()
            .code(0)
            .json();
        assert_eq!(
            (&json["toolchain"], &json["codes"]),
            (&"system".into(), &serde_json::json!(["byte"]))
        );
        assert!(
            json["origin"].as_str().unwrap().contains("prefix/bin"),
            "{json}"
        );
        assert_eq!(json["config"]["standard_library"], library);
        let why = json["no_compile_worker"].as_str().unwrap_or_default();
        assert!(why.contains("no driver that stays"), "{json}");
    }
    let nowhere = sandbox
        .saddlebag(["run", "--ocaml", "/nowhere", "which.ml"])
        .run();
    nowhere
        .code(1)
        .prints_nothing()
        .says(&["no OCaml compiler in the compiler given, `/nowhere`"]);
    let both = sandbox
        .saddlebag(["conf", "--ocaml", "/nowhere", "--toolchain", "embedded"])
        .run();
    both.code(2).prints_nothing();
}
