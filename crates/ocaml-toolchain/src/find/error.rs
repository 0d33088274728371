//! The error of finding a toolchain.

use crate::{OcamlVersion, Origin, conf, invocation};
use std::path::PathBuf;

/// The error returned by [`Toolchain::find`](crate::Toolchain::find).
///
/// That a part is missing which not every task needs is no error: see [`require`](crate::require).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no compiler in any place looked at.
    #[error("no OCaml compiler found{}", places(.looked))]
    NoCompiler {
        /// The directories looked at, and the `ocamlfind` asked, in order.
        looked: Box<[PathBuf]>,
    },
    /// A place that was named holds no compiler.
    #[error("no OCaml compiler in {origin}")]
    NotThere {
        /// The place.
        origin: Box<Origin>,
    },
    /// The `ocamlfind` that was named is no program.
    #[error("there is no program `{}`", .path.display())]
    NoOcamlfind {
        /// The path or name given.
        path: Box<PathBuf>,
    },
    /// The compiler does not run, or not with `-config`: it is damaged, built for another machine, or no compiler.
    #[error("`{}` does not tell its configuration", .compiler.display())]
    ConfigFailed {
        /// The compiler.
        compiler: Box<PathBuf>,
        /// How it failed.
        source: Box<invocation::Error>,
    },
    /// What the compiler prints for `-config` makes no sense.
    #[error("`{}` tells a configuration that makes no sense", .compiler.display())]
    ConfigUnreadable {
        /// The compiler.
        compiler: Box<PathBuf>,
        /// What is wrong with it.
        source: Box<conf::Error>,
    },
    /// The compiler is too old.
    #[error("`{}` is OCaml {version}, older than {minimum}", .compiler.display())]
    TooOld {
        /// The compiler.
        compiler: Box<PathBuf>,
        /// Its version.
        version: Box<OcamlVersion>,
        /// The oldest that will do.
        minimum: Box<OcamlVersion>,
    },
    /// The compiler is there, its standard library is not.
    #[error("`{}` has no standard library: there is no `stdlib.cmi` in `{}`", .compiler.display(), .directory.display())]
    NoStandardLibrary {
        /// The compiler.
        compiler: Box<PathBuf>,
        /// Where it looks for its standard library.
        directory: Box<PathBuf>,
    },
}

impl Error {
    /// What the user could do about it: one sentence, to show after the error.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoCompiler { .. } => {
                "install OCaml (Debian: `apt-get install ocaml-nox`), or set SADDLEBAG_OCAML to the directory of its tools"
            }
            Self::NotThere { .. } => {
                "name a compiler, the directory that holds it, or its installation prefix"
            }
            Self::NoOcamlfind { .. } => "set OCAMLFIND to an `ocamlfind`, or do not set it",
            Self::ConfigFailed { .. } | Self::ConfigUnreadable { .. } => {
                "run the command by hand; if it fails, install OCaml again, or set SADDLEBAG_OCAML to another one"
            }
            Self::TooOld { .. } => "install a newer OCaml, or set SADDLEBAG_OCAML to one",
            Self::NoStandardLibrary { .. } => {
                "the installation is incomplete, or the variable OCAMLLIB points to a wrong place"
            }
        }
    }
}

fn places(looked: &[PathBuf]) -> String {
    if looked.is_empty() {
        return ": no place to look was given".to_owned();
    }
    let places: Vec<String> = looked
        .iter()
        .map(|place| format!("`{}`", place.display()))
        .collect();
    format!(" in {}", places.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<Error>() <= 64);
    }

    #[test]
    fn the_message_lists_the_places() {
        let message = |looked: &[&str]| {
            Error::NoCompiler {
                looked: looked.iter().map(PathBuf::from).collect(),
            }
            .to_string()
        };
        assert_eq!(
            message(&[]),
            "no OCaml compiler found: no place to look was given"
        );
        assert_eq!(
            message(&["/a", "/b"]),
            "no OCaml compiler found in `/a`, `/b`"
        );
    }
}
