//! Why code was not loaded.

use std::io;
use std::path::PathBuf;

use crate::call;
use crate::elf::Damage;

/// The error of [`Runtime::load`](crate::Runtime::load).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("could not read `{path}`", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not a whole shared object.
    #[error("`{path}` cannot be loaded", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Damage,
    },
    /// A file that was loaded before has to be copied, and the copy could not be made.
    #[error("could not make a private copy of `{path}`", path = .path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// OCaml's `Dynlink` refused the file: not a plugin, other interfaces or another compiler than the
    /// image's, an undefined symbol.
    #[error("OCaml refuses to load `{path}`: {message}", path = .path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What `Dynlink.error_message` says.
        message: String,
    },
    /// The unit's top level raised an exception, called `exit`, or was cancelled.
    #[error("the top level of `{path}` failed", path = .path.display())]
    Raised {
        /// The file.
        path: PathBuf,
        /// How it failed.
        source: call::Error,
    },
    /// This system keeps no files in memory, or has no paths to them.
    #[error("could not keep the unit in a file in memory")]
    Memory {
        /// What the system said.
        source: io::Error,
    },
    /// A shared library cannot be opened.
    #[error("could not open the shared library `{path}`", path = .path.display())]
    Library {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Box<libloading::Error>,
    },
    /// Code that is being loaded tried to load code.
    #[error("`{path}` cannot be loaded while another unit is being loaded by this thread", path = .path.display())]
    Nested {
        /// The file.
        path: PathBuf,
    },
}

/// What a unit uses and was not given; from [`Error::missing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing<'a> {
    /// The code of a compilation unit.
    Unit(&'a str),
    /// A C function, or in native code a symbol of an OCaml unit.
    Symbol(&'a str),
}

impl Error {
    /// What the unit uses and nobody has, where that is why it was refused.
    #[must_use]
    pub fn missing(&self) -> Option<Missing<'_>> {
        let Error::Refused { message, .. } = self else {
            return None;
        };
        let word_after = |text: &str| {
            let (_, rest) = message.split_once(text)?;
            let rest = rest.trim_start_matches(['`', '"']);
            let in_name = |c: char| c.is_ascii_alphanumeric() || "_$.".contains(c);
            let end = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
            (end > 0).then(|| &rest[..end])
        };
        // Messages of `elf/dl-lookup.c` of glibc, often quoted by Dynlink; of `otherlibs/dynlink/dynlink_types.ml`; and of
        // `bytecomp/symtable.ml`.
        if let Some(symbol) = word_after(": undefined symbol: ") {
            Some(Missing::Symbol(symbol))
        } else if let Some(unit) = word_after("no implementation available for ") {
            Some(Missing::Unit(unit))
        } else {
            word_after("The external function ").map(Missing::Symbol)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_at_most_64_bytes() {
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
    }

    #[test]
    fn what_a_unit_was_not_given_is_read_from_what_was_said() {
        let said = |message: &str| Error::Refused {
            path: PathBuf::from("/x/a.cmxs"),
            message: message.to_owned(),
        };
        for (message, missing) in [
            (
                "/x/a.cmxs: undefined symbol: camlStr__f_12",
                Some(Missing::Symbol("camlStr__f_12")),
            ),
            (
                "error loading shared library: Dynlink.Error (Dynlink.Cannot_open_dll \
                 \"Failure(\\\"/x/a.cmxs: undefined symbol: camlStr.f_12\\\")\")",
                Some(Missing::Symbol("camlStr.f_12")),
            ),
            (
                "/x/a.cmxs: undefined symbol: f, version X_1",
                Some(Missing::Symbol("f")),
            ),
            (
                "no implementation available for Str",
                Some(Missing::Unit("Str")),
            ),
            (
                "error while linking /x/a.cmo.\nThe external function `f' is not available",
                Some(Missing::Symbol("f")),
            ),
            (
                "error while linking /x/a.cmo.\nThe external function \"f\" is not available",
                Some(Missing::Symbol("f")),
            ),
            ("interface mismatch on A", None),
        ] {
            assert_eq!(said(message).missing(), missing, "{message}");
        }
    }
}
