//! What the compiler says about the sources, as data.

mod parse;
mod relocate;

use std::fmt;
use std::path::PathBuf;

pub use self::parse::parse;
pub(crate) use self::relocate::relocate;

/// One message of the compiler.
///
/// [`Display`](fmt::Display) writes it in the compiler's own short style; a rendering with the source's
/// text is the business of applications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where in the sources; `None` for what concerns no place, and for text that is not understood.
    pub location: Option<Location>,
    /// How grave it is.
    pub severity: Severity,
    /// The warning or alert it is, also when it has been made an error.
    pub code: Option<Code>,
    /// The text, without the heading that the other fields tell; its lines end in `\n` but for the last.
    pub message: String,
    /// Other places that the message points to.
    pub related: Vec<Related>,
}

/// A range in a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file, as the caller named it.
    pub file: PathBuf,
    /// The first line, counted from 1.
    pub line: u32,
    /// The last line; equal to `line` for a range within a line.
    pub last_line: u32,
    /// From the first column on `line` up to, not including, the second on `last_line`. Columns are
    /// bytes counted from 0, as OCaml counts them.
    pub columns: Option<(u32, u32)>,
}

/// How grave a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A remark, or text that no rule explains.
    Note,
    /// A warning or alert; the compilation goes on.
    Warning,
    /// The compilation fails.
    Error,
}

/// The kind of a warning.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Code {
    /// A warning, such as `warning 32 [unused-value-declaration]`.
    Warning {
        /// Its number.
        number: u32,
        /// Its mnemonic; OCaml has them since 4.12.
        name: Option<String>,
    },
    /// An alert, such as `alert deprecated`.
    Alert(String),
}

/// Another place that a message points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The place.
    pub location: Location,
    /// What is there, such as `Actual declaration`.
    pub message: String,
}

impl Diagnostic {
    pub(crate) fn unplaced(severity: Severity, message: String) -> Diagnostic {
        Diagnostic {
            location: None,
            severity,
            code: None,
            message,
            related: Vec::new(),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            writeln!(f, "{location}:")?;
        }
        match (self.severity, &self.code) {
            (Severity::Error, Some(code)) => write!(f, "Error ({code}): ")?,
            (Severity::Error, None) => f.write_str("Error: ")?,
            (
                _,
                Some(Code::Warning {
                    number,
                    name: Some(name),
                }),
            ) => write!(f, "Warning {number} [{name}]: ")?,
            (_, Some(Code::Warning { number, name: None })) => write!(f, "Warning {number}: ")?,
            (_, Some(Code::Alert(name))) => write!(f, "Alert {name}: ")?,
            (Severity::Warning, None) => f.write_str("Warning: ")?,
            (Severity::Note, None) => {}
        }
        f.write_str(&self.message)?;
        for related in &self.related {
            write!(f, "\n{}:\n  {}", related.location, related.message)?;
        }
        Ok(())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File \"{}\", ", self.file.display())?;
        match self.last_line == self.line {
            true => write!(f, "line {}", self.line)?,
            false => write!(f, "lines {}-{}", self.line, self.last_line)?,
        }
        match self.columns {
            Some((first, end)) => write!(f, ", characters {first}-{end}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Code::Warning {
                number,
                name: Some(name),
            } => write!(f, "warning {number} [{name}]"),
            Code::Warning { number, name: None } => write!(f, "warning {number}"),
            Code::Alert(name) => write!(f, "alert {name}"),
        }
    }
}
