//! Starting programs as a user does, in an environment that is the same everywhere.
#![expect(
    clippy::disallowed_methods,
    reason = "the tests start the command from outside, as its users do"
)]

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::binary::saddlebag;
use crate::outcome::Outcome;
use crate::shared::shared_directory;

/// What of the caller's environment a command gets: where the toolchain is.
const KEPT: [&str; 7] = [
    "PATH",
    "SADDLEBAG_OCAML",
    "OPAM_SWITCH_PREFIX",
    "OCAMLFIND",
    "OCAMLFIND_CONF",
    "OCAMLPATH",
    "CAML_LD_LIBRARY_PATH",
];

/// A program to run, with its arguments, its environment and its standard input.
#[derive(Debug)]
#[must_use = "a command does nothing until it runs"]
pub struct Command {
    command: std::process::Command,
    arguments: Vec<OsString>,
    input: Vec<u8>,
    /// Has to be empty afterwards.
    temporary: Option<PathBuf>,
}

/// A program that runs.
#[derive(Debug)]
pub struct Started {
    child: Child,
    line: String,
}

impl Command {
    /// `program` with nothing of the caller's environment but where the toolchain is, and no input.
    pub fn new(program: impl AsRef<OsStr>) -> Command {
        let mut command = std::process::Command::new(program);
        command.env_clear();
        for name in KEPT {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        // Host images are built once for all tests.
        command.env("XDG_CACHE_HOME", shared_directory().join("cache"));
        command.env("LC_ALL", "C.UTF-8");
        Command {
            command,
            arguments: Vec::new(),
            input: Vec::new(),
            temporary: None,
        }
    }

    /// Adds an argument.
    pub fn arg(self, argument: impl AsRef<OsStr>) -> Command {
        self.args([argument])
    }

    /// Adds arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let arguments = arguments.into_iter();
        self.arguments
            .extend(arguments.map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Command {
        self.command.env(name, value);
        self
    }

    /// Removes a variable of the environment.
    pub fn without(mut self, name: &str) -> Command {
        self.command.env_remove(name);
        self
    }

    /// The directory to start in.
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Command {
        self.command.current_dir(directory);
        self
    }

    /// The text of standard input.
    pub fn input(mut self, text: impl Into<Vec<u8>>) -> Command {
        self.input = text.into();
        self
    }

    /// The directory for temporary files, in which nothing may be left.
    pub fn temporary(mut self, directory: impl Into<PathBuf>) -> Command {
        let directory = directory.into();
        self.command.env("TMPDIR", &directory);
        self.temporary = Some(directory);
        self
    }

    /// Says that files may be left in the directory for temporary files.
    pub fn leaving_files(mut self) -> Command {
        self.temporary = None;
        self
    }

    /// Runs the program to its end.
    ///
    /// # Panics
    /// When it cannot be started, and when it leaves temporary files.
    #[track_caller]
    pub fn run(mut self) -> Outcome {
        let temporary = self.temporary.take();
        let outcome = self.start().wait();
        if let Some(directory) = temporary {
            let left: Vec<_> = list(&directory);
            assert!(
                left.is_empty(),
                "{outcome}\nleft in {}: {left:?}",
                directory.display()
            );
        }
        outcome
    }

    /// Whether this is the command that uses the installed toolchain, about to compile, and free to assemble by any means.
    fn chooses_no_assembler(&self) -> bool {
        let compiles = self.arguments.first().is_some_and(|argument| {
            ["run", "check", "build"]
                .iter()
                .any(|known| argument == known)
        });
        let named = |argument: &OsString| argument == "--assembler";
        self.command.get_program() == saddlebag() && compiles && !self.arguments.iter().any(named)
    }

    /// Starts the program, in a process group of its own. Where `SADDLEBAG_TEST_ASSEMBLER` is set, it is the value of
    /// `--assembler` wherever a test names none.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn start(mut self) -> Started {
        let assembler = std::env::var_os("SADDLEBAG_TEST_ASSEMBLER");
        if let (Some(assembler), true) = (assembler, self.chooses_no_assembler()) {
            self.arguments
                .splice(1..1, ["--assembler".into(), assembler]);
        }
        self.command.args(&self.arguments);
        let line = format!("{:?}", self.command);
        self.command.process_group(0);
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.stdin(if self.input.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        });
        let mut child = self
            .command
            .spawn()
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        if let Some(mut stdin) = child.stdin.take() {
            let input = std::mem::take(&mut self.input);
            // A program that does not read its input closes the pipe.
            std::thread::spawn(move || stdin.write_all(&input));
        }
        Started { child, line }
    }
}

impl Started {
    /// The process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the process alone.
    ///
    /// # Panics
    /// When there is no such process.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, signal).expect("a process to signal");
    }

    /// Sends a signal to its process group, as a terminal does.
    ///
    /// # Panics
    /// When there is no such group.
    pub fn signal_group(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process_group(process, signal).expect("a group to signal");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When its output cannot be read.
    pub fn wait(self) -> Outcome {
        let output = self
            .child
            .wait_with_output()
            .expect("the output of a program");
        Outcome {
            status: output.status,
            stdout: output.stdout,
            stderr: output.stderr,
            line: self.line,
        }
    }
}

/// The names in a directory; none when it is not there.
fn list(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}
