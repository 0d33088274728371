//! Why a set of packages has no linking order.

use crate::index::{self, PackageId, PackageIndex};

/// The error returned by [`Requirements::closure`](super::Requirements::closure).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A package does not exist.
    #[error("package `{name}` not found{}", RequiredBy(.required_by.as_deref()))]
    NotFound {
        /// The missing package.
        name: Box<str>,
        /// The package that requires it; `None` for one that was asked for.
        required_by: Option<Box<str>>,
    },
    /// Packages require each other.
    #[error("package `{}` requires itself: {}", .path.first().map_or("", |name| name), Cycle(.path))]
    Cycle {
        /// Each package requires the next, and the last one the first.
        path: Vec<Box<str>>,
    },
    /// With `mt`, `threads` itself needs a package that is made to require `threads`.
    #[error("package `{name}` and `threads` require each other")]
    ThreadsCycle {
        /// The package.
        name: Box<str>,
    },
    /// The META file that decides about a package is of no use.
    #[error("could not load a package")]
    Load {
        /// The cause.
        #[source]
        source: Box<index::Error>,
    },
}

impl Error {
    pub(crate) fn load(source: index::Error) -> Error {
        Error::Load {
            source: Box::new(source),
        }
    }

    pub(crate) fn not_found(name: &[u8], required_by: Option<&[u8]>) -> Error {
        Error::NotFound {
            name: lossy(name),
            required_by: required_by.map(lossy),
        }
    }

    pub(super) fn cycle(index: &PackageIndex, path: &[PackageId]) -> Error {
        Error::Cycle {
            path: path
                .iter()
                .map(|id| lossy(index.package(*id).name_bytes()))
                .collect(),
        }
    }
}

pub(super) fn lossy(name: &[u8]) -> Box<str> {
    String::from_utf8_lossy(name).into()
}

struct RequiredBy<'a>(Option<&'a str>);

impl std::fmt::Display for RequiredBy<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(name) => write!(f, ", required by `{name}`"),
            None => Ok(()),
        }
    }
}

struct Cycle<'a>(&'a [Box<str>]);

impl std::fmt::Display for Cycle<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for name in self.0 {
            write!(f, "{name} -> ")?;
        }
        f.write_str(self.0.first().map_or("", |name| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_shown_from_a_package_back_to_itself() {
        let error = Error::Cycle {
            path: vec!["a".into(), "b".into()],
        };
        assert_eq!(
            error.to_string(),
            "package `a` requires itself: a -> b -> a"
        );
        assert!(size_of::<Error>() <= 64);
    }
}
