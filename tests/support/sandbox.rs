//! A place for one test.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::binary::saddlebag;
use crate::command::Command;
use crate::shared::standalone;
use crate::toolchain::toolchain;

/// A folder for the files of one test, a directory for temporary files and a home, removed with it.
#[derive(Debug)]
pub struct Sandbox {
    directory: tempfile::TempDir,
}

impl Default for Sandbox {
    fn default() -> Sandbox {
        Sandbox::new()
    }
}

impl Sandbox {
    /// A new one.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new() -> Sandbox {
        let directory = tempfile::Builder::new()
            .prefix("saddlebag-test-")
            .tempdir()
            .expect("a directory");
        for name in ["work", "tmp", "home"] {
            fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        Sandbox { directory }
    }

    /// The folder in which commands start.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// The directory for temporary files.
    #[must_use]
    pub fn temporary(&self) -> PathBuf {
        self.directory.path().join("tmp")
    }

    /// A path in the folder.
    #[must_use]
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.work().join(name)
    }

    /// Writes a file in the folder, and the directories above it.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, contents).expect("a file");
        path
    }

    /// The command, with the toolchain of this machine.
    pub fn saddlebag(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        self.command(saddlebag()).args(arguments)
    }

    /// The command that carries its compiler, on a machine without tools.
    pub fn standalone(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        self.command(standalone())
            .args(arguments)
            .env("PATH", "/nonexistent")
            .without("XDG_CACHE_HOME")
    }

    /// The installed native compiler itself.
    ///
    /// # Panics
    /// When there is none.
    pub fn ocamlopt(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let compiler = toolchain().and_then(|toolchain| toolchain.ocamlopt());
        self.command(compiler.expect("a native compiler"))
            .args(arguments)
    }

    /// The path of an installed compiler, `ocamlopt` or `ocamlc`.
    #[must_use]
    pub fn installed(&self, name: &str) -> Option<PathBuf> {
        let toolchain = toolchain()?;
        let path = match name {
            "ocamlc" => toolchain.ocamlc(),
            _ => toolchain.ocamlopt(),
        };
        path.map(Path::to_owned)
    }

    /// Any program.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        Command::new(program)
            .current_dir(self.work())
            .env("HOME", self.directory.path().join("home"))
            .temporary(self.temporary())
    }

    /// The names in a directory of the folder, sorted.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn list(&self, name: impl AsRef<Path>) -> Vec<String> {
        let entries = fs::read_dir(self.path(name)).expect("a directory");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<String> = entries
            .map(|entry| name(entry).to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}
