//! One package: its names, directory and definitions.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use super::file::MetaFile;
use super::{FileId, PackageId, PackageIndex};
use crate::meta;
use crate::predicates::Predicates;
use crate::{sys, text};

#[derive(Debug, Clone)]
pub(super) struct PackageNode {
    pub(super) name: Arc<[u8]>,
    pub(super) directory: Arc<[u8]>,
    pub(super) file: FileId,
    /// Which package of the file this is.
    pub(super) position: u32,
    pub(super) hidden: bool,
}

/// A package of a [`PackageIndex`].
#[derive(Clone, Copy)]
pub struct Package<'a> {
    index: &'a PackageIndex,
    id: PackageId,
}

impl<'a> Package<'a> {
    pub(super) fn new(index: &'a PackageIndex, id: PackageId) -> Package<'a> {
        Package { index, id }
    }

    /// The number of this package in its index.
    #[must_use]
    pub fn id(self) -> PackageId {
        self.id
    }

    /// The full name, as bytes.
    #[must_use]
    pub fn name_bytes(self) -> &'a [u8] {
        &self.node().name
    }

    /// The full name, for people: bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn name(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.name_bytes())
    }

    /// The directory of the package's files, as META and the search path spell it.
    #[must_use]
    pub fn directory(self) -> PathBuf {
        sys::path_buf(self.directory_bytes())
    }

    /// The META file that describes the package.
    #[must_use]
    pub fn meta_file(self) -> PathBuf {
        sys::path_buf(self.meta_file_bytes())
    }

    /// The definitions of this package alone, without those of its parent.
    #[must_use]
    pub fn definitions(self) -> meta::Package<'a> {
        let node = self.node();
        let file = &self.index.files[node.file.index()];
        meta::Package::at(&file.meta, node.position as usize)
    }

    /// The value of a variable under the predicates: see [`meta::Package::lookup`].
    #[must_use]
    pub fn lookup(self, variable: &str, predicates: &Predicates) -> Option<Cow<'a, [u8]>> {
        self.definitions().lookup(variable, predicates)
    }

    /// Whether an `exists_if` hides it: no file that it names is there.
    #[must_use]
    pub fn is_hidden(self) -> bool {
        self.node().hidden
    }

    /// The files of which one must exist for the package to be visible, as full paths; `None` without `exists_if`.
    #[must_use]
    pub fn exists_if(self) -> Option<Vec<PathBuf>> {
        let value = exists_if(self.definitions())?;
        let directory = self.directory_bytes();
        Some(
            text::words(value)
                .map(|word| sys::path_buf(&text::concat(directory, word)))
                .collect(),
        )
    }

    pub(crate) fn directory_bytes(self) -> &'a [u8] {
        &self.node().directory
    }

    pub(crate) fn stdlib_bytes(self) -> &'a [u8] {
        self.index.configuration().stdlib_bytes()
    }

    pub(crate) fn meta_file_bytes(self) -> &'a [u8] {
        &self.index.files[self.node().file.index()].path
    }

    fn node(self) -> &'a PackageNode {
        &self.index.packages[self.id.index()]
    }
}

impl std::fmt::Debug for Package<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Package")
            .field("name", &self.name())
            .field("directory", &self.directory())
            .field("meta_file", &self.meta_file())
            .field("hidden", &self.is_hidden())
            .finish_non_exhaustive()
    }
}

impl serde::Serialize for Package<'_> {
    /// The name, the places and the package's own definitions.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut data = serializer.serialize_struct("Package", 5)?;
        data.serialize_field("name", &self.name())?;
        data.serialize_field("directory", &self.directory())?;
        data.serialize_field("meta_file", &self.meta_file())?;
        data.serialize_field("hidden", &self.is_hidden())?;
        data.serialize_field("definitions", &self.definitions())?;
        data.end()
    }
}

impl PackageIndex {
    /// Whether each `exists_if` hides what it hid before.
    pub(super) fn visibility_is_current(&self) -> bool {
        self.packages.iter().all(|node| {
            let file = &self.files[node.file.index()];
            let package = meta::Package::at(&file.meta, node.position as usize);
            if exists_if(package).is_none() {
                return true;
            }
            let siblings = &self.packages[file.first_package as usize..];
            let in_hidden = package
                .parent()
                .is_some_and(|parent| siblings[parent.index()].hidden);
            in_hidden || node.hidden != is_visible(package, &node.directory)
        })
    }
}

/// Appends the packages of a file, parents before children, as `Fl_package_base.packages_in_meta_file` flattens them.
pub(super) fn flatten(
    file: &MetaFile,
    id: FileId,
    main: &Arc<[u8]>,
    stdlib: &[u8],
    packages: &mut Vec<PackageNode>,
) {
    let first = packages.len();
    let mut scratch = Vec::new();
    for package in file.meta.packages() {
        let parent = package
            .parent()
            .map(|parent| &packages[first + parent.index()]);
        let (name, inherited): (Arc<[u8]>, _) = match parent {
            Some(parent) => {
                scratch.clear();
                scratch.extend_from_slice(&parent.name);
                scratch.push(b'.');
                scratch.extend_from_slice(package.name());
                (scratch[..].into(), &parent.directory)
            }
            None => (Arc::clone(main), &file.directory),
        };
        // Always looked up without predicates, whatever the query's are.
        let directory = match package.lookup("directory", &Predicates::none()) {
            Some(value) if !value.is_empty() => resolve_directory(&value, inherited, stdlib).into(),
            _ => Arc::clone(inherited),
        };
        let hidden = parent.is_some_and(|parent| parent.hidden) || !is_visible(package, &directory);
        packages.push(PackageNode {
            name,
            directory,
            file: id,
            position: package.index() as u32,
            hidden,
        });
    }
}

fn resolve_directory(value: &[u8], inherited: &[u8], stdlib: &[u8]) -> Vec<u8> {
    match value {
        [b'^' | b'+'] => stdlib.to_vec(),
        [b'^' | b'+', rest @ ..] => text::concat(stdlib, rest),
        _ if text::is_relative(value) => text::concat(inherited, value),
        _ => value.to_vec(),
    }
}

/// The first definition counts, whatever its predicates and flavour.
fn exists_if(package: meta::Package<'_>) -> Option<&[u8]> {
    package
        .definitions()
        .find(|definition| definition.variable() == b"exists_if")
        .map(meta::Definition::value)
}

fn is_visible(package: meta::Package<'_>, directory: &[u8]) -> bool {
    match exists_if(package) {
        Some(value) => text::words(value).any(|word| sys::exists(&text::concat(directory, word))),
        None => true,
    }
}
