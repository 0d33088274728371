//! `cargo xtask toolchain`: build an OCaml of a given version into the user's cache directory.

mod build;
mod findlib;
mod log;
mod package;

use crate::Outcome;
use ocaml_toolchain::{Toolchain, find::Options};
use std::error::Error;
use std::path::{Path, PathBuf};

/// The versions that the tests of the versions run on, beside the one that is installed: one for each runtime and
/// layout of the standard library that we support.
pub(crate) const TESTED: &[&str] = &["4.14.1", "5.3.0"];

/// What `ocaml-assembler` is compared with GNU as on, beside them: OCaml configured in ways that its assembly shows.
pub(crate) const VARIANTS: &[&str] = &["5.3.0+frame-pointers", "5.3.0+flambda"];

/// `cargo xtask toolchain [[--sources|--findlib] VERSION[+VARIANT]]`.
pub(crate) fn run(_: &Path, arguments: &[String]) -> Outcome {
    match arguments {
        [] => list(),
        [version] if !version.starts_with('-') => {
            let prefix = ensure(version)?;
            println!("use it with: SADDLEBAG_OCAML={}", prefix.display());
            Ok(())
        }
        [version, option] | [option, version] if option == "--findlib" => {
            let prefix = ensure(version)?;
            let findlib = findlib::ensure(&directory()?.with_file_name("findlib"), &prefix)?;
            let bin = findlib.join("bin");
            println!("findlib: `{}`", findlib.display());
            println!(
                "use them with: SADDLEBAG_OCAML={} PATH={}:{}:$PATH",
                prefix.display(),
                bin.display(),
                prefix.join("bin").display()
            );
            Ok(())
        }
        [option, version] if option == "--sources" => {
            println!("OCAML_SOURCES={}", sources(version)?.display());
            Ok(())
        }
        _ => Err(
            "usage: cargo xtask toolchain [[--sources|--findlib] VERSION[+frame-pointers|+flambda]]".into(),
        ),
    }
}

/// Tells which versions there are.
fn list() -> Outcome {
    let directory = directory()?;
    println!("in {}:", directory.display());
    for name in names(&directory) {
        match verify(&directory.join(&name)) {
            Ok(toolchain) => println!("  {:10} {}", name, toolchain.conf().architecture()),
            Err(error) => println!("  {name:10} broken: {error}"),
        }
    }
    for version in TESTED
        .iter()
        .filter(|version| !directory.join(version).is_dir())
    {
        println!("  {version:10} not built; cargo xtask toolchain {version}");
    }
    Ok(())
}

/// The prefix of the OCaml `version`, which is built if it is not there yet.
pub(crate) fn ensure(version: &str) -> Result<PathBuf, Box<dyn Error>> {
    let directory = directory()?;
    if let Some(prefix) = built(&directory, version) {
        let toolchain = verify(&prefix)?;
        println!(
            "OCaml {}: `{}`",
            toolchain.conf().version(),
            prefix.display()
        );
        return Ok(prefix);
    }
    build::check_tools()?;
    let (version, variant) = package::parts(version).ok_or_else(|| {
        let known = package::VARIANTS.join("`, `");
        format!("`{version}`: a variant of OCaml is one of `{known}`")
    })?;
    let package = package::choose(version)?;
    let prefix = build::build(&directory, &package, variant)?;
    let toolchain = verify(&prefix)?;
    println!(
        "OCaml {}: `{}`",
        toolchain.conf().version(),
        prefix.display()
    );
    Ok(prefix)
}

/// The source tree of the OCaml `version`, one of [`TESTED`], fetched if it is not there yet: the tests of `ocaml-assembler`
/// compile the compilers and their test suite.
pub(crate) fn sources(version: &str) -> Result<PathBuf, Box<dyn Error>> {
    let (version, _) = package::parts(version).ok_or("no version of OCaml")?;
    build::sources(&directory()?, version)
}

/// Where the toolchains are kept: beside the kits that are made of them.
fn directory() -> Result<PathBuf, Box<dyn Error>> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let cache =
        absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    match cache {
        Some(cache) => Ok(cache.join("saddlebag").join("toolchains")),
        None => {
            Err("no cache directory: neither XDG_CACHE_HOME nor HOME is an absolute path".into())
        }
    }
}

/// The versions in `directory`.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().display().to_string());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

/// The newest toolchain built whose version is `version`, or begins with it: `5.3` means any 5.3. The variant is the same.
fn built(directory: &Path, version: &str) -> Option<PathBuf> {
    let (version, variant) = package::parts(version)?;
    let asked = package::numbers(version)?;
    let there = names(directory).into_iter().filter_map(|name| {
        let (version, built) = package::parts(&name)?;
        let numbers = package::numbers(version)?;
        (built == variant).then_some((numbers, name))
    });
    let newest = there
        .filter(|(numbers, _)| numbers.starts_with(&asked))
        .max();
    newest.map(|(_, name)| directory.join(name))
}

/// Asks the compiler under `prefix` what it is (`ocamlopt -config`): the version in the prefix's name, with all that
/// kits are made of.
fn verify(prefix: &Path) -> Result<Toolchain, Box<dyn Error>> {
    let advice = || format!("remove `{}` to build it again", prefix.display());
    let options = Options::default()
        .saddlebag_ocaml(prefix)
        .path(std::env::var_os("PATH").unwrap_or_default());
    let toolchain = Toolchain::find_blocking(&options).map_err(|error| {
        format!(
            "`{}` holds no OCaml: {error}; {}",
            prefix.display(),
            advice()
        )
    })?;
    let named = prefix.file_name().unwrap_or_default().to_string_lossy();
    let named = package::parts(&named).map_or("", |(version, _)| version);
    let version = toolchain.conf().version();
    if version.to_string() != named {
        return Err(format!("`{}` holds OCaml {version}; {}", prefix.display(), advice()).into());
    }
    let lacks = [
        toolchain.require_native().err(),
        toolchain.require_bytecode().err(),
        toolchain.require_ocamldep().err(),
        toolchain.require_compiler_libs().err(),
        toolchain.require_assembler().err(),
        toolchain.require_linker().err(),
        toolchain.require_shared_libraries().err(),
    ];
    match lacks.into_iter().flatten().next() {
        Some(lack) => Err(format!("OCaml in `{}`: {lack}; {}", prefix.display(), advice()).into()),
        None => Ok(toolchain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_without_its_last_number_means_the_newest_of_that_series() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "5.2.9",
            "5.3.0",
            "5.3.10",
            "5.30.0",
            "5.3.2+flambda",
            ".work",
        ] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let found = |version| {
            built(dir.path(), version).map(|path| path.strip_prefix(dir.path()).unwrap().to_owned())
        };
        assert_eq!(found("5.3"), Some("5.3.10".into()));
        assert_eq!(found("5.3.0"), Some("5.3.0".into()));
        assert_eq!(found("5.3.1"), None);
        assert_eq!(found("5.3.2"), None);
        assert_eq!(found("5.3+flambda"), Some("5.3.2+flambda".into()));
        assert_eq!(found("5.3+frame-pointers"), None);
        assert_eq!(found("work"), None);
    }

    #[test]
    fn a_prefix_without_a_compiler_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let error = verify(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("holds no OCaml") && error.contains("remove `"),
            "{error}"
        );
    }
}
