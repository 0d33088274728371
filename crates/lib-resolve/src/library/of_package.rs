//! The library that a package of the index describes.

use std::path::{Path, PathBuf};

use super::{Lib, canonical_name};
use crate::index::Package;
use crate::name::{self, LibName};
use crate::predicates::Predicates;
use crate::{sys, text};

/// How META is read for a [`Lib`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until they are used"]
pub struct LibOptions {
    ocaml_major: u32,
    c_archive_extension: String,
    predicates: Predicates,
}

impl LibOptions {
    /// For a compiler of this major version; it decides about threads (see [`canonical_name`]).
    pub fn new(ocaml_major: u32) -> LibOptions {
        LibOptions {
            ocaml_major,
            c_archive_extension: ".a".to_owned(),
            predicates: Predicates::none(),
        }
    }

    /// The extension of C archives, with its dot. Default: `.a`.
    pub fn c_archive_extension(mut self, extension: impl Into<String>) -> LibOptions {
        self.c_archive_extension = extension.into();
        self
    }

    /// More true predicates than `byte` and `native`, for instance `ppx_driver`. Default: none.
    pub fn predicates(mut self, predicates: Predicates) -> LibOptions {
        self.predicates = predicates;
        self
    }

    /// The compiler's major version.
    #[must_use]
    pub fn ocaml_major(&self) -> u32 {
        self.ocaml_major
    }

    /// The true predicates with the given codes added. The threads library of OCaml 4 has its archive only under `mt`, which would
    /// make every other library require threads.
    pub(crate) fn with_codes(&self, codes: &[&str], threads: bool) -> Predicates {
        let mut predicates = self.predicates.clone();
        let mt: &[&str] = if threads && self.ocaml_major < 5 {
            &["mt", "mt_posix"]
        } else {
            &[]
        };
        for name in codes.iter().chain(mt) {
            predicates.add(name.as_bytes());
        }
        predicates
    }
}

/// The error returned by [`Lib::of_package`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The package's own name is not text.
    #[error("the package has no usable name")]
    Name {
        /// The cause.
        source: name::Error,
    },
    /// `requires` or `exports` has a name that no library can have.
    #[error("`{variable}` of library `{library}` names no library")]
    Requirement {
        /// The variable.
        variable: &'static str,
        /// The library.
        library: LibName,
        /// The cause.
        source: name::Error,
    },
}

impl Lib {
    /// The library that a package describes, its directory listed now.
    ///
    /// Archives are asked for byte and native code separately, since one question with both predicates gives only the first that
    /// META has.
    ///
    /// # Errors
    /// A name in META that cannot be one. Missing files are no error: see [`Lib::missing_files`].
    pub fn of_package(package: Package<'_>, options: &LibOptions) -> Result<Lib, Error> {
        let listing = DirectoryListing::read(&package.directory());
        Lib::of_package_listed(package, options, &listing)
    }

    /// As [`Lib::of_package`], with the listing of the package's directory, which several libraries may share.
    pub(crate) fn of_package_listed(
        package: Package<'_>,
        options: &LibOptions,
        listing: &DirectoryListing,
    ) -> Result<Lib, Error> {
        let own_name =
            LibName::from_bytes(package.name_bytes()).map_err(|source| Error::Name { source })?;
        let name = canonical_name(&own_name, options.ocaml_major);
        let threads = own_name.as_str() == "threads" || own_name.as_str().starts_with("threads.");
        let both = options.with_codes(&["byte", "native"], threads);
        let byte = options.with_codes(&["byte"], threads);
        let native = options.with_codes(&["native"], threads);
        let text = |variable: &str| {
            let value = package.lookup(variable, &both)?;
            Some(String::from_utf8_lossy(&value).into_owned()).filter(|value| !value.is_empty())
        };
        let names = |variable: &'static str| {
            let value = package.lookup(variable, &both).unwrap_or_default();
            let mut names = Vec::new();
            for word in text::words(&value) {
                let found = LibName::from_bytes(word).map_err(|source| Error::Requirement {
                    variable,
                    library: name.clone(),
                    source,
                })?;
                let found = canonical_name(&found, options.ocaml_major);
                if found != name && !names.contains(&found) {
                    names.push(found);
                }
            }
            Ok(names)
        };
        let paths = |variable: &str, predicates: &Predicates| {
            let value = package.lookup(variable, predicates).unwrap_or_default();
            text::words(&value)
                .map(|word| sys::path_buf(&resolve(package, word)))
                .collect::<Vec<_>>()
        };
        let mut lib = Lib {
            requires: names("requires")?,
            exports: names("exports")?,
            meta_file: Some(package.meta_file()),
            meta_position: Some(package.definitions().position()),
            cma: paths("archive", &byte),
            cmxa: native_archives(paths("archive", &native), paths("archive", &byte)),
            js_stubs: paths("jsoo_runtime", &both),
            byte_plugins: paths("plugin", &byte),
            native_plugins: native_archives(paths("plugin", &native), paths("plugin", &byte)),
            ppx: package
                .lookup("ppx", &both)
                .map(|value| ppx_command(package, &value)),
            warning: text("warning"),
            error: text("error"),
            version: text("version"),
            description: text("description"),
            ..Lib::new(name.clone(), package.directory())
        };
        lib.take_files(listing, &options.c_archive_extension);
        Ok(lib)
    }

    /// The files of the directory, sorted into kinds.
    fn take_files(&mut self, listing: &DirectoryListing, c_archive_extension: &str) {
        let with = |extension: &str| {
            let files = listing
                .files
                .iter()
                .filter(|file| file.to_string_lossy().ends_with(extension));
            files
                .map(|file| self.directory.join(file))
                .collect::<Vec<_>>()
        };
        let (cmis, cmxs) = (with(".cmi"), with(".cmx"));
        let mut c_stubs = with(c_archive_extension);
        let beside =
            |archive: &PathBuf| archive.with_extension(c_archive_extension.trim_start_matches('.'));
        let is_archive = |archive: &&PathBuf| {
            archive
                .extension()
                .is_some_and(|extension| extension == "cmxa")
        };
        let candidates = self.cmxa.iter().filter(is_archive).map(beside);
        let c_archives: Vec<PathBuf> = candidates
            .filter(|file| listing.contains(&self.directory, file))
            .collect();
        c_stubs.retain(|file| {
            // The archive of another library of the directory stands beside its `.cmxa`.
            let native = file.with_extension("cmxa");
            !listing.contains(&self.directory, &native)
        });
        let named = [
            &self.cma,
            &self.cmxa,
            &self.byte_plugins,
            &self.native_plugins,
            &self.js_stubs,
        ];
        let mut missing: Vec<PathBuf> = Vec::new();
        if !listing.exists {
            missing.push(self.directory.clone());
        }
        for file in named.into_iter().flatten() {
            if !listing.contains(&self.directory, file) && !missing.contains(file) {
                missing.push(file.clone());
            }
        }
        (self.cmis, self.cmxs, self.c_archives, self.c_stubs) = (cmis, cmxs, c_archives, c_stubs);
        self.missing_files = missing;
    }
}

/// What META gives for `native` alone. Where it does not tell codes apart, byte archives are not native ones.
fn native_archives(native: Vec<PathBuf>, byte: Vec<PathBuf>) -> Vec<PathBuf> {
    let is_byte = |path: &Path| {
        path.extension()
            .is_some_and(|extension| extension == "cma" || extension == "cmo")
    };
    native
        .into_iter()
        .filter(|path| !(is_byte(path) && byte.contains(path)))
        .collect()
}

/// The names in a directory, sorted.
#[derive(Debug, Clone, Default)]
pub(crate) struct DirectoryListing {
    exists: bool,
    files: Vec<std::ffi::OsString>,
}

impl DirectoryListing {
    pub(crate) fn read(directory: &Path) -> DirectoryListing {
        let Ok(entries) = std::fs::read_dir(directory) else {
            return DirectoryListing::default();
        };
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        files.sort_unstable();
        DirectoryListing {
            exists: true,
            files,
        }
    }

    /// Whether a file exists, asking the system only for one that is not directly in the listed directory.
    fn contains(&self, directory: &Path, file: &Path) -> bool {
        match file.file_name() {
            Some(name) if file.parent() == Some(directory) => self
                .files
                .binary_search_by(|other| other.as_os_str().cmp(name))
                .is_ok(),
            _ => file.exists(),
        }
    }
}

/// `Findlib.resolve_path` without `@`, which needs another package: such a word is kept.
fn resolve(package: Package<'_>, word: &[u8]) -> Vec<u8> {
    match word {
        [b'^' | b'+', rest @ ..] => {
            text::concat(&text::normalise_directory(package.stdlib_bytes()), rest)
        }
        [b'@', ..] => word.to_vec(),
        _ if text::is_relative(word) => text::concat(package.directory_bytes(), word),
        _ => word.to_vec(),
    }
}

/// The command is a path from the package's directory only when it starts with `./` or `../`; else it is looked for in `PATH`.
fn ppx_command(package: Package<'_>, value: &[u8]) -> String {
    let length = value
        .iter()
        .position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
        .unwrap_or(value.len());
    let (program, arguments) = value.split_at(length);
    let explicit = [&b"./"[..], b"../", b"+", b"^"]
        .iter()
        .any(|start| program.starts_with(start));
    let program = if explicit {
        resolve(package, program)
    } else {
        program.to_vec()
    };
    String::from_utf8_lossy(&[&program, arguments].concat()).into_owned()
}
