//! Automation of the workspace: `cargo xtask help`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "commands tell what they do"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "these processes belong to the terminal, and end with it"
)]

mod bench;
mod demo;
mod endurance;
mod miri;
mod package;
mod setup;
mod shell;
mod test;
mod test_tools;
mod tidy;
mod toolchain;
mod versions;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Outcome = Result<(), Box<dyn Error>>;

/// One command, in a module of its own.
struct Command {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&Path, &[String]) -> Outcome,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "setup",
        arguments: "",
        about: "find an OCaml toolchain, else install one with the system's package manager",
        run: |_, arguments| none(arguments).and_then(|()| setup::run()),
    },
    Command {
        name: "toolchain",
        arguments: "[[--sources|--findlib] VERSION[+frame-pointers|+flambda]]",
        about: "build OCaml VERSION (`5.3.0`, `4.14`), configured as told, into the user's cache directory, for tests, with \
                --findlib also findlib for it; or only fetch its sources; without it, list them",
        run: toolchain::run,
    },
    Command {
        name: "demo",
        arguments: "",
        about: "one file compiles and runs OCaml in a root that holds nothing but that file and libc",
        run: |root, arguments| none(arguments).and_then(|()| demo::run(root)),
    },
    Command {
        name: "bench",
        arguments: "[--json | --peers]",
        about: "measure, each row against an anchor in the same run; or beside Luau, rhai, roto and wasmtime, which take \
                minutes to build",
        run: bench::run,
    },
    Command {
        name: "test",
        arguments: "[--toolchain VERSION,...|all] [--assembler internal|external]",
        about: "set up, then format, lint, build, test, document and tidy: what must pass before a change is merged; \
                with --toolchain, only what needs OCaml, on those versions; with --assembler, only the end-to-end \
                tests, with that assembler",
        run: test::run,
    },
    Command {
        name: "ci",
        arguments: "",
        about: "the same as test, with every version of OCaml that is tested",
        run: |root, arguments| none(arguments).and_then(|()| test::ci(root)),
    },
    Command {
        name: "versions",
        arguments: "[--check]",
        about: "try out what works with which version of OCaml, and write docs/versions.md",
        run: versions::run,
    },
    Command {
        name: "torture",
        arguments: "",
        about: "the storm of archives, the stress of the runtime, its tests on OCaml's debug runtime (before OCaml 5), \
                the faults of caches and the comparison with GNU as and ld at full length; takes long",
        run: |root, arguments| none(arguments).and_then(|()| endurance::torture(root)),
    },
    Command {
        name: "fuzz",
        arguments: "[--seconds N]",
        about: "every fuzz target, five minutes each (needs cargo-fuzz)",
        run: endurance::fuzz,
    },
    Command {
        name: "miri",
        arguments: "",
        about: "the archive format's reader and what of the runtime needs no OCaml in the interpreter of Rust, which \
                finds undefined behaviour (skipped where there is no Miri)",
        run: |root, arguments| none(arguments).and_then(|()| miri::run(root)),
    },
    Command {
        name: "tidy",
        arguments: "",
        about: "check what the compiler does not: headers, sizes, lists of crates, versions",
        run: |root, arguments| none(arguments).and_then(|()| tidy::run(root)),
    },
    Command {
        name: "package",
        arguments: "[--no-verify] [--allow-dirty]",
        about: "pack every crate that is published, and build each from its package",
        run: package::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, arguments) = match arguments.split_first() {
        None => ("help", &[][..]),
        Some((name, arguments)) => (name.as_str(), arguments),
    };
    if ["help", "-h", "--help"].contains(&name) {
        help();
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprintln!("error: there is no command `{name}`; `cargo xtask help` lists them");
        return ExitCode::from(2);
    };
    match (command.run)(&root(), arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn help() {
    println!("usage: cargo xtask COMMAND\n");
    for command in COMMANDS {
        println!(
            "  {}\n      {}",
            format!("{} {}", command.name, command.arguments).trim_end(),
            command.about
        );
    }
    println!("  help\n      this text");
}

fn none(arguments: &[String]) -> Outcome {
    match arguments.first() {
        Some(argument) => {
            Err(format!("unknown argument `{argument}`; see `cargo xtask help`").into())
        }
        None => Ok(()),
    }
}

/// The root of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
