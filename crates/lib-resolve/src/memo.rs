//! The build on whose behalf libraries are looked up.

mod local;

pub use local::LocalMemo;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocaml_toolchain::Invocation;

/// What scopes need of a build: running tools, reading files, and telling people.
///
/// A build tool implements it, so that what is read and run is recorded, cached and scheduled as the build's other work is.
/// [`LocalMemo`] is for programs without a build. Methods may be called at once from several tasks.
#[async_trait::async_trait]
pub trait Memo: Send + Sync {
    /// Runs a tool, or answers as it answered before if nothing that the action declares has changed.
    ///
    /// Any exit status is a result; an error means that the tool did not run to its end.
    async fn run(&self, action: Action) -> Result<ToolOutput, Error>;

    /// Reads a file on which the build then depends.
    async fn read(&self, file: &Path) -> Result<Vec<u8>, Error>;

    /// Tells something to whoever watches the build.
    fn notify(&self, notice: Notice);

    /// Says that the build has failed. The operation that fails also returns its error.
    fn fail(&self, message: &str);

    /// The same build, with all that is done through the result marked as work of `mark`.
    fn with_mark(&self, mark: &str) -> Arc<dyn Memo>;
}

/// A run of a tool, with all that its result depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Action {
    /// The command. Its environment is that of the process but for the changes it carries.
    pub invocation: Invocation,
    /// The files and directories that it may read, absent ones too: if one of them comes to be, the result is no longer right.
    pub reads: Vec<PathBuf>,
    /// The environment variables on which the result depends, with their values.
    pub variables: Vec<(String, Option<std::ffi::OsString>)>,
    /// Where results may be kept between processes; `None`: nowhere.
    pub cache_directory: Option<PathBuf>,
}

impl Action {
    /// A run that depends on nothing but its command line and whose result is not kept.
    #[must_use]
    pub fn new(invocation: Invocation) -> Action {
        Action {
            invocation,
            reads: Vec::new(),
            variables: Vec::new(),
            cache_directory: None,
        }
    }
}

/// What a tool printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolOutput {
    /// The exit status; `None` if a signal ended the tool.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// Something that people should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How bad it is.
    pub level: Level,
    /// Who says it: the mark of the memo, empty without one.
    pub mark: String,
    /// The text, on one line.
    pub text: String,
}

/// How bad a [`Notice`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Good to know.
    Information,
    /// Probably not what was meant.
    Warning,
}

impl Notice {
    /// A warning, to which the memo adds its mark.
    #[must_use]
    pub fn warning(text: impl Into<String>) -> Notice {
        Notice {
            level: Level::Warning,
            mark: String::new(),
            text: text.into(),
        }
    }
}

/// The error of [`Memo::run`] and [`Memo::read`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tool did not run to its end.
    #[error("could not run `{}`", invocation.program().display())]
    Run {
        /// The command.
        invocation: Box<Invocation>,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file cannot be read.
    #[error("could not read `{}`", file.display())]
    Read {
        /// The file.
        file: Box<PathBuf>,
        /// The cause.
        source: std::io::Error,
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
