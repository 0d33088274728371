//! A toolchain: which tools there are, and what they can do.

use crate::Conf;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// An OCaml toolchain: facts only. What a task needs of it is asked with the `require_*` methods, see
/// [`require`](crate::require).
///
/// [`Toolchain::find`] makes one from what is installed; [`Toolchain::from_conf`] one from parts, for a compiler that
/// was not installed but unpacked. Every path is absolute. Serialises to a map for tools that want to show it; a path
/// that is no UTF-8 cannot be serialised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchain {
    pub(crate) origin: Origin,
    pub(crate) ocamlopt: Option<PathBuf>,
    pub(crate) ocamlc: Option<PathBuf>,
    pub(crate) ocamldep: Option<PathBuf>,
    pub(crate) findlib: Findlib,
    pub(crate) assembler: Option<ToolCommand>,
    pub(crate) linker: Option<PathBuf>,
    pub(crate) compiler_libs: Option<PathBuf>,
    pub(crate) conf: Conf,
}

/// How a toolchain was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// The caller named the compiler.
    Compiler {
        /// The path given.
        path: PathBuf,
    },
    /// The caller named the directory of the tools.
    Directory {
        /// The directory given.
        directory: PathBuf,
    },
    /// The variable `SADDLEBAG_OCAML` names a compiler, a directory of tools, or an installation prefix.
    Variable {
        /// The value of the variable.
        value: PathBuf,
    },
    /// The directory `bin` of the opam switch that `OPAM_SWITCH_PREFIX` names.
    OpamSwitch {
        /// The value of the variable.
        prefix: PathBuf,
    },
    /// `ocamlfind` names the compiler.
    Findlib {
        /// The `ocamlfind` asked.
        ocamlfind: PathBuf,
    },
    /// The first directory of `PATH` that holds a compiler.
    SearchPath {
        /// That directory.
        directory: PathBuf,
    },
    /// Put together by the caller with [`Toolchain::from_conf`].
    Parts,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compiler { path } => write!(f, "the compiler given, `{}`", path.display()),
            Self::Directory { directory } => {
                write!(f, "the directory given, `{}`", directory.display())
            }
            Self::Variable { value } => write!(f, "SADDLEBAG_OCAML, `{}`", value.display()),
            Self::OpamSwitch { prefix } => write!(f, "OPAM_SWITCH_PREFIX, `{}`", prefix.display()),
            Self::Findlib { ocamlfind } => write!(f, "`{}`", ocamlfind.display()),
            Self::SearchPath { directory } => write!(f, "PATH, `{}`", directory.display()),
            Self::Parts => f.write_str("parts given"),
        }
    }
}

/// Whether there is an `ocamlfind` for the compiler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Findlib {
    /// There is none.
    Missing,
    /// There is one that belongs to the compiler.
    Found {
        /// Its path.
        path: PathBuf,
    },
    /// There is one, but it belongs to another OCaml: its libraries would not fit the compiler.
    Foreign {
        /// Its path.
        path: PathBuf,
        /// The standard library it takes for its own.
        standard_library: PathBuf,
    },
    /// There is one, but it does not run.
    Broken {
        /// Its path.
        path: PathBuf,
        /// What it said.
        message: String,
    },
}

/// A program with the arguments that always come first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCommand {
    /// The program.
    pub program: PathBuf,
    /// The arguments that come before any other, often none.
    pub args: Vec<String>,
}

impl ToolCommand {
    /// The command as an [`Invocation`](crate::Invocation), to add arguments to.
    ///
    /// ```
    /// use ocaml_toolchain::ToolCommand;
    ///
    /// let assembler = ToolCommand { program: "/usr/bin/cc".into(), args: vec!["-c".to_owned()] };
    /// assert_eq!(assembler.invocation().arg("a.s").command_line(), "/usr/bin/cc -c a.s");
    /// ```
    pub fn invocation(&self) -> crate::Invocation {
        crate::Invocation::new(&self.program).args(&self.args)
    }
}

impl Toolchain {
    /// A toolchain of which only the configuration is known; add the tools with the `with_*` methods.
    ///
    /// ```
    /// use ocaml_toolchain::{Conf, Toolchain};
    /// use std::path::Path;
    ///
    /// let conf = Conf::parse("version: 5.3.0\narchitecture: amd64\nsystem: linux\nstandard_library: /unpacked/lib\n")?;
    /// let toolchain = Toolchain::from_conf(conf).with_ocamlopt("/unpacked/bin/ocamlopt");
    /// assert_eq!(toolchain.ocamlopt(), Some(Path::new("/unpacked/bin/ocamlopt")));
    /// assert_eq!(toolchain.ocamlfind(), None);
    /// # Ok::<(), ocaml_toolchain::conf::Error>(())
    /// ```
    pub fn from_conf(conf: Conf) -> Self {
        Self {
            origin: Origin::Parts,
            ocamlopt: None,
            ocamlc: None,
            ocamldep: None,
            findlib: Findlib::Missing,
            assembler: None,
            linker: None,
            compiler_libs: None,
            conf,
        }
    }

    /// The same with this native-code compiler.
    #[must_use]
    pub fn with_ocamlopt(mut self, path: impl Into<PathBuf>) -> Self {
        self.ocamlopt = Some(path.into());
        self
    }

    /// The same with this byte-code compiler.
    #[must_use]
    pub fn with_ocamlc(mut self, path: impl Into<PathBuf>) -> Self {
        self.ocamlc = Some(path.into());
        self
    }

    /// The same with this dependency lister.
    #[must_use]
    pub fn with_ocamldep(mut self, path: impl Into<PathBuf>) -> Self {
        self.ocamldep = Some(path.into());
        self
    }

    /// The same with this assembler.
    #[must_use]
    pub fn with_assembler(mut self, command: ToolCommand) -> Self {
        self.assembler = Some(command);
        self
    }

    /// The same with this linker.
    #[must_use]
    pub fn with_linker(mut self, path: impl Into<PathBuf>) -> Self {
        self.linker = Some(path.into());
        self
    }

    /// How it was found.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The configuration of the compiler.
    pub fn conf(&self) -> &Conf {
        &self.conf
    }

    /// The native-code compiler: `ocamlopt.opt` where there is one, else `ocamlopt`.
    pub fn ocamlopt(&self) -> Option<&Path> {
        self.ocamlopt.as_deref()
    }

    /// The byte-code compiler: `ocamlc.opt` where there is one, else `ocamlc`.
    pub fn ocamlc(&self) -> Option<&Path> {
        self.ocamlc.as_deref()
    }

    /// The dependency lister: `ocamldep.opt` where there is one, else `ocamldep`.
    pub fn ocamldep(&self) -> Option<&Path> {
        self.ocamldep.as_deref()
    }

    /// Whether there is an `ocamlfind`, and what is wrong with it.
    pub fn findlib(&self) -> &Findlib {
        &self.findlib
    }

    /// An `ocamlfind` that belongs to the compiler.
    pub fn ocamlfind(&self) -> Option<&Path> {
        match &self.findlib {
            Findlib::Found { path } => Some(path),
            _ => None,
        }
    }

    /// The assembler that the compiler would start, with its flags.
    pub fn assembler(&self) -> Option<&ToolCommand> {
        self.assembler.as_ref()
    }

    /// The linker: the program of `native_pack_linker`, by itself.
    pub fn linker(&self) -> Option<&Path> {
        self.linker.as_deref()
    }

    /// The directory of compiler-libs, where it exists. It may hold only interfaces:
    /// [`require_compiler_libs`](Self::require_compiler_libs) looks closer.
    pub fn compiler_libs(&self) -> Option<&Path> {
        self.compiler_libs.as_deref()
    }
}
