//! The errors of running a command.

use super::Invocation;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// The error returned by [`Invocation::run`] and [`Invocation::output`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program could not be started: not found, not executable, built for another machine, ...
    #[error("could not start `{}`", .invocation.program().display())]
    Start {
        /// The command.
        invocation: Box<Invocation>,
        /// What the system said; its kind is `NotFound` where there is no such program.
        source: io::Error,
    },
    /// The directory to run in cannot be entered.
    #[error("`{}` cannot run in `{}`", .invocation.program().display(), .directory.display())]
    CurrentDir {
        /// The command.
        invocation: Box<Invocation>,
        /// The directory.
        directory: Box<PathBuf>,
        /// What the system said.
        source: io::Error,
    },
    /// The child was started, but talking to it or waiting for it failed. It has been killed.
    #[error("lost `{}` while it ran", .invocation.program().display())]
    Lost {
        /// The command.
        invocation: Box<Invocation>,
        /// What the system said.
        source: io::Error,
    },
    /// The program is shutting down: [`running::shut_down`](crate::running::shut_down) was called before the command
    /// was started or while it ran.
    #[error("`{}` was stopped: the program is shutting down", .invocation.program().display())]
    ShutDown {
        /// The command.
        invocation: Box<Invocation>,
    },
    /// The command ran, and ended with another status than 0. Only [`Invocation::run`] returns this.
    #[error("{failure}")]
    Failed {
        /// The command, its status and all it printed.
        failure: Box<CommandFailure>,
    },
}

impl Error {
    /// The command that failed.
    pub fn invocation(&self) -> &Invocation {
        match self {
            Self::Start { invocation, .. }
            | Self::CurrentDir { invocation, .. }
            | Self::Lost { invocation, .. }
            | Self::ShutDown { invocation } => invocation,
            Self::Failed { failure } => &failure.invocation,
        }
    }

    /// The failure of a command that ran, to look at its status and at what it printed.
    pub fn failure(&self) -> Option<&CommandFailure> {
        match self {
            Self::Failed { failure } => Some(failure),
            _ => None,
        }
    }

    /// Whether there is no such program.
    pub fn is_program_missing(&self) -> bool {
        matches!(self, Self::Start { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// A command that ran and ended with another status than 0.
///
/// Displays as the command line, the status and what the command printed on its standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandFailure {
    /// The command.
    pub invocation: Invocation,
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed on its standard output.
    pub stdout: Vec<u8>,
    /// What it printed on its standard error.
    pub stderr: Vec<u8>,
}

impl CommandFailure {
    /// A failure from its parts, for a caller of [`Invocation::output`] that decides itself which status is one.
    pub fn new(invocation: Invocation, output: std::process::Output) -> Self {
        Self {
            invocation,
            status: output.status,
            stdout: output.stdout,
            stderr: output.stderr,
        }
    }

    /// The program and its arguments.
    pub fn argv(&self) -> impl Iterator<Item = &OsStr> {
        self.invocation.argv()
    }

    /// The directory it was told to run in.
    pub fn current_dir(&self) -> Option<&Path> {
        self.invocation.get_current_dir()
    }

    /// The command as one line for the shell: see [`Invocation::command_line`].
    pub fn command_line(&self) -> String {
        self.invocation.command_line()
    }

    /// Standard error as text; bytes that are no UTF-8 become U+FFFD.
    pub fn stderr_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }

    /// Standard output as text; bytes that are no UTF-8 become U+FFFD.
    pub fn stdout_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }
}

impl fmt::Display for CommandFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ended with {}", self.command_line(), self.status)?;
        match self.stderr_text().trim_end() {
            "" => Ok(()),
            stderr => write!(f, ":\n{stderr}"),
        }
    }
}

impl std::error::Error for CommandFailure {}
