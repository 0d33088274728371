//! `kit.json`: what a kit holds, by path.

use std::path::{Path, PathBuf};

use ocaml_toolchain::Conf;
use serde::{Deserialize, Serialize};

/// The name of the manifest inside a kit's directory.
pub const MANIFEST_NAME: &str = "kit.json";

/// The first member of every manifest, so that another program's `kit.json` is not taken for ours.
const MAGIC: &str = "saddlebag-kit";

/// The version of the manifest written by this crate. A reader accepts this one only.
const VERSION: u32 = 1;

/// What a [`Kit`](super::Kit) holds. Relative paths are relative to the kit's directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    magic: String,
    version: u32,
    /// Hex digest over everything that decides what a compilation gives: compiler, standard library, host image, our
    /// own sources. Equal identities give equal compiled files.
    pub identity: String,
    /// Hex digest naming the host image: a compiled plugin loads only into the image it was linked for.
    pub host_identity: String,
    /// What the compiler says of itself.
    pub conf: Conf,
    /// Our own compiler driver (`ocamlopt`, `ocamlc` and `ocamldep` in one, needs no shell), where compiler-libs were
    /// there to build it from.
    pub driver: Option<PathBuf>,
    /// Whether the driver can give assembly to the application, which then needs no assembler and no linker.
    #[serde(default)]
    pub gives_assembly: bool,
    /// Why the driver cannot stay and compile one plugin after the other, so that each starts a compiler. `None` where
    /// it can.
    #[serde(default = "unknown_worker")]
    pub no_worker: Option<String>,
    /// The toolchain's own programs, used when there is no driver. They need a shell.
    pub stock: Option<StockCompilers>,
    /// A directory in which the driver looks for the assembler before `PATH`.
    pub tools: Option<PathBuf>,
    /// Arguments that the assembler in `tools` gets before the compiler's own: for one that is not GNU as.
    #[serde(default)]
    pub assembler_arguments: Vec<String>,
    /// The shared libraries of assembler and linker and of the toolchain's own programs, given to them alone.
    pub tools_library_path: Option<PathBuf>,
    /// Libraries that these programs are given too where the machine lacks them (`libm.so.6`).
    #[serde(default)]
    pub tools_fallback_libraries: Option<PathBuf>,
    /// The linker that makes a shared object of object files.
    pub linker: Option<PathBuf>,
    /// The compiler's standard library directory (`OCAMLLIB`).
    pub standard_library: PathBuf,
    /// Further directories of interfaces: the host image's registry, `unix`, `threads`.
    pub include_directories: Vec<PathBuf>,
    /// The native host image.
    pub native: Option<HostImage>,
    /// The byte-code host image.
    pub byte: Option<HostImage>,
    /// Libraries to fall back to when the machine that opens the host image lacks them (`libm.so.6`).
    #[serde(default)]
    pub fallback_libraries: Option<PathBuf>,
    /// The libraries that come with the kit, each after those that it requires. An installed toolchain's are found by
    /// findlib's rules.
    #[serde(default)]
    pub libraries: Vec<CarriedLibrary>,
    /// The preprocessor that comes with the kit.
    #[serde(default)]
    pub preprocessor: Option<CarriedPreprocessor>,
}

/// A preprocessor that comes with a kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedPreprocessor {
    /// The program; see [`Preprocessor::Ppx`](crate::Preprocessor::Ppx).
    pub program: PathBuf,
    /// The libraries that it was made of: what requires one of them passes through it. Empty: everything does.
    pub rewriters: Vec<String>,
    /// Digest of the program.
    pub identity: String,
}

/// A library that comes with a kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedLibrary {
    /// The name.
    pub name: String,
    /// The version that META has.
    pub version: Option<String>,
    /// The libraries that it requires.
    pub requires: Vec<String>,
    /// Directories with its compiled interfaces.
    pub directories: Vec<PathBuf>,
    /// Its code, in link order (`.cmxs`; for byte code `.cma`).
    pub archives: Vec<PathBuf>,
    /// Its C functions for byte code (`dllfoo.so`).
    #[serde(default)]
    pub stub_libraries: Vec<PathBuf>,
    /// Whether every plugin has it without asking.
    #[serde(default)]
    pub everywhere: bool,
    /// Digest of all its files.
    pub identity: String,
}

fn unknown_worker() -> Option<String> {
    Some("the kit has no driver that stays".to_owned())
}

/// The compilers as installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockCompilers {
    /// `ocamlopt`, where native code is possible.
    pub ocamlopt: Option<PathBuf>,
    /// `ocamlc`.
    pub ocamlc: Option<PathBuf>,
    /// `ocamldep`.
    pub ocamldep: Option<PathBuf>,
}

/// A host image and what a plugin is linked against to name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostImage {
    /// The shared object with the OCaml runtime and the standard library.
    pub image: PathBuf,
    /// The shared object with OCaml's `dynlink`, where it is not in the image. It lies beside the image, under its name with
    /// `.dynlink` behind it.
    #[serde(default)]
    pub dynlink: Option<PathBuf>,
    /// An empty shared object with the image's soname: what a native plugin is linked with, so that linking need not
    /// read the image.
    pub link_stub: PathBuf,
    /// The soname of both.
    pub soname: String,
}

/// The error returned by [`Manifest::read`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read the kit's manifest `{}`", path.display())]
    Read {
        /// The manifest.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a manifest.
    #[error("`{}` is not the manifest of a kit: {reason}", path.display())]
    Invalid {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The manifest was written by another version.
    #[error("the kit's manifest `{}` has version {found}; this program reads version {VERSION}", path.display())]
    Version {
        /// The manifest.
        path: PathBuf,
        /// The version it states.
        found: u64,
    },
}

/// What every version of the manifest begins with.
#[derive(Deserialize)]
struct Head {
    magic: String,
    version: u64,
}

impl Manifest {
    /// A manifest with the members every kit has; the others are empty.
    #[must_use]
    pub fn new(
        identity: String,
        host_identity: String,
        conf: Conf,
        standard_library: PathBuf,
    ) -> Self {
        Manifest {
            magic: MAGIC.to_owned(),
            version: VERSION,
            identity,
            host_identity,
            conf,
            driver: None,
            gives_assembly: false,
            no_worker: unknown_worker(),
            stock: None,
            tools: None,
            assembler_arguments: Vec::new(),
            tools_library_path: None,
            tools_fallback_libraries: None,
            linker: None,
            standard_library,
            include_directories: Vec::new(),
            native: None,
            byte: None,
            fallback_libraries: None,
            libraries: Vec::new(),
            preprocessor: None,
        }
    }

    /// Reads the manifest in `directory`.
    ///
    /// # Errors
    /// The file is missing, is not a manifest, or is of another version.
    pub fn read(directory: &Path) -> Result<Self, ReadError> {
        let path = directory.join(MANIFEST_NAME);
        match std::fs::read(&path) {
            Ok(bytes) => Self::parse(&bytes, &path),
            Err(source) => Err(ReadError::Read { path, source }),
        }
    }

    /// Reads a manifest from the bytes of the file `path`.
    ///
    /// # Errors
    /// The bytes are not a manifest, or one of another version.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, ReadError> {
        let invalid = |reason: String| ReadError::Invalid {
            path: path.to_owned(),
            reason,
        };
        let error = match serde_json::from_slice::<Manifest>(bytes) {
            Ok(manifest) if manifest.magic == MAGIC && manifest.version == VERSION => {
                return Ok(manifest);
            }
            Ok(_) => None,
            Err(error) => Some(error),
        };
        // Another version may have other members: it is told by what every version has.
        let head: Head =
            serde_json::from_slice(bytes).map_err(|error| invalid(error.to_string()))?;
        if head.magic != MAGIC {
            return Err(invalid(format!("its magic is `{}`", head.magic)));
        }
        match error {
            Some(error) if head.version == u64::from(VERSION) => Err(invalid(error.to_string())),
            _ => Err(ReadError::Version {
                path: path.to_owned(),
                found: head.version,
            }),
        }
    }

    /// The bytes of `kit.json`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // A map with string keys and no custom serialiser cannot fail to serialise; paths that are not UTF-8 can.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}
