//! Why there is no kit.

use std::io;
use std::path::PathBuf;

use code_sets::Code;
use ocaml_toolchain::{find, invocation, require};

use super::super::PrivateDirectoryError;

/// The error returned by [`Kit::system`](super::super::Kit::system).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The cache directory cannot hold code.
    #[error("cannot keep an OCaml compiler and runtime in the cache directory")]
    Directory(#[source] Box<PrivateDirectoryError>),
    /// There is no toolchain.
    #[error("there is no OCaml toolchain to use")]
    Toolchain(#[source] Box<find::Error>),
    /// The toolchain lacks a part.
    #[error("the OCaml toolchain lacks what plugins need")]
    Incomplete(#[source] Box<require::Error>),
    /// The toolchain cannot make plugins in this code.
    #[error("no plugins in {code} code: {reason}")]
    Code {
        /// The code asked for.
        code: Code,
        /// Why not.
        reason: String,
    },
    /// A tool of the toolchain failed.
    #[error("could not build the {part}")]
    Tool {
        /// What was being built.
        part: &'static str,
        /// The command, and what it said.
        source: Box<invocation::Error>,
    },
    /// A file of the kit cannot be read or written.
    #[error("cannot use `{}`", path.display())]
    Io {
        /// The file.
        path: Box<PathBuf>,
        /// Why.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests {
    #[test]
    fn errors_are_small() {
        assert!(size_of::<super::BuildError>() <= 64);
    }
}
