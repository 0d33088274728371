//! Libraries by name: found with `lib-resolve`, with all they need, in link order.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use code_sets::Code;
use lib_resolve::{
    ArchiveContents, Configuration, Environment, Lib, LibName, LibOptions, PackageIndex,
    archive_contents, canonical_name, library,
};

use crate::carried_libraries::carried;
use crate::kit::Kit;
use crate::library::{HOST_LIBRARIES, Library};
use crate::made_by;

/// The error returned by [`resolve`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that no library can have.
    #[error("`{name}` cannot be the name of a library")]
    Name {
        /// The name.
        name: String,
        /// Why not.
        source: lib_resolve::name::Error,
    },
    /// findlib's configuration cannot be read.
    #[error("cannot tell where OCaml libraries are")]
    Configuration(#[source] Box<lib_resolve::configuration::Error>),
    /// Libraries are missing, or require each other in a circle, or their META cannot be read.
    #[error("cannot use the required libraries")]
    Libraries(#[source] Box<library::OrderError>),
    /// META says that the library must not be used.
    #[error("the library `{name}` must not be used: {reason}")]
    Forbidden {
        /// The library.
        name: String,
        /// What META says.
        reason: String,
    },
    /// A library's archive is not there.
    #[error("the library `{name}` lacks its archive `{}`", path.display())]
    NoArchive {
        /// The library.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// A library's archive is there and not understood.
    #[error("the library `{name}` cannot be used")]
    Archive {
        /// The library.
        name: String,
        /// What is wrong with the archive.
        #[source]
        source: Box<archive_contents::Error>,
    },
    /// The C functions of a library of byte code are in a shared library that is nowhere.
    #[error("the library `{name}` needs the stub library `{file}`, which is in none of {}; CAML_LD_LIBRARY_PATH can name more directories", list(.searched))]
    NoStubLibrary {
        /// The library.
        name: String,
        /// The file's name.
        file: String,
        /// The directories where it was looked for, in order.
        searched: Vec<PathBuf>,
    },
    /// An archive of byte code has C functions and names no shared library that holds them.
    #[error("the library `{name}` can only be linked into an executable of its own, not loaded: its archive `{}` names no stub library", path.display())]
    Custom {
        /// The library.
        name: String,
        /// The archive.
        path: PathBuf,
    },
    /// A library has code, but none of the code that plugins are compiled to.
    #[error("the library `{name}` has {has} code only, and plugins are compiled to {wanted} code")]
    NoCode {
        /// The library.
        name: Box<str>,
        /// The code it has.
        has: Code,
        /// The code wanted.
        wanted: Code,
    },
    /// A library was compiled by an OCaml of another version, whose files are of no use.
    #[error("the library `{name}` was compiled by {made} (`{}`), and plugins are compiled by OCaml {wanted} here", file.display())]
    OtherCompiler {
        /// The library.
        name: Box<str>,
        /// A file that tells it.
        file: PathBuf,
        /// The OCaml that compiled it.
        made: Box<str>,
        /// The version wanted.
        wanted: Box<str>,
    },
    /// The kit carries its libraries, and these are not among them.
    #[error("{}", not_carried(names, carried))]
    NotCarried {
        /// The libraries.
        names: Vec<String>,
        /// Those that it carries.
        carried: Vec<String>,
    },
    /// No preprocessor could be made of ppx libraries.
    #[error("cannot make a preprocessor of the libraries {}", rewriters.join(", "))]
    Driver {
        /// The libraries.
        rewriters: Vec<String>,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nothing is loaded in this code.
    #[error("libraries cannot be used by plugins in {code} code, which cannot be loaded")]
    Code {
        /// The code.
        code: Code,
    },
}

fn not_carried(names: &[String], carried: &[String]) -> String {
    let quoted = |names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    };
    let has = match carried {
        [] => "carries none besides OCaml's own".to_owned(),
        carried => format!("carries {}", quoted(carried)),
    };
    format!(
        "the compiler carried here has no library {}: it {has}",
        quoted(names)
    )
}

/// The libraries `names` and all that they require, in link order, without those that every host image holds.
///
/// What `environment` says decides where libraries are, by findlib's rules; a kit that carries its libraries has those. From
/// OCaml 5.2 on the libraries that are not named themselves are [hidden](Library::hidden).
///
/// # Errors
/// See [`Error`]. All that is missing is reported at once, each with who requires it.
pub fn resolve(
    kit: &Kit,
    code: Code,
    names: &[String],
    environment: &Environment,
) -> Result<Vec<Library>, Error> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    if code == Code::Wasm {
        return Err(Error::Code { code });
    }
    if kit.is_carried() {
        return carried(&kit.manifest().libraries, names, can_hide(kit));
    }
    let wanted = lib_names(names)?;
    let mut index = index(kit, environment)?;
    let major = kit.conf().version().major;
    let libs = index
        .libs_and_deps(&wanted, &LibOptions::new(major))
        .map_err(|error| missing(kit, code, error, environment))?;
    let named: BTreeSet<LibName> = wanted
        .iter()
        .map(|name| canonical_name(name, major))
        .collect();
    let stubs = StubPath::new(kit.conf().standard_library(), environment);
    let mut libraries = Vec::new();
    for lib in libs {
        if HOST_LIBRARIES.contains(&lib.name.as_str()) {
            continue;
        }
        let hidden = can_hide(kit) && !named.contains(&lib.name);
        let library = library(lib, code, &stubs, kit)?;
        libraries.push(library.hidden(hidden));
    }
    Ok(libraries)
}

/// The names, if libraries can have them.
pub(crate) fn lib_names(names: &[String]) -> Result<Vec<LibName>, Error> {
    let parse = |name: &String| {
        LibName::new(name).map_err(|source| Error::Name {
            name: name.clone(),
            source,
        })
    };
    names.iter().map(parse).collect()
}

/// The installed libraries of the kit's OCaml, none looked up yet.
pub(crate) fn index(kit: &Kit, environment: &Environment) -> Result<PackageIndex, Error> {
    let configuration = Configuration::of_compiler(environment, kit.conf().standard_library())
        .map_err(|error| Error::Configuration(Box::new(error)))?;
    Ok(PackageIndex::new(configuration))
}

/// Whether the compiler knows directories that are hidden from the text it compiles (`-H`).
pub(crate) fn can_hide(kit: &Kit) -> bool {
    let version = kit.conf().version();
    (version.major, version.minor) >= (5, 2)
}

/// Why libraries are missing: a library may be there for another OCaml, where the environment leads to that one.
fn missing(kit: &Kit, code: Code, error: library::OrderError, environment: &Environment) -> Error {
    if let library::OrderError::Missing { missing } = &error {
        let mut others = Configuration::read(environment, None)
            .ok()
            .map(PackageIndex::new);
        let options = LibOptions::new(kit.conf().version().major);
        let mut of_other = |name: &LibName| {
            let libs = others.as_mut()?.libs(std::slice::from_ref(name), &options);
            other_compiler(kit, code, libs.ok()?.first()?)
        };
        if let Some(error) = missing.iter().find_map(|missing| of_other(&missing.name)) {
            return error;
        }
    }
    Error::Libraries(Box::new(error))
}

/// Whether the library is of another OCaml than the kit.
fn other_compiler(kit: &Kit, code: Code, lib: &Lib) -> Option<Error> {
    let archives = match code {
        Code::Byte => &lib.cma,
        _ => &lib.cmxa,
    };
    let made = made_by::other(kit.conf(), archives, &lib.directory)?;
    Some(Error::OtherCompiler {
        name: lib.name.as_str().into(),
        file: made.file,
        made: made.by.into(),
        wanted: kit.conf().version().to_string().into(),
    })
}

fn library(lib: Lib, code: Code, stubs: &StubPath, kit: &Kit) -> Result<Library, Error> {
    let name = lib.name.as_str().to_owned();
    if let Some(reason) = lib.error {
        return Err(Error::Forbidden { name, reason });
    }
    if let Some(error) = other_compiler(kit, code, &lib) {
        return Err(error);
    }
    let (archives, other) = match code {
        Code::Byte => (lib.cma, lib.cmxa),
        _ if lib.cmxa.is_empty() => (lib.native_plugins, lib.cma),
        _ => (lib.cmxa, lib.cma),
    };
    if archives.is_empty() && !other.is_empty() {
        return Err(Error::NoCode {
            name: name.into(),
            has: match code {
                Code::Byte => Code::Native,
                _ => Code::Byte,
            },
            wanted: code,
        });
    }
    let exists = |path: &PathBuf| {
        let loadable = || code == Code::Native && path.with_extension("cmxs").is_file();
        path.is_file() || loadable()
    };
    if let Some(path) = archives.iter().find(|path| !exists(path)) {
        return Err(Error::NoArchive {
            name,
            path: path.clone(),
        });
    }
    let mut library = Library::new(name);
    if code == Code::Byte {
        for archive in archives.iter().filter(|file| is_archive(file)) {
            for stub in stubs.of_archive(library.name(), archive, &lib.directory)? {
                library = library.stub_library(stub);
            }
        }
    }
    // The compiler looks in the standard library's directory by itself.
    if lib.directory != kit.manifest().standard_library {
        library = library.directory(lib.directory);
    }
    if let Some(version) = lib.version {
        library = library.version(version);
    }
    for name in lib.requires {
        library = library.requires(name.as_str());
    }
    Ok(archives.into_iter().fold(library, Library::archive))
}

/// META may name single units too, which have no table.
fn is_archive(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "cma")
}

/// Where stub libraries are looked for before the directories of a library: as the byte code runtime does, in
/// `CAML_LD_LIBRARY_PATH`, then in the directories that `ld.conf` lists (OCaml manual, "The runtime system").
struct StubPath {
    directories: Vec<PathBuf>,
}

impl StubPath {
    fn new(standard_library: &Path, environment: &Environment) -> StubPath {
        let named = environment.caml_ld_library_path.iter();
        let mut directories: Vec<PathBuf> = named
            .flat_map(|value| std::env::split_paths(value))
            .collect();
        let listed = std::fs::read_to_string(standard_library.join("ld.conf")).unwrap_or_default();
        directories.extend(listed.lines().map(|line| standard_library.join(line)));
        directories.push(standard_library.join("stublibs"));
        directories.retain(|directory| directory.is_absolute());
        StubPath { directories }
    }

    /// The stub libraries that an archive names. After the directories for all come those where package managers put a library's own.
    fn of_archive(
        &self,
        library: &str,
        archive: &Path,
        directory: &Path,
    ) -> Result<Vec<PathBuf>, Error> {
        let contents = ArchiveContents::read(archive).map_err(|source| Error::Archive {
            name: library.to_owned(),
            source: Box::new(source),
        })?;
        if contents.custom && contents.shared_libraries.is_empty() {
            return Err(Error::Custom {
                name: library.to_owned(),
                path: archive.to_owned(),
            });
        }
        let beside = directory.parent().map(|above| above.join("stublibs"));
        let own = [Some(directory.to_owned()), beside];
        let searched: Vec<PathBuf> = self
            .directories
            .iter()
            .cloned()
            .chain(own.into_iter().flatten())
            .collect();
        let names = contents.shared_libraries.iter().map(|named| {
            let file = stub_file(named);
            let mut candidates = searched.iter().map(|directory| directory.join(&file));
            candidates
                .find(|candidate| candidate.is_file())
                .ok_or_else(|| Error::NoStubLibrary {
                    name: library.to_owned(),
                    file,
                    searched: searched.clone(),
                })
        });
        names.collect()
    }
}

/// `dllzarith.so` for `-lzarith` (`Dll.extract_dll_name`).
fn stub_file(named: &str) -> String {
    match named.strip_prefix("-l") {
        Some(name) => format!("dll{name}{}", std::env::consts::DLL_SUFFIX),
        None => named.to_owned(),
    }
}

fn list(directories: &[PathBuf]) -> String {
    let shown = directories
        .iter()
        .map(|path| format!("`{}`", path.display()));
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stub_libraries_are_looked_for_where_the_byte_code_runtime_looks_and_then_beside_the_library()
    {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        std::fs::create_dir(path("std")).unwrap();
        std::fs::write(
            path("std/ld.conf"),
            format!("{}\nlisted\n", path("abs").display()),
        )
        .unwrap();
        let environment = Environment {
            caml_ld_library_path: Some(
                std::env::join_paths([path("first"), path("second")]).unwrap(),
            ),
            ..Environment::default()
        };
        let stubs = StubPath::new(&path("std"), &environment);
        let expected = ["first", "second", "abs", "std/listed", "std/stublibs"];
        assert_eq!(stubs.directories, expected.map(path));
    }

    #[test]
    fn a_stub_library_has_the_name_that_ocamlmklib_gives_it() {
        assert_eq!(stub_file("-lzarith"), "dllzarith.so");
        assert_eq!(stub_file("dllx.so"), "dllx.so");
    }
}
