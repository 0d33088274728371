//! What a machine must have for a test.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ocaml_toolchain::Toolchain;
use ocaml_toolchain::find::Options;

use crate::binary::saddlebag;
use crate::command::Command;

/// Whether a native OCaml compiler is installed; without one a test that asks is skipped.
#[must_use]
pub fn ocaml() -> bool {
    toolchain().is_some() || skip("no OCaml compiler")
}

/// The toolchain that the commands under test find too.
pub(crate) fn toolchain() -> Option<&'static Toolchain> {
    static FOUND: OnceLock<Option<Toolchain>> = OnceLock::new();
    let found = || {
        let toolchain = Toolchain::find_blocking(&Options::from_environment()).ok();
        toolchain.filter(|toolchain| toolchain.ocamlopt().is_some())
    };
    FOUND.get_or_init(found).as_ref()
}

/// Whether the installed OCaml is of this version or a later one: messages and libraries differ.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn ocaml_is_at_least(major: u32, minor: u32) -> bool {
    let toolchain = toolchain().expect("an OCaml toolchain");
    toolchain.conf().version().at_least(major, minor)
}

/// The native compiler in `PATH`, where it is of another version than the one under test.
#[must_use]
pub fn other_ocaml() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let options = Options::default().path(path);
    let other = Toolchain::find_blocking(&options).ok();
    let version = |toolchain: &Toolchain| toolchain.conf().version().to_string();
    let differs = |other: &Toolchain| Some(version(other)) != toolchain().map(version);
    let Some(other) = other.filter(differs) else {
        eprintln!("SKIP: no other OCaml than the one under test");
        return None;
    };
    other.ocamlopt().map(Path::to_owned)
}

/// Whether these libraries are installed with the OCaml under test, by findlib's rules; a test that asks is skipped else.
/// Only the system's own OCaml comes with libraries, so their absence is no failure where another one is under test.
#[must_use]
pub fn installed_libraries(names: &[&str]) -> bool {
    let Some(toolchain) = toolchain() else {
        return skip("no OCaml compiler");
    };
    let standard = toolchain.conf().standard_library();
    let system = standard.starts_with("/usr/lib/ocaml");
    let query = Command::new(saddlebag())
        .args(["lib", "query", "-format", "%d"])
        .args(names)
        .run();
    let belong = |directory: &str| Path::new(directory).starts_with(standard);
    let found = query.status() == Some(0) && query.stdout().lines().all(belong);
    if !found && !system {
        return false;
    }
    found || skip(&format!("not all of the libraries {}", names.join(", ")))
}

/// Whether `program` is in `PATH`; without it a test that asks is skipped.
#[must_use]
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
        || skip(&format!("no `{program}`"))
}

/// Whether this system lets `perf` record a program of one's own, build ids and all; a test that asks is skipped else. That the kernel
/// forbids it, or is older than Linux 5.12, is nothing that a test could mend.
#[must_use]
pub fn may_profile() -> bool {
    let record = ["record", "-e", "cpu-clock", "--buildid-mmap"];
    if !has("perf") {
        return false;
    }
    let probe = Command::new("perf")
        .args(record)
        .args(["-o", "/dev/null", "true"])
        .run();
    let may = probe.status() == Some(0);
    if !may {
        eprintln!("SKIP: no profiling here: {probe}");
    }
    may
}

/// How many times as thorough as in a usual run the tests of faults are to be: `SADDLEBAG_TORTURE`, 1 without it.
///
/// # Panics
/// When the variable is no number.
#[must_use]
pub fn torture() -> usize {
    std::env::var("SADDLEBAG_TORTURE").map_or(1, |times| {
        times
            .parse()
            .unwrap_or_else(|_| panic!("SADDLEBAG_TORTURE is `{times}`"))
    })
}

/// Says that a test is skipped, and fails it where everything has to be there.
///
/// # Panics
/// When `CI` is set.
#[must_use]
pub fn skip(reason: &str) -> bool {
    assert!(std::env::var_os("CI").is_none(), "{reason}, and CI is set");
    eprintln!("SKIP: {reason}");
    false
}
