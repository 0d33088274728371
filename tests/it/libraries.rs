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
        sandbox.write("main.ml", format!("#require \"{names}\";;\n{text}\n"));
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
