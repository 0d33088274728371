//! Why a `lib` command has no answer.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use lib_resolve::{LibName, Missing, Suggestion, configuration, library, requirements};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("cannot tell where libraries are")]
    Configuration { source: configuration::Error },
    #[error("libraries not found")]
    Missing { missing: Vec<Missing> },
    #[error("no linking order")]
    Order { source: requirements::Error },
    #[error("no answer for these libraries")]
    Libs { source: Box<library::OrderError> },
    #[error("no library defines the unit `{unit}`")]
    Unit { unit: String },
    #[error("`{root}` does not require `{name}`")]
    NotRequired { root: LibName, name: LibName },
    #[error("cannot write the output")]
    Write { source: io::Error },
}

impl Failure {
    pub(super) fn write(source: io::Error) -> Failure {
        Failure::Write { source }
    }

    /// Missing libraries are told one by one.
    pub(super) fn libs(source: library::OrderError) -> Failure {
        match source {
            library::OrderError::Missing { missing } => Failure::Missing { missing },
            source => Failure::Libs {
                source: Box::new(source),
            },
        }
    }

    /// Tells the user; facts on the lines of the error, suggestions after them. A closed pipe is no reason for words.
    pub(super) fn report(&self, stderr: &mut impl Write) -> ExitCode {
        let written = match self {
            Failure::Write { source } if source.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Failure::Missing { missing } => write_missing(missing, stderr),
            // The libraries' own error says it all.
            Failure::Libs { source } => write_error(&**source, stderr),
            other => write_error(other, stderr),
        };
        // Nobody is left to be told that standard error cannot be written.
        drop(written);
        ExitCode::from(1)
    }
}

fn write_missing(missing: &[Missing], stderr: &mut impl Write) -> io::Result<()> {
    for missing in missing {
        writeln!(stderr, "saddlebag: {missing}")?;
        for suggestion in &missing.suggestions {
            writeln!(stderr, "  {}: {suggestion}", kind(suggestion))?;
        }
    }
    Ok(())
}

/// Whether a suggestion is a fact or a likeness.
pub(super) fn kind(suggestion: &Suggestion) -> &'static str {
    match suggestion {
        Suggestion::Respelled { .. }
        | Suggestion::Similar { .. }
        | Suggestion::PackageNamed { .. } => "hint",
        _ => "note",
    }
}

fn write_error(error: &dyn Error, stderr: &mut impl Write) -> io::Result<()> {
    write!(stderr, "saddlebag: {error}")?;
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(stderr, ": {error}")?;
        cause = error.source();
    }
    writeln!(stderr)
}
