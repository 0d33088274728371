//! Libraries that plugins are compiled against and use.

use std::io;
use std::path::{Path, PathBuf};

use lib_resolve::{ArchiveContents, archive_contents};
use ocaml_toolchain::invocation;

use crate::kit::Kit;
use crate::library_build;
use crate::shared_library::SharedLibrary;
use crate::workspace;

/// The units of libraries that every host image holds; their archives must not be loaded again.
pub const HOST_LIBRARIES: [&str; 6] = [
    "stdlib",
    "unix",
    "threads",
    "threads.posix",
    "dynlink",
    "bigarray",
];

/// A library that plugins may use: where its interfaces are, and the archives with its code.
///
/// Its code is loaded once a process, before the first plugin that was compiled with it, and shared by all plugins: the
/// library's state is one. Finding libraries by name, and what they need in turn, is the business of
/// [`requirement::resolve`](crate::requirement::resolve).
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
    requires: Vec<String>,
    version: Option<String>,
    hidden: bool,
    everywhere: bool,
    identity: Option<String>,
}

impl Library {
    /// A library of this name, so far without anything.
    pub fn new(name: impl Into<String>) -> Library {
        Library {
            name: name.into(),
            directories: Vec::new(),
            archives: Vec::new(),
            stub_libraries: Vec::new(),
            requires: Vec::new(),
            version: None,
            hidden: false,
            everywhere: false,
            identity: None,
        }
    }

    /// Adds a directory with its compiled interfaces (`-I`).
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Library {
        self.directories.push(directory.into());
        self
    }

    /// Adds code, in link order: a `.cmxs` file, or a `.cmxa` file, which stands for the `.cmxs` file of the same stem;
    /// where there is none, one is made of it. For byte code a `.cma` file. A library of [`HOST_LIBRARIES`] has none to add.
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

    /// Hides the interfaces from the plugin's own text: they are there for the interfaces of other libraries (`-H`).
    /// Compilers from OCaml 5.2 on can do that.
    pub fn hidden(mut self, hidden: bool) -> Library {
        self.hidden = hidden;
        self
    }

    /// Names a library that it requires. Whoever gives the library to a loader gives that one too, before it.
    pub fn requires(mut self, name: impl Into<String>) -> Library {
        self.requires.push(name.into());
        self
    }

    /// Whether plugins have it without asking, once it is carried. Default: no.
    pub fn everywhere(mut self, everywhere: bool) -> Library {
        self.everywhere = everywhere;
        self
    }

    /// The version, for people to read.
    pub fn version(mut self, version: impl Into<String>) -> Library {
        self.version = Some(version.into());
        self
    }

    /// Makes it a library of a kit: its paths are relative to the kit's directories, and this is the digest of its files.
    pub(crate) fn carried(mut self, identity: impl Into<String>) -> Library {
        self.identity = Some(identity.into());
        self
    }

    /// The digest of a library of a kit.
    pub(crate) fn carried_identity(&self) -> Option<&str> {
        self.identity.as_deref()
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

    /// Whether plugins have it without asking.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        self.everywhere
    }

    /// The names of the libraries that it requires.
    pub fn required(&self) -> impl Iterator<Item = &str> {
        self.requires.iter().map(String::as_str)
    }

    /// The version, where it is known.
    #[must_use]
    pub fn known_version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The files of its code that can be loaded, in link order: those it ships, and those made of its archives, kept in the
    /// cache directory of `kit` or left in `work`. Blocks.
    ///
    /// # Errors
    /// A file cannot be read or made.
    pub fn loadable_files(&self, kit: &Kit, work: &Path) -> Result<Vec<PathBuf>, Error> {
        let shared = SharedLibrary::of(kit, std::slice::from_ref(self))?;
        let code = shared.iter().flat_map(|library| {
            library
                .code
                .iter()
                .map(move |code| library_build::loadable(kit, library, code, work))
        });
        code.collect()
    }

    /// The units of its archives (`.cma`, `.cmxa`), in link order, by the tables that the compiler has written into them.
    ///
    /// # Errors
    /// An archive cannot be read or is not understood.
    pub fn units(&self) -> Result<Vec<String>, Error> {
        let mut units = Vec::new();
        for archive in &self.archives {
            let contents = ArchiveContents::read(archive).map_err(|source| Error::Archive {
                name: self.name.as_str().into(),
                source: Box::new(source),
            })?;
            units.extend(contents.units);
        }
        Ok(units)
    }

    /// Whether its interfaces are hidden from the plugin's own text.
    pub(crate) fn is_hidden(&self) -> bool {
        self.hidden
    }

    /// The compiler's option for its directories.
    pub(crate) fn include_option(&self) -> &'static str {
        if self.hidden { "-H" } else { "-I" }
    }
}

/// Whether one of the directories, which may be relative to `root`, has the compiled interface of `unit`.
pub(crate) fn have_interface<'a>(
    root: &Path,
    directories: impl IntoIterator<Item = &'a Path>,
    unit: &str,
) -> bool {
    let lower = unit[..1].to_ascii_lowercase() + &unit[1..];
    let files = [unit, &lower].map(|stem| format!("{stem}.cmi"));
    let has_one = |directory: &Path| files.iter().any(|file| directory.join(file).exists());
    directories
        .into_iter()
        .any(|directory| has_one(&root.join(directory)))
}

/// Why a library is not there for the plugins that use it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the library cannot be read.
    #[error("cannot read `{}` of the library `{name}`", path.display())]
    Read {
        /// The library.
        name: Box<str>,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An archive of the library is of no use.
    #[error("cannot tell what is in the library `{name}`")]
    Archive {
        /// The library.
        name: Box<str>,
        /// What is wrong with it.
        source: Box<archive_contents::Error>,
    },
    /// The library ships no file that can be loaded, and none could be made of its archive.
    #[error("cannot make a loadable file of the archive of the library `{name}`")]
    Build {
        /// The library.
        name: Box<str>,
        /// The command, and what it said.
        source: Box<invocation::Error>,
    },
    /// There is no place for the files from which libraries are loaded.
    #[error("there is no place to load the library `{name}` from")]
    Workspace {
        /// The library.
        name: Box<str>,
        /// Why not.
        source: Box<workspace::Error>,
    },
    /// A library loaded before, or the host image, defines a unit of the library.
    #[error("the library `{name}` defines the unit `{unit}`, which {} defines already", match other {
        Some(other) => format!("the loaded library `{other}`"),
        None => "the host image or a loaded library".to_owned(),
    })]
    Unit {
        /// The library.
        name: Box<str>,
        /// The unit.
        unit: Box<str>,
        /// The loaded library, where it is known.
        other: Option<Box<str>>,
    },
    /// The library's own code failed when it was loaded for another plugin, and cannot be loaded again.
    #[error("the library `{name}` failed when it was first loaded: {reason}")]
    Failed {
        /// The library.
        name: Box<str>,
        /// How.
        reason: Box<str>,
    },
    /// The library cannot be loaded: a shared library or a symbol is missing, OCaml refuses it, or its code failed.
    #[error("the library `{name}` cannot be loaded")]
    Load {
        /// The library.
        name: Box<str>,
        /// Why.
        source: Box<ocaml_runtime::library::Error>,
    },
    /// The loader does not have a library that the compiled plugin uses.
    #[error("the plugin uses the library `{name}`, which the loader was not given")]
    NotGiven {
        /// The library.
        name: Box<str>,
    },
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_error_is_small() {
        assert!(size_of::<super::Error>() <= 64);
    }
}
