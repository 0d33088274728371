//! Libraries by name: found with `lib-resolve`, with all they need, in link order.

use std::collections::BTreeSet;
use std::path::PathBuf;

use code_sets::Code;
use lib_resolve::{Configuration, Environment, Lib, LibName, LibOptions, PackageIndex, library};

use crate::kit::Kit;
use crate::library::{HOST_LIBRARIES, Library};

/// The error returned by [`resolve`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that no library can have.
    #[error("`{name}` cannot be the name of a library")]
    Name {
        /// The name.
        name: String,
        /// Why not.
        source: lib_resolve::name::Error,
    },
    /// findlib's configuration cannot be read.
    #[error("cannot tell where OCaml libraries are")]
    Configuration(#[source] Box<lib_resolve::configuration::Error>),
    /// Libraries are missing, or require each other in a circle, or their META cannot be read.
    #[error("cannot use the required libraries")]
    Libraries(#[source] Box<library::OrderError>),
    /// META says that the library must not be used.
    #[error("the library `{name}` must not be used: {reason}")]
    Forbidden {
        /// The library.
        name: String,
        /// What META says.
        reason: String,
    },
    /// A library's archive is not there.
    #[error("the library `{name}` lacks its archive `{}`", path.display())]
    NoArchive {
        /// The library.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// Libraries are linked into plugins of native code only.
    #[error("libraries cannot be used by plugins in {code} code yet")]
    Code {
        /// The code.
        code: Code,
    },
}

/// The libraries `names` and all that they require, in link order, without those that every host image holds.
///
/// What `environment` says decides where libraries are, by findlib's rules.
///
/// # Errors
/// See [`Error`]. All that is missing is reported at once, each with who requires it.
pub fn resolve(
    kit: &Kit,
    code: Code,
    names: &[String],
    environment: &Environment,
) -> Result<Vec<Library>, Error> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    if code != Code::Native {
        return Err(Error::Code { code });
    }
    let mut wanted = Vec::with_capacity(names.len());
    for name in names {
        wanted.push(LibName::new(name).map_err(|source| Error::Name {
            name: name.clone(),
            source,
        })?);
    }
    let configuration = Configuration::read(environment, None)
        .map_err(|error| Error::Configuration(Box::new(error)))?;
    let mut index = PackageIndex::new(configuration);
    let options = LibOptions::new(kit.conf().version().major);
    let libs = index
        .libs_and_deps(&wanted, &options)
        .map_err(|error| Error::Libraries(Box::new(error)))?;
    let mut directories = BTreeSet::new();
    libs.into_iter()
        .filter(|lib| !HOST_LIBRARIES.contains(&lib.name.as_str()))
        .map(|lib| library(lib, &mut directories))
        .collect()
}

fn library(lib: Lib, directories: &mut BTreeSet<PathBuf>) -> Result<Library, Error> {
    let name = lib.name.as_str().to_owned();
    if let Some(reason) = lib.error {
        return Err(Error::Forbidden { name, reason });
    }
    if let Some(path) = lib.cmxa.iter().find(|path| !path.is_file()) {
        return Err(Error::NoArchive {
            name,
            path: path.clone(),
        });
    }
    let mut library = Library::new(name);
    if directories.insert(lib.directory.clone()) {
        library = library.directory(lib.directory);
    }
    Ok(lib.cmxa.into_iter().fold(library, Library::archive))
}
