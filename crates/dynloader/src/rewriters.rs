//! Preprocessors made of ppx libraries: linked once for each set of them, and kept.
//!
//! As build tools for OCaml do it: the libraries are resolved with findlib's predicate `ppx_driver`, and linked with a main
//! program that hands over to `ppxlib` (`Ppxlib.Driver.standalone`).

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use code_sets::Code;
use lib_resolve::{Environment, LibName, LibOptions, Predicates};
use ocaml_toolchain::{Invocation, files};

use crate::kit::Kit;
use crate::library_build;
use crate::options::Preprocessor;
use crate::requirement::{self, Error};
use crate::seal::Seal;
use crate::unit::Evaluation;

/// The library that every driver is made with.
const PPXLIB: &str = "ppxlib";

const MAIN: &str = "let () = Ppxlib.Driver.standalone ()\n";

/// Those of the libraries `names` that rewrite sources, by what META says of them (`library_kind`).
///
/// # Errors
/// See [`Error`].
pub fn names(kit: &Kit, names: &[String], environment: &Environment) -> Result<Vec<String>, Error> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    if kit.is_carried() {
        let carried = kit.manifest().preprocessor.as_ref();
        let is_of_driver =
            |name: &&String| carried.is_some_and(|carried| carried.rewriters.contains(name));
        return Ok(names.iter().filter(is_of_driver).cloned().collect());
    }
    let mut index = requirement::index(kit, environment)?;
    let predicates = Predicates::parse("byte,native");
    let mut rewriters = Vec::new();
    for name in names {
        // What cannot be found is told by who needs it.
        let Ok(Some(id)) = index.find(name) else {
            continue;
        };
        let kind = index.package(id).lookup("library_kind", &predicates);
        if kind.is_some_and(|kind| kind.starts_with(b"ppx_")) {
            rewriters.push(name.clone());
        }
    }
    Ok(rewriters)
}

/// The preprocessor that sources which require the libraries `names` pass through. Blocks; links it if need be.
///
/// # Errors
/// See [`Error`].
pub fn preprocessor(
    kit: &Kit,
    names: &[String],
    environment: &Environment,
) -> Result<Preprocessor, Error> {
    let rewriters = self::names(kit, names, environment)?;
    if rewriters.is_empty() {
        return Ok(Preprocessor::None);
    }
    if kit.is_carried() {
        return Ok(Preprocessor::Carried);
    }
    driver(kit, rewriters, environment).map(Preprocessor::Ppx)
}

fn driver(
    kit: &Kit,
    mut rewriters: Vec<String>,
    environment: &Environment,
) -> Result<PathBuf, Error> {
    rewriters.push(PPXLIB.to_owned());
    let wanted = requirement::lib_names(&rewriters)?;
    let options =
        LibOptions::new(kit.conf().version().major).predicates(Predicates::parse("ppx_driver"));
    let libs = requirement::index(kit, environment)?
        .libs_and_deps(&wanted, &options)
        .map_err(|error| Error::Libraries(Box::new(error)))?;
    let directories: BTreeSet<&Path> = libs.iter().map(|lib| lib.directory.as_path()).collect();
    // A kit for byte code has its compiler alone; the program holds the runtime and C functions then, too.
    let (compiler, code) = match kit.ocamlopt() {
        Some(ocamlopt) => (Some(ocamlopt), Code::Native),
        None => {
            let ocamlc = kit.ocamlc();
            let complete = ocamlc.map(|ocamlc| ocamlc.arg("-output-complete-exe"));
            (complete, Code::Byte)
        }
    };
    let archives: Vec<&Path> = libs
        .iter()
        .flat_map(|lib| match code {
            Code::Byte => &lib.cma,
            _ => &lib.cmxa,
        })
        .map(PathBuf::as_path)
        .collect();
    let failed = |reason: Box<dyn std::error::Error + Send + Sync>| Error::Driver {
        rewriters: display(&wanted),
        source: reason,
    };
    let (Some(compiler), Some(cache)) = (compiler, kit.library_cache()) else {
        return Err(failed(
            "the toolchain has no compiler to link it with".into(),
        ));
    };
    let identity = identity(kit, &archives);
    let path = cache.join(format!("ppx-{identity}"));
    let seal = seal(kit, code, identity, &wanted);
    if library_build::is_whole(&path, &seal) {
        return Ok(path);
    }
    let work = tempfile::tempdir_in(cache).map_err(|error| failed(Box::new(error)))?;
    files::write(&work.path().join("main.ml"), MAIN).map_err(|error| failed(Box::new(error)))?;
    let mut base = compiler.arg("-linkall");
    for directory in directories {
        base = base.arg("-I").arg(directory);
    }
    let base: Invocation = base
        .args(archives)
        .args(["main.ml", "-o", "driver"])
        .current_dir(work.path())
        .env("TMPDIR", work.path());
    let run = |invocation: Invocation| futures_lite::future::block_on(invocation.run());
    // A static one needs no library where it is carried to.
    let linked = match run(base.clone().args(["-ccopt", "-static"])) {
        Ok(output) => Ok(output),
        Err(_) => run(base),
    };
    linked.map_err(|error| failed(Box::new(error)))?;
    library_build::keep(&work.path().join("driver"), &path, &seal)
        .map_err(|error| failed(Box::new(error)))?;
    Ok(path)
}

/// What the end of a kept driver says of it.
fn seal(kit: &Kit, code: Code, identity: String, rewriters: &[LibName]) -> Seal {
    Seal {
        compiler: kit.conf().version().to_string(),
        code,
        evaluation: Evaluation::AtLoad,
        host_image: String::new(),
        interface: String::new(),
        fingerprint: identity,
        module: "Ppxlib".to_owned(),
        libraries: display(rewriters),
    }
}

fn display(names: &[LibName]) -> Vec<String> {
    names.iter().map(|name| name.as_str().to_owned()).collect()
}

/// Names what a driver is linked of.
fn identity(kit: &Kit, archives: &[&Path]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(MAIN.as_bytes());
    hasher.update(kit.identity().as_bytes());
    for archive in archives {
        for path in [archive.to_path_buf(), archive.with_extension("a")] {
            hasher.update(path.as_os_str().as_encoded_bytes());
            let Ok(metadata) = std::fs::metadata(&path) else {
                continue;
            };
            for number in [
                metadata.size(),
                metadata.mtime() as u64,
                metadata.mtime_nsec() as u64,
            ] {
                hasher.update(&number.to_le_bytes());
            }
        }
    }
    hasher.finalize().to_hex()[..32].to_owned()
}
