//! Why a query has no answer, with findlib's words and exit status.

use super::format::FormatError;
use crate::index::{self, BaseWarning};
use crate::requirements;

/// The error returned by [`Query::run`](super::Query::run).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A package does not exist, is wrong, or has no linking order.
    #[error("no answer for these packages")]
    Packages {
        /// The cause.
        #[source]
        source: Box<requirements::Error>,
    },
    /// The format is wrong.
    #[error("no answer in this format")]
    Format {
        /// The cause.
        #[source]
        source: FormatError,
    },
    /// A path starts with `+` or `^`, and the configuration says nothing about the standard library.
    #[error("the directory of the standard library is empty")]
    NoStandardLibrary,
}

impl Error {
    pub(super) fn requirements(source: requirements::Error) -> Error {
        Error::Packages {
            source: Box::new(source),
        }
    }

    pub(super) fn load(source: index::Error) -> Error {
        Error::requirements(requirements::Error::load(source))
    }

    pub(super) fn not_found(name: &[u8]) -> Error {
        Error::requirements(requirements::Error::not_found(name, None))
    }

    /// The exit status of `ocamlfind`: 2, or 3 for what findlib does not catch.
    #[must_use]
    pub fn findlib_status(&self) -> u8 {
        let source = match self {
            Error::Packages { source } => source,
            Error::Format { .. } => return 2,
            Error::NoStandardLibrary => return 3,
        };
        match &**source {
            requirements::Error::ThreadsCycle { .. } => 3,
            requirements::Error::Load { source }
                if matches!(
                    **source,
                    index::Error::InvalidName { .. } | index::Error::DefinedTwice { .. }
                ) =>
            {
                3
            }
            _ => 2,
        }
    }

    /// Whether `-qe` silences the message.
    #[must_use]
    pub fn is_quiet_with_qe(&self) -> bool {
        let circular =
            |source: &requirements::Error| matches!(source, requirements::Error::Cycle { .. });
        self.findlib_status() == 2
            && !matches!(self, Error::Packages { source } if circular(source))
    }

    /// The line that `ocamlfind` prints on standard error.
    #[must_use]
    pub fn findlib_message(&self) -> String {
        match self {
            Error::Format { .. } => "ocamlfind: bad format string".to_owned(),
            Error::NoStandardLibrary => {
                "Uncaught exception: Invalid_argument(\"index out of bounds\")".to_owned()
            }
            Error::Packages { source } => match &**source {
                requirements::Error::NotFound {
                    name,
                    required_by: None,
                } => {
                    format!("ocamlfind: Package `{name}' not found")
                }
                requirements::Error::NotFound {
                    name,
                    required_by: Some(requirer),
                } => {
                    format!("ocamlfind: Package `{name}' not found - required by `{requirer}'")
                }
                requirements::Error::Cycle { path } => {
                    let name = path.first().map_or("", |name| name);
                    format!("ocamlfind: Package `{name}' requires itself")
                }
                requirements::Error::ThreadsCycle { .. } => {
                    "Uncaught exception: Fl_topo.Inconsistent_ordering".to_owned()
                }
                requirements::Error::Load { source } => load_message(source),
            },
        }
    }
}

/// What findlib says of something that it leaves out when it loads everything.
pub(super) fn base_warning(warning: &BaseWarning) -> String {
    match warning {
        BaseWarning::Directory { directory, source } => format!(
            "findlib: [WARNING] cannot read directory {}: {}",
            String::from_utf8_lossy(directory),
            system_message(source)
        ),
        BaseWarning::File(error) => {
            load_message(error).replacen("ocamlfind: ", "findlib: [WARNING] ", 1)
        }
    }
}

fn load_message(error: &index::Error) -> String {
    match error {
        index::Error::InvalidName { .. } => {
            "Uncaught exception: Invalid_argument(\"Fl_package_base.query\")".to_owned()
        }
        index::Error::Unreadable {
            opened: true,
            source,
            ..
        } => format!("ocamlfind: {}", system_message(source)),
        index::Error::Unreadable { file, source, .. } => {
            format!("ocamlfind: {}: {}", file.display(), system_message(source))
        }
        index::Error::Parse { file, source } => {
            format!(
                "ocamlfind: While parsing '{}': {}",
                file.display(),
                source.findlib_message()
            )
        }
        index::Error::DefinedTwice { .. } => {
            "Uncaught exception: Fl_topo.Inconsistent_ordering".to_owned()
        }
        index::Error::DirectoryRequired { file } => format!(
            "ocamlfind: While parsing '{}': The `directory' directive is required in this META definition",
            file.display()
        ),
    }
}

/// The text of `strerror`, without the number that Rust adds.
pub(crate) fn system_message(error: &std::io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(code) => text
            .strip_suffix(&format!(" (os error {code})"))
            .unwrap_or(&text)
            .to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_stay_small() {
        assert!(size_of::<Error>() <= 64);
    }
}
