//! Libraries that plugins are compiled against and linked with.

use std::path::{Path, PathBuf};

/// The units of libraries that every host image holds; their archives must not be linked into plugins again.
pub const HOST_LIBRARIES: [&str; 6] = [
    "stdlib",
    "unix",
    "threads",
    "threads.posix",
    "dynlink",
    "bigarray",
];

/// A library that plugins may use: where its interfaces are, and the archives that are linked into each plugin.
///
/// Finding libraries by name, and what they need in turn, is the business of `lib-resolve`.
///
/// ```
/// use dynloader::{Library, Options};
///
/// let str = Library::new("str").directory("/usr/lib/ocaml").archive("/usr/lib/ocaml/str.cmxa");
/// let options = Options::default().libraries([str]);
/// assert!(options.compile_arguments().iter().any(|argument| argument == "/usr/lib/ocaml"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a library does nothing until it is given to Options::libraries"]
pub struct Library {
    name: String,
    directories: Vec<PathBuf>,
    archives: Vec<PathBuf>,
    stub_libraries: Vec<PathBuf>,
}

impl Library {
    /// A library of this name, so far without anything.
    pub fn new(name: impl Into<String>) -> Library {
        Library {
            name: name.into(),
            directories: Vec::new(),
            archives: Vec::new(),
            stub_libraries: Vec::new(),
        }
    }

    /// Adds a directory with its compiled interfaces, C stubs included (`-I`).
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Library {
        self.directories.push(directory.into());
        self
    }

    /// Adds an archive, a `.cmxa` file or for byte code a `.cma` file, in link order. A library of [`HOST_LIBRARIES`] has none to add.
    pub fn archive(mut self, archive: impl Into<PathBuf>) -> Library {
        self.archives.push(archive.into());
        self
    }

    /// Adds a shared library with C functions of a byte code archive (`dllfoo.so`), by its full path. Native archives bring their C
    /// functions themselves.
    pub fn stub_library(mut self, file: impl Into<PathBuf>) -> Library {
        self.stub_libraries.push(file.into());
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The directories with compiled interfaces.
    pub fn directories(&self) -> impl Iterator<Item = &Path> {
        self.directories.iter().map(PathBuf::as_path)
    }

    /// The archives in link order.
    pub fn archives(&self) -> impl Iterator<Item = &Path> {
        self.archives.iter().map(PathBuf::as_path)
    }

    /// The shared libraries with C functions for byte code.
    pub fn stub_libraries(&self) -> impl Iterator<Item = &Path> {
        self.stub_libraries.iter().map(PathBuf::as_path)
    }
}
