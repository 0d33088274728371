//! Rows about scripts: whole processes, against the same program compiled ahead of time.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::start::PLUGIN;
use super::{Bench, quiet};
use crate::Outcome;

/// What a second run may take of a program that was compiled ahead of time.
const SECOND_RUN: f64 = 3.0;

/// What a first run may take of compiling with findlib, linking and running.
const FIRST_RUN: f64 = 1.0;

/// The first line of a script.
const HEAD: &str = "#!/usr/bin/env -S saddlebag run\n";

const WITH_LIBRARY: &str = "let () = print_string (Yojson.Safe.to_string (`List [`Int 1]))\n";

/// Scripts in a folder, with a cache of their own.
struct Scripts {
    folder: PathBuf,
    ocamlopt: PathBuf,
    /// Makes each first run one of a script that nobody has seen.
    count: Cell<u32>,
}

pub(super) fn rows(bench: &mut Bench) -> Outcome {
    let scripts = Scripts {
        folder: bench.scratch.clone(),
        ocamlopt: bench.ocamlopt.clone(),
        count: Cell::new(0),
    };
    let saddlebag = bench.saddlebag.clone();
    let carrier = bench.carrier()?;
    scripts.write("script.ml", &format!("{HEAD}{PLUGIN}"))?;
    scripts.write("plain.ml", PLUGIN)?;
    let program = scripts.folder.join("script.exe");
    quiet(&mut scripts.ocamlopt(&["plain.ml", "-o", "script.exe"]))?;
    for (name, command) in [
        ("second run of a script", &saddlebag),
        ("second run of a script, carried compiler", &carrier),
    ] {
        // Builds the kit or extracts the archive, and compiles.
        quiet(&mut scripts.run(command, "script.ml"))?;
        bench.row(
            name,
            Some(SECOND_RUN),
            ("saddlebag run", || {
                quiet(&mut scripts.run(command, "script.ml"))
            }),
            ("ocamlopt, ahead of time", || {
                quiet(&mut Command::new(&program))
            }),
        )?;
    }
    scripts.first_run(bench, "first run of a script", &saddlebag, PLUGIN, None)?;
    scripts.first_run(
        bench,
        "first run of a script, carried compiler",
        &carrier,
        PLUGIN,
        None,
    )?;
    let has_library = Command::new("ocamlfind")
        .args(["query", "yojson"])
        .output()
        .is_ok_and(|output| output.status.success());
    if has_library {
        let name = "first run of a script with a library";
        scripts.first_run(bench, name, &saddlebag, WITH_LIBRARY, Some("yojson"))?;
    }
    Ok(())
}

impl Scripts {
    fn write(&self, name: &str, text: &str) -> Outcome {
        Ok(fs::write(self.folder.join(name), text)?)
    }

    fn run(&self, saddlebag: &Path, script: &str) -> Command {
        let mut command = Command::new(saddlebag);
        command
            .args(["run", script])
            .current_dir(&self.folder)
            .env("XDG_CACHE_HOME", self.folder.join("cache-of-scripts"));
        command
    }

    fn ocamlopt(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.ocamlopt);
        command.args(arguments).current_dir(&self.folder);
        command
    }

    /// A script that is new each time, against findlib's way to an executable, and that executable.
    fn first_run(
        &self,
        bench: &mut Bench,
        name: &str,
        saddlebag: &Path,
        text: &str,
        library: Option<&str>,
    ) -> Outcome {
        let directive = library.map(|library| format!("#require \"{library}\";;\n"));
        let head = format!("{HEAD}{}", directive.unwrap_or_default());
        // The compiler takes neither line of a script's head.
        let new = |head: &str| {
            self.count.set(self.count.get() + 1);
            let text = format!("{head}{text}(* {} *)\n", self.count.get());
            self.write("new.ml", &text)
        };
        bench.row(
            name,
            Some(FIRST_RUN),
            ("saddlebag run", || {
                new(&head)?;
                quiet(&mut self.run(saddlebag, "new.ml"))
            }),
            ("ocamlfind ocamlopt, and run", || {
                new("")?;
                let mut compile = Command::new("ocamlfind");
                compile.arg("ocamlopt").current_dir(&self.folder);
                if let Some(library) = library {
                    compile.args(["-package", library, "-linkpkg"]);
                }
                quiet(compile.args(["new.ml", "-o", "new.exe"]))?;
                quiet(&mut Command::new(self.folder.join("new.exe")))
            }),
        )
    }
}
