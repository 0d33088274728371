//! What the examples print when something fails.

use std::error::Error;
use std::process::ExitCode;

/// The error and its causes on standard error, and the exit status.
#[expect(clippy::print_stderr, reason = "an example says what is wrong")]
pub(crate) fn exit(result: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {}", chain(&*error));
    ExitCode::FAILURE
}

/// The error and, each on a line of its own, its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!("\n  because: {error}");
        cause = error.source();
    }
    text
}
