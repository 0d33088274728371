//! findlib's configuration: the search path and the standard library's directory.

mod data;
mod environment;
mod read;

pub use environment::Environment;
pub use read::Error;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::{sys, text};

/// Where packages are looked for: findlib's configuration, evaluated. With serde it is plain data.
///
/// ```
/// use lib_resolve::{Configuration, Environment};
/// # let directory = tempfile::tempdir()?;
/// # let file = directory.path().join("findlib.conf");
/// std::fs::write(&file, r#"path = "/opt/ocaml/lib" stdlib = "/opt/ocaml/lib/ocaml""#)?;
/// let environment = Environment { configuration_file: Some(file.into()), ocamlpath: Some("/home/me/lib".into()), ..Environment::default() };
/// let configuration = Configuration::read(&environment, None)?;
/// let path: Vec<_> = configuration.search_path().collect();
/// assert_eq!(path, [std::path::Path::new("/home/me/lib"), std::path::Path::new("/opt/ocaml/lib")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(from = "data::Data", into = "data::Data")]
pub struct Configuration {
    file: Option<PathBuf>,
    files_read: Vec<PathBuf>,
    search_path: Vec<Box<[u8]>>,
    stdlib: Box<[u8]>,
    undefined_toolchain: Option<Box<[u8]>>,
    /// Whether there is no findlib, so that what it says of the compiler's own libraries has to come from here.
    describes_compiler: bool,
}

impl Configuration {
    /// Evaluates findlib's configuration in an environment.
    ///
    /// The file is [`Environment::configuration_file`] if it is set and not empty, else the one that
    /// [`Environment::default_configuration_file`] finds; with it go all `*.conf` files of the directory of the same name
    /// with `.d` added. `toolchain` is what `ocamlfind -toolchain` takes; without it [`Environment::toolchain`] counts.
    ///
    /// Where there is no findlib at all the search path is the standard library's directory (OCaml 5 installs META files
    /// there) and, in front of it, the directory above it when that is one of packages. findlib's own descriptions of the
    /// compiler's libraries (`unix`, `compiler-libs`, ...), which OCaml 4 does not install, are then known without a file.
    ///
    /// # Errors
    /// A named file that does not exist (nor its `.d`), or one that cannot be read or parsed.
    pub fn read(
        environment: &Environment,
        toolchain: Option<&OsStr>,
    ) -> Result<Configuration, Error> {
        read::read(environment, toolchain)
    }

    /// The configuration for the compiler whose standard library is in a directory, which need not be the one that the
    /// environment leads to: libraries of another OCaml are of no use to it.
    ///
    /// It is that of the environment where this names the same standard library. Else it is the `findlib.conf` beside the
    /// standard library, as in an opam switch; and where there is none, that of an OCaml without findlib. What the
    /// environment names outright, [`Environment::configuration_file`] and [`Environment::ocamlpath`], counts in each case.
    ///
    /// # Errors
    /// As [`Configuration::read`].
    pub fn of_compiler(
        environment: &Environment,
        standard_library: &Path,
    ) -> Result<Configuration, Error> {
        read::of_compiler(environment, standard_library)
    }

    /// A configuration that comes from no file.
    pub fn new(
        search_path: impl IntoIterator<Item = PathBuf>,
        stdlib: impl Into<PathBuf>,
    ) -> Configuration {
        let search_path = search_path
            .into_iter()
            .map(|path| sys::path_bytes(&path).into());
        Configuration {
            file: None,
            files_read: Vec::new(),
            search_path: search_path.collect(),
            stdlib: sys::path_bytes(&stdlib.into()).into(),
            undefined_toolchain: None,
            describes_compiler: false,
        }
    }

    /// The directories in which packages are looked for, first match first. Neither normalised nor checked.
    pub fn search_path(&self) -> impl ExactSizeIterator<Item = PathBuf> {
        self.search_path.iter().map(|entry| sys::path_buf(entry))
    }

    /// The directory that `+` and `^` stand for at the head of a path in META.
    #[must_use]
    pub fn stdlib(&self) -> PathBuf {
        sys::path_buf(&self.stdlib)
    }

    /// The major version of the OCaml whose standard library this is: 5 if it has `Domain`, which came with OCaml 5, else 4.
    /// `None` if there is no standard library.
    #[must_use]
    pub fn ocaml_major(&self) -> Option<u32> {
        // The file `VERSION` would say it, but Debian leaves it out.
        let stdlib = self.stdlib();
        if stdlib.join("stdlib__Domain.cmi").exists() {
            return Some(5);
        }
        stdlib.join("stdlib.cmi").exists().then_some(4)
    }

    /// The configuration file, whether or not it exists.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Every file that was read: the configuration file and those in its `.d` directory.
    #[must_use]
    pub fn files_read(&self) -> &[PathBuf] {
        &self.files_read
    }

    /// The toolchain that was asked for, if no definition mentions it. findlib warns of it and goes on.
    #[must_use]
    pub fn undefined_toolchain(&self) -> Option<String> {
        self.undefined_toolchain
            .as_deref()
            .map(|name| String::from_utf8_lossy(name).into_owned())
    }

    /// The files and directories that decide this configuration, whether or not they exist.
    #[must_use]
    pub fn watched_files(&self) -> Vec<PathBuf> {
        let named = self
            .file
            .iter()
            .flat_map(|file| [file.clone(), environment::with_d(file)]);
        let mut watched: Vec<PathBuf> = named.collect();
        watched.extend(
            self.files_read
                .iter()
                .filter(|file| Some(*file) != self.file.as_ref())
                .cloned(),
        );
        watched
    }

    /// The same configuration with directories put before the search path, as `OCAMLPATH` does.
    #[must_use]
    pub fn with_paths(mut self, paths: impl IntoIterator<Item = PathBuf>) -> Configuration {
        let paths = paths.into_iter().map(|path| sys::path_bytes(&path).into());
        self.search_path = paths.chain(self.search_path).collect();
        self
    }

    /// The same configuration with one more directory at the end of the search path, unless it is on it.
    #[must_use]
    pub fn with_fallback_path(mut self, path: &Path) -> Configuration {
        let path = sys::path_bytes(path);
        let same =
            |entry: &[u8]| text::normalise_directory(entry) == text::normalise_directory(&path);
        if !self.search_path.iter().any(|entry| same(entry)) {
            self.search_path.push(path.into());
        }
        self
    }

    pub(crate) fn search_path_bytes(&self) -> &[Box<[u8]>] {
        &self.search_path
    }

    pub(crate) fn stdlib_bytes(&self) -> &[u8] {
        &self.stdlib
    }

    pub(crate) fn describes_compiler(&self) -> bool {
        self.describes_compiler
    }
}
