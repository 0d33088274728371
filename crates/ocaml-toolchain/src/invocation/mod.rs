//! One command as a value.

mod error;
mod quote;
mod run;
mod session;
mod waiter;

pub use error::{CommandFailure, Error};
pub use session::{Killer, Session, Waiting};

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// One command: program, arguments, directory, changes to the environment and standard input.
///
/// Building it starts nothing and reads nothing. [`run`](Self::run) and [`output`](Self::output) start it.
///
/// By default the child works in the program's current directory, inherits its environment, finds its standard input
/// empty, and its output and errors are collected.
///
/// ```
/// use ocaml_toolchain::Invocation;
///
/// let compile = Invocation::new("ocamlopt").arg("-c").arg("it's.ml").current_dir("/tmp/a b").env("OCAMLPARAM", "_,g=1");
/// assert_eq!(compile.command_line(), r"(cd '/tmp/a b' && OCAMLPARAM=_,g=1 ocamlopt -c 'it'\''s.ml')");
/// assert_eq!(compile.clone(), compile);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use = "an invocation does nothing until it is run"]
pub struct Invocation {
    program: PathBuf,
    args: Vec<OsString>,
    current_dir: Option<PathBuf>,
    env: BTreeMap<OsString, Option<OsString>>,
    env_clear: bool,
    stdin: Vec<u8>,
    inherit_stdio: bool,
}

impl Invocation {
    /// A command that starts `program`: a path, or a name that is looked up in `PATH` when the command is run.
    /// On Unix a relative path with a `/` starts from the child's directory.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            current_dir: None,
            env: BTreeMap::new(),
            env_clear: false,
            stdin: Vec::new(),
            inherit_stdio: false,
        }
    }

    /// Add one argument. It reaches the program as it is: no shell reads it.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Add several arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Run the child in `dir`. By default it runs in the program's current directory at the time it is started.
    pub fn current_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.current_dir = Some(dir.into());
        self
    }

    /// Set a variable in the child's environment, whatever was said of it before.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.insert(name.into(), Some(value.into()));
        self
    }

    /// Take a variable away from what the child inherits or was given.
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        let name = name.into();
        if self.env_clear {
            self.env.remove(&name);
        } else {
            self.env.insert(name, None);
        }
        self
    }

    /// Start from an empty environment: forget earlier changes and inherit nothing. Later `env` calls still add.
    pub fn env_clear(mut self) -> Self {
        self.env.clear();
        self.env_clear = true;
        self
    }

    /// Give the child these bytes on its standard input. By default it is empty.
    /// A child that ends without reading them all is no error.
    pub fn stdin_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Let the child use the program's own standard input, output and error instead of collecting them.
    /// `output` and `run` then return empty `stdout` and `stderr`, and the bytes of `stdin_bytes` are not sent.
    ///
    /// Such a child stays in the program's process group, else it could not read from the terminal. When its future
    /// is dropped it is killed, but processes that it started live on.
    pub fn inherit_stdio(mut self) -> Self {
        self.inherit_stdio = true;
        self
    }

    /// The program, as given.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The arguments, without the program.
    pub fn get_args(&self) -> impl ExactSizeIterator<Item = &OsStr> {
        self.args.iter().map(OsString::as_os_str)
    }

    /// The program and its arguments.
    pub fn argv(&self) -> impl Iterator<Item = &OsStr> {
        std::iter::once(self.program.as_os_str()).chain(self.get_args())
    }

    /// The directory given, if any.
    pub fn get_current_dir(&self) -> Option<&Path> {
        self.current_dir.as_deref()
    }

    /// The changes to the environment, by name: a value to set, or `None` to remove.
    pub fn get_envs(&self) -> impl ExactSizeIterator<Item = (&OsStr, Option<&OsStr>)> {
        self.env
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_deref()))
    }

    /// Whether the child inherits nothing of the program's environment.
    pub fn clears_env(&self) -> bool {
        self.env_clear
    }

    /// The bytes for the child's standard input.
    pub fn get_stdin(&self) -> &[u8] {
        &self.stdin
    }

    /// The command as one line for a POSIX shell, quoted so that pasting it does what running it does.
    /// Bytes for standard input are not part of it. Control characters and bytes that are no UTF-8 are written
    /// `$'\377'`, which bash, zsh, ksh and busybox read.
    pub fn command_line(&self) -> String {
        quote::command_line(self)
    }
}

#[cfg(test)]
mod tests;
