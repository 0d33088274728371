//! Libraries: code that is loaded once and shared by the units that are loaded later.

use std::path::{Path, PathBuf};

use crate::load;
use crate::runtime::Runtime;
use crate::sys::library::keep_open;

/// The error of [`Runtime::load_library`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The library needs a shared library of C code that the machine lacks.
    #[error("`{path}` needs the shared library `{library}`, which this machine lacks", path = .path.display())]
    NoSharedLibrary {
        /// The library's file.
        path: PathBuf,
        /// The soname of what is missing.
        library: String,
    },
    /// The library needs a symbol that neither the image, nor a library loaded before, nor a shared library that it
    /// names has.
    #[error("`{path}` needs the symbol `{symbol}`, which nothing defines", path = .path.display())]
    NoSymbol {
        /// The library's file.
        path: PathBuf,
        /// The symbol.
        symbol: String,
    },
    /// The system's loader refused the file.
    #[error("could not open `{path}`: {message}", path = .path.display())]
    Open {
        /// The library's file.
        path: PathBuf,
        /// What the loader said.
        message: String,
    },
    /// OCaml refuses the library, or its top level failed.
    #[error("the library was not loaded")]
    Load(#[source] Box<load::Error>),
}

impl Runtime {
    /// Loads the library file `path` (`.cmxs`), whose units are then there for all units that are loaded later
    /// (`Dynlink.loadfile`). Loading it a second time is an error of OCaml's; which files are loaded is up to the caller.
    ///
    /// Images are opened with `RTLD_LOCAL`, so a library finds the image's symbols, and those of libraries that were
    /// loaded before, through `scope`: a shared object that names `path`, the image and the scopes of those libraries as
    /// needed. It is opened first. Units that use the library name the scope as needed, by its soname.
    ///
    /// What `fallback` holds, where it is given, is opened when the library cannot be opened without.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn load_library(
        self,
        path: impl AsRef<Path>,
        scope: impl AsRef<Path>,
        fallback: Option<&Path>,
    ) -> Result<(), Error> {
        let (path, scope) = (path.as_ref(), scope.as_ref());
        load::load_library(self.image(), path, || open(path, scope, fallback))
    }
}

fn open(path: &Path, scope: &Path, fallback: Option<&Path>) -> Result<(), Error> {
    keep_open_with(scope, fallback).map_err(|error| refused(path, &loaders_words(&error)))
}

/// Opens a library for the life of the process, if need be after those in `fallback`. The error is that of the first try.
pub(crate) fn keep_open_with(
    path: &Path,
    fallback: Option<&Path>,
) -> Result<(), libloading::Error> {
    let Err(first) = keep_open(path) else {
        return Ok(());
    };
    if let Some(directory) = fallback {
        open_all(directory);
        if keep_open(path).is_ok() {
            return Ok(());
        }
    }
    Err(first)
}

/// Opens the libraries in a directory, those that need others after those.
pub(crate) fn open_all(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let all = paths.len();
    loop {
        let before = paths.len();
        paths.retain(|path| keep_open(path).is_err());
        if paths.len() == before {
            return all - before;
        }
    }
}

/// What the system's loader said: the cause at the end of the chain.
fn loaders_words(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => loaders_words(cause),
        None => error.to_string(),
    }
}

/// Reads glibc's message (`elf/dl-load.c`, `elf/dl-lookup.c`): `libgmp.so.10: cannot open shared object file: …`,
/// `/x/a.cmxs: undefined symbol: f`, the latter with `(fatal)` or a version behind it.
fn refused(path: &Path, message: &str) -> Error {
    let path = path.to_path_buf();
    let message = message.to_owned();
    if let Some((library, _)) = message.split_once(": cannot open shared object file")
        && !library.contains('/')
    {
        return Error::NoSharedLibrary {
            path,
            library: library.to_owned(),
        };
    }
    match message.split_once(": undefined symbol: ") {
        Some((_, symbol)) => Error::NoSymbol {
            path,
            symbol: symbol
                .split([',', ' '])
                .next()
                .unwrap_or_default()
                .to_owned(),
        },
        None => Error::Open { path, message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_read_from_the_systems_message() {
        let refused = |message| refused(Path::new("/x/a.cmxs"), message);
        let missing = "libgmp.so.10: cannot open shared object file: No such file or directory";
        assert!(
            matches!(refused(missing), Error::NoSharedLibrary { library, .. } if library == "libgmp.so.10")
        );
        for message in [
            "/x/a.cmxs: undefined symbol: caml_odd",
            "/x/a.cmxs: undefined symbol: caml_odd, version X_1",
        ] {
            assert!(
                matches!(refused(message), Error::NoSymbol { symbol, .. } if symbol == "caml_odd")
            );
        }
        let other = "/x/a.cmxs: cannot open shared object file: No such file or directory";
        assert!(matches!(refused(other), Error::Open { .. }));
        assert!(matches!(
            refused("/x/a.cmxs: file too short"),
            Error::Open { .. }
        ));
    }

    #[test]
    fn the_error_is_at_most_64_bytes() {
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
    }
}
