//! Plugins that use OCaml libraries: installed ones, and those that an executable carries.

use std::fs;
use std::path::PathBuf;

use saddlebag_tests::{Jail, Sandbox, installed_libraries, ocaml};

/// Libraries, a program that uses them, and what it prints.
const PROGRAMS: &[(&str, &str, &str)] = &[
    (
        "yojson",
        "let () = print_string (Yojson.Safe.to_string (`List [`Int 1; `Null]))",
        "[1,null]",
    ),
    (
        "zarith",
        "let () = print_string (Z.to_string (Z.pow (Z.of_int 2) 100))",
        "1267650600228229401496703205376",
    ),
    (
        "re",
        "let () = print_string (String.concat \"|\" (Re.split (Re.compile (Re.char ',')) \"a,b\"))",
        "a|b",
    ),
    (
        "lwt,lwt.unix",
        "let () = Lwt_main.run (Lwt.bind (Lwt_unix.sleep 0.001) (fun () -> Lwt_io.print \"slept\"))",
        "slept",
    ),
    (
        "base",
        "let () = print_int (Base.List.sum (module Base.Int) [1; 2; 3] ~f:Base.Fn.id)",
        "6",
    ),
    (
        "cmdliner",
        "open Cmdliner\nlet term = Term.(const print_string $ Arg.(value & opt string \"none\" & info [\"say\"]))\n\
         let () = exit (Cmd.eval (Cmd.v (Cmd.info \"main\") term))",
        "none",
    ),
    (
        "str,unix,threads.posix",
        "let () = Thread.join (Thread.create (fun () -> print_int (List.length (Str.split (Str.regexp \"-\") \"a-b\"))) ())\n\
         let () = if Unix.getpid () > 0 then print_string \" words\"",
        "2 words",
    ),
];

fn all_names() -> Vec<&'static str> {
    PROGRAMS
        .iter()
        .flat_map(|(names, ..)| names.split(','))
        .collect()
}

#[test]
fn plugins_use_the_libraries_that_are_installed() {
    if !installed_libraries(&all_names()) {
        return;
    }
    let sandbox = Sandbox::new();
    for (names, text, output) in PROGRAMS {
        // `;;` may follow, as in files that OCaml's toplevel runs.
        sandbox.write("main.ml", format!("#require \"{names}\"\n{text}\n"));
        let outcome = sandbox.saddlebag(["run", "main.ml"]).run();
        outcome.code(0).prints(output).is_quiet();
    }
    let (names, text, output) = PROGRAMS[0];
    sandbox.write("main.ml", text);
    let run = |arguments: &[&str]| sandbox.saddlebag(arguments).run();
    run(&["run", "--require", names, "main.ml"])
        .code(0)
        .prints(output);
    run(&[
        "run",
        "--require",
        names,
        "--assembler",
        "external",
        "main.ml",
    ])
    .code(0)
    .prints(output);
    run(&["build", "--require", names, "main.ml", "-o", "built"]).code(0);
    run(&["load", "built"]).code(0).prints(output).is_quiet();
    for _ in 0..2 {
        run(&["run", "--require", names, "--cache", "kept", "main.ml"])
            .code(0)
            .prints(output);
    }
}

#[test]
fn a_root_with_nothing_uses_the_libraries_that_are_carried() {
    if !installed_libraries(&all_names()) {
        return;
    }
    let Some(jail) = Jail::with_libraries(&all_names()) else {
        return;
    };
    for (names, text, output) in PROGRAMS {
        let text = format!("#require \"{names}\";;\n{text}\n");
        fs::write(jail.path("main.ml"), text).unwrap();
        let outcome = jail.saddlebag(["run", "main.ml"]).run();
        outcome.code(0).prints(output).is_quiet();
    }
    let outcome = jail
        .saddlebag(["run", "--require", "yojsn", "main.ml"])
        .run();
    outcome.code(1).prints_nothing().says(&[
        "the compiler carried here has no library `yojsn`: it carries ",
        "`yojson`",
        "saddlebag embed --require LIB",
    ]);
}

#[test]
fn a_root_with_nothing_uses_carried_libraries_in_byte_code() {
    // OCaml alone, C functions with a shared library of others, and the compiler's own.
    let programs = [PROGRAMS[0], PROGRAMS[1], PROGRAMS[PROGRAMS.len() - 1]];
    let names: Vec<&str> = programs
        .iter()
        .flat_map(|(names, ..)| names.split(','))
        .collect();
    if !installed_libraries(&names) {
        return;
    }
    let embed = |command: saddlebag_tests::Command| {
        command.args(["--code", "byte", "--require", &names.join(",")])
    };
    let Some(jail) = Jail::embedding(embed) else {
        return;
    };
    for (names, text, output) in programs {
        let text = format!("#require \"{names}\";;\n{text}\n");
        fs::write(jail.path("main.ml"), text).unwrap();
        let outcome = jail.saddlebag(["run", "main.ml"]).run();
        outcome.code(0).prints(output).is_quiet();
    }
    // The C functions of what was built are found where the compiler lies next time.
    let (_, text, output) = PROGRAMS[1];
    fs::write(jail.path("main.ml"), text).unwrap();
    let build = ["build", "--require", "zarith", "main.ml", "-o", "built"];
    jail.saddlebag(build).run().code(0).is_quiet();
    jail.saddlebag(["load", "built"])
        .run()
        .code(0)
        .prints(output)
        .is_quiet();
}

/// A library of one module, made by the compiler under test.
fn made(sandbox: &Sandbox, name: &str, requires: &str, text: &str) {
    let meta = format!("requires = \"{requires}\"\narchive(native) = \"{name}.cmxa\"\n");
    let folder = package(sandbox, name, &meta);
    sandbox.write(format!("lib/{name}/{name}.ml"), text);
    let mut compile = sandbox.ocamlopt(["-a", "-o"]).arg(format!("{name}.cmxa"));
    if !requires.is_empty() {
        compile = compile.args(["-I", &format!("../{requires}")]);
    }
    let compile = compile.arg(format!("{name}.ml")).current_dir(&folder);
    compile.leaving_files().run().code(0);
}

#[test]
fn a_script_may_be_called_as_a_unit_of_its_library() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    made(&sandbox, "tool", "", "let number = 41\n");
    made(&sandbox, "plugin", "", "let number = 1\n");
    let library = sandbox.path("lib");
    let text = "#require \"tool,plugin\"\nlet () = print_int (Tool.number + Plugin.number)\n";
    sandbox.write("tool.ml", text);
    sandbox.write("other.ml", "let () = print_string \"other \"\n");
    for (sources, output) in [
        (&["tool.ml"][..], "42"),
        (&["other.ml", "main.ml"], "other 42"),
    ] {
        sandbox.write("main.ml", text);
        let run = sandbox.saddlebag(["run"]).args(sources);
        let outcome = run.env("OCAMLPATH", &library).run();
        outcome.code(0).prints(output).is_quiet();
    }
    let embed = |command: saddlebag_tests::Command| {
        command
            .args(["--require", "tool,plugin"])
            .env("OCAMLPATH", &library)
    };
    let Some(jail) = Jail::embedding(embed) else {
        return;
    };
    fs::write(jail.path("tool.ml"), text).unwrap();
    let outcome = jail.saddlebag(["run", "tool.ml"]).run();
    outcome.code(0).prints("42").is_quiet();
}

#[test]
fn what_a_library_requires_has_types_and_is_not_in_scope() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    made(&sandbox, "below", "", "type t = { number : int }\n");
    made(
        &sandbox,
        "above",
        "below",
        "let make number = { Below.number }\nlet twice t = 2 * t.Below.number\n",
    );
    // A library that is in scope beside: the same interfaces are hidden for one and seen for the other.
    let library = sandbox.path("lib");
    let embed = |command: saddlebag_tests::Command| {
        command
            .args(["--require", "above"])
            .env("OCAMLPATH", &library)
    };
    let Some(jail) = Jail::embedding(embed) else {
        return;
    };
    let typed = "let t = Above.make 21\nlet () = print_int (Above.twice t + t.number - 21)\n";
    let named = "let t : Below.t = Above.make 21\nlet () = print_int t.number\n";
    let run = |text: &str| {
        sandbox.write("main.ml", text);
        fs::write(jail.path("main.ml"), text).unwrap();
        let installed = sandbox
            .saddlebag(["run", "--require", "above", "main.ml"])
            .env("OCAMLPATH", &library);
        [
            installed.run(),
            jail.saddlebag(["run", "--require", "above", "main.ml"])
                .run(),
        ]
    };
    for outcome in run(typed) {
        outcome.code(0).prints("42").is_quiet();
    }
    for outcome in run(named) {
        // Compilers know `-H` since OCaml 5.2.
        match saddlebag_tests::ocaml_is_at_least(5, 2) {
            true => outcome.code(1).says(&["Unbound module", "Below"]),
            false => outcome.code(0).prints("21"),
        };
    }
    let both = sandbox.saddlebag(["run", "--require", "below,above", "main.ml"]);
    both.env("OCAMLPATH", &library)
        .run()
        .code(0)
        .prints("21")
        .is_quiet();
}

#[test]
fn what_embed_carries_is_told_by_library() {
    if !installed_libraries(&["zarith"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let embed = sandbox.saddlebag(["embed", "--require", "zarith", "--level", "1", "--json"]);
    let outcome = embed
        .arg(saddlebag_tests::saddlebag())
        .args(["-o", "carrier"])
        .run();
    let made = outcome.code(0).json();
    assert_eq!(made["libraries"][0]["name"], "zarith");
    assert!(
        made["libraries"][0]["bytes"].as_u64() > Some(100_000),
        "{made}"
    );
    let list = sandbox.saddlebag(["archive", "list", "carrier"]).run();
    let listed = list.code(0).stdout();
    for file in [
        "libraries/zarith/zarith.cmxs",
        "libraries/zarith/z.cmi",
        "fallback/libgmp.so.10",
    ] {
        assert!(listed.contains(file), "{file}:\n{listed}");
    }
    let metadata = sandbox.saddlebag(["archive", "metadata", "carrier"]).run();
    let metadata = metadata.code(0).stdout().into_owned();
    assert!(metadata.contains("GNU MP: LGPL-3.0-or-later"), "{metadata}");
    let outcome = sandbox
        .saddlebag(["embed", "--require", "zarth", "-o", "none"])
        .arg(saddlebag_tests::saddlebag())
        .run();
    outcome
        .code(1)
        .says(&["library `zarth` not found", "zarith"]);
}

/// A library of findlib's in the sandbox: `NAME/META` with this text, and the directory for its files.
fn package(sandbox: &Sandbox, name: &str, meta: &str) -> PathBuf {
    sandbox.write(format!("lib/{name}/META"), meta);
    sandbox.path(format!("lib/{name}"))
}

#[test]
fn a_library_that_cannot_be_used_is_told_with_what_it_lacks() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    package(&sandbox, "above", "requires = \"absent-one\"\n");
    package(&sandbox, "top", "requires = \"above\"\n");
    package(&sandbox, "bytes-only", "archive(byte) = \"b.cma\"\n");
    sandbox.write("lib/bytes-only/b.cma", "");
    package(&sandbox, "stopped", "error = \"not on a Sunday\"\n");
    package(&sandbox, "hollow", "archive(native) = \"hollow.cmxa\"\n");
    sandbox.write("main.ml", "let () = print_string \"ran\"\n");
    let run = |library: &str| {
        let command = sandbox.saddlebag(["run", "--require", library, "main.ml"]);
        command.env("OCAMLPATH", sandbox.path("lib")).run()
    };
    run("above")
        .code(1)
        .prints_nothing()
        .says(&["library `absent-one` not found, required by `above`"]);
    run("top").code(1).says(&[
        "library `absent-one` not found, required by `above` (top -> above -> absent-one)",
    ]);
    run("abov")
        .code(1)
        .says(&["library `abov` not found", "above"]);
    run("bytes-only").code(1).says(&[
        "the library `bytes-only` has byte code only, and plugins are compiled to native code",
    ]);
    run("stopped")
        .code(1)
        .says(&["the library `stopped` must not be used: not on a Sunday"]);
    run("hollow")
        .code(1)
        .says(&["the library `hollow` lacks its archive", "hollow.cmxa"]);
}

#[test]
fn a_missing_shared_library_is_named() {
    if !ocaml() || !saddlebag_tests::has("gcc") {
        return;
    }
    let sandbox = Sandbox::new();
    let meta = "archive(native) = \"needy.cmxa\"\nplugin(native) = \"needy.cmxs\"\n";
    let folder = package(&sandbox, "needy", meta);
    sandbox.write("lib/needy/needy.ml", "let x = 1\n");
    sandbox.write("lib/needy/empty.c", "int saddlebag_empty;\n");
    let gcc = sandbox
        .command("gcc")
        .args(["-shared", "-fPIC", "-o", "libgone.so", "empty.c"]);
    gcc.current_dir(&folder).leaving_files().run().code(0);
    for arguments in [
        &["-a", "-o", "needy.cmxa", "needy.ml"][..],
        &[
            "-shared",
            "-o",
            "needy.cmxs",
            "needy.cmx",
            "-ccopt",
            "-Wl,--no-as-needed -L. -lgone",
        ],
    ] {
        let compile = sandbox.ocamlopt(arguments).current_dir(&folder);
        compile.leaving_files().run().code(0);
    }
    sandbox.write("main.ml", "let () = print_int Needy.x\n");
    let run = || {
        let command = sandbox.saddlebag(["run", "--require", "needy", "main.ml"]);
        command.env("OCAMLPATH", sandbox.path("lib"))
    };
    let found = run().env("LD_LIBRARY_PATH", &folder).run();
    found.code(0).prints("1").is_quiet();
    let outcome = run().run();
    outcome.code(1).prints_nothing().says(&[
        "the library `needy` cannot be loaded",
        "needs the shared library `libgone.so`, which this machine lacks",
    ]);
}

#[test]
fn a_module_of_a_library_that_was_not_required_is_named() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    // Its interface lies beside the standard library's (before OCaml 5).
    sandbox.write(
        "main.ml",
        "let () = print_int (String.length (Str.quote \"a\"))\n",
    );
    for code in ["native", "byte"] {
        let run = ["run", "--code", code, "-I", "+str", "main.ml"];
        let outcome = sandbox.saddlebag(run).run();
        outcome
            .code(1)
            .prints_nothing()
            .says(&["the plugin uses the module `Str`, which is in no library that it requires"])
            .says(&["hint: name the library that has it: --require LIB"]);
    }
    let run = sandbox.saddlebag(["run", "--require", "str", "main.ml"]);
    run.run().code(0).prints("1").is_quiet();
}
