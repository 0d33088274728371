//! Why libraries are not found, or have no order.

use crate::missing::Missing;
use crate::name::LibName;
use crate::scope;

/// The error of the methods of a [`Resolver`](super::Resolver).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Libraries do not exist; all that are missing are there.
    #[error("{}", Missing::list(.missing))]
    Missing {
        /// Each with who requires it and suggestions.
        missing: Vec<Missing>,
    },
    /// Libraries require each other.
    #[error("library `{}` requires itself: {}", .path.first().map_or("", LibName::as_str), Missing::circle(.path))]
    Cycle {
        /// Each requires the next, and the last one the first.
        path: Vec<LibName>,
    },
    /// A scope has a library that is of no use.
    #[error("a scope failed")]
    Scope {
        /// The cause.
        source: scope::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_stay_small() {
        assert!(size_of::<Error>() <= 64);
    }
}
