//! The library that a package of the index describes.

use super::Lib;
use super::description::Description;
use super::listing::DirectoryListing;
use crate::index::Package;
use crate::name::{self, LibName};
use crate::predicates::Predicates;

/// How META is read for a [`Lib`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until they are used"]
pub struct LibOptions {
    ocaml_major: u32,
    c_archive_extension: String,
    predicates: Predicates,
}

impl LibOptions {
    /// For a compiler of this major version; it decides about threads (see [`canonical_name`](crate::canonical_name)).
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

    /// The predicates for byte and native code together, for byte code, and for native code. The threads library of OCaml 4 has its archive
    /// only under `mt`, which would make every other library require threads.
    pub(crate) fn predicate_sets(&self, library: &LibName) -> [Predicates; 3] {
        let threads = library.main() == "threads" && self.ocaml_major < 5;
        let mt: &[&str] = if threads { &["mt", "mt_posix"] } else { &[] };
        [&["byte", "native"][..], &["byte"], &["native"]].map(|codes| {
            let mut predicates = self.predicates.clone();
            for name in codes.iter().chain(mt) {
                predicates.add(name.as_bytes());
            }
            predicates
        })
    }

    pub(super) fn extension(&self) -> &str {
        &self.c_archive_extension
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
        let name =
            LibName::from_bytes(package.name_bytes()).map_err(|source| Error::Name { source })?;
        let [both, byte, native] = options.predicate_sets(&name);
        let value = |variable: &str, predicates: &Predicates| {
            package
                .lookup(variable, predicates)
                .unwrap_or_default()
                .into_owned()
        };
        let javascript = Predicates::parse("javascript");
        let description = Description {
            directory: package.directory_bytes().to_vec(),
            meta_file: package.meta_file_bytes().to_vec(),
            position: Some(package.definitions().position()),
            stdlib: package.stdlib_bytes().to_vec(),
            requires: value("requires", &both),
            exports: value("exports", &both),
            byte_archive: value("archive", &byte),
            native_archive: value("archive", &native),
            byte_plugin: value("plugin", &byte),
            native_plugin: value("plugin", &native),
            jsoo_runtime: value("jsoo_runtime", &both),
            javascript_linkopts: value("linkopts", &javascript),
            ppx: value("ppx", &both),
            warning: value("warning", &both),
            error: value("error", &both),
            version: value("version", &both),
            description: value("description", &both),
        };
        description.to_lib(&name, options, listing)
    }
}
