//! A unit of a build.

use crate::Restriction;

/// A unit that a build must build: an executable or a library.
///
/// Only executables say which codes are built: a library is compiled to the codes of those who
/// use it.
///
/// ```
/// use code_sets::{Restriction, Unit};
///
/// let unit = Unit::executable("app").with_restriction(Restriction::unique_favour_native());
/// assert_eq!(unit.name(), "app");
/// assert!(unit.is_executable());
/// assert!(!Unit::library("base").is_executable());
/// ```
#[derive(Debug, Clone)]
pub struct Unit {
    name: String,
    executable: bool,
    restriction: Restriction,
}

impl Unit {
    /// The executable unit called `name`, without a restriction.
    #[must_use]
    pub fn executable(name: impl Into<String>) -> Unit {
        Unit {
            name: name.into(),
            executable: true,
            restriction: Restriction::identity(),
        }
    }

    /// The library unit called `name`.
    #[must_use]
    pub fn library(name: impl Into<String>) -> Unit {
        Unit {
            name: name.into(),
            executable: false,
            restriction: Restriction::identity(),
        }
    }

    /// Replaces the restriction of the unit. That of a library is never asked.
    #[must_use]
    pub fn with_restriction(mut self, restriction: Restriction) -> Unit {
        self.restriction = restriction;
        self
    }

    /// The name of the unit.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the unit is an executable.
    #[must_use]
    pub fn is_executable(&self) -> bool {
        self.executable
    }

    /// The restriction of the unit.
    #[must_use]
    pub fn restriction(&self) -> &Restriction {
        &self.restriction
    }
}
