//! Packing: which files of a toolchain's kit an archive carries.

mod fingerprint;
mod interfaces;
mod libraries;
mod licences;
mod tools;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dynloader::Library;
use dynloader::kit::{CarriedPreprocessor, Kit, Need};
use embedded_archive::{AddError, Builder, Group};
use ocaml_toolchain::invocation;

use crate::metadata::{
    ArchiveMetadata, COMPILE, CONTENTS_NAME, Contents, HOST, INTERFACE_DIRECTORY, INTERFACES,
    METADATA_VERSION, NOTICES,
};

/// The name of the file that says under which terms the carried files are distributed.
pub const NOTICE_NAME: &str = "NOTICE";

/// What is packed besides the kit itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are given to `pack`"]
pub struct PackOptions {
    binutils: bool,
    assembler: Option<PathBuf>,
    linker: Option<PathBuf>,
    interfaces: Vec<PathBuf>,
    libraries: Vec<Library>,
    preprocessor: Option<(PathBuf, Vec<String>)>,
}

impl PackOptions {
    /// Carry the toolchain's assembler and linker too. Plugins are assembled and linked by the program itself; the tools are
    /// for what only a linker can do, such as plugins with C code, and GNU's are under the GPL. Default: they are carried
    /// where the compiler cannot do without, which is everywhere but on x86-64 Linux.
    pub fn with_binutils(mut self) -> Self {
        self.binutils = true;
        self
    }

    /// Carry this assembler in place of the toolchain's, and a linker with it. It is called as GNU as is, `as -o OUT IN`; an `llvm-mc`, told by
    /// its name, also with the options that make it an assembler.
    pub fn assembler(mut self, path: impl Into<PathBuf>) -> Self {
        self.assembler = Some(path.into());
        self
    }

    /// Carry these libraries, in link order, each after those that it requires, as
    /// [`requirement::resolve`](dynloader::requirement::resolve) gives them. Plugins use them where nothing is installed;
    /// the shared libraries of C code that they need come with them.
    pub fn libraries(mut self, libraries: impl IntoIterator<Item = Library>) -> Self {
        self.libraries.extend(libraries);
        self
    }

    /// Carry this preprocessor. Plugins that require one of the libraries `rewriters` pass through it; all plugins, where
    /// none is named. A program brings the shared libraries that it needs, except for libc itself.
    pub fn preprocessor(
        mut self,
        program: impl Into<PathBuf>,
        rewriters: impl IntoIterator<Item = String>,
    ) -> Self {
        self.preprocessor = Some((program.into(), rewriters.into_iter().collect()));
        self
    }

    /// Carry this linker in place of the toolchain's, and an assembler with it. It takes GNU ld's options.
    pub fn linker(mut self, path: impl Into<PathBuf>) -> Self {
        self.linker = Some(path.into());
        self
    }

    /// Carry the interface of a plugin too, an `.mli` that `ocaml_runtime::Interface` made: its text is for plugins'
    /// authors, who get it from the executable with `saddlebag interface`.
    pub fn interface(mut self, path: impl Into<PathBuf>) -> Self {
        self.interfaces.push(path.into());
        self
    }
}

/// The error returned by [`pack`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A file of the toolchain is missing or cannot be read.
    #[error("cannot carry the file")]
    Add(#[source] AddError),
    /// A directory of the toolchain cannot be listed.
    #[error("cannot list the directory `{}`", path.display())]
    List {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The toolchain has no such program.
    #[error("the toolchain has no {tool} to carry")]
    Missing {
        /// Which program.
        tool: &'static str,
    },
    /// The libraries of a program could not be found out.
    #[error("cannot tell which shared libraries `{}` needs", program.display())]
    Libraries {
        /// The program.
        program: PathBuf,
        /// Why.
        source: Box<invocation::Error>,
    },
    /// A program needs a library that this machine does not have.
    #[error("`{}` needs the shared library `{library}`, which this machine lacks", program.display())]
    NoLibrary {
        /// The program.
        program: PathBuf,
        /// The library's soname.
        library: String,
    },
    /// Two plugin interfaces have one file name.
    #[error("two plugin interfaces are called `{0}`")]
    InterfaceTwice(String),
    /// A library has no file that can be loaded.
    #[error("cannot carry a library")]
    Library {
        /// Which, and why not.
        source: dynloader::library::Error,
    },
    /// The metadata cannot be written.
    #[error("cannot write the archive's metadata")]
    Metadata(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Files for an archive, ready to be built, and what they are.
#[derive(Debug)]
pub struct Packed {
    /// The files; build it, or add more.
    pub builder: Builder,
    /// What the archive says of itself.
    pub metadata: ArchiveMetadata,
    /// Every file: archive name, group, length in bytes.
    pub files: Vec<PackedFile>,
}

/// One file to be carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedFile {
    /// Its name in the archive.
    pub name: String,
    /// Its group.
    pub group: Group,
    /// Its length in bytes.
    pub length: u64,
}

/// Collects what a compiler carried elsewhere needs of `kit`, the kit of an installed toolchain: no `ocamldep` beside the
/// driver, no archive that linking a plugin does not open; where they are wanted, the tools with the shared libraries they need
/// besides libc.
///
/// # Errors
/// See [`PackError`].
pub async fn pack(kit: &Kit, options: &PackOptions) -> Result<Packed, PackError> {
    let mut collection = Collection::default();
    let source = kit.manifest();
    let mut manifest = source.clone();
    manifest.include_directories = vec![PathBuf::from("interfaces")];
    manifest.standard_library = PathBuf::from("ocaml");

    let directory = kit.directory(Need::Compile);
    if let Some(driver) = &source.driver {
        let path = directory.join(driver);
        let libraries = tools::libraries(&path).await?;
        collection.libraries(libraries, &mut manifest.tools_fallback_libraries)?;
        manifest.driver = Some(collection.program(COMPILE, "bin/driver", &path)?);
    }
    if let Some(stock) = &mut manifest.stock {
        if source.native.is_none() {
            stock.ocamlopt = None;
        }
        let programs = [&mut stock.ocamlopt, &mut stock.ocamlc, &mut stock.ocamldep];
        for (program, name) in
            programs
                .into_iter()
                .zip(["bin/ocamlopt", "bin/ocamlc", "bin/ocamldep"])
        {
            if let Some(path) = program {
                collection.libraries(
                    tools::libraries(path).await?,
                    &mut manifest.tools_fallback_libraries,
                )?;
                *path = collection.program(COMPILE, name, path)?;
            }
        }
    }
    collection.interfaces(kit, directory)?;
    // What the installation has is not there where the archive goes.
    (manifest.tools, manifest.tools_library_path, manifest.linker) = (None, None, None);
    let asked = options.binutils || options.assembler.is_some() || options.linker.is_some();
    if source.native.is_some() && (asked || !source.gives_assembly) {
        let tools = tools::native(kit, options)?;
        for tool in &tools {
            collection.program(COMPILE, &format!("bin/{}", tool.name), &tool.path)?;
            collection.libraries(
                tools::libraries(&tool.path).await?,
                &mut manifest.tools_fallback_libraries,
            )?;
        }
        manifest.tools = Some(PathBuf::from("bin"));
        manifest.assembler_arguments = tools::assembler_arguments(&tools[0].path);
        manifest.linker = Some(PathBuf::from("bin").join(tools::LINKER));
    }
    if let (Some(from), Some(native)) = (&source.native, &mut manifest.native) {
        native.link_stub =
            collection.file(COMPILE, "host-stub.so", &directory.join(&from.link_stub))?;
    }
    // Installed programs; the carried ones may be others, and static.
    let dynamic = source.linker.as_ref().map(|linker| directory.join(linker));
    let hosts = [
        (&source.native, &mut manifest.native),
        (&source.byte, &mut manifest.byte),
    ];
    for (from, to) in hosts {
        let (Some(from), Some(to)) = (from, to) else {
            continue;
        };
        let image = kit.directory(Need::Load).join(&from.image);
        to.image = collection.program(HOST, &from.soname, &image)?;
        if let Some(dynlink) = &from.dynlink {
            let path = kit.directory(Need::Load).join(dynlink);
            to.dynlink =
                Some(collection.program(HOST, &format!("{}.dynlink", from.soname), &path)?);
        }
        let Some(dynamic) = &dynamic else { continue };
        for library in tools::libraries_by(&image, dynamic).await?.family {
            let name = format!("{}/{}", libraries::FALLBACK, library.soname);
            collection.file(HOST, &name, &library.path)?;
            manifest.fallback_libraries = Some(PathBuf::from(libraries::FALLBACK));
        }
    }
    collection
        .ocaml_libraries(kit, &options.libraries, &mut manifest)
        .await?;

    let mut interfaces = Vec::new();
    for path in &options.interfaces {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let carried = format!("{INTERFACE_DIRECTORY}/{name}");
        if collection.files.contains_key(&carried) {
            return Err(PackError::InterfaceTwice(name.into_owned()));
        }
        collection.file(INTERFACES, &carried, path)?;
        interfaces.push(name.into_owned());
    }

    if let Some((program, rewriters)) = &options.preprocessor {
        let name = collection.program(COMPILE, "bin/ppx", program)?;
        if let Some(dynamic) = &dynamic {
            collection.libraries(
                tools::libraries_by(program, dynamic).await?,
                &mut manifest.tools_fallback_libraries,
            )?;
        }
        let bytes = std::fs::read(program).map_err(|source| PackError::List {
            path: program.clone(),
            source,
        })?;
        manifest.preprocessor = Some(CarriedPreprocessor {
            program: name,
            rewriters: rewriters.clone(),
            identity: blake3::hash(&bytes).to_hex().to_string(),
        });
    }

    if collection.files.keys().any(|name| name.starts_with("lib/")) {
        manifest.tools_library_path = Some(PathBuf::from("lib"));
    }

    let licences = licences::of(collection.files.values(), kit.conf(), &options.libraries);
    collection.bytes(
        NOTICES,
        NOTICE_NAME,
        licences::notice(&licences).into_bytes(),
    )?;
    let contents = Contents {
        licences,
        fingerprints: std::mem::take(&mut collection.fingerprints),
    };
    let contents = serde_json::to_vec(&contents);
    let contents = contents.map_err(|error| PackError::Metadata(Box::new(error)))?;
    collection.bytes(NOTICES, CONTENTS_NAME, contents)?;
    let metadata = ArchiveMetadata {
        packed_by: concat!("saddlebag ", env!("CARGO_PKG_VERSION")).to_owned(),
        ocaml_version: kit.conf().version().clone(),
        codes: kit.codes(),
        needs_shell: kit.needs_shell(),
        ppx: manifest.preprocessor.is_some(),
        libraries: manifest
            .libraries
            .iter()
            .map(|library| library.name.clone())
            .collect(),
        interfaces,
        kit: manifest,
    };
    let Collection {
        mut builder, files, ..
    } = collection;
    builder
        .metadata(METADATA_VERSION, &metadata)
        .map_err(|error| PackError::Metadata(Box::new(error)))?;
    Ok(Packed {
        builder,
        metadata,
        files: files.into_values().map(|(file, _)| file).collect(),
    })
}

/// Files on their way into an archive, by archive name, each with where it came from.
#[derive(Default)]
struct Collection {
    builder: Builder,
    files: BTreeMap<String, (PackedFile, PathBuf)>,
    /// Of the compiled interfaces, by unit.
    fingerprints: BTreeMap<String, String>,
}

impl Collection {
    /// Adds an executable file.
    fn program(&mut self, group: Group, name: &str, path: &Path) -> Result<PathBuf, PackError> {
        self.add(group, true, name, path)
    }

    /// Adds a file; one of that name already there stays.
    fn file(&mut self, group: Group, name: &str, path: &Path) -> Result<PathBuf, PackError> {
        self.add(group, false, name, path)
    }

    fn add(
        &mut self,
        group: Group,
        executable: bool,
        name: &str,
        path: &Path,
    ) -> Result<PathBuf, PackError> {
        if !self.files.contains_key(name) {
            self.builder
                .group(group)
                .executable(executable)
                .file(name, path)
                .map_err(PackError::Add)?;
            let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
            self.record(group, name, length, path.to_owned());
            if name.ends_with(".cmi") {
                let bytes = std::fs::read(path).map_err(|source| {
                    let path = path.to_owned();
                    PackError::Add(AddError::Io { path, source })
                })?;
                self.fingerprints.extend(fingerprint::of(&bytes));
            }
        }
        Ok(PathBuf::from(name))
    }

    /// Adds the libraries of a program; notes where those lie that a machine has or lacks.
    fn libraries(
        &mut self,
        libraries: tools::Libraries,
        fallback: &mut Option<PathBuf>,
    ) -> Result<(), PackError> {
        for library in libraries.own {
            self.file(COMPILE, &format!("lib/{}", library.soname), &library.path)?;
        }
        for library in libraries.family {
            let directory = fallback.get_or_insert_with(|| PathBuf::from("lib/fallback"));
            let name = format!("{}/{}", directory.display(), library.soname);
            self.file(COMPILE, &name, &library.path)?;
        }
        Ok(())
    }

    fn bytes(&mut self, group: Group, name: &str, bytes: Vec<u8>) -> Result<(), PackError> {
        let length = bytes.len() as u64;
        self.builder
            .group(group)
            .executable(false)
            .bytes(name, bytes)
            .map_err(PackError::Add)?;
        self.record(group, name, length, PathBuf::new());
        Ok(())
    }

    fn record(&mut self, group: Group, name: &str, length: u64, from: PathBuf) {
        let file = PackedFile {
            name: name.to_owned(),
            group,
            length,
        };
        self.files.insert(name.to_owned(), (file, from));
    }
}
