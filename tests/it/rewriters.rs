//! Preprocessors and an application's own modules: named on the command line, required as libraries, carried.

use std::fs;

use saddlebag_tests::{Jail, Sandbox, installed_libraries, ocaml, saddlebag};

use crate::ppx;

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
    // A kit for byte code has no native compiler to make the preprocessor with.
    run(&["run", "--code", "byte", "main.ml"])
        .code(0)
        .prints(SHOWN_OUTPUT)
        .is_quiet();
    run(&["run", "util.ml", "main.ml"])
        .code(0)
        .prints(SHOWN_OUTPUT);
    run(&["build", "main.ml", "-o", "built"]).code(0);
    run(&["load", "built"]).code(0).prints(SHOWN_OUTPUT);
    // What the preprocessor writes mentions files, which may require it themselves.
    let shape = format!("#require \"ppx_deriving.show\"\n{SHOWN}");
    sandbox.write("shape.ml", shape);
    let deep = "let () = print_string ([%show: Shape.t] { Shape.a = 2; b = [] })\n";
    sandbox.write("deep.ml", deep);
    let expected = format!("{SHOWN_OUTPUT}{{ a = 2; b = [] }}");
    let require = ["--require", "ppx_deriving.show", "deep.ml"];
    run(&[&["run", "--find-dependencies"][..], &require].concat())
        .code(0)
        .prints(&expected);
    sandbox.write("deep.ml", format!("#require \"ppx_deriving.show\"\n{deep}"));
    run(&["run", "--find-dependencies", "deep.ml"])
        .code(0)
        .prints(&expected);
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
fn a_kept_driver_that_has_changed_is_made_again() {
    if !installed_libraries(&["ppx_deriving.show"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("main.ml", SHOWN);
    let cache = sandbox.path("cache");
    let run = || {
        let command = sandbox.saddlebag(["run", "--require", "ppx_deriving.show", "main.ml"]);
        command.env("XDG_CACHE_HOME", &cache).run()
    };
    run().code(0).prints(SHOWN_OUTPUT);
    let kept = || -> Vec<_> {
        let entries = fs::read_dir(cache.join("saddlebag/libraries")).expect("a directory");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths
            .filter(|path| {
                path.file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with("ppx-"))
            })
            .collect()
    };
    let drivers = kept();
    assert_eq!(drivers.len(), 1);
    let whole = fs::read(&drivers[0]).expect("readable");
    // Another program, and the driver with a byte changed.
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    for other in [b"#!/bin/sh\ncat\n".as_slice(), &changed] {
        fs::write(&drivers[0], other).expect("writable");
        run().code(0).prints(SHOWN_OUTPUT).is_quiet();
        assert_eq!(kept(), drivers);
        assert_eq!(fs::read(&drivers[0]).expect("readable").len(), whole.len());
    }
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

#[test]
fn a_rewriter_that_knows_the_compilers_own_protocol_alone_is_left_to_the_compiler() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let text = format!(
        "{}let () = Ast_mapper.run_main (fun _ -> mapper)\n",
        ppx::MAPPER
    );
    let rewriter = ppx::program(&sandbox, "it's a ppx", &text);
    sandbox.write("main.ml", "let () = say Util.text\n");
    sandbox.write("util.ml", "let text = \"said\"\n");
    for command in [
        &["run", "util.ml", "main.ml"][..],
        &["run", "--find-dependencies", "main.ml"],
    ] {
        let outcome = sandbox.saddlebag(command).arg("--ppx").arg(&rewriter).run();
        outcome.code(0).prints("said").is_quiet();
    }
}

#[test]
fn dependencies_are_those_of_the_rewritten_sources() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    // What the driver writes is the only thing that names `Util`.
    let text = ppx::driver_text().replace(
        "Longident.Lident \"print_string\"",
        "Option.get (Longident.unflatten [ \"Util\"; \"print\" ])",
    );
    let rewriter = ppx::program(&sandbox, "driver.exe", &text);
    sandbox.write("main.ml", "let () = say \"said\"\n");
    sandbox.write(
        "util.ml",
        "let print text = print_string (text ^ \" by Util\")\n",
    );
    let run = |options: &[&str]| {
        let command = sandbox
            .saddlebag(["run"])
            .args(options)
            .arg("--ppx")
            .arg(&rewriter);
        command.arg("main.ml").run()
    };
    run(&["--find-dependencies"])
        .code(0)
        .prints("said by Util")
        .is_quiet();
    run(&[]).code(1).says(&["Unbound module", "Util"]);
}

#[test]
fn an_executable_is_carried_as_the_preprocessor_of_every_plugin() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let driver = ppx::driver(&sandbox);
    let Some(jail) = Jail::embedding(|embed| embed.arg("--ppx").arg(&driver)) else {
        return;
    };
    // The application's own modules pass through it too, wherever it was named from.
    let text = format!(
        "{}let () = Ast_mapper.run_main (fun _ -> mapper)\n",
        ppx::MAPPER
    );
    ppx::program(&sandbox, "own.exe", &text);
    sandbox.write("driver/dsl.ml", "let () = say \"dsl\"\n");
    let embed = [
        "embed",
        "--level",
        "1",
        "--ppx",
        "./own.exe",
        "--module",
        "dsl.ml",
        "-o",
        "made",
    ];
    let embed = sandbox.saddlebag(embed).arg(saddlebag());
    embed
        .current_dir(sandbox.path("driver"))
        .leaving_files()
        .run()
        .code(0);
    fs::write(jail.path("main.ml"), "let () = say Util.text\n").unwrap();
    fs::write(jail.path("util.ml"), "let text = \"said\"\n").unwrap();
    for arguments in [
        &["run", "util.ml", "main.ml"][..],
        &["run", "--find-dependencies", "main.ml"],
    ] {
        let outcome = jail.saddlebag(arguments).run();
        outcome.code(0).prints("said").is_quiet();
    }
    fs::write(jail.path("wrong.ml"), "\nlet () = say 1\n").unwrap();
    let outcome = jail.saddlebag(["check", "wrong.ml"]).run();
    outcome
        .code(1)
        .says(&["File \"wrong.ml\", line 2, characters 13-14:"]);
}
