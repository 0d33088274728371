//! `embed`: executables with a compiler in them.

use std::fs;
use std::path::Path;

use saddlebag_tests::{Jail, Sandbox, has, ocaml, saddlebag, standalone};
use serde_json::Value;

const HELLO: &str = "let () = print_endline \"hello\"\n";

#[test]
fn a_root_with_nothing_but_the_executable_and_libc_runs_checks_builds_and_loads() {
    if !ocaml() {
        return;
    }
    let Some(jail) = Jail::new() else { return };
    fs::write(jail.path("hello.ml"), HELLO).unwrap();
    fs::write(jail.path("wrong.ml"), "let () = print_endline 1\n").unwrap();
    fs::write(jail.path("main.ml"), "let () = print_int (Util.twice 4)\n").unwrap();
    fs::write(jail.path("util.ml"), "let twice x = x * 2\n").unwrap();
    jail.saddlebag(["run", "hello.ml"])
        .run()
        .code(0)
        .prints("hello\n")
        .is_quiet();
    jail.saddlebag(["check", "hello.ml"])
        .run()
        .code(0)
        .prints_nothing()
        .is_quiet();
    let outcome = jail.saddlebag(["run", "wrong.ml"]).run();
    outcome.code(1).prints_nothing().says(&[
        "File \"wrong.ml\", line 1, characters 23-24:",
        "expected of type string",
    ]);
    jail.saddlebag(["run", "--find-dependencies", "main.ml"])
        .run()
        .code(0)
        .prints("8")
        .is_quiet();
    jail.saddlebag(["build", "util.ml", "main.ml", "-o", "main.cmxs"])
        .run()
        .code(0)
        .is_quiet();
    jail.saddlebag(["load", "main.cmxs"])
        .run()
        .code(0)
        .prints("8")
        .is_quiet();
    jail.saddlebag(["run", "-"])
        .input("let () = exit 9\n")
        .run()
        .code(9);
}

#[test]
fn embedding_again_replaces_what_was_carried() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("hello.ml", HELLO);
    let again = sandbox
        .saddlebag(["embed", "--level", "1", "--json", "-o", "again"])
        .arg(standalone())
        .run();
    let made = again.code(0).is_quiet().json();
    assert_eq!(made["replaced"], true);
    let bytes = |path: &Path| fs::metadata(path).unwrap().len();
    let once = bytes(&sandbox.path("again"));
    assert_eq!(made["output_bytes"], once);
    // That one carries interfaces too.
    assert!(once <= bytes(standalone()));
    // In its own place, and by itself.
    let itself = sandbox
        .command("./again")
        .args(["embed", "again", "-o", "again", "--level", "1"])
        .run();
    itself.code(0);
    assert_eq!(bytes(&sandbox.path("again")), once);
    sandbox
        .command("./again")
        .args(["run", "--toolchain", "embedded", "hello.ml"])
        .run()
        .code(0)
        .prints("hello\n");
    sandbox
        .command("./again")
        .args(["archive", "verify"])
        .run()
        .code(0);
}

/// A C program that prints its arguments and ends with their number.
const PROGRAM: &str = "#include <stdio.h>\n\
    int main(int argc, char **argv) { for (int i = 1; i < argc; i++) puts(argv[i]); return argc; }\n";

#[test]
fn executables_of_all_kinds_run_as_before_with_a_compiler_in_them() {
    if !ocaml() || !has("gcc") || !has("strip") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("program.c", PROGRAM);
    for (name, options, stripped) in [
        ("pie", &["-pie", "-fPIE"][..], false),
        ("no-pie", &["-no-pie"], false),
        ("static", &["-static"], false),
        ("static-pie", &["-static-pie", "-fPIE"], false),
        ("stripped", &["-pie", "-fPIE"], true),
        ("static-stripped", &["-static"], true),
        ("debug", &["-g"], false),
    ] {
        let compile = sandbox
            .command("gcc")
            .args(options)
            .args(["program.c", "-o", name])
            .run();
        if name == "static-pie" && compile.status() != Some(0) {
            continue;
        }
        compile.code(0);
        if stripped {
            sandbox.command("strip").arg(name).run().code(0);
        }
        let output = format!("{name}.out");
        let embed = sandbox
            .saddlebag(["embed", name, "-o", &output, "--level", "1", "--json"])
            .run();
        assert_eq!(embed.code(0).json()["replaced"], false, "{name}");
        let program = sandbox
            .command(sandbox.path(&output))
            .args(["one", "two"])
            .run();
        program.code(3).prints("one\ntwo\n");
        sandbox
            .saddlebag(["archive", "verify", &output])
            .run()
            .code(0);
        // The original is as it was.
        sandbox.command(sandbox.path(name)).run().code(1);
    }
}

#[test]
fn the_output_of_embed_is_executable_and_leaves_what_was_there_when_it_fails() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("out", "precious\n");
    sandbox.write("text", "#!/bin/sh\nexit 0\n");
    let program = fs::read(saddlebag()).unwrap();
    sandbox.write("beginning", &program[..program.len() / 2]);
    let refused = [
        ("missing", "`missing`"),
        (".", "`.` is not a file"),
        ("/dev/null", "`/dev/null` is not a file"),
        ("text", "`text`: it is no ELF executable"),
        ("beginning", "`beginning`: it is truncated"),
    ];
    for (executable, reason) in refused {
        let outcome = sandbox
            .saddlebag(["embed", executable, "-o", "out", "--level", "1"])
            .run();
        assert!(matches!(outcome.status(), Some(1 | 2)), "{outcome}");
        outcome.prints_nothing().says(&[reason]);
        assert_eq!(
            fs::read_to_string(sandbox.path("out")).unwrap(),
            "precious\n"
        );
    }
    let socket = sandbox.path("socket");
    let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (output, status, reason) in [
        ("no/where", 1, "cannot use the directory `no`"),
        ("text/in", 1, "`text` is not a directory"),
        (".", 2, "`.` is a directory"),
        ("socket", 2, "`socket` is no regular file"),
    ] {
        let embed = sandbox
            .saddlebag(["embed", "--level", "1", "-o", output])
            .arg(saddlebag())
            .run();
        embed.code(status).prints_nothing().says(&[output, reason]);
    }
    assert_eq!(sandbox.list(""), ["beginning", "out", "socket", "text"]);
    assert!(!fs::symlink_metadata(&socket).unwrap().is_file());
}

#[test]
fn a_program_for_another_machine_gets_its_compiler_with_a_warning() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let mut program = fs::read("/bin/true").unwrap();
    // `e_machine`, of a SPARC (elf(5)).
    program[18] = 43;
    sandbox.write("sparc", &program);
    let embed = |executable: &str| {
        sandbox
            .saddlebag(["embed", executable, "-o", "out", "--level", "1"])
            .run()
    };
    embed("sparc").code(0).says(&["warning", "another machine"]);
    let own = embed("/bin/true");
    assert!(!own.code(0).stderr().contains("warning"), "{own}");
}

#[test]
fn embed_says_what_it_made() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let embed = sandbox
        .saddlebag(["embed", "--level", "1", "-o", "out"])
        .arg(saddlebag())
        .run();
    embed.code(0).is_quiet();
    assert!(embed.stdout().starts_with("out: OCaml "), "{embed}");
    let json: Value = sandbox
        .saddlebag(["embed", "--level", "1", "-o", "out", "--json"])
        .arg(saddlebag())
        .run()
        .json();
    assert_eq!(json["output"], "out");
    assert_eq!(json["codes"], serde_json::json!(["native"]));
    assert_eq!(
        json["executable_bytes"],
        fs::metadata(saddlebag()).unwrap().len()
    );
    assert!(
        json["groups"]["compile"]["files"]
            .as_u64()
            .is_some_and(|files| files > 20)
    );
}

/// The names of the carried files, and the licences.
fn carried(sandbox: &Sandbox, executable: &std::path::Path) -> (Vec<String>, Vec<String>) {
    let show = |of: &str| {
        let shown = sandbox
            .saddlebag(["archive", of, "--json"])
            .arg(executable)
            .run();
        shown.code(0).json()
    };
    let texts = |entries: &Value, member: &str| -> Vec<String> {
        let entries = entries.as_array().expect("an array").iter();
        entries
            .map(|entry| entry[member].as_str().expect("text").to_owned())
            .collect()
    };
    let licences = texts(&show("metadata")["licences"], "licence");
    (texts(&show("list"), "name"), licences)
}

#[test]
fn an_assembler_and_a_linker_are_carried_when_asked_for_and_nothing_under_the_gpl_else() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let tool = |name: &String| name == "bin/as" || name.ends_with("-as") || name == "bin/ld";
    let (files, licences) = carried(&sandbox, standalone());
    assert!(!files.iter().any(tool), "{files:?}");
    assert!(
        !licences.iter().any(|licence| licence.starts_with("GPL")),
        "{licences:?}"
    );
    sandbox
        .saddlebag(["embed", "--with-binutils", "--level", "1", "-o", "with"])
        .arg(saddlebag())
        .run()
        .code(0);
    let (files, _) = carried(&sandbox, &sandbox.path("with"));
    assert_eq!(
        files.iter().filter(|name| tool(name)).count(),
        2,
        "{files:?}"
    );
    sandbox.write("hello.ml", HELLO);
    let external = sandbox
        .command("./with")
        .args([
            "run",
            "--toolchain",
            "embedded",
            "--assembler",
            "external",
            "hello.ml",
        ])
        .env("PATH", "")
        .run();
    external.code(0).prints("hello\n");
}

#[test]
fn what_other_programs_are_to_assemble_is_refused_where_none_are_carried() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("hello.ml", HELLO);
    let lacks = ["came without an assembler and a linker", "--with-binutils"];
    let run = |options: &[&str]| {
        let command = sandbox.standalone(["run"]).args(options);
        // Those of the system are not meant, and are there.
        command.arg("hello.ml").run()
    };
    run(&["--assembler", "external"])
        .code(1)
        .prints_nothing()
        .says(&lacks);
    run(&["--cmxs-flag", "-ccopt", "--cmxs-flag", "-lm"])
        .code(1)
        .prints_nothing()
        .says(&lacks)
        .says(&["`-lm` needs a linker"]);
    sandbox
        .standalone(["check", "--assembler", "external", "hello.ml"])
        .run()
        .code(0);
}
