//! `cargo xtask torture` and `cargo xtask fuzz`: what takes too long for every change.

use std::path::Path;

use crate::{Outcome, shell, toolchain};

/// Rounds of the storm: processes that extract to one directory, are killed, and find it damaged.
const STORM_ROUNDS: &str = "600";

/// Calls of the stress test from each of its threads, with small minor heaps and compactions.
const STRESS_CALLS: &str = "1000000";

/// How many times as much of the end-to-end tests of faults: processes that share a cache and are killed, damaged caches.
const FAULTS: &str = "20";

/// Programs that one compile worker compiles, each compared with ocamlopt's object; units that its memory is watched for;
/// and how often workers are killed.
const WORKER: [(&str, &str); 3] = [
    ("COMPILE_WORKER_PROGRAMS", "2000"),
    ("COMPILE_WORKER_UNITS", "10000"),
    ("COMPILE_WORKER_KILLS", "200"),
];

/// How long each fuzz target runs by default.
const SECONDS: u32 = 300;

/// The storm of archives, the stress of the runtime and its tests on OCaml's debug runtime, the faults of caches, the compile workers, and the comparison
/// of the assembler with GNU as and ld, at full length, in release builds.
pub(crate) fn torture(root: &Path) -> Outcome {
    crate::setup::run()?;
    let test = |package: &str, filter: &str| {
        let mut command = shell::cargo();
        command
            .current_dir(root)
            .args(["test", "--release", "-p", package, "--", filter])
            .env("CI", "true");
        command
    };
    shell::run(
        test("embedded-archive", "storm").env("EMBEDDED_ARCHIVE_STORM_ROUNDS", STORM_ROUNDS),
    )?;
    shell::run(test("ocaml-runtime", "stress").env("RUNTIME_STRESS", STRESS_CALLS))?;
    // Everything on OCaml's debug runtime, which checks its own state.
    shell::run(test("ocaml-runtime", "").env("RUNTIME_DEBUG", "1"))?;
    ["caches::", "faults::two_hundred_kills"]
        .into_iter()
        .try_for_each(|filter| {
            shell::run(test("saddlebag-tests", filter).env("SADDLEBAG_TORTURE", FAULTS))
        })?;
    shell::run(test("dynloader", "worker").envs(WORKER))?;
    for version in toolchain::TESTED {
        let mut suite = test("dynloader", "compile_worker::suite");
        let suite = suite
            .env("SADDLEBAG_OCAML", toolchain::ensure(version)?)
            .env("COMPILE_WORKER_SUITE", toolchain::sources(version)?);
        shell::run(suite)?;
    }
    for version in toolchain::TESTED.iter().chain(toolchain::VARIANTS) {
        let prefix = toolchain::ensure(version)?;
        let mut assembler = test("ocaml-assembler", "");
        let assembler = assembler
            .env("OCAMLOPT", prefix.join("bin/ocamlopt"))
            .env("OCAML_SOURCES", toolchain::sources(version)?)
            .env("OCAML_ASSEMBLER_ALL", "1");
        shell::run(assembler)?;
    }
    println!(
        "{STORM_ROUNDS} rounds of the storm, the runtime's stress and its tests on OCaml's debug runtime, the faults of \
         caches, the compile workers, and the assembler beside GNU as and ld: nothing broke"
    );
    Ok(())
}

/// Every fuzz target of every member, one after the other.
pub(crate) fn fuzz(root: &Path, arguments: &[String]) -> Outcome {
    let seconds = match arguments {
        [] => SECONDS,
        [option, seconds] if option == "--seconds" => seconds
            .parse()
            .map_err(|_| format!("`{seconds}` is no number of seconds"))?,
        _ => return Err("usage: cargo xtask fuzz [--seconds N]".into()),
    };
    let installed = cargo_fuzz(root).arg("--version").output();
    if !installed.is_ok_and(|output| output.status.success()) {
        return Err(
            "cargo-fuzz is not installed: cargo install cargo-fuzz (it needs a nightly toolchain)"
                .into(),
        );
    }
    let mut targets = Vec::new();
    for member in sorted(&root.join("crates"))? {
        if !member.join("fuzz").is_dir() {
            continue;
        }
        let listed = cargo_fuzz(&member).arg("list").output()?;
        if !listed.status.success() {
            let said = String::from_utf8_lossy(&listed.stderr).into_owned();
            return Err(format!("cannot list the targets of {}: {said}", member.display()).into());
        }
        for name in String::from_utf8(listed.stdout)?.lines() {
            // What is found goes to a directory of its own; the examples in the repository stay as they are.
            let found = root.join("target/fuzz").join(name);
            std::fs::create_dir_all(&found)?;
            let examples = member.join("fuzz/corpus").join(name);
            let mut command = cargo_fuzz(&member);
            command.args(["run", name]).arg(&found);
            command.args(examples.is_dir().then_some(&examples));
            // Unpacking ends threads while the leak detector looks: it takes what they are about to free for lost.
            command.args([
                "--",
                &format!("-max_total_time={seconds}"),
                "-detect_leaks=0",
            ]);
            shell::run(&mut command)?;
            targets.push(name.to_owned());
        }
    }
    println!(
        "{} targets, {seconds} s each, nothing found: {}",
        targets.len(),
        targets.join(", ")
    );
    Ok(())
}

/// Through rustup's own cargo: the one that runs this is of the stable toolchain.
fn cargo_fuzz(directory: &Path) -> std::process::Command {
    let mut command = std::process::Command::new("cargo");
    command
        .current_dir(directory)
        .args(["+nightly", "fuzz"])
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN");
    command
}

fn sorted(directory: &Path) -> Result<Vec<std::path::PathBuf>, Box<dyn std::error::Error>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}
