//! What a task needs of a toolchain.
//!
//! A [`Toolchain`] says what there is. These checks say that something is not there although a task needs it; how to
//! get it is apart, in [`Error::hint`].

use crate::{Findlib, ToolCommand, Toolchain};
use std::path::{Path, PathBuf};

/// The files of compiler-libs that a native-code program made from it is linked with, and the interface it starts at.
const COMPILER_LIBS: [&str; 4] = [
    "ocamlcommon.cmxa",
    "ocamlbytecomp.cmxa",
    "ocamloptcomp.cmxa",
    "optmaindriver.cmi",
];

/// The error returned by the `require_*` methods of [`Toolchain`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Only byte code can be made.
    #[error("`{}` is a byte-code compiler, and there is no `ocamlopt` beside it", .ocamlc.display())]
    NoNativeCompiler {
        /// The byte-code compiler found.
        ocamlc: PathBuf,
    },
    /// There is no `ocamlc`.
    #[error("there is no byte-code compiler `ocamlc`")]
    NoBytecodeCompiler,
    /// There is no `ocamldep`.
    #[error("there is no dependency lister `ocamldep`")]
    NoOcamldep,
    /// The standard library lacks a file.
    #[error("the standard library lacks `{}`", .path.display())]
    StandardLibraryFile {
        /// The file.
        path: PathBuf,
    },
    /// compiler-libs is not installed.
    #[error("the compiler's own library is not in `{}`", .directory.display())]
    NoCompilerLibs {
        /// Where it would be.
        directory: PathBuf,
    },
    /// compiler-libs is half installed.
    #[error("the compiler's own library lacks `{}`", .path.display())]
    CompilerLibsFile {
        /// The file it lacks.
        path: PathBuf,
    },
    /// There is no `ocamlfind`.
    #[error("there is no `ocamlfind`")]
    NoFindlib,
    /// The only `ocamlfind` belongs to another OCaml.
    #[error(
        "`{}` belongs to the OCaml of `{}`, not to the compiler in use", .path.display(), .standard_library.display()
    )]
    ForeignFindlib {
        /// The `ocamlfind`.
        path: PathBuf,
        /// The standard library it takes for its own.
        standard_library: PathBuf,
    },
    /// `ocamlfind` does not run.
    #[error("`{}` does not work: {message}", .path.display())]
    BrokenFindlib {
        /// The `ocamlfind`.
        path: PathBuf,
        /// What it said.
        message: String,
    },
    /// The assembler that the compiler starts is not installed.
    #[error("the assembler `{command}` is not there")]
    NoAssembler {
        /// The command, as the compiler's configuration has it; empty where it names none.
        command: String,
    },
    /// The linker is not installed.
    #[error("the linker `{command}` is not there")]
    NoLinker {
        /// The program, as the compiler's configuration has it.
        command: String,
    },
    /// The compiler cannot make what is loaded at run time.
    #[error("this OCaml cannot load code at run time: its configuration says `{field}: false`")]
    NoSharedLibraries {
        /// The field of the configuration that says so.
        field: &'static str,
    },
}

impl Error {
    /// What the user could do about it: one sentence, to show after the error.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoNativeCompiler { .. } => {
                "install an OCaml with native code (Debian: `ocaml-nox`), or ask for byte code"
            }
            Self::NoBytecodeCompiler | Self::NoOcamldep | Self::StandardLibraryFile { .. } => {
                "the installation is incomplete: install the whole of OCaml again (Debian: `ocaml-nox`)"
            }
            Self::NoCompilerLibs { .. } | Self::CompilerLibsFile { .. } => {
                "install compiler-libs (Debian: `ocaml-compiler-libs`; Fedora: `ocaml-compiler-libs`; opam has it)"
            }
            Self::NoFindlib => {
                "install findlib (Debian: `ocaml-findlib`; `opam install ocamlfind`)"
            }
            Self::ForeignFindlib { .. } => {
                "install findlib beside the compiler (`opam install ocamlfind`), or set OCAMLFIND to its `ocamlfind`"
            }
            Self::BrokenFindlib { .. } => {
                "install findlib again, or set OCAMLFIND to an `ocamlfind` that works"
            }
            Self::NoAssembler { .. } | Self::NoLinker { .. } => {
                "install the assembler and the linker (Debian and Fedora: `binutils`; macOS: `xcode-select --install`)"
            }
            Self::NoSharedLibraries { .. } => "use an OCaml configured with shared libraries",
        }
    }
}

impl Toolchain {
    /// The native-code compiler, with the native-code part of the standard library in place.
    ///
    /// # Errors
    /// [`Error::NoNativeCompiler`] or [`Error::StandardLibraryFile`].
    pub fn require_native(&self) -> Result<&Path, Error> {
        let Some(ocamlopt) = self.ocamlopt() else {
            return Err(Error::NoNativeCompiler {
                ocamlc: self.ocamlc.clone().unwrap_or_default(),
            });
        };
        self.standard_library_file("stdlib.cmxa")?;
        Ok(ocamlopt)
    }

    /// The byte-code compiler, with the byte-code part of the standard library in place.
    ///
    /// # Errors
    /// [`Error::NoBytecodeCompiler`] or [`Error::StandardLibraryFile`].
    pub fn require_bytecode(&self) -> Result<&Path, Error> {
        let ocamlc = self.ocamlc().ok_or(Error::NoBytecodeCompiler)?;
        self.standard_library_file("stdlib.cma")?;
        Ok(ocamlc)
    }

    /// The dependency lister.
    ///
    /// # Errors
    /// [`Error::NoOcamldep`].
    pub fn require_ocamldep(&self) -> Result<&Path, Error> {
        self.ocamldep().ok_or(Error::NoOcamldep)
    }

    /// The directory of compiler-libs, with all that linking a native-code compiler from it takes.
    ///
    /// # Errors
    /// [`Error::NoCompilerLibs`] or [`Error::CompilerLibsFile`].
    pub fn require_compiler_libs(&self) -> Result<&Path, Error> {
        let Some(directory) = self.compiler_libs() else {
            return Err(Error::NoCompilerLibs {
                directory: self.conf.standard_library().join("compiler-libs"),
            });
        };
        match COMPILER_LIBS
            .iter()
            .map(|file| directory.join(file))
            .find(|path| !path.is_file())
        {
            Some(path) => Err(Error::CompilerLibsFile { path }),
            None => Ok(directory),
        }
    }

    /// An `ocamlfind` that works and belongs to the compiler.
    ///
    /// # Errors
    /// [`Error::NoFindlib`], [`Error::ForeignFindlib`] or [`Error::BrokenFindlib`].
    pub fn require_findlib(&self) -> Result<&Path, Error> {
        match &self.findlib {
            Findlib::Found { path } => Ok(path),
            Findlib::Missing => Err(Error::NoFindlib),
            Findlib::Foreign {
                path,
                standard_library,
            } => Err(Error::ForeignFindlib {
                path: path.clone(),
                standard_library: standard_library.clone(),
            }),
            Findlib::Broken { path, message } => Err(Error::BrokenFindlib {
                path: path.clone(),
                message: message.clone(),
            }),
        }
    }

    /// The assembler, which native code needs.
    ///
    /// # Errors
    /// [`Error::NoAssembler`].
    pub fn require_assembler(&self) -> Result<&ToolCommand, Error> {
        self.assembler().ok_or_else(|| Error::NoAssembler {
            command: self.conf.asm().join(" "),
        })
    }

    /// The linker, which native plugins need.
    ///
    /// # Errors
    /// [`Error::NoLinker`].
    pub fn require_linker(&self) -> Result<&Path, Error> {
        let command = || {
            self.conf
                .native_pack_linker()
                .first()
                .copied()
                .unwrap_or("ld")
                .to_owned()
        };
        self.linker()
            .ok_or_else(|| Error::NoLinker { command: command() })
    }

    /// That native plugins can be made and loaded.
    ///
    /// # Errors
    /// [`Error::NoSharedLibraries`].
    pub fn require_shared_libraries(&self) -> Result<(), Error> {
        let fields = [
            (
                "supports_shared_libraries",
                self.conf.supports_shared_libraries(),
            ),
            ("native_dynlink", self.conf.native_dynlink()),
        ];
        match fields.into_iter().find(|(_, value)| *value == Some(false)) {
            Some((field, _)) => Err(Error::NoSharedLibraries { field }),
            None => Ok(()),
        }
    }

    fn standard_library_file(&self, file: &str) -> Result<(), Error> {
        let path = self.conf.standard_library().join(file);
        if path.is_file() {
            Ok(())
        } else {
            Err(Error::StandardLibraryFile { path })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<Error>() <= 64);
    }
}
