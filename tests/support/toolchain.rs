//! What a machine must have for a test.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::sync::OnceLock;

use ocaml_toolchain::Toolchain;
use ocaml_toolchain::find::Options;

/// Whether a native OCaml compiler is installed; without one a test that asks is skipped.
#[must_use]
pub fn ocaml() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    let found = || {
        let toolchain = Toolchain::find_blocking(&Options::from_environment());
        toolchain.is_ok_and(|toolchain| toolchain.ocamlopt().is_some())
    };
    *FOUND.get_or_init(found) || skip("no OCaml compiler")
}

/// Whether `program` is in `PATH`; without it a test that asks is skipped.
#[must_use]
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
        || skip(&format!("no `{program}`"))
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
