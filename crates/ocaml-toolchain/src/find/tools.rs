//! The tools of one directory.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The tools of one directory, not yet asked anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tools {
    pub(super) ocamlopt: Option<PathBuf>,
    pub(super) ocamlc: Option<PathBuf>,
    pub(super) ocamldep: Option<PathBuf>,
    pub(super) ocamlfind: Option<PathBuf>,
}

impl Tools {
    /// The tools in a directory; `None` if no compiler is among them.
    ///
    /// `ocamlopt.opt` is the compiler compiled to native code, `ocamlopt` may be the same compiler as byte code, which
    /// is several times slower; opam and Debian link the second name to the first file.
    pub(super) fn in_directory(directory: &Path) -> Option<Self> {
        let tool = |names: &[&str]| names.iter().find_map(|name| program_in(directory, name));
        let tools = Self {
            ocamlopt: tool(&["ocamlopt.opt", "ocamlopt"]),
            ocamlc: tool(&["ocamlc.opt", "ocamlc"]),
            ocamldep: tool(&["ocamldep.opt", "ocamldep"]),
            ocamlfind: tool(&["ocamlfind"]),
        };
        tools.compiler().is_some().then_some(tools)
    }

    /// The tools beside one compiler, which is kept. A name that starts with `ocamlc` is the byte-code compiler.
    pub(super) fn beside(compiler: PathBuf) -> Self {
        let mut tools = compiler
            .parent()
            .and_then(Self::in_directory)
            .unwrap_or_default();
        let name = compiler
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with("ocamlc") {
            tools.ocamlc = Some(compiler);
        } else {
            tools.ocamlopt = Some(compiler);
        }
        tools
    }

    /// The compiler to ask for its configuration.
    pub(super) fn compiler(&self) -> Option<&PathBuf> {
        self.ocamlopt.as_ref().or(self.ocamlc.as_ref())
    }
}

/// A program in one directory.
pub(super) fn program_in(directory: &Path, name: &str) -> Option<PathBuf> {
    let directory = std::path::absolute(directory).ok()?;
    program(OsStr::new(name), Some(directory.as_os_str()))
}

/// A program by path, or by name in a search path.
pub(super) fn program(name: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    which::which_in(name, path, std::env::current_dir().unwrap_or_default()).ok()
}
