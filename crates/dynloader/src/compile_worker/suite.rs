//! OCaml's test suite, compiled by one worker: programs that nobody wrote for workers, many of which are wrong on purpose.

use std::path::{Path, PathBuf};

use super::tests::{FLAGS, bench};
use super::*;
use crate::compile::Goal;

/// The sources in `directory` and below, in a fixed order.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources.extend(self::sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "ml") {
            sources.push(path);
        }
    }
    sources.sort();
    sources
}

#[test]
fn one_worker_compiles_ocamls_test_suite_as_compilers_do() {
    let Some(tree) = std::env::var_os("COMPILE_WORKER_SUITE").map(PathBuf::from) else {
        println!("SKIP: COMPILE_WORKER_SUITE names no source tree of OCaml");
        return;
    };
    // What the kit's interfaces hold beside the standard library.
    let flags = [FLAGS, &["-I", "+threads", "-I", "+unix", "-I", "+dynlink"]].concat();
    let Some(bench) = bench(&flags) else { return };
    let (mut compiled, mut refused, mut unsure) = (0, 0, 0);
    let mut different = Vec::new();
    for path in sources(&tree.join("testsuite/tests")) {
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .expect("a name");
        let interface = std::fs::read_to_string(path.with_extension("mli")).ok();
        // What is not Unicode is not for these tests.
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let (object, said) = bench.stock(&flags, name, &text, interface.as_deref());
        let said = String::from_utf8_lossy(&said);
        // What the assembler refuses is a matter of its own.
        if said.contains("Assembler messages") {
            continue;
        }
        // These annotations are looked at when the code is there, which a check does not make.
        let is_late = said.contains("poll-error");
        let expected = match object {
            Some(_) => Outcome::Compiled,
            None => Outcome::Refused,
        };
        for goal in [Goal::LoadHere, Goal::Load, Goal::Check, Goal::LoadHere] {
            if is_late && goal == Goal::Check {
                continue;
            }
            let Some(answer) = bench.ask(goal, name, &text, interface.as_deref()) else {
                unsure += 1;
                continue;
            };
            let messages = String::from_utf8_lossy(&answer.messages);
            // Whether a signature is too long to be told is a matter of the numbers that its types have.
            let is_short = |text: &str| text.lines().any(|line| line.trim() == "...");
            // Between what is said of an interface and what is said of the unit a worker leaves no empty line.
            let lines = |text: &str| -> Vec<String> {
                let lines = text.lines().filter(|line| !line.is_empty());
                lines.map(str::to_owned).collect()
            };
            let told = match interface {
                _ if is_short(&messages) != is_short(&said) => true,
                None => messages == said,
                Some(_) => lines(&messages) == lines(&said),
            };
            if answer.outcome != expected || !told {
                different.push(format!(
                    "{} {goal:?}: {:?} {messages}, expected {said}",
                    path.display(),
                    answer.outcome
                ));
            }
            if let (Goal::Load, Outcome::Compiled, Some(object)) = (goal, answer.outcome, &object)
                && bench.assemble(&answer.assembly[0]) != *object
            {
                different.push(format!("{}: another object", path.display()));
            }
            match answer.outcome {
                Outcome::Compiled => compiled += 1,
                _ => refused += 1,
            }
        }
    }
    println!("{compiled} compiled, {refused} refused, {unsure} for a compiler that starts");
    assert!(
        different.is_empty(),
        "{}:\n{}",
        different.len(),
        different.join("\n")
    );
    assert!(compiled > 1000, "{compiled}");
}
