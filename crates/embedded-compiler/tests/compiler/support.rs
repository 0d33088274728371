//! What the tests share.
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use dynloader::Source;
use embedded_compiler::{Choice, ChooseOptions, ExtractTo, Options};

use crate::carriers::carrier;

/// A test and its name.
pub(crate) type Test = (&'static str, fn());

/// What this executable does when a test starts it again.
pub(crate) type Role = fn(&[String]) -> Outcome;

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// A directory for temporary files, and a program that carries its compiler and finds no other.
pub(crate) struct Place {
    directory: tempfile::TempDir,
    scripts: tempfile::TempDir,
    executable: &'static Path,
}

impl Place {
    /// Nothing where there is no OCaml to carry.
    pub(crate) fn new() -> Option<Place> {
        Some(Place {
            executable: carrier()?,
            directory: tempfile::tempdir().unwrap(),
            scripts: tempfile::tempdir().unwrap(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The names of what is in the directory.
    pub(crate) fn left(&self) -> Vec<String> {
        names(self.path())
    }

    /// The program, to be run in a role.
    pub(crate) fn role(&self, role: &str, arguments: &[&str]) -> Command {
        self.role_of(Command::new(self.executable), role, arguments)
    }

    /// As [`Place::role`], started by another program.
    pub(crate) fn role_under(&self, program: &[&str], role: &str) -> Command {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg(self.executable);
        self.role_of(command, role, &[])
    }

    fn role_of(&self, mut command: Command, role: &str, arguments: &[&str]) -> Command {
        command
            .arg(format!("role:{role}"))
            .args(arguments)
            .env("TMPDIR", self.path())
            .env("SLOW", slow_preprocessor(self.scripts.path()));
        command
    }

    /// Plays a role to its end.
    pub(crate) fn play(&self, role: &str, arguments: &[&str]) -> Output {
        self.role(role, arguments).output().unwrap()
    }

    /// Plays a role that must end well.
    #[track_caller]
    pub(crate) fn succeed(&self, role: &str, arguments: &[&str]) {
        let output = self.play(role, arguments);
        assert!(output.status.success(), "{role}: {}", shown(&output));
    }
}

/// A role that is played until it prints a line; killed when this value is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(mut role: Command) -> Running {
        let mut child = role.stdout(Stdio::piped()).spawn().unwrap();
        let output = child.stdout.take().unwrap();
        let running = Running(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The compiler that this executable carries, and no other.
pub(crate) fn embedded() -> Options {
    embedded_to(ExtractTo::Fresh)
}

pub(crate) fn embedded_to(to: ExtractTo) -> Options {
    let choose = ChooseOptions::default().choice(Choice::Embedded);
    Options::default().choose(choose.extract_to(to))
}

/// A plugin that the compiler accepts.
pub(crate) fn fine() -> Source {
    Source::text("fine.ml", "let () = ignore (List.length [ 1; 2 ])")
}

/// A preprocessor that takes its time.
fn slow_preprocessor(directory: &Path) -> PathBuf {
    let path = directory.join("slow");
    fs::write(&path, "#!/bin/sh\nexec sleep 60\n").unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    path
}

/// What of compilers is in the directory for temporary files now.
pub(crate) fn temporary() -> Vec<String> {
    names(&std::env::temp_dir())
}

pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(crate) fn shown(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The messages of an error and its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
