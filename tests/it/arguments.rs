//! Each option of `run`, `check` and `build`, alone.

use saddlebag_tests::{Sandbox, ocaml};

use crate::ppx::CountingDriver;
use crate::scripts::executable;

/// `util.ml` has an unused value, and `util.mli` exports another one that nobody uses.
fn with_unused_values() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("util.mli", "val used : int\nval exported : int\n");
    sandbox.write("util.ml", "let used = 1\nlet exported = 2\n");
    sandbox.write("main.ml", "let () = print_int Util.used\n");
    sandbox
}

#[test]
fn strict_makes_an_error_of_every_warning() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    for (program, message) in [
        ("let unused = 1\nlet () = ()\n", "unused value unused"),
        (
            "let f x = 1\nlet () = print_int (f 2)\n",
            "unused variable x",
        ),
        ("open List\nlet () = ()\n", "unused open"),
        ("let () = match 1 with 1 -> ()\n", "not exhaustive"),
    ] {
        sandbox
            .saddlebag(["check", "--strict", "-"])
            .input(program)
            .run()
            .code(1)
            .says(&["Error (warning", message]);
        sandbox
            .saddlebag(["check", "-"])
            .input(program)
            .run()
            .code(0);
    }
}

#[test]
fn strict_leaves_out_the_warnings_that_are_matters_of_taste() {
    if !ocaml() {
        return;
    }
    // 4 fragile match, 40 name out of scope, 41 ambiguous constructor, 44 open shadows an identifier, 70 missing mli.
    let program = "module M = struct type t = A | B | C end\n\
                   let f (x : M.t) = match x with A -> 1 | _ -> 2\n\
                   let () = List.iter (fun x -> print_int (f x)) [ M.A; M.B; M.C ]\n";
    let outcome = Sandbox::new()
        .saddlebag(["run", "--strict", "-"])
        .input(program)
        .run();
    outcome.code(0).prints("122").is_quiet();
}

#[test]
fn warnings_takes_the_compilers_specification() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let program = "let unused = 1\nlet f x = 1\nlet () = print_int (f 2)\n";
    let outcome = sandbox
        .saddlebag(["run", "--warnings", "+27", "-"])
        .input(program)
        .run();
    outcome
        .code(0)
        .prints("1")
        .says(&["Warning 27", "unused variable x"]);
    let outcome = sandbox
        .saddlebag(["run", "--warnings", "+a-27-32-70", "-"])
        .input(program)
        .run();
    outcome.code(0).prints("1").is_quiet();
    let outcome = sandbox
        .saddlebag(["run", "--warnings", "-a", "-"])
        .input("let f (Some x) = x\n")
        .run();
    outcome.code(0).is_quiet();
    let outcome = sandbox
        .saddlebag(["run", "--strict", "--warnings", "-a+27", "-"])
        .input(program)
        .run();
    outcome
        .code(1)
        .prints_nothing()
        .says(&["Error (warning 27"])
        .does_not_say(&["unused value"]);
}

#[test]
fn values_that_an_interface_exports_are_warned_about_when_asked() {
    if !ocaml() {
        return;
    }
    let sandbox = with_unused_values();
    sandbox
        .saddlebag(["run", "--strict", "util", "main"])
        .run()
        .code(0)
        .prints("1")
        .is_quiet();
    let outcome = sandbox
        .saddlebag(["run", "--strict", "--warnings-in-utils", "util", "main"])
        .run();
    outcome
        .code(1)
        .prints_nothing()
        .says(&["util.ml", "unused value exported"]);
    std::fs::remove_file(sandbox.path("util.mli")).unwrap();
    let outcome = sandbox.saddlebag(["run", "--strict", "util", "main"]).run();
    outcome.code(1).says(&["unused value exported"]);
}

#[test]
fn a_sequence_is_strict_with_strict_unless_told_otherwise() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    // Without strict sequences a type that is not known yet may stand before the semicolon.
    let program = "let f g = g (); print_string \"done\"\nlet () = f (fun () -> 1)\n";
    let run = |options: &[&str]| {
        sandbox
            .saddlebag(["run"])
            .args(options)
            .arg("-")
            .input(program)
            .run()
    };
    run(&["--strict"])
        .code(1)
        .prints_nothing()
        .says(&["expected of type unit"]);
    run(&["--strict", "--no-strict-sequence"])
        .code(0)
        .prints("done");
    run(&[]).code(0).prints("done");
}

#[test]
fn interfaces_are_found_in_the_directories_of_dash_i() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("api/api.mli", "type t = { name : string }\n");
    sandbox
        .ocamlopt(["-c", "api.mli"])
        .current_dir(sandbox.path("api"))
        .run()
        .code(0);
    let program = "let () = print_string { Api.name = \"n\" }.Api.name\n";
    sandbox
        .saddlebag(["run", "-"])
        .input(program)
        .run()
        .code(1)
        .says(&["Unbound module Api"]);
    for options in [["-I", "api"], ["-I", "./api/../api"]] {
        sandbox
            .saddlebag(["run"])
            .args(options)
            .arg("-")
            .input(program)
            .run()
            .code(0)
            .prints("n");
    }
    sandbox
        .saddlebag(["run", "-Iapi", "-"])
        .input(program)
        .run()
        .code(0)
        .prints("n");
}

#[test]
fn flags_reach_the_compiler() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let program = "let () = print_endline \"x\"\n";
    let outcome = sandbox
        .saddlebag(["check", "--cmx-flag", "-nopervasives", "-"])
        .input(program)
        .run();
    outcome.code(1).says(&["Unbound value print_endline"]);
    let outcome = sandbox.saddlebag(["check", "--cmx-flag=-open", "--cmx-flag=Printf", "-"]);
    outcome.input("let () = printf \"x\"\n").run().code(0);
    for option in ["--cmx-flag", "--cmxs-flag"] {
        let outcome = sandbox
            .saddlebag(["run", option, "-frobnicate", "-"])
            .input(program)
            .run();
        outcome
            .code(1)
            .prints_nothing()
            .says(&["unknown option '-frobnicate'"]);
    }
    // Flags of linking are none of a check's business.
    sandbox
        .saddlebag(["check", "--cmxs-flag", "-frobnicate", "-"])
        .input(program)
        .run()
        .code(0);
}

#[test]
fn a_c_function_that_nothing_defines_is_named_with_what_can_be_done() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let program = "external f : int -> int = \"no_such_function\"\nlet () = print_int (f 1)\n";
    for code in ["native", "byte"] {
        let command = sandbox.saddlebag(["run", "--code", code, "-"]);
        let outcome = command.input(program).run();
        outcome.code(1).prints_nothing();
        outcome.says(&[
            "`no_such_function`",
            "hint: name the library",
            "--cmxs-flag",
        ]);
    }
    // In the directory where the compiler works there is no such file.
    let command = sandbox.saddlebag(["run", "--cmxs-flag", "missing.o", "-"]);
    let outcome = command.input(program).run();
    outcome.code(1).prints_nothing().says(&["missing.o"]);
}

#[test]
fn a_ppx_driver_rewrites_each_source() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let driver = CountingDriver::new(&sandbox);
    sandbox.write("util.ml", "let two = 2\n");
    sandbox.write("main.ml", "let () = print_int (Util.two + 1)\n");
    let ppx = ["--ppx".as_ref(), driver.program().as_os_str()];
    sandbox
        .saddlebag(["run"])
        .args(ppx)
        .args(["util", "main"])
        .run()
        .code(0)
        .prints("3");
    assert_ne!(driver.take(), 0);
    let outcome = sandbox
        .saddlebag(["check"])
        .args(["--ppx", "missing", "main.ml"])
        .run();
    outcome.code(1).says(&["missing"]);
}

#[test]
fn positions_stay_the_users_behind_a_ppx_driver() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let driver = CountingDriver::new(&sandbox);
    sandbox.write("bad.ml", "#!/bin/sh\nlet () =\n  print_int \"two\"\n");
    let outcome = sandbox
        .saddlebag(["check", "--ppx"])
        .arg(driver.program())
        .arg("bad.ml")
        .run();
    outcome.code(1).says(&[
        "File \"bad.ml\", line 3, characters 12-17:",
        "3 | print_int \"two\"",
    ]);
}

#[test]
fn work_is_done_in_a_fresh_directory_inside_in_dir() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("scratch")).unwrap();
    // It tells where it works, and gives up.
    let tells = executable(&sandbox, "tells", "#!/bin/sh\npwd > \"$0.seen\"\nexit 3\n");
    let program = "let () = Array.iter print_endline (Sys.readdir \"scratch\")\n";
    let run = sandbox
        .saddlebag(["run", "--in-dir", "scratch", "--ppx"])
        .arg(&tells)
        .arg("-")
        .input(program);
    run.run().code(1);
    let seen = std::fs::read_to_string(sandbox.path("tells.seen")).unwrap();
    let place = sandbox.path("scratch/saddlebag-loader-");
    assert!(seen.starts_with(place.to_str().unwrap()), "{seen}");
    assert_eq!(sandbox.list("scratch"), [""; 0]);
    // When a program runs, it is gone.
    let run = sandbox
        .saddlebag(["run", "--in-dir", "scratch", "-"])
        .input(program);
    run.run().code(0).prints("");
    assert_eq!(sandbox.list("scratch"), [""; 0]);
    let outcome = sandbox
        .saddlebag(["run", "--in-dir", "missing", "-"])
        .input(program)
        .run();
    outcome
        .code(1)
        .says(&["`", "/work/missing`", "No such file or directory"]);
}

#[test]
fn the_system_toolchain_is_taken_where_none_is_carried() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let program = "let () = print_string \"ran\"\n";
    for toolchain in ["auto", "system"] {
        sandbox
            .saddlebag(["run", "--toolchain", toolchain, "-"])
            .input(program)
            .run()
            .code(0)
            .prints("ran");
    }
    let outcome = sandbox
        .saddlebag(["run", "--toolchain", "embedded", "-"])
        .input(program)
        .run();
    outcome
        .code(1)
        .prints_nothing()
        .says(&["carries no OCaml compiler", "saddlebag embed EXE -o OUT"]);
}

#[test]
fn without_any_toolchain_the_error_says_how_to_get_one() {
    let sandbox = Sandbox::new();
    let command = sandbox
        .saddlebag(["run", "-"])
        .input("let () = ()\n")
        .env("PATH", "/nonexistent");
    let command = command
        .without("OPAM_SWITCH_PREFIX")
        .without("SADDLEBAG_OCAML")
        .without("OCAMLFIND");
    command
        .run()
        .code(1)
        .prints_nothing()
        .says(&["install OCaml", "saddlebag embed"]);
}

#[test]
fn conf_says_which_compiler_is_used_and_why() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let version = sandbox
        .ocamlopt(["-version"])
        .run()
        .code(0)
        .stdout()
        .trim()
        .to_owned();
    let text = sandbox.saddlebag(["conf"]).run();
    text.code(0).is_quiet();
    assert!(text.stdout().contains(&version), "{text}");
    let flambda = sandbox.ocamlopt(["-config-var", "flambda"]).run();
    let worker = match flambda.code(0).stdout().trim() {
        "true" => "none: this OCaml optimises with flambda, which cannot be started afresh",
        _ => "compiles one plugin after the other",
    };
    let worker = format!("compile worker    {worker}\n");
    assert!(text.stdout().contains(&worker), "{text}");
    let json = sandbox.saddlebag(["conf", "--json"]).run().code(0).json();
    assert_eq!(json["toolchain"], "system");
    assert_eq!(json["ocaml_version"], version);
    assert_eq!(json["config"]["version"], version);
    let carried = sandbox.standalone(["conf", "--json"]).run().code(0).json();
    assert_eq!(carried["toolchain"], "embedded");
    assert_eq!(carried["ocaml_version"], version);
    let chosen = sandbox
        .command(saddlebag_tests::standalone())
        .args(["conf", "--json", "--toolchain", "system"])
        .run();
    assert_eq!(chosen.code(0).json()["toolchain"], "system");
}

#[test]
fn the_compiler_is_that_of_the_flag_the_environment_the_switch_or_the_path_in_this_order() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let bin = sandbox.path("ocaml/bin");
    std::fs::create_dir_all(&bin).unwrap();
    let compiler = sandbox.installed("ocamlopt").unwrap();
    let tools = compiler.parent().unwrap();
    for name in ["ocamlopt", "ocamlc", "ocamldep", "ocamlfind"] {
        for name in [name.to_owned(), format!("{name}.opt")] {
            if tools.join(&name).exists() {
                std::os::unix::fs::symlink(tools.join(&name), bin.join(&name)).unwrap();
            }
        }
    }
    // One place, named in all four ways: what is taken is told by who named it.
    let prefix = sandbox.path("ocaml");
    let path = std::env::join_paths(
        std::iter::once(bin.clone())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let ways = ["flag", "environment", "switch", "path"];
    let conf = |way: usize, json: bool| {
        let mut arguments = vec!["conf".into()];
        arguments.extend(json.then(|| "--json".into()));
        if way == 0 {
            arguments.extend(["--ocaml".into(), prefix.clone().into_os_string()]);
        }
        let mut command = sandbox
            .saddlebag(arguments)
            .env("PATH", &path)
            .without("OCAMLFIND")
            .without("SADDLEBAG_OCAML")
            .without("OPAM_SWITCH_PREFIX");
        if way <= 1 {
            command = command.env("SADDLEBAG_OCAML", &prefix);
        }
        if way <= 2 {
            command = command.env("OPAM_SWITCH_PREFIX", &prefix);
        }
        command.run()
    };
    let findlib =
        std::env::split_paths(&path).find(|directory| directory.join("ocamlfind").exists());
    let words = [
        "the directory given, `",
        "SADDLEBAG_OCAML, `",
        "OPAM_SWITCH_PREFIX, `",
        // With findlib the compiler that `ocamlfind` in PATH names, which may be of another OCaml.
        if findlib.is_some() {
            "from `"
        } else {
            "PATH, `"
        },
    ];
    for (way, words) in words.into_iter().enumerate() {
        let json = conf(way, true).code(0).json();
        let origin = json["origin"].as_str().unwrap().to_owned();
        assert!(origin.contains(words), "{}: {origin}", ways[way]);
        let named = match &findlib {
            Some(findlib) if way == 3 => findlib.display().to_string(),
            _ => prefix.display().to_string(),
        };
        assert!(origin.contains(&named), "{}: {origin}", ways[way]);
        assert_eq!(json["toolchain"], "system");
        let text = conf(way, false);
        let first = text.stdout().lines().next().unwrap_or_default().to_owned();
        assert!(first.contains(&origin), "{}: {text}", ways[way]);
    }
}

#[test]
fn codes_are_those_of_the_toolchain() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let json = sandbox
        .saddlebag(["codes", "--json", "--wanted", "native"])
        .run()
        .code(0)
        .json();
    assert_eq!(json["built"], serde_json::json!(["native"]));
    let carried = sandbox.standalone(["codes", "--json"]).run().code(0).json();
    assert_eq!(carried["available"], serde_json::json!(["native"]));
    let impossible = sandbox.standalone(["codes", "--wanted", "byte"]).run();
    impossible.code(1).prints_nothing().says(&["byte"]);
}
