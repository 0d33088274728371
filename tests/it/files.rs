//! How FILEs may be named, and what they may hold.

use saddlebag_tests::{Sandbox, ocaml};

/// A module with an interface, one without, and a program that uses both.
fn three_modules() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(
        "shape.mli",
        "type t\nval square : int -> t\nval area : t -> int\n",
    );
    sandbox.write(
        "shape.ml",
        "type t = int\nlet square side = side\nlet area side = side * side\n",
    );
    sandbox.write(
        "text.ml",
        "let show area = Printf.printf \"area %d\\n\" area\n",
    );
    sandbox.write(
        "main.ml",
        "let () = Text.show (Shape.area (Shape.square 3))\n",
    );
    sandbox
}

#[test]
fn sources_may_be_named_with_and_without_extension_in_any_mixture() {
    if !ocaml() {
        return;
    }
    let sandbox = three_modules();
    for files in [
        ["shape.ml", "text.ml", "main.ml"],
        ["shape.mli", "text.ml", "main.ml"],
        ["shape", "text", "main"],
        ["./shape", "text.ml", "main"],
    ] {
        sandbox
            .saddlebag(["run"])
            .args(files)
            .run()
            .code(0)
            .prints("area 9\n")
            .is_quiet();
    }
    let both = ["run", "shape.mli", "shape.ml", "text", "main.ml"];
    sandbox.saddlebag(both).run().code(0).prints("area 9\n");
}

#[test]
fn an_interface_hides_what_it_does_not_list() {
    if !ocaml() {
        return;
    }
    let sandbox = three_modules();
    sandbox.write("main.ml", "let () = print_int (Shape.square 3 + 1)\n");
    let outcome = sandbox.saddlebag(["run", "shape", "main"]).run();
    outcome
        .code(1)
        .prints_nothing()
        .says(&["File \"main.ml\", line 1", "Shape.t"]);
}

#[test]
fn the_order_of_the_files_is_the_order_of_evaluation() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    for name in ["zero", "one", "two"] {
        sandbox.write(
            format!("{name}.ml"),
            format!("let () = print_endline \"{name}\"\n"),
        );
    }
    sandbox
        .saddlebag(["run", "two", "zero", "one"])
        .run()
        .code(0)
        .prints("two\nzero\none\n");
}

#[test]
fn a_module_that_comes_later_is_not_seen() {
    if !ocaml() {
        return;
    }
    let sandbox = three_modules();
    let outcome = sandbox.saddlebag(["run", "main", "shape", "text"]).run();
    // From OCaml 5.4 on the module is underlined, before the whole name.
    outcome.code(1).prints_nothing().says(&[
        "File \"main.ml\", line 1, characters 9-1",
        "Unbound module Text",
    ]);
}

#[test]
fn dependencies_are_found_in_the_folder_of_the_file() {
    if !ocaml() {
        return;
    }
    let sandbox = three_modules();
    sandbox.write("broken.ml", "let let let\n");
    for file in ["main.ml", "main", "./main.ml"] {
        let outcome = sandbox
            .saddlebag(["run", "--find-dependencies", file])
            .run();
        outcome.code(0).prints("area 9\n").is_quiet();
    }
    let elsewhere = sandbox.saddlebag(["run", "--find-dependencies", "work/main.ml"]);
    elsewhere
        .current_dir(sandbox.work().join(".."))
        .run()
        .code(0)
        .prints("area 9\n");
}

#[test]
fn modules_in_a_circle_are_reported_with_their_path() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("a.ml", "let x = B.x\n");
    sandbox.write("b.ml", "let x = C.x\n");
    sandbox.write("c.ml", "let x = A.x\n");
    let outcome = sandbox
        .saddlebag(["check", "--find-dependencies", "a.ml"])
        .run();
    outcome
        .code(1)
        .prints_nothing()
        .says(&["in a circle: A -> B -> C -> A"]);
}

#[test]
fn standard_input_is_a_source() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let program = "let () = print_endline Sys.argv.(1)\n";
    sandbox
        .saddlebag(["run", "-", "--", "x"])
        .input(program)
        .run()
        .code(0)
        .prints("x\n")
        .is_quiet();
    sandbox.write("util.ml", "let greeting = \"from a file\"\n");
    let program = "let () = print_endline Util.greeting\n";
    sandbox
        .saddlebag(["run", "util.ml", "-"])
        .input(program)
        .run()
        .code(0)
        .prints("from a file\n");
    let wrong = sandbox
        .saddlebag(["check", "-"])
        .input("let () = print_endline 1\n")
        .run();
    wrong
        .code(1)
        .prints_nothing()
        .says(&["line 1, characters 23-24", "expected of type string"]);
}

#[test]
fn a_first_line_for_the_system_is_a_comment_and_positions_stay_right() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write(
        "script.ml",
        "#!/usr/bin/env -S saddlebag run\nlet () = print_endline \"hash bang\"\n",
    );
    sandbox
        .saddlebag(["run", "script.ml"])
        .run()
        .code(0)
        .prints("hash bang\n")
        .is_quiet();
    sandbox.write(
        "wrong.ml",
        "#!/usr/bin/env -S saddlebag run\nlet () =\n  print_endline 12\n",
    );
    let outcome = sandbox.saddlebag(["run", "wrong.ml"]).run();
    outcome.code(1).says(&[
        "File \"wrong.ml\", line 3, characters 16-18",
        "3 | print_endline 12",
    ]);
}

#[test]
fn paths_may_hold_anything_as_long_as_the_file_name_is_a_module() {
    if !ocaml() {
        return;
    }
    for folder in [
        "with space",
        "it's",
        "double\"quote",
        "$HOME",
        "Straße/été",
        "-dash",
        "a&b;c",
        "new\nline",
        "100%",
    ] {
        let sandbox = three_modules();
        for name in sandbox.list("") {
            let text = std::fs::read(sandbox.path(&name)).unwrap();
            sandbox.write(format!("{folder}/{name}"), text);
        }
        let main = format!("./{folder}/main.ml");
        sandbox
            .saddlebag(["run", "--find-dependencies", &main])
            .run()
            .code(0)
            .prints("area 9\n")
            .is_quiet();
        sandbox.write(format!("{folder}/wrong.ml"), "let () = 1\n");
        let wrong = sandbox
            .saddlebag(["check", &format!("./{folder}/wrong.ml")])
            .run();
        wrong
            .code(1)
            .says(&["/wrong.ml\", line 1, characters 9-10:", "1 | let () = 1"]);
        let output = format!("./{folder}/main.cmxs");
        sandbox
            .saddlebag(["build", "--find-dependencies", &main, "-o", &output])
            .run()
            .code(0)
            .is_quiet();
        sandbox
            .saddlebag(["load", &output])
            .run()
            .code(0)
            .prints("area 9\n")
            .is_quiet();
    }
}

#[test]
fn a_leading_dash_needs_a_double_dash_or_a_dot() {
    let sandbox = Sandbox::new();
    sandbox.write("-x.ml", "");
    sandbox
        .saddlebag(["run", "-x.ml"])
        .run()
        .code(2)
        .prints_nothing();
    if !ocaml() {
        return;
    }
    let outcome = sandbox.saddlebag(["check", "./-x.ml"]).run();
    outcome.code(1).says(&[
        "`./-x.ml` does not name a module",
        "begins with a letter, not with `-`",
    ]);
}

#[test]
fn what_cannot_be_a_source_is_refused_with_the_reason() {
    let sandbox = Sandbox::new();
    sandbox.write("other/twice.ml", "");
    for file in [
        "twice.ml",
        "Twice.ml",
        "invalid-name.ml",
        "text.txt",
        "lonely.mli",
        "1st.ml",
        "é.ml",
    ] {
        sandbox.write(file, "");
    }
    for (files, reason) in [
        (
            &["nowhere.ml"][..],
            "cannot read `nowhere.ml` because: No such file",
        ),
        (&["nowhere"], "cannot read `nowhere.ml`"),
        (
            &["lonely.mli"],
            "cannot read `lonely.ml` because: No such file",
        ),
        (
            &["invalid-name.ml"],
            "`invalid-name.ml` does not name a module because: a module name holds letters, digits",
        ),
        (
            &["1st.ml"],
            "a module name begins with a letter, not with `1`",
        ),
        (
            &["é.ml"],
            "a module name begins with a letter, not with `é`",
        ),
        (
            &["text.txt"],
            "`text.txt` is neither a `.ml` nor a `.mli` file",
        ),
        (&["other"], "cannot read `other.ml`"),
        (
            &["twice.ml", "other/twice.ml"],
            "module `Twice` has two implementations: `twice.ml` and `other/twice.ml`",
        ),
        (
            &["twice.ml", "Twice.ml"],
            "module `Twice` has two implementations: `twice.ml` and `Twice.ml`",
        ),
        (
            &["twice.ml", "twice.ml"],
            "module `Twice` has two implementations",
        ),
    ] {
        if !ocaml() {
            return;
        }
        sandbox
            .saddlebag(["check"])
            .args(files)
            .run()
            .code(1)
            .prints_nothing()
            .says(&["error: ", reason]);
    }
}

#[test]
fn a_directory_is_no_source() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("folder.ml/x", "");
    sandbox
        .saddlebag(["run", "folder.ml"])
        .run()
        .code(1)
        .says(&["cannot read `folder.ml`", "directory"]);
}

#[test]
fn a_path_that_is_not_utf_8_is_no_trouble_but_a_name_that_is_not_is_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let file = sandbox.write(
        OsStr::from_bytes(b"caf\xe9/fine.ml"),
        "let () = print_endline \"fine\"\n",
    );
    sandbox
        .saddlebag(["run".as_ref(), file.as_os_str()])
        .run()
        .code(0)
        .prints("fine\n");
    let output = sandbox.path(OsStr::from_bytes(b"caf\xe9/\xff.cmxs"));
    let build = [
        "build".as_ref(),
        file.as_os_str(),
        "-o".as_ref(),
        output.as_os_str(),
    ];
    sandbox.saddlebag(build).run().code(0);
    sandbox
        .saddlebag(["load".as_ref(), output.as_os_str()])
        .run()
        .code(0)
        .prints("fine\n");
    let file = sandbox.write(OsStr::from_bytes(b"caf\xe9.ml"), "");
    let outcome = sandbox.saddlebag(["run".as_ref(), file.as_os_str()]).run();
    outcome
        .code(1)
        .prints_nothing()
        .says(&["does not name a module", "ASCII"]);
    let file = sandbox.write(OsStr::from_bytes(b"caf\xe9/wrong.ml"), "let () = 1\n");
    let outcome = sandbox.saddlebag(["run".as_ref(), file.as_os_str()]).run();
    outcome
        .code(1)
        .says(&["wrong.ml\", line 1, characters 9-10:"]);
}

#[test]
fn an_interface_may_come_from_another_directory_and_differ_in_the_case_of_its_first_letter() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("interfaces/Answer.mli", "val answer : int\n");
    sandbox.write("answer.ml", "let secret = 1\nlet answer = 41 + secret\n");
    sandbox.write("main.ml", "let () = print_int Answer.answer\n");
    let files = ["interfaces/Answer.mli", "answer.ml", "main.ml"];
    sandbox
        .saddlebag(["run"])
        .args(files)
        .run()
        .code(0)
        .prints("42");
    sandbox.write("main.ml", "let () = print_int Answer.secret\n");
    let outcome = sandbox.saddlebag(["run"]).args(files).run();
    outcome.code(1).says(&["Unbound value Answer.secret"]);
}

#[test]
fn the_files_of_the_user_stay_as_they_were_and_nothing_is_put_beside_them() {
    if !ocaml() {
        return;
    }
    let sandbox = three_modules();
    let before = sandbox.list("");
    sandbox
        .saddlebag(["run", "--find-dependencies", "main.ml"])
        .run()
        .code(0);
    sandbox
        .saddlebag(["check", "--find-dependencies", "main.ml"])
        .run()
        .code(0);
    assert_eq!(sandbox.list(""), before);
}

#[test]
fn sources_of_three_thousand_lines_are_fine() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let mut text = String::from("let f0 x = x + 1\n");
    for line in 1..3000 {
        text.push_str(&format!(
            "let f{line} x = f{} (x * {line} mod 7919)\n",
            line - 1
        ));
    }
    let wrong = format!("{text}let () = print_endline f7\n");
    text.push_str("let () = Printf.printf \"%d\\n\" (f2999 1)\n");
    sandbox.write("long.ml", text);
    let expected = (1..3000u64).rev().fold(1, |x, line| x * line % 7919) + 1;
    sandbox
        .saddlebag(["run", "long.ml"])
        .run()
        .code(0)
        .prints(&format!("{expected}\n"))
        .is_quiet();
    sandbox.write("long.ml", wrong);
    let outcome = sandbox.saddlebag(["run", "long.ml"]).run();
    outcome.code(1).says(&[
        "line 3001, characters 23-25:",
        "3001 | let () = print_endline f7",
    ]);
}
