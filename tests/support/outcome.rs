//! How a command ended, and what tests say of it.

use std::borrow::Cow;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// The end of a command. Its assertions show the whole of it when they fail, and can be chained.
#[derive(Debug)]
pub struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) line: String,
}

impl Outcome {
    /// The exit status; `None` when a signal ended the command.
    #[must_use]
    pub fn status(&self) -> Option<i32> {
        self.status.code()
    }

    /// Standard output.
    #[must_use]
    pub fn stdout(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// Standard output as it is.
    #[must_use]
    pub fn stdout_bytes(&self) -> &[u8] {
        &self.stdout
    }

    /// Standard error.
    #[must_use]
    pub fn stderr(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }

    /// It ended with this status.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn code(&self, expected: i32) -> &Outcome {
        assert_eq!(self.status.code(), Some(expected), "exit status\n{self}");
        self
    }

    /// This signal ended it.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn killed_by(&self, signal: rustix::process::Signal) -> &Outcome {
        assert_eq!(
            self.status.signal(),
            Some(signal.as_raw()),
            "signal\n{self}"
        );
        self
    }

    /// Standard output is this.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn prints(&self, expected: &str) -> &Outcome {
        assert_eq!(self.stdout(), expected, "standard output\n{self}");
        self
    }

    /// Nothing is on standard output.
    ///
    /// # Panics
    /// When something is.
    #[track_caller]
    pub fn prints_nothing(&self) -> &Outcome {
        self.prints("")
    }

    /// Nothing is on standard error.
    ///
    /// # Panics
    /// When something is.
    #[track_caller]
    pub fn is_quiet(&self) -> &Outcome {
        assert!(
            self.stderr.is_empty(),
            "standard error has something\n{self}"
        );
        self
    }

    /// All of these are on standard error.
    ///
    /// # Panics
    /// When one is not.
    #[track_caller]
    pub fn says(&self, expected: &[&str]) -> &Outcome {
        // Where clap wraps its lines is not what is tested.
        let said = self
            .stderr()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        for text in expected {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                said.contains(&text) || unquoted(&said).contains(&unquoted(&text)),
                "`{text}` is not on standard error\n{self}"
            );
        }
        self
    }

    /// None of these is on standard error.
    ///
    /// # Panics
    /// When one is.
    #[track_caller]
    pub fn does_not_say(&self, unexpected: &[&str]) -> &Outcome {
        for text in unexpected {
            assert!(
                !self.stderr().contains(text),
                "`{text}` is on standard error\n{self}"
            );
        }
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shortened = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.chars().take(4000).collect::<String>()
        };
        writeln!(formatter, "{}", self.line)?;
        writeln!(formatter, "ended with {}", self.status)?;
        writeln!(
            formatter,
            "--- standard output\n{}",
            shortened(&self.stdout)
        )?;
        write!(formatter, "--- standard error\n{}", shortened(&self.stderr))
    }
}

/// From OCaml 5.2 on, the compiler puts double quotes around the names in its messages.
fn unquoted(text: &str) -> String {
    text.replace(['"', '\''], "")
}
