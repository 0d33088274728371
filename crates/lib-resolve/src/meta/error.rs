//! What is wrong with a META file, and where.

use super::lexer::Lexer;

/// The error returned by [`parse`](super::parse()).
///
/// It names the exact fault. findlib reports coarser ones; [`Error::findlib_message`] has its words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}{}", Place(.position))]
pub struct Error {
    fault: Box<Fault>,
    position: Option<Position>,
    findlib_message: Box<str>,
}

/// A place in a file.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Byte in the line, from 1.
    pub column: u32,
    /// Byte in the file, from 0.
    pub offset: u32,
}

/// What the grammar asks for at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Expectation {
    /// `name = "value"`, `package "name" (` or the end.
    #[error("a definition")]
    Definition,
    /// A string after `package`.
    #[error("a string with the name of the package")]
    PackageName,
    /// `(` after `package "name"`.
    #[error("`(`")]
    PackageBody,
    /// `=`, `+=` or `(` after a variable.
    #[error("`=`, `+=` or predicates in parentheses")]
    Assignment,
    /// `=` or `+=` after the predicates.
    #[error("`=` or `+=`")]
    Flavour,
    /// A string after `=` or `+=`.
    #[error("a string")]
    Value,
    /// A predicate, maybe negated.
    #[error("a predicate")]
    Predicate,
    /// A name after `-`.
    #[error("a name after `-`")]
    NegatedPredicate,
    /// `,` or `)` after a predicate.
    #[error("`,` or `)`")]
    PredicateEnd,
    /// `)` at the end of a package.
    #[error("`)` at the end of a package")]
    PackageEnd,
    /// The end of the file instead of a `)` too many.
    #[error("no `)` without its `(`")]
    FileEnd,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("expected {0}")]
    Expected(Expectation),
    #[error("file of more than 1 GiB")]
    TooLarge,
    #[error("second definition of `{variable}`{}", In(.package))]
    DoubleDefinition {
        variable: Box<str>,
        package: Box<str>,
    },
    #[error("second subpackage `{0}`")]
    DoublePackage(Box<str>),
    #[error("dot in the name of subpackage `{0}`")]
    DottedName(Box<str>),
}

/// A fault in the tree, found after parsing.
pub(super) struct CheckFailure {
    pub(super) fault: Fault,
    /// Where the offending package starts, if it is not the main one.
    pub(super) offset: Option<u32>,
}

/// What encloses a syntax error; findlib blames the enclosing construct.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Enclosing {
    /// The outermost open package's `package` token.
    pub(super) package: Option<u32>,
    /// The variable of the definition being read.
    pub(super) definition: Option<u32>,
}

impl Error {
    /// Where the fault is; `None` for a fault of the main package as a whole.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// What was expected, for a syntax error.
    #[must_use]
    pub fn expectation(&self) -> Option<Expectation> {
        match *self.fault {
            Fault::Expected(expectation) => Some(expectation),
            _ => None,
        }
    }

    /// The message of findlib's `Fl_metascanner.Error`.
    ///
    /// Its line counts no line feed inside a string, and its position is a byte counted from 0.
    #[must_use]
    pub fn findlib_message(&self) -> &str {
        &self.findlib_message
    }

    pub(super) fn too_large() -> Error {
        let fault = Fault::TooLarge;
        Error {
            findlib_message: fault.to_string().into(),
            fault: Box::new(fault),
            position: None,
        }
    }

    pub(super) fn syntax(
        source: &[u8],
        offset: u32,
        expectation: Expectation,
        enclosing: Enclosing,
    ) -> Error {
        let (text, blamed) = match (expectation, enclosing) {
            (
                _,
                Enclosing {
                    package: Some(package),
                    ..
                },
            ) => ("Error in subpackage definition", package),
            (
                _,
                Enclosing {
                    definition: Some(name),
                    ..
                },
            ) => ("Error in 'name = value' clause", name),
            (Expectation::PackageName, _) => ("String literal expected after 'package'", offset),
            (Expectation::PackageBody, _) => ("'(' expected after string", offset),
            (Expectation::FileEnd, _) => ("Unexpected end of file", offset),
            _ => ("Expected 'name = value' clause", offset),
        };
        let (line, column) = Lexer::findlib_position(source, blamed);
        let preposition = if text == "Unexpected end of file" {
            "in"
        } else {
            "at"
        };
        Error {
            fault: Box::new(Fault::Expected(expectation)),
            position: Some(Position::of(source, offset)),
            findlib_message: format!("{text} {preposition} line {line} position {column}").into(),
        }
    }

    pub(super) fn check(source: &[u8], failure: CheckFailure) -> Error {
        let findlib_message = match &failure.fault {
            Fault::DoubleDefinition { variable, package } if package.is_empty() => {
                format!("Double definition of '{variable}'")
            }
            Fault::DoubleDefinition { variable, package } => {
                format!("In subpackage {package}: Double definition of '{variable}'")
            }
            Fault::DoublePackage(name) => format!("Double definition for subpackage {name}"),
            Fault::DottedName(name) => format!("Subpackage name must not contain '.': \"{name}\""),
            other => other.to_string(),
        };
        Error {
            fault: Box::new(failure.fault),
            position: failure.offset.map(|offset| Position::of(source, offset)),
            findlib_message: findlib_message.into(),
        }
    }
}

impl Position {
    pub(super) fn of(source: &[u8], offset: u32) -> Position {
        let before = &source[..(offset as usize).min(source.len())];
        let line_start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |index| index + 1);
        let line_feeds = before.iter().filter(|byte| **byte == b'\n').count();
        Position {
            line: line_feeds as u32 + 1,
            column: (before.len() - line_start) as u32 + 1,
            offset,
        }
    }
}

struct Place<'a>(&'a Option<Position>);

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(position) => write!(f, " at line {}, column {}", position.line, position.column),
            None => Ok(()),
        }
    }
}

struct In<'a>(&'a str);

impl std::fmt::Display for In<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, " in subpackage `{}`", self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::parse;

    #[track_caller]
    fn check(source: &str, ours: &str, findlibs: &str) {
        let error = parse(source.as_bytes()).expect_err("the source is wrong");
        assert_eq!(error.to_string(), ours);
        assert_eq!(error.findlib_message(), findlibs);
    }

    #[test]
    fn the_exact_place_is_named_and_findlibs_words_are_kept() {
        check(
            "version = \"1\"\nrequires(a,) = \"b\"",
            "expected a predicate at line 2, column 12",
            "Error in 'name = value' clause at line 2 position 0",
        );
        check(
            "package \"a\" (\n  package \"b\" ( v = )\n)",
            "expected a string at line 2, column 21",
            "Error in subpackage definition at line 1 position 0",
        );
        check(
            "a = \"\n\"\n;",
            "expected a definition at line 3, column 1",
            "Expected 'name = value' clause at line 2 position 0",
        );
        check(
            ")",
            "expected no `)` without its `(` at line 1, column 1",
            "Unexpected end of file in line 1 position 0",
        );
        check(
            "package a",
            "expected a string with the name of the package at line 1, column 9",
            "String literal expected after 'package' at line 1 position 8",
        );
    }

    #[test]
    fn a_second_definition_shows_negated_predicates_first_as_findlib_sorts_them() {
        check(
            "package \"p\" ( v(b,-a,b) = \"1\" v(-a,b) = \"2\" )",
            "second definition of `v(-a,b)` in subpackage `p` at line 1, column 1",
            "In subpackage p: Double definition of 'v(-a,b)'",
        );
    }

    #[test]
    fn errors_stay_small() {
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
    }
}
