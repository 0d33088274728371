//! The error of reading a configuration.

use crate::ParseVersionError;

/// The error returned by [`Conf::parse`](crate::Conf::parse).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A line is not of the form `field: value`.
    #[error("line {line} is not `field: value`: `{text}`")]
    Malformed {
        /// The number of the line, from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// A field that every compiler prints is missing or empty: the output was cut short, or comes from another program.
    #[error("the field `{field}` is missing")]
    Missing {
        /// The name of the field.
        field: &'static str,
    },
    /// A field is printed twice with two values.
    #[error("the field `{field}` has two values")]
    Contradiction {
        /// The name of the field.
        field: String,
    },
    /// The field `version` holds no version.
    #[error("the field `version` holds no version")]
    Version {
        /// What is wrong with it.
        source: ParseVersionError,
    },
    /// A field does not hold what its type asks for.
    #[error("the field `{field}` holds `{value}`, not {expected}")]
    Type {
        /// The name of the field.
        field: &'static str,
        /// What it holds.
        value: Box<str>,
        /// What it should hold.
        expected: &'static str,
    },
}
