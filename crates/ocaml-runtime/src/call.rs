//! The error of a call: whatever OCaml code can do, as data.

use std::fmt;

use crate::convert;
use crate::value::Value;

/// What a call gives: the result, or how it failed.
pub type Result<T> = std::result::Result<T, Error>;

/// The error of a call into OCaml, and of running a plugin's top level.
///
/// The process goes on after each of them.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    /// Kept so that the same exception goes on through a nested call.
    exception: Option<Value>,
}

/// How a call failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Kind {
    /// The OCaml code raised an exception.
    Exception(Exception),
    /// It recursed too deeply (`Stack_overflow`).
    StackOverflow,
    /// It asked for more memory than there is (`Out_of_memory`).
    OutOfMemory,
    /// It called `exit`; its `at_exit` functions have run.
    Exit {
        /// The argument of `exit`.
        code: i32,
    },
    /// Its [`CancelToken`](crate::CancelToken) was cancelled.
    Cancelled,
    /// The deadline of its [`CancelToken`](crate::CancelToken) passed.
    DeadlineExceeded,
    /// It called a function of the application, which panicked.
    HostPanic {
        /// The panic's message.
        message: String,
    },
    /// It called a function of the application, which failed.
    HostError {
        /// The failure's message.
        message: String,
    },
    /// An argument or the result does not fit its type; for an argument, nothing was called.
    Convert(convert::Error),
}

/// An OCaml exception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    name: String,
    message: String,
    backtrace: String,
}

impl Exception {
    pub(crate) fn new(name: String, message: String, backtrace: String) -> Exception {
        Exception {
            name,
            message,
            backtrace,
        }
    }

    pub(crate) fn unknown() -> Exception {
        let message = "an exception that could not be described".to_owned();
        Exception::new(String::new(), message, String::new())
    }

    /// The constructor with its module path, such as `Not_found` or `Stdlib.Exit`
    /// (`Printexc.exn_slot_name`).
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What `Printexc.to_string` says, arguments included: `Failure("no such customer")`.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What `Printexc.get_backtrace` says, one line for each frame; empty for code compiled without `-g`.
    #[must_use]
    pub fn backtrace(&self) -> &str {
        &self.backtrace
    }
}

impl Error {
    pub(crate) fn raised(kind: Kind, exception: Value) -> Error {
        Error(Box::new(Inner {
            kind,
            exception: Some(exception),
        }))
    }

    /// How the call failed.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// How the call failed, by value.
    #[must_use]
    pub fn into_kind(self) -> Kind {
        self.0.kind
    }

    /// The OCaml exception as it was raised, where there was one.
    pub(crate) fn exception(&self) -> Option<&Value> {
        self.0.exception.as_ref()
    }
}

impl From<convert::Error> for Error {
    #[cold]
    fn from(error: convert::Error) -> Error {
        Error(Box::new(Inner {
            kind: Kind::Convert(error),
            exception: None,
        }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Kind::Exception(exception) => write!(f, "exception {}", exception.message),
            Kind::StackOverflow => f.write_str("the OCaml code overflowed its stack"),
            Kind::OutOfMemory => f.write_str("the OCaml code ran out of memory"),
            Kind::Exit { code } => write!(f, "the OCaml code called `exit {code}`"),
            Kind::Cancelled => f.write_str("the call was cancelled"),
            Kind::DeadlineExceeded => f.write_str("the call ran past its deadline"),
            Kind::HostPanic { message } => {
                write!(f, "a function of the application panicked: {message}")
            }
            Kind::HostError { message } => {
                write!(f, "a function of the application failed: {message}")
            }
            Kind::Convert(_) => f.write_str("a value does not fit the interface"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.kind() {
            Kind::Convert(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn the_message_does_not_repeat_its_source() {
        let error = Error::from(convert::Error::custom("not a colour"));
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(source, "not a colour");
        assert!(!error.to_string().contains(&source));
    }
}
