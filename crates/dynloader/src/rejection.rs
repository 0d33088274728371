//! What compilers have to say of sources.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Output};

use ocaml_toolchain::{CommandFailure, Invocation};

use crate::compile::Error;
use crate::diagnostic::{self, Diagnostic, Severity};
use crate::name_table::NameTable;
use crate::workspace;

/// What a compiler that failed had to say.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rejection {
    /// The messages in the compiler's order, warnings included; positions are those of the sources.
    pub diagnostics: Vec<Diagnostic>,
    /// The command, its status and its output as it was.
    pub failure: ocaml_toolchain::CommandFailure,
}

impl Rejection {
    /// The messages that are errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
    }

    pub(crate) fn summary(&self) -> String {
        let errors: Vec<String> = self.errors().map(Diagnostic::to_string).collect();
        format!(
            "the compiler does not accept the sources:\n{}",
            errors.join("\n")
        )
    }
}

/// What a program that refused the sources had to say.
pub(crate) fn rejected(failure: CommandFailure, names: &NameTable) -> Error {
    let job = failure.current_dir();
    if let Some(error) = job.and_then(|job| workspace::full(job, &failure.stderr_text())) {
        return Error::Workspace(Box::new(error));
    }
    let diagnostics = diagnostics(&failure.stderr, names);
    let in_sources =
        |found: &Diagnostic| found.severity == Severity::Error && found.location.is_some();
    let of_sources = diagnostics.iter().any(in_sources);
    let rejection = Box::new(Rejection {
        diagnostics,
        failure,
    });
    match of_sources {
        true => Error::Rejected(rejection),
        false => Error::Failed(rejection),
    }
}

/// What the compiler that the worker stands for would have ended with.
pub(crate) fn refusal(invocation: Invocation, messages: Vec<u8>) -> CommandFailure {
    // Wait statuses have the exit status in the second byte; the compiler's is 2 for every error.
    let output = Output {
        status: ExitStatus::from_raw(2 << 8),
        stdout: Vec::new(),
        stderr: messages,
    };
    CommandFailure::new(invocation, output)
}

/// What the compiler printed, with the positions of the sources.
pub(crate) fn diagnostics(printed: &[u8], names: &NameTable) -> Vec<Diagnostic> {
    let mut diagnostics = diagnostic::parse(&String::from_utf8_lossy(printed));
    diagnostic::relocate(&mut diagnostics, names);
    diagnostics
}
