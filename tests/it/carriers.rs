//! Executables that carry a compiler in other ways than `embed` does by default, and other compilers.

use std::fs;

use embedded_archive::{Archive, Builder};
use saddlebag_tests::{Jail, Mount, Sandbox, has, linked_in, ocaml, saddlebag, with_mount};

const HELLO: &str = "let () = print_endline \"hello\"\n";
const WRONG: &str = "let () = print_endline 1\n";

#[test]
fn a_compiler_linked_in_by_a_build_script_needs_nothing_but_libc() {
    if !ocaml() || !has("strip") {
        return;
    }
    let Some(program) = linked_in() else { return };
    let sandbox = Sandbox::new();
    let stripped = sandbox.path("stripped");
    let strip = sandbox.command("strip").arg("-s").arg(program);
    strip.arg("-o").arg(&stripped).run().code(0);
    sandbox
        .saddlebag(["archive", "verify", "stripped"])
        .run()
        .code(0);
    let Some(jail) = Jail::of(&stripped) else {
        return;
    };
    jail.saddlebag([""; 0])
        .run()
        .code(0)
        .prints("9 cost 90, 10 cost 90\n")
        .is_quiet();
}

#[test]
fn llvms_assembler_and_linker_take_the_place_of_gnus() {
    if !ocaml() || !has("llvm-mc") || !has("ld.lld") {
        return;
    }
    let sandbox = Sandbox::new();
    let program = |name: &str| {
        let found = sandbox
            .command("sh")
            .args(["-c", "command -v \"$0\"", name]);
        found.run().code(0).stdout().trim().to_owned()
    };
    let embed = sandbox
        .saddlebag(["embed", "--level", "1", "-o", "out", "--json"])
        .args(["--assembler", &program("llvm-mc")])
        .args(["--linker", &program("ld.lld")])
        .arg(saddlebag());
    embed.run().code(0).is_quiet();
    let carried = sandbox.saddlebag(["archive", "metadata", "out"]).run();
    assert!(carried.code(0).stdout().contains("  LLVM: Apache-2.0"));
    assert!(
        !carried.stdout().contains("GPL-3.0-or-later ("),
        "{carried}"
    );
    let Some(jail) = Jail::of(&sandbox.path("out")) else {
        return;
    };
    fs::write(jail.path("hello.ml"), HELLO).unwrap();
    fs::write(jail.path("wrong.ml"), WRONG).unwrap();
    jail.saddlebag(["run", "--assembler", "external", "hello.ml"])
        .run()
        .code(0)
        .prints("hello\n")
        .is_quiet();
    jail.saddlebag(["run", "--assembler", "external", "wrong.ml"])
        .run()
        .code(1)
        .prints_nothing()
        .says(&["File \"wrong.ml\", line 1, characters 23-24:"]);
}

#[test]
fn without_compiler_libs_the_byte_code_compiler_itself_is_carried_and_needs_only_libc() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let library = sandbox.ocamlopt(["-where"]).run();
    let hidden = format!("{}/compiler-libs", library.code(0).stdout().trim());
    let embed = |command: saddlebag_tests::Command| {
        command
            .arg(saddlebag())
            .args(["embed", "--code", "byte", "--level", "1", "-o"])
            .arg(sandbox.path("out"))
            .arg(saddlebag())
            // Not the kit of the compiler with compiler-libs.
            .env("XDG_CACHE_HOME", sandbox.path("cache"))
    };
    let script = "exec \"$@\"";
    let Some(made) = with_mount(Mount::Small(64), hidden.as_ref(), script, embed) else {
        return;
    };
    made.code(0);
    let list = sandbox.saddlebag(["archive", "list", "out"]).run();
    assert!(list.code(0).stdout().contains("bin/ocamlc\n"), "{list}");
    let Some(jail) = Jail::of(&sandbox.path("out")) else {
        return;
    };
    fs::write(jail.path("hello.ml"), HELLO).unwrap();
    fs::write(jail.path("wrong.ml"), WRONG).unwrap();
    fs::write(jail.path("main.ml"), "let () = print_int (Util.twice 4)\n").unwrap();
    fs::write(jail.path("util.ml"), "let twice x = x * 2\n").unwrap();
    jail.saddlebag(["run", "hello.ml"])
        .run()
        .code(0)
        .prints("hello\n")
        .is_quiet();
    jail.saddlebag(["run", "--find-dependencies", "main.ml"])
        .run()
        .code(0)
        .prints("8")
        .is_quiet();
    jail.saddlebag(["check", "wrong.ml"])
        .run()
        .code(1)
        .says(&["File \"wrong.ml\", line 1, characters 23-24:"]);
}

#[test]
fn a_compiler_packed_by_another_version_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("hello.ml", HELLO);
    for version in [1, 99] {
        let mut builder = Builder::new();
        builder.metadata(version, &"of another version").unwrap();
        let archive = Archive::from_bytes(builder.build().unwrap()).unwrap();
        let old = sandbox.path("old");
        embedded_archive::attach(saddlebag(), &archive, &old).unwrap();
        for toolchain in ["embedded", "auto"] {
            let run = sandbox
                .command(&old)
                .args(["run", "--toolchain", toolchain, "hello.ml"])
                .run();
            let version = format!("version {version}");
            run.code(1)
                .prints_nothing()
                .says(&["does not hold an OCaml compiler of this version", &version]);
        }
    }
}
