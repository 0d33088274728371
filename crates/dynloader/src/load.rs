//! Why a plugin was not loaded.

use std::io;
use std::path::PathBuf;

use code_sets::Code;
use ocaml_runtime::load::{self, Missing};

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
    /// The plugin uses a module of which the compiler saw the interface, and whose code it was not given.
    #[error("the plugin uses the module `{module}`, which is in no library that it requires")]
    NoModule {
        /// The module.
        module: Box<str>,
    },
    /// The plugin uses a C function that neither the host image nor a library has.
    #[error("the plugin uses the C function `{symbol}`, which nothing defines")]
    NoSymbol {
        /// The name of the function.
        symbol: Box<str>,
    },
    /// The OCaml runtime refused the file.
    #[error("the plugin cannot be linked")]
    Link(#[source] Box<load::Error>),
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

impl Error {
    /// The error when the runtime did not load a plugin.
    pub(crate) fn of_runtime(error: load::Error) -> Error {
        let no_module = |module: &str| Error::NoModule {
            module: module.into(),
        };
        let no_symbol = |symbol: &str| Error::NoSymbol {
            symbol: symbol.into(),
        };
        match error.missing() {
            Some(Missing::Unit(unit)) => return no_module(unit),
            Some(Missing::Symbol(symbol)) => {
                return module_of_symbol(symbol).map_or_else(|| no_symbol(symbol), no_module);
            }
            _ => {}
        }
        match error {
            load::Error::Raised { source, .. } => Error::Raised(source),
            error => Error::Link(Box::new(error)),
        }
    }
}

/// The compilation unit that defines a symbol of OCaml code (`Compilenv.make_symbol` of the compiler): `camlStr`,
/// `camlStr__f_12` before OCaml 5.1 and `camlStr.f_12` from then on, `camlA__B.f_12` in the unit `A__B`.
fn module_of_symbol(symbol: &str) -> Option<&str> {
    let name = symbol.strip_prefix("caml")?;
    if !name.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let end_at = |separator: &str| {
        let found = name.match_indices(separator).find(|(at, _)| {
            let rest = &name[at + separator.len()..];
            !rest.starts_with(|c: char| c.is_ascii_uppercase())
        });
        found.map_or(name.len(), |(at, _)| at)
    };
    Some(&name[..end_at(".").min(end_at("__"))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_of_ocaml_code_name_their_unit_and_those_of_c_none() {
        for (symbol, unit) in [
            ("camlStr", Some("Str")),
            ("camlStr__parse_1090", Some("Str")),
            ("camlStr__1", Some("Str")),
            ("camlStr.parse_1090", Some("Str")),
            ("camlStr__$2b$2b_12", Some("Str")),
            ("camlYojson__Safe__to_string_7", Some("Yojson__Safe")),
            ("camlYojson__Safe.to_string_7", Some("Yojson__Safe")),
            ("caml_process_fd", None),
            ("manyargs", None),
        ] {
            assert_eq!(module_of_symbol(symbol), unit, "{symbol}");
        }
    }

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
