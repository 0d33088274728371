//! Where to look for a toolchain.

use crate::{OcamlVersion, sys};
use std::ffi::OsString;
use std::path::PathBuf;

/// Where to look for a toolchain. The first of these places that holds a compiler is taken:
///
/// 1. the compiler that [`compiler`](Self::compiler) names;
/// 2. the directories that [`directory`](Self::directory) names, in order;
/// 3. the value of `SADDLEBAG_OCAML` ([`saddlebag_ocaml`](Self::saddlebag_ocaml));
/// 4. `bin` in the value of `OPAM_SWITCH_PREFIX` ([`opam_switch_prefix`](Self::opam_switch_prefix));
/// 5. the compiler that `ocamlfind` names: the one of [`ocamlfind`](Self::ocamlfind) (the variable `OCAMLFIND`), else
///    the first `ocamlfind` in `PATH`; findlib reads its own configuration and variables, such as
///    `OCAMLFIND_TOOLCHAIN`;
/// 6. the directories of `PATH` ([`path`](Self::path)).
///
/// What 1 to 3 name must hold a compiler, else finding fails; from 4 on the next place is tried.
/// The default looks nowhere. The setters do not fail and read nothing.
///
/// ```
/// use ocaml_toolchain::find::Options;
///
/// let options = Options::default().opam_switch_prefix("/home/me/.opam/5.3.0").path("/usr/bin:/bin");
/// assert_ne!(options, Options::default());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[must_use = "options do nothing until they are given to `Toolchain::find`"]
pub struct Options {
    pub(super) compiler: Option<PathBuf>,
    pub(super) directories: Vec<PathBuf>,
    pub(super) saddlebag_ocaml: Option<PathBuf>,
    pub(super) opam_switch_prefix: Option<PathBuf>,
    pub(super) ocamlfind: Option<PathBuf>,
    pub(super) path: Option<OsString>,
    pub(super) minimum_version: Option<OcamlVersion>,
}

impl Options {
    /// The places that the environment names: reads `SADDLEBAG_OCAML`, `OPAM_SWITCH_PREFIX`, `OCAMLFIND` and `PATH`,
    /// now. An empty variable counts as not set.
    ///
    /// In a program that runs with the rights of another user than its caller's (set-user-ID, execve(2)) the environment names
    /// nothing: a compiler that the caller chose would run with these rights. Name one with [`compiler`](Self::compiler) or
    /// [`directory`](Self::directory) there, or carry one.
    pub fn from_environment() -> Self {
        if sys::has_rights_of_another() {
            return Self::default();
        }
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            saddlebag_ocaml: variable("SADDLEBAG_OCAML").map(PathBuf::from),
            opam_switch_prefix: variable("OPAM_SWITCH_PREFIX").map(PathBuf::from),
            ocamlfind: variable("OCAMLFIND").map(PathBuf::from),
            path: variable("PATH"),
            ..Self::default()
        }
    }

    /// Use this compiler, an `ocamlopt` or an `ocamlc`; the other tools are looked for beside it. None by default.
    pub fn compiler(mut self, path: impl Into<PathBuf>) -> Self {
        self.compiler = Some(path.into());
        self
    }

    /// Look for the tools in this directory; several calls add up. None by default.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directories.push(directory.into());
        self
    }

    /// As if `SADDLEBAG_OCAML` were this: a compiler, a directory of tools, or a prefix whose `bin` holds the tools.
    pub fn saddlebag_ocaml(mut self, path: impl Into<PathBuf>) -> Self {
        self.saddlebag_ocaml = Some(path.into());
        self
    }

    /// As if `OPAM_SWITCH_PREFIX` were this. `eval $(opam env)` sets that variable.
    pub fn opam_switch_prefix(mut self, prefix: impl Into<PathBuf>) -> Self {
        self.opam_switch_prefix = Some(prefix.into());
        self
    }

    /// As if `OCAMLFIND` were this: the `ocamlfind` to use, a path or a name to look up in `PATH`.
    /// It must exist, else finding fails.
    pub fn ocamlfind(mut self, path: impl Into<PathBuf>) -> Self {
        self.ocamlfind = Some(path.into());
        self
    }

    /// The search path, in the syntax of `PATH`. The assembler and the linker are looked for here too, and the
    /// programs asked while finding get it as their `PATH`. Without it no tool but those named is found.
    pub fn path(mut self, path: impl Into<OsString>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Refuse a compiler older than this. By default [`OcamlVersion::MINIMUM`].
    pub fn minimum_version(mut self, version: OcamlVersion) -> Self {
        self.minimum_version = Some(version);
        self
    }

    /// The directories in which a compiler could be found, in the order of the search, whether they exist or not.
    ///
    /// For those who keep what [`Toolchain::find`](crate::Toolchain::find) gave: a program that appears in one of them
    /// changes the directory's modification time.
    ///
    /// ```
    /// use ocaml_toolchain::find::Options;
    /// use std::path::Path;
    ///
    /// let options = Options::default().opam_switch_prefix("/home/me/.opam/5.3.0").path("/usr/bin:/bin");
    /// let directories = ["/home/me/.opam/5.3.0/bin", "/usr/bin", "/bin"].map(Path::new);
    /// assert_eq!(options.searched_directories(), directories);
    /// ```
    pub fn searched_directories(&self) -> Vec<PathBuf> {
        let named = [&self.compiler, &self.saddlebag_ocaml]
            .into_iter()
            .flatten()
            .cloned();
        let switch = self
            .opam_switch_prefix
            .iter()
            .map(|prefix| prefix.join("bin"));
        let path = self.path.iter().flat_map(std::env::split_paths);
        named
            .chain(self.directories.iter().cloned())
            .chain(switch)
            .chain(path)
            .collect()
    }
}
