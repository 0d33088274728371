//! Why a plugin was not loaded.

use std::io;
use std::path::PathBuf;

use code_sets::Code;

use crate::compile;
use crate::kit::PrepareError;
use crate::library;
use crate::seal;
use crate::stub_library;
use crate::workspace;

/// The error returned by what loads plugins. What the plugin's own code did is apart from the rest: [`Error::Raised`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The sources were not compiled; nothing of the plugin has run.
    #[error("the plugin was not compiled")]
    Compile(#[source] Box<compile::Error>),
    /// The top level of the plugin raised an exception, called `exit`, or overflowed its stack.
    #[error("the top level of the plugin failed")]
    Raised(#[source] ocaml_runtime::call::Error),
    /// The compiled file could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The compiled file is damaged, or was made for something else; it has not been opened.
    #[error("cannot load `{}`", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What differs.
        source: seal::Error,
    },
    /// The loader has been cleaned.
    #[error("the loader has been cleaned and loads no more")]
    Cleaned,
    /// There is no place for the private copy from which a plugin is loaded.
    #[error("there is no place to load from")]
    Workspace(#[source] Box<workspace::Error>),
    /// The kit's files could not be made.
    #[error("the host image is not ready")]
    Prepare(#[source] Box<PrepareError>),
    /// The kit has no host image for the code.
    #[error("the toolchain has no host image for {code} code")]
    NoHostImage {
        /// The code.
        code: Code,
    },
    /// A library that the plugin uses is not there or cannot be loaded; nothing of the plugin has run.
    #[error("a library of the plugin cannot be used")]
    Library(#[source] Box<library::Error>),
    /// The OCaml runtime could not be started.
    #[error("the OCaml runtime is not available")]
    Open(#[source] Box<ocaml_runtime::open::Error>),
    /// The C functions of a library that the plugin uses in byte code are not to be had.
    #[error("a library of the plugin cannot be used")]
    StubLibrary(#[source] Box<stub_library::Error>),
    /// The OCaml runtime refused the file, for example because it needs a symbol that nothing defines.
    #[error("the plugin cannot be linked")]
    Link(#[source] Box<ocaml_runtime::load::Error>),
    /// The plugin registered nothing for the interface.
    #[error("the plugin did not register itself")]
    NotAPlugin,
    /// The plugin was loaded, and a value of it could not be bound to the interface.
    #[error("the plugin does not fit its interface")]
    Bind(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No thread could be made to load the plugin on.
    #[error("cannot make a thread to load the plugin on")]
    Thread(#[source] io::Error),
}

impl From<compile::Error> for Error {
    /// A cleaned loader is told as [`Error::Cleaned`] alone: whether its compiler or its runtime refuses first is chance.
    fn from(error: compile::Error) -> Error {
        match error {
            compile::Error::Cleaned => Error::Cleaned,
            error => Error::Compile(Box::new(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_errors_are_small() {
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
        assert!(
            size_of::<compile::Error>() <= 64,
            "{}",
            size_of::<compile::Error>()
        );
    }
}
