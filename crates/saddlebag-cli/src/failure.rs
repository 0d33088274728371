//! How a command ends when it does not end well.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use dynloader::{load, workspace};
use embedded_archive::FreshError;
use ocaml_runtime::open;
use ocaml_toolchain::invocation;

use crate::output;

/// Exit status when the sources or the plugin failed, or anything else did.
const FAILED: u8 = 1;

/// Exit status for wrong usage, as clap has it.
const USAGE: u8 = 2;

/// Why a command failed, and what it says of it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command was called wrongly.
    Usage(String),
    /// Something failed; the error's sources are printed too.
    Error(Box<dyn Error + Send + Sync>),
    /// The same, with advice.
    Advised(Box<dyn Error + Send + Sync>, String),
    /// Everything has been said already.
    Told,
}

impl Failure {
    pub(crate) fn new(error: impl Error + Send + Sync + 'static) -> Failure {
        Failure::Error(Box::new(error))
    }

    pub(crate) fn advised(
        error: impl Error + Send + Sync + 'static,
        advice: impl Into<String>,
    ) -> Failure {
        Failure::Advised(Box::new(error), advice.into())
    }

    /// Prints the failure on standard error and gives the exit status.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Failure::Usage(message) => {
                output::error(message);
                output::plain("for the command's usage: saddlebag COMMAND --help");
                ExitCode::from(USAGE)
            }
            Failure::Error(error) => {
                chain(error.as_ref());
                if let Some(advice) = advice(error.as_ref()) {
                    output::hint(advice);
                }
                ExitCode::from(FAILED)
            }
            Failure::Advised(error, advice) => {
                chain(error.as_ref());
                output::hint(advice);
                ExitCode::from(FAILED)
            }
            Failure::Told => ExitCode::from(FAILED),
        }
    }
}

/// What can be done where no directory will do for the files that a command makes, where nothing may be run from it, and
/// where a library or a C function is missing.
fn advice(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if find::<workspace::Error>(error).is_some() {
            return Some(
                "name a directory that is writable, has room and is not mounted noexec: --in-dir DIR, or in TMPDIR",
            );
        }
        if let Some(load::Error::NoModule { .. }) = find(error) {
            return Some(
                "name the library that has it: --require LIB, or #require \"LIB\";; at the head of the file",
            );
        }
        if let Some(load::Error::NoSymbol { .. }) = find(error) {
            return Some(
                "name the library that has it: --require LIB, or #require \"LIB\";; at the head of the file; or, in native \
                 code, an object file of your own by its absolute path: --cmxs-flag FILE.o",
            );
        }
        if let Some(FreshError::NoPlace { .. }) = find(error) {
            return Some(
                "name a directory that is writable, has room and is not mounted noexec, in TMPDIR; or one to keep the \
                 compiler in: --persistent-archive DIR",
            );
        }
        if let Some(invocation::Error::Start { source, .. }) = find(error)
            && source.kind() == io::ErrorKind::PermissionDenied
        {
            return Some(
                "if SELinux, fapolicyd or the like refuse to run what was just written, name a directory that they \
                 allow, in TMPDIR or with --persistent-archive DIR",
            );
        }
        if of_process_or_thread(error)
            .is_some_and(|source| source.kind() == io::ErrorKind::WouldBlock)
        {
            return Some(
                "the system gives this program no more processes and threads, or no memory for them: `ulimit -u` and \
                 `ulimit -v` tell its limits, and a container may have some of its own",
            );
        }
        cause = error.source();
    }
    None
}

/// What the system said when a child process or a thread was to be made; `WouldBlock` is its EAGAIN.
fn of_process_or_thread<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let child = match find(error) {
        Some(invocation::Error::Start { source, .. }) => Some(source),
        _ => None,
    };
    let runtime = match find(error) {
        Some(open::Error::Thread { source, .. }) => Some(source),
        _ => None,
    };
    let plugin = match find(error) {
        Some(load::Error::Thread(source)) => Some(source),
        _ => None,
    };
    child.or(runtime).or(plugin)
}

/// An error as what it is, also if it is in a box.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let boxed = || error.downcast_ref::<Box<E>>().map(|error| &**error);
    error.downcast_ref().or_else(boxed)
}

fn chain(error: &dyn Error) {
    output::error(&error.to_string());
    let mut cause = error.source();
    while let Some(error) = cause {
        output::because(&error.to_string());
        cause = error.source();
    }
}

#[cfg(test)]
mod tests {
    use dynloader::compile;
    use ocaml_toolchain::Invocation;

    use super::*;

    #[test]
    fn who_may_not_start_the_compiler_is_told_where_else_it_may_lie() {
        let advice_on = |program: &std::path::Path| {
            let ran = futures_lite::future::block_on(Invocation::new(program).output());
            advice(&compile::Error::Run(Box::new(ran.unwrap_err())))
        };
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("driver");
        assert_eq!(advice_on(&program), None);
        // Not executable, for root neither.
        std::fs::write(&program, "").unwrap();
        assert!(advice_on(&program).is_some_and(|advice| advice.contains("SELinux")));
    }
}
