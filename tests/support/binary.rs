//! The command under test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use crate::shared::{lock, shared_directory};
use crate::toolchain::skip;

/// The `saddlebag` command of the profile that the tests are built with, built now when its sources are newer.
/// `SADDLEBAG_BINARY` names another one, for example that of a release.
///
/// # Panics
/// When it cannot be built.
pub fn saddlebag() -> &'static Path {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = BINARY.get_or_init(|| match std::env::var_os("SADDLEBAG_BINARY") {
        Some(path) => Ok(PathBuf::from(path)),
        None => built(),
    });
    found
        .as_deref()
        .unwrap_or_else(|failure| panic!("{failure}"))
}

/// `target/<profile>`, from `target/<profile>/deps/it-<hash>`.
pub(crate) fn profile_directory() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the test");
    let deps = test.parent().expect("a directory of test executables");
    deps.parent()
        .expect("a directory of the profile")
        .to_owned()
}

/// Every test is a process of its own under nextest, so that asking cargo each time would cost more than the tests.
fn built() -> Result<PathBuf, String> {
    let profile = profile_directory();
    let binary = profile.join("saddlebag");
    let stamp = shared_directory().join("built");
    let _lock = lock("build");
    let newest = newest_source();
    let is_current = |path: &Path| modified(path).is_some_and(|time| time >= newest);
    if !binary.exists() || !(is_current(&binary) || is_current(&stamp)) {
        build(&profile)?;
        // Cargo leaves an executable alone whose sources changed in nothing that matters.
        fs::write(&stamp, "").expect("a stamp");
    }
    Ok(binary)
}

/// `docs/examples/linked-in`, a program whose own `cargo build` links an OCaml compiler into it. `cargo xtask test` builds
/// it before the tests: it is a workspace of its own, and building it takes longer than a test may.
///
/// # Panics
/// When it is not built and `CI` is set.
#[must_use]
pub fn linked_in() -> Option<PathBuf> {
    let profile = profile_directory();
    let program = target(&profile).join("linked-in/debug/linked-in");
    let is_built = program.exists()
        || skip("docs/examples/linked-in is not built; `cargo xtask test` does it");
    is_built.then_some(program)
}

/// Cargo's target directory, which holds that of a profile, perhaps below that of a target triple.
fn target(profile: &Path) -> &Path {
    // Cargo marks the directory of everything it builds.
    let marked = |directory: &&Path| directory.join("CACHEDIR.TAG").exists();
    profile
        .ancestors()
        .find(marked)
        .expect("cargo's target directory")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tests start cargo, which no part of the product does"
)]
fn build(profile: &Path) -> Result<(), String> {
    let name = profile.file_name().and_then(|name| name.to_str());
    let name = match name.expect("the name of a profile") {
        "debug" => "dev",
        name => name,
    };
    let target = target(profile);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = std::process::Command::new(cargo);
    command
        .current_dir(workspace())
        .args([
            "build",
            "--quiet",
            "--package",
            "saddlebag-cli",
            "--bin",
            "saddlebag",
            "--profile",
            name,
        ])
        .arg("--target-dir")
        .arg(target);
    if let Some(triple) = profile.parent().filter(|parent| *parent != target) {
        command
            .arg("--target")
            .arg(triple.file_name().expect("a target triple"));
    }
    let status = command.status().expect("cargo");
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{command:?}` failed"))
    }
}

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the root of the workspace")
}

/// When the last of the files that the command is made of changed.
fn newest_source() -> SystemTime {
    let mut newest = modified(&workspace().join("Cargo.lock")).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut directories = vec![workspace().join("crates")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_directory
                && !["tests", "examples", "benches", "fuzz"]
                    .iter()
                    .any(|name| path.ends_with(name))
            {
                directories.push(path);
            } else if !is_directory && let Some(time) = modified(&path) {
                newest = newest.max(time);
            }
        }
    }
    newest
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
