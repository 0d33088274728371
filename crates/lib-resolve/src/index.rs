//! The packages of a search path: META files found, read once, and flattened.

mod base;
mod compiler;
mod file;
mod listing;
mod package;
mod rescan;
mod store;

pub(crate) use base::BaseWarning;
pub use file::Error;
pub use package::Package;
pub use rescan::Changes;

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use crate::configuration::Configuration;
use crate::text;
use file::{Known, MetaFile};
use listing::Listing;
use package::PackageNode;

/// The packages that a [`Configuration`] makes visible.
///
/// A new index knows nothing and looks for each package where findlib would, so that one question costs a few system calls.
/// [`PackageIndex::scan`] lists every directory of the search path once instead; from then on a name that is nowhere costs
/// nothing. [`PackageIndex::load_all`] reads all there is, and [`PackageIndex::rescan`] notices what has changed since.
///
/// ```
/// use lib_resolve::{Configuration, PackageIndex, Predicates};
/// # let directory = tempfile::tempdir()?;
/// # let lib = directory.path().to_path_buf();
/// std::fs::create_dir(lib.join("fmt"))?;
/// std::fs::write(lib.join("fmt/META"), r#"version = "0.9" package "tty" ( requires = "fmt unix" directory = "tty" )"#)?;
/// let mut index = PackageIndex::new(Configuration::new([lib.clone()], "/usr/lib/ocaml"));
/// let tty = index.find("fmt.tty")?.expect("fmt has a subpackage tty");
/// let tty = index.package(tty);
/// assert_eq!(tty.directory(), lib.join("fmt/tty"));
/// assert_eq!(tty.lookup("requires", &Predicates::none()).as_deref(), Some(&b"fmt unix"[..]));
/// assert_eq!(index.find("fmt.cli")?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PackageIndex {
    configuration: Configuration,
    listing: Option<Listing>,
    files: Vec<MetaFile>,
    packages: Vec<PackageNode>,
    /// Visible packages by full name.
    by_name: ByBytes<Arc<[u8]>, PackageId>,
    /// What was found for the first component of a name.
    by_main: ByBytes<Arc<[u8]>, Option<FileId>>,
    /// META files read before, for those that have not changed.
    known: ByBytes<Arc<[u8]>, Known>,
    /// Whether [`PackageIndex::load_all`] ran.
    complete: bool,
}

/// By a name or a path. Those who can write META files can do worse than choose names whose hashes collide.
type ByBytes<K, V> = HashMap<K, V, FxBuildHasher>;

/// A package of one [`PackageIndex`]. Small, and an index into whatever the caller keeps by package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackageId(u32);

impl PackageId {
    /// Packages are numbered from 0 in the order in which they were loaded.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileId(u32);

impl FileId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl serde::Serialize for PackageIndex {
    /// The configuration and every package that has been loaded, in load order.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut data = serializer.serialize_struct("PackageIndex", 2)?;
        data.serialize_field("configuration", &self.configuration)?;
        data.serialize_field("packages", &self.nodes().collect::<Vec<_>>())?;
        data.end()
    }
}

impl PackageIndex {
    /// An index of nothing yet.
    #[must_use]
    pub fn new(configuration: Configuration) -> PackageIndex {
        PackageIndex {
            configuration,
            listing: None,
            files: Vec::new(),
            packages: Vec::new(),
            by_name: HashMap::default(),
            by_main: HashMap::default(),
            known: HashMap::default(),
            complete: false,
        }
    }

    /// The configuration that says where to look.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Looks a package up by its full name; `None` if there is none or `exists_if` hides it.
    ///
    /// As with findlib the first META file for the name's first component decides; later directories of the search path are
    /// not tried even if it lacks the subpackage.
    ///
    /// # Errors
    /// The deciding META file cannot be read or is wrong, or the name has no component at all.
    pub fn find(&mut self, name: &str) -> Result<Option<PackageId>, Error> {
        self.find_bytes(name.as_bytes())
    }

    /// As [`PackageIndex::find`], for a name as META has it.
    ///
    /// # Errors
    /// As [`PackageIndex::find`].
    pub fn find_bytes(&mut self, name: &[u8]) -> Result<Option<PackageId>, Error> {
        // Before all else: a package can be loaded under a name that cannot be asked for.
        let main =
            text::main_component(name).ok_or_else(|| Error::InvalidName { name: name.into() })?;
        if let Some(id) = self.by_name.get(name) {
            return Ok(Some(*id));
        }
        if !self.by_main.contains_key(main) {
            let found = self.locate(main)?;
            return match self.add(&main.into(), found) {
                Ok(()) => Ok(self.by_name.get(name).copied()),
                // findlib looks into the file first, and takes nothing of one that does not have the package.
                Err(clash) if !clash.has(name) => Ok(None),
                Err(clash) => Err(clash.into_error()),
            };
        }
        Ok(None)
    }

    /// What is known of a package.
    #[must_use]
    pub fn package(&self, id: PackageId) -> Package<'_> {
        Package::new(self, id)
    }

    /// Every visible package that has been loaded, in load order.
    pub fn packages(&self) -> impl Iterator<Item = Package<'_>> {
        self.nodes().filter(|package| !package.is_hidden())
    }

    /// Every package that has been loaded and is hidden by an `exists_if` of its own or of a parent.
    pub fn hidden_packages(&self) -> impl Iterator<Item = Package<'_>> {
        self.nodes().filter(|package| package.is_hidden())
    }

    /// How many packages have been loaded, hidden ones included: one more than the largest [`PackageId::index`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.packages.len()
    }

    /// Whether nothing has been loaded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// How many META files have been read.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    fn nodes(&self) -> impl Iterator<Item = Package<'_>> {
        (0..self.packages.len() as u32).map(|index| Package::new(self, PackageId(index)))
    }

    /// The packages of the file of a package, hidden ones included.
    pub(crate) fn file_packages(&self, file: FileId) -> impl Iterator<Item = PackageId> + use<> {
        let file = &self.files[file.index()];
        let first = file.first_package;
        (first..first + file.meta.packages().len() as u32).map(PackageId)
    }

    pub(crate) fn file_of(&self, id: PackageId) -> FileId {
        self.packages[id.index()].file
    }

    /// Takes in what was found for a main name.
    fn add(&mut self, main: &Arc<[u8]>, found: Option<MetaFile>) -> Result<(), Clash> {
        let id = match found {
            Some(file) => Some(self.add_packages(main, file)?),
            None => None,
        };
        self.by_main.insert(Arc::clone(main), id);
        Ok(())
    }

    /// Takes in the packages of a file, unless one of them is there already.
    fn add_packages(&mut self, main: &Arc<[u8]>, mut file: MetaFile) -> Result<FileId, Clash> {
        let id = FileId(self.files.len() as u32);
        let first = self.packages.len();
        file.first_package = first as u32;
        package::flatten(
            &file,
            id,
            main,
            self.configuration.stdlib_bytes(),
            &mut self.packages,
        );
        let visible = || {
            self.packages[first..]
                .iter()
                .filter(|package| !package.hidden)
        };
        if let Some(twice) = visible().find(|package| self.by_name.contains_key(&package.name)) {
            let clash = Clash {
                twice: Arc::clone(&twice.name),
                names: visible().map(|package| Arc::clone(&package.name)).collect(),
                file: Arc::clone(&file.path),
            };
            self.packages.truncate(first);
            return Err(clash);
        }
        for (index, package) in self.packages.iter().enumerate().skip(first) {
            if !package.hidden {
                self.by_name
                    .insert(Arc::clone(&package.name), PackageId(index as u32));
            }
        }
        self.files.push(file);
        Ok(id)
    }
}

/// A file that describes a package that is there already. Only where files were loaded as [`PackageIndex::load_base`] does.
#[derive(Debug)]
struct Clash {
    twice: Arc<[u8]>,
    /// What the file has.
    names: Vec<Arc<[u8]>>,
    file: Arc<[u8]>,
}

impl Clash {
    fn has(&self, name: &[u8]) -> bool {
        self.names.iter().any(|other| **other == *name)
    }

    fn into_error(self) -> Error {
        Error::DefinedTwice {
            name: (&*self.twice).into(),
            file: file::boxed(&self.file),
        }
    }
}
