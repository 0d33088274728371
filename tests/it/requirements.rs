//! Plugins that use installed libraries, in both codes.

use std::path::PathBuf;

use saddlebag_tests::{Sandbox, installed_libraries, ocaml, ocaml_is_at_least};

const CODES: [&str; 2] = ["byte", "native"];

#[track_caller]
fn check(libraries: &[&str], source: &str, expected: &str) {
    if !installed_libraries(libraries) {
        return;
    }
    check_both(libraries, source, expected);
}

#[track_caller]
fn check_both(libraries: &[&str], source: &str, expected: &str) {
    let sandbox = Sandbox::new();
    sandbox.write("p.ml", source);
    for code in CODES {
        let run = sandbox
            .saddlebag(["run", "--code", code, "--require"])
            .args([&libraries.join(","), "p.ml"])
            .run();
        run.code(0).prints(expected).is_quiet();
        // What was built holds the libraries.
        sandbox
            .saddlebag(["build", "--code", code, "--require"])
            .args([&libraries.join(","), "p.ml", "-o", "out"])
            .run()
            .code(0)
            .is_quiet();
        sandbox
            .saddlebag(["load", "out"])
            .run()
            .code(0)
            .prints(expected)
            .is_quiet();
    }
}

#[test]
fn a_library_of_ocaml_alone_is_used_with_all_that_it_requires() {
    check(
        &["yojson", "re"],
        "let () = print_endline (Yojson.Safe.to_string (`Assoc [ \"a\", `List [ `Int 1; `Null ] ]))\n\
         let () = print_endline (Re.replace_string (Re.compile (Re.rep1 (Re.char 'b'))) ~by:\"-\" \"abba\")\n",
        "{\"a\":[1,null]}\na-a\n",
    );
}

#[test]
fn a_library_with_c_functions_is_used_with_the_threads_of_the_image() {
    check(
        &["zarith", "str", "unix", "threads.posix"],
        "let power = ref Z.zero\n\
         let () = Thread.join (Thread.create (fun () -> power := Z.pow (Z.of_int 7) 40) ())\n\
         let () = print_endline (Z.to_string !power)\n\
         let () = List.iter print_endline (Str.split (Str.regexp \",\") \"x,y\")\n\
         let () = assert (Unix.getpid () > 0)\n",
        "6366805760909027985741435139224001\nx\ny\n",
    );
}

#[test]
fn stub_libraries_that_need_each_other_are_opened_together() {
    check(
        &["ctypes", "integers"],
        "let () = Ctypes.(\n\
         let p = allocate_n int ~count:2 in p <-@ 41; (p +@ 1) <-@ 1;\n\
         print_int (!@ p + !@ (p +@ 1)))\n\
         let () = print_endline (Unsigned.UInt8.to_string (Unsigned.UInt8.of_int 257))\n",
        "421\n",
    );
}

#[test]
fn the_compilers_own_libraries_need_no_findlib() {
    if !ocaml() {
        return;
    }
    check_both(
        &["unix", "str", "threads", "dynlink", "bigarray", "bytes"],
        "let () = Thread.join (Thread.create (fun () -> print_int (List.length (Str.split (Str.regexp \",\") \"a,b\"))) ())\n\
         let () = print_int (Bigarray.Array1.dim (Bigarray.Array1.create Bigarray.char Bigarray.c_layout 3))\n\
         let () = print_string (if Dynlink.is_native = (Sys.backend_type = Sys.Native) && Unix.getpid () > 0 then \" yes\" else \" no\")\n",
        "23 yes",
    );
    let sandbox = Sandbox::new();
    sandbox.write(
        "p.ml",
        "let () = print_string (if Config.version = Sys.ocaml_version then \"same\" else Config.version)\n",
    );
    for code in CODES {
        let run = sandbox.saddlebag([
            "run",
            "--code",
            code,
            "--require",
            "compiler-libs.common",
            "p.ml",
        ]);
        run.run().code(0).prints("same").is_quiet();
    }
}

#[test]
fn what_another_ocaml_compiled_is_told_with_its_version() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("p.ml", "let () = print_int Later.x\n");
    sandbox.write(
        "lib/later/META",
        "archive(byte) = \"later.cma\" archive(native) = \"later.cmxa\"\n",
    );
    let (number, version) = match ocaml_is_at_least(5, 4) {
        true => ("035", "5.3"),
        false => ("036", "5.4"),
    };
    let file = |kind: char| format!("Caml1999{kind}{number} and so on");
    sandbox.write("lib/later/later.cma", file('A'));
    sandbox.write("lib/later/later.cmxa", file('Z'));
    for code in CODES {
        let command = sandbox.saddlebag(["run", "--code", code, "--require", "later", "p.ml"]);
        let outcome = command.env("OCAMLPATH", sandbox.path("lib")).run();
        outcome.code(1).prints_nothing().says(&[
            &format!("the library `later` was compiled by OCaml {version}"),
            "lib/later/later.cm",
            "and plugins are compiled by OCaml ",
            "--ocaml PATH",
        ]);
    }
    sandbox.write("other/stdlib.cmi", file('I'));
    for code in CODES {
        let outcome = sandbox
            .saddlebag(["run", "--code", code, "-I", "other", "p.ml"])
            .run();
        outcome.code(1).prints_nothing().says(&[
            &format!("other/stdlib.cmi` was compiled by OCaml {version}, and OCaml "),
            "other` must not be on the include path",
        ]);
    }
}

#[test]
fn two_libraries_with_a_unit_of_one_name_are_not_used_together() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    for (name, text) in [("first", "let x = 1\n"), ("second", "let x = \"two\"\n")] {
        let meta = format!("archive(byte) = \"{name}.cma\" archive(native) = \"{name}.cmxa\"\n");
        sandbox.write(format!("lib/{name}/META"), meta);
        sandbox.write(format!("lib/{name}/same.ml"), text);
        for (compiler, extension) in [("ocamlc", "cma"), ("ocamlopt", "cmxa")] {
            let compile = sandbox.command(sandbox.installed(compiler).expect("a compiler"));
            let archive = format!("{name}.{extension}");
            let compile = compile.args(["-a", "-o", &archive, "same.ml"]);
            let compile = compile.current_dir(sandbox.path(format!("lib/{name}")));
            compile.leaving_files().run().code(0);
        }
    }
    sandbox.write("p.ml", "let () = print_int Same.x\n");
    for code in CODES {
        let run = |libraries: &str| {
            let run = ["run", "--code", code, "--require", libraries, "p.ml"];
            let command = sandbox.saddlebag(run);
            command.env("OCAMLPATH", sandbox.path("lib")).run()
        };
        run("first").code(0).prints("1").is_quiet();
        let refused = run("first,second");
        refused.code(1).prints_nothing().says(&["first", "second"]);
        match code {
            "byte" => refused.says(&[
                "File \"p.ml\", line 1",
                "lib/second/second.cma define the unit Same",
            ]),
            _ => refused.says(&[
                "the library `second` defines the unit `Same`, which the loaded library `first` defines already",
            ]),
        };
    }
}

/// A library `lacking` whose archive of byte code is made with these arguments.
fn lacking(sandbox: &Sandbox, arguments: &[&str]) -> PathBuf {
    let directory = sandbox.path("lib/lacking");
    std::fs::create_dir_all(&directory).expect("writable");
    std::fs::write(directory.join("META"), "archive(byte) = \"lacking.cma\"\n").expect("writable");
    let source = "external f : int -> int = \"lacking_f\"\nlet f x = f x\n";
    std::fs::write(directory.join("lacking.ml"), source).expect("writable");
    let compile = sandbox
        .command(sandbox.installed("ocamlc").expect("a byte code compiler"))
        .args(["-a", "-o", "lacking.cma"])
        .args(arguments)
        .arg("lacking.ml");
    compile.current_dir(&directory).run().code(0);
    sandbox.path("lib")
}

#[test]
fn a_stub_library_that_is_nowhere_is_named_with_the_places_that_were_looked_at() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("p.ml", "let () = print_int (Lacking.f 1)\n");
    let run = |path: &PathBuf| {
        let command = sandbox.saddlebag(["run", "--code", "byte", "--require", "lacking", "p.ml"]);
        command.env("OCAMLPATH", path).run()
    };
    let path = lacking(&sandbox, &["-dllib", "-llacking"]);
    let named = run(&path);
    named.code(1).prints_nothing();
    named.says(&[
        "the library `lacking` needs the stub library `dlllacking.so`, which is in none of",
    ]);
    named.says(&["lib/lacking`", "CAML_LD_LIBRARY_PATH"]);

    let path = lacking(&sandbox, &["-custom", "-cclib", "-llacking"]);
    let custom = run(&path);
    custom
        .code(1)
        .says(&["the library `lacking` can only be linked into an executable of its own"]);

    let path = lacking(&sandbox, &[]);
    let primitive = run(&path);
    primitive.code(1).prints_nothing().says(&["lacking_f"]);
}
