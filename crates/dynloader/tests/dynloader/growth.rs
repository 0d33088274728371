//! What a process has more of after it has loaded many plugins: their code, and nothing else.

use std::path::Path;
use std::process::Command;

use dynloader::{Loader, Options, SideEffect, Source};

use crate::support::{Succeed, kit};

/// Set for the process that loads; how many plugins.
const LOADS: &str = "DYNLOADER_TEST_LOADS";

/// How many plugins are loaded before anything is counted.
const FIRST: usize = 40;

/// Mappings of a plugin: headers, code, and the part of the data that is protected after it was relocated, and the rest.
const MAPPINGS: usize = 5;

/// Resident memory that a small plugin may take, in KiB: its pages, and what the dynamic linker and OCaml keep of it.
const MEMORY: usize = 64;

/// What a process has.
#[derive(Debug, Clone, Copy)]
struct Holdings {
    descriptors: usize,
    threads: usize,
    files: usize,
    mappings: usize,
    memory: usize,
}

fn entries(directory: impl AsRef<Path>) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

/// The resident memory in KiB.
fn resident(process: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.unwrap().parse().unwrap()
}

fn holdings(loader: &Loader) -> Holdings {
    Holdings {
        descriptors: entries("/proc/self/fd"),
        threads: entries("/proc/self/task"),
        files: loader.directory().map_or(0, entries) + entries(std::env::temp_dir()),
        mappings: std::fs::read_to_string("/proc/self/maps")
            .unwrap()
            .lines()
            .count(),
        memory: resident("self"),
    }
}

/// What the process does that loads.
#[test]
fn work_of_a_process_that_loads() {
    let Ok(loads) = std::env::var(LOADS) else {
        return;
    };
    let loads: usize = loads.parse().unwrap();
    let kit = kit().expect("the process is started where there is OCaml");
    let loader = Loader::new(kit, Options::program()).unwrap();
    let load = |number: usize| {
        let text = format!(
            "let table = Hashtbl.create 16\n\
             let () = List.iter (fun word -> Hashtbl.replace table word {number}) [ \"a\"; \"b\" ]\n\
             let () = assert (Hashtbl.find table \"b\" = {number})\n"
        );
        let loaded =
            loader.load_sources_blocking::<SideEffect>([Source::text("small.ml", text)], |_| ());
        loaded.succeed();
    };
    (0..FIRST).for_each(load);
    let before = holdings(&loader);
    (FIRST..FIRST + loads).for_each(load);
    let after = holdings(&loader);
    println!("{before:?}\n{after:?}");
    assert_eq!(after.descriptors, before.descriptors, "descriptors");
    assert_eq!(after.files, before.files, "files");
    // Those that do what blocks come and go.
    assert!(after.threads <= before.threads + 2, "threads");
    let per_plugin = |after: usize, before: usize| after.saturating_sub(before).div_ceil(loads);
    let (mappings, memory) = (
        per_plugin(after.mappings, before.mappings),
        per_plugin(after.memory, before.memory),
    );
    println!("{mappings} mappings and {memory} KiB for a plugin");
    assert!(mappings <= MAPPINGS, "{mappings} mappings");
    assert!(memory <= MEMORY, "{memory} KiB");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the process that loads is counted as a whole"
)]
fn a_plugin_leaves_its_code_in_the_process_and_nothing_else() {
    if kit().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let test = "growth::work_of_a_process_that_loads";
    let loads = std::env::var(LOADS).unwrap_or_else(|_| "100".to_owned());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(LOADS, loads)
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    print!("{said}");
}
