//! `--cache`: what is compiled once, and what is never run again because it was damaged.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use saddlebag_tests::{Command, Sandbox, ocaml, saddlebag, torture};

use crate::ppx::CountingDriver;

/// A sandbox with a driver that counts compilations.
struct Cached {
    sandbox: Sandbox,
    driver: CountingDriver,
}

impl Cached {
    fn new() -> Cached {
        let sandbox = Sandbox::new();
        let driver = CountingDriver::new(&sandbox);
        Cached { sandbox, driver }
    }

    fn run(&self, arguments: &[&str]) -> Command {
        let options = ["run", "--cache", "cache", "--ppx"];
        self.sandbox
            .saddlebag(options)
            .arg(self.driver.program())
            .args(arguments)
    }

    /// Runs `arguments`, which print `expected`; whether something was compiled.
    #[track_caller]
    fn compiles(&self, arguments: &[&str], expected: &str) -> bool {
        self.run(arguments).run().code(0).prints(expected);
        self.driver.take() > 0
    }

    /// The stored plugins.
    fn plugins(&self) -> Vec<PathBuf> {
        let names = self.sandbox.list("cache/plugins").into_iter();
        let paths = names
            .filter(|name| name.ends_with(".plugin"))
            .map(|name| format!("cache/plugins/{name}"));
        paths.map(|path| self.sandbox.path(path)).collect()
    }
}

fn print(text: &str) -> String {
    format!("let () = print_string \"{text}\"\n")
}

#[test]
fn a_plugin_is_compiled_once_while_nothing_changes() {
    if !ocaml() {
        return;
    }
    let cached = Cached::new();
    cached.sandbox.write("util.ml", "let two = 2\n");
    cached
        .sandbox
        .write("main.ml", "let () = print_int Util.two\n");
    assert!(cached.compiles(&["util", "main"], "2"));
    assert!(!cached.compiles(&["util", "main"], "2"));
    assert!(!cached.compiles(&["util.ml", "main.ml", "--", "argument"], "2"));
    // The same sources in another folder.
    cached.sandbox.write("copy/util.ml", "let two = 2\n");
    cached
        .sandbox
        .write("copy/main.ml", "let () = print_int Util.two\n");
    assert!(!cached.compiles(&["copy/util", "copy/main"], "2"));
}

#[test]
fn whatever_decides_the_result_is_compiled_anew() {
    if !ocaml() {
        return;
    }
    let cached = Cached::new();
    cached.sandbox.write("main.ml", print("a"));
    assert!(cached.compiles(&["main.ml"], "a"));
    cached.sandbox.write("main.ml", print("b"));
    assert!(cached.compiles(&["main.ml"], "b"));
    cached.sandbox.write("main.ml", print("a"));
    assert!(!cached.compiles(&["main.ml"], "a"));
    for options in [
        &["--strict"][..],
        &["--strict", "--no-strict-sequence"],
        &["--warnings", "+a-70"],
        &["--cmx-flag", "-unsafe"],
        &["--cmxs-flag", "-verbose"],
        &["-I", "driver"],
    ] {
        let arguments: Vec<&str> = options.iter().copied().chain(["main.ml"]).collect();
        assert!(cached.compiles(&arguments, "a"), "{options:?}");
        assert!(!cached.compiles(&arguments, "a"), "{options:?}");
    }
    // The name of a file is that of a module.
    cached.sandbox.write("other.ml", print("a"));
    assert!(cached.compiles(&["other.ml"], "a"));
    cached.sandbox.write("main.mli", "");
    assert!(cached.compiles(&["main.ml"], "a"));
}

#[test]
fn the_order_of_the_sources_is_part_of_what_they_are() {
    if !ocaml() {
        return;
    }
    let cached = Cached::new();
    cached.sandbox.write("a.ml", print("a"));
    cached.sandbox.write("b.ml", print("b"));
    assert!(cached.compiles(&["a", "b"], "ab"));
    assert!(cached.compiles(&["b", "a"], "ba"));
    assert!(!cached.compiles(&["a", "b"], "ab"));
}

#[test]
fn a_cache_keeps_as_many_plugins_as_it_is_told() {
    if !ocaml() {
        return;
    }
    let cached = Cached::new();
    for name in ["a", "b", "c"] {
        cached.sandbox.write(format!("{name}.ml"), print(name));
        assert!(cached.compiles(&["--cache-size", "2", name], name));
    }
    assert_eq!(cached.plugins().len(), 2);
    assert!(!cached.compiles(&["--cache-size", "2", "c"], "c"));
    assert!(!cached.compiles(&["--cache-size", "2", "b"], "b"));
    assert!(cached.compiles(&["--cache-size", "2", "a"], "a"));
    // Without a size: ten.
    for number in 0..12 {
        cached.sandbox.write(format!("n{number}.ml"), print("n"));
        cached.run(&[&format!("n{number}")]).run().code(0);
    }
    assert_eq!(cached.plugins().len(), 10);
    assert!(cached.compiles(&["--cache-size", "0", "a"], "a"));
    assert_eq!(cached.plugins().len(), 0);
}

#[test]
fn new_versions_of_a_file_replace_its_old_ones_before_others_suffer() {
    if !ocaml() {
        return;
    }
    let cached = Cached::new();
    cached.sandbox.write("steady.ml", print("steady"));
    assert!(cached.compiles(&["--cache-size", "3", "steady"], "steady"));
    for version in ["1", "2", "3", "4"] {
        cached.sandbox.write("edited.ml", print(version));
        assert!(cached.compiles(&["--cache-size", "3", "edited"], version));
    }
    assert!(!cached.compiles(&["--cache-size", "3", "steady"], "steady"));
}

#[test]
fn warnings_are_shown_again_from_the_cache() {
    if !ocaml() {
        return;
    }
    let cached = Cached::new();
    let text = "let f = function Some x -> x\nlet () = print_string (f (Some \"x\"))\n";
    cached.sandbox.write("main.ml", text);
    cached.sandbox.write("copy/main.ml", text);
    let run = |file: &str, compiled: bool| {
        let outcome = cached.run(&[file]).run();
        outcome.code(0).prints("x");
        assert_eq!(cached.driver.take() > 0, compiled, "{file}");
        outcome.stderr().into_owned()
    };
    let first = run("main.ml", true);
    assert!(
        first.starts_with("File \"main.ml\", line 1, characters 8-28:\n1 | let f = "),
        "{first}"
    );
    assert!(first.contains("Warning 8"), "{first}");
    assert_eq!(run("main.ml", false), first);
    let copy = first.replace("main.ml", "copy/main.ml");
    assert_eq!(run("copy/main.ml", false), copy);
    // What was built from the cache says the same.
    let build = ["build", "--cache", "cache", "main.ml", "-o", "out"];
    let options = cached.sandbox.saddlebag(build).arg("--ppx");
    let outcome = options.arg(cached.driver.program()).run();
    assert_eq!(outcome.code(0).stderr(), first);
}

#[test]
fn a_plugin_from_the_cache_needs_no_directory_of_its_own() {
    if !ocaml() {
        return;
    }
    let cached = Cached::new();
    cached.sandbox.write("main.ml", print("ran"));
    assert!(cached.compiles(&["main"], "ran"));
    let nowhere = cached.sandbox.path("nowhere");
    let outcome = cached.run(&["main"]).env("TMPDIR", &nowhere).run();
    outcome.code(0).prints("ran").is_quiet();
    cached.sandbox.write("main.ml", print("other"));
    let outcome = cached.run(&["main"]).env("TMPDIR", &nowhere).run();
    outcome.code(1).says(&["/work/nowhere`"]);
}

#[test]
fn sources_that_do_not_compile_are_not_kept() {
    if !ocaml() {
        return;
    }
    let cached = Cached::new();
    cached.sandbox.write("bad.ml", "let () = print_string 1\n");
    for _ in 0..2 {
        cached
            .run(&["bad"])
            .run()
            .code(1)
            .prints_nothing()
            .says(&["File \"bad.ml\", line 1"]);
        assert_ne!(cached.driver.take(), 0);
    }
}

#[test]
fn a_plugin_that_fails_is_kept_and_fails_again() {
    if !ocaml() {
        return;
    }
    let cached = Cached::new();
    cached.sandbox.write(
        "fails.ml",
        "let () = print_string \"x\"; failwith \"again\"\n",
    );
    for compiled in [true, false] {
        let outcome = cached.run(&["fails"]).run();
        outcome
            .code(1)
            .prints("x")
            .says(&["exception Failure(\"again\")"]);
        assert_eq!(cached.driver.take() > 0, compiled);
    }
}

#[test]
fn a_damaged_plugin_is_compiled_again_and_never_run() {
    if !ocaml() {
        return;
    }
    let cached = Cached::new();
    cached.sandbox.write("main.ml", print("right"));
    assert!(cached.compiles(&["main"], "right"));
    let [path] = &cached.plugins()[..] else {
        panic!("one plugin")
    };
    let good = fs::read(path).unwrap();
    // Its head, its end and places in between.
    let parts = 16 * torture();
    let middle = (1..parts).map(|part| good.len() * part / parts);
    let ends = [
        0,
        9,
        13,
        45,
        good.len() - 80,
        good.len() - 33,
        good.len() - 1,
    ];
    for position in middle.chain(ends) {
        for truncated in [false, true] {
            let mut bad = good.clone();
            if truncated {
                bad.truncate(position);
            } else {
                bad[position] ^= 0x10;
            }
            fs::write(path, bad).unwrap();
            assert!(
                cached.compiles(&["main"], "right"),
                "byte {position}, truncated: {truncated}"
            );
            assert_eq!(fs::read(path).unwrap().len(), good.len());
        }
    }
    fs::remove_file(path).unwrap();
    assert!(cached.compiles(&["main"], "right"));
    assert!(!cached.compiles(&["main"], "right"));
}

#[test]
fn a_damaged_index_is_a_new_start() {
    if !ocaml() {
        return;
    }
    let cached = Cached::new();
    cached.sandbox.write("main.ml", print("right"));
    assert!(cached.compiles(&["main"], "right"));
    let index = cached.sandbox.path("cache/plugins/index");
    let good = fs::read(&index).unwrap();
    for position in 0..good.len() {
        // Every eighth by the command itself; the library has a test of every bit.
        if position % 8 != 0 && torture() == 1 {
            continue;
        }
        let mut bad = good.clone();
        bad[position] ^= 1;
        fs::write(&index, bad).unwrap();
        assert!(cached.compiles(&["main"], "right"), "byte {position}");
        assert!(!cached.compiles(&["main"], "right"), "byte {position}");
    }
    fs::write(&index, "").unwrap();
    assert!(cached.compiles(&["main"], "right"));
}

#[test]
fn a_plugin_in_the_place_of_another_is_not_run() {
    if !ocaml() {
        return;
    }
    let cached = Cached::new();
    cached.sandbox.write("one.ml", print("one"));
    assert!(cached.compiles(&["one"], "one"));
    let [one] = &cached.plugins()[..] else {
        panic!("one plugin")
    };
    let stored = fs::read(one).unwrap();
    cached.sandbox.write("two.ml", print("two"));
    assert!(cached.compiles(&["two"], "two"));
    for path in cached.plugins() {
        fs::write(path, &stored).unwrap();
    }
    assert!(cached.compiles(&["two"], "two"));
    assert!(!cached.compiles(&["one"], "one"));
    // What `build` made is no entry of a cache.
    let build = ["build", "one.ml", "-o", "built"];
    cached.sandbox.saddlebag(build).run().code(0);
    fs::copy(cached.sandbox.path("built"), one).unwrap();
    assert!(cached.compiles(&["one"], "one"));
}

#[test]
fn a_directory_that_others_can_write_to_is_refused() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("main.ml", print("ran"));
    fs::create_dir(sandbox.path("cache")).unwrap();
    fs::set_permissions(sandbox.path("cache"), fs::Permissions::from_mode(0o777)).unwrap();
    let outcome = sandbox
        .saddlebag(["run", "--cache", "cache", "main.ml"])
        .run();
    outcome
        .code(1)
        .prints_nothing()
        .says(&["other users can write to `", "/work/cache`"]);
    fs::set_permissions(sandbox.path("cache"), fs::Permissions::from_mode(0o700)).unwrap();
    sandbox
        .saddlebag(["run", "--cache", "cache", "main.ml"])
        .run()
        .code(0)
        .prints("ran");
    let mode = fs::metadata(sandbox.path("cache/plugins"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0);
}

#[test]
fn a_cache_that_is_a_file_is_named() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("main.ml", print("ran"));
    sandbox.write("file", "");
    let outcome = sandbox
        .saddlebag(["run", "--cache", "file", "main.ml"])
        .run();
    outcome.code(1).prints_nothing().says(&["/work/file"]);
}

#[test]
fn executables_with_and_without_a_compiler_share_a_cache() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("main.ml", print("ran"));
    for _ in 0..2 {
        sandbox
            .saddlebag(["run", "--cache", "cache", "main.ml"])
            .run()
            .code(0)
            .prints("ran");
        sandbox
            .standalone(["run", "--cache", "cache", "main.ml"])
            .run()
            .code(0)
            .prints("ran");
    }
}

#[test]
fn two_versions_that_two_executables_carry_share_a_cache() {
    if !ocaml() {
        return;
    }
    let Some(other) = saddlebag_tests::other_ocaml() else {
        return;
    };
    let sandbox = Sandbox::new();
    let tested = sandbox.installed("ocamlopt").expect("a native compiler");
    let carriers = [("tested", &tested), ("other", &other)].map(|(name, compiler)| {
        let embed = sandbox.saddlebag(["embed", "--level", "1", "-o", name, "--ocaml"]);
        embed.arg(compiler).arg(saddlebag()).run().code(0);
        let version = sandbox.command(compiler).arg("-version").run();
        (
            sandbox.path(name),
            version.code(0).stdout().trim().to_owned(),
        )
    });
    assert_ne!(carriers[0].1, carriers[1].1);
    sandbox.write(
        "script",
        "#!saddlebag\nlet () = print_string Sys.ocaml_version\n",
    );
    for name in ["cache", "shared", "archives"] {
        let directory = sandbox.path(name);
        fs::create_dir(&directory).expect("a directory");
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).expect("permissions");
    }
    let mut kept = Vec::new();
    for _ in 0..2 {
        for (carrier, version) in &carriers {
            let run = |arguments: &[&str]| {
                let command = sandbox
                    .command(carrier)
                    .arg("run")
                    .args(arguments)
                    .arg("script");
                command.env("XDG_CACHE_HOME", sandbox.path("shared")).run()
            };
            let named = ["--cache", "cache", "--persistent-archive", "archives"];
            run(&named).code(0).prints(version).is_quiet();
            run(&[]).code(0).prints(version).is_quiet();
        }
        kept.push(sandbox.list("cache/plugins"));
    }
    // Each was compiled once.
    assert_eq!(kept[0], kept[1]);
}

#[test]
fn thirty_two_processes_share_one_cache() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    for name in ["a", "b", "c", "d"] {
        sandbox.write(format!("{name}.ml"), print(name));
    }
    for _ in 0..torture() {
        let started: Vec<_> = (0..32)
            .map(|number| {
                let name = ["a", "b", "c", "d"][number % 4];
                let options = ["run", "--cache", "cache", "--cache-size", "3", name];
                (name, sandbox.saddlebag(options).start())
            })
            .collect();
        for (name, process) in started {
            process.wait().code(0).prints(name).is_quiet();
        }
        let plugins = sandbox
            .list("cache/plugins")
            .into_iter()
            .filter(|name| name.ends_with(".plugin"));
        assert_eq!(plugins.count(), 3);
    }
}
