//! The cache of compiled plugins, kept from one execution to the next.
//!
//! A plugin is found again by everything that decides what its compilation gives: the contents of its sources in
//! order, their base names, the interface, the flags, and the compiler with its host image and libraries. What is
//! found is verified before it is loaded, whatever the store: a digest over every byte, the key it was stored
//! under, and the seal of the compiled file. Anything else counts as not found, and the plugin is compiled again.

mod diagnostics;
mod directory;
mod entry;
mod index;
mod key;
mod store;

use std::io;
use std::path::PathBuf;

pub use self::directory::DirectoryStore;
pub(crate) use self::entry::{decode, encode};
pub use self::key::Key;
pub(crate) use self::key::KeyParts;
pub use self::store::Store;

/// Where compiled plugins are kept, and how many.
///
/// ```
/// use dynloader::cache::CacheConfig;
///
/// let cache = CacheConfig::new("/var/cache/rules").max_files(50);
/// assert!(!cache.is_readonly());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a configuration does nothing until it is given to Options::use_cache"]
pub struct CacheConfig {
    pub(crate) dir: PathBuf,
    pub(crate) max_files: usize,
    pub(crate) readonly: bool,
    pub(crate) try_old_cache_with_new_exec: bool,
    pub(crate) optional: bool,
}

impl CacheConfig {
    /// A cache in `dir`, which is made, for its owner only, when the first plugin is stored. A directory that other
    /// users can write to is refused. A relative path is made absolute when the loader is created.
    pub fn new(dir: impl Into<PathBuf>) -> CacheConfig {
        CacheConfig {
            dir: dir.into(),
            max_files: 10,
            readonly: false,
            try_old_cache_with_new_exec: false,
            optional: false,
        }
    }

    /// How many plugins are kept. When one is too many, older versions of the plugin that has most of them go first,
    /// then the oldest. Default: 10.
    pub fn max_files(mut self, max: usize) -> CacheConfig {
        self.max_files = max;
        self
    }

    /// Whether plugins are only looked up: nothing is written, and an index that cannot be read is an error rather
    /// than a slow start for ever. Default: false.
    pub fn readonly(mut self, readonly: bool) -> CacheConfig {
        self.readonly = readonly;
        self
    }

    /// Whether a plugin that another compiler made from the same sources may be used, as long as it fits the host
    /// image of this executable. Default: false.
    pub fn try_old_cache_with_new_exec(mut self, try_old: bool) -> CacheConfig {
        self.try_old_cache_with_new_exec = try_old;
        self
    }

    /// Whether a plugin is loaded all the same when it cannot be written to the cache: on a full disk, on a file system that is
    /// only read. A directory that other users can write to is an error still. Default: false, for whoever names a cache
    /// wants to know.
    pub fn optional(mut self, optional: bool) -> CacheConfig {
        self.optional = optional;
        self
    }

    /// Whether the cache is only read.
    #[must_use]
    pub fn is_readonly(&self) -> bool {
        self.readonly
    }
}

/// The error returned when a cache cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Other users could put code there.
    #[error("other users can write to `{}`", directory.display())]
    NotPrivate {
        /// The directory.
        directory: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was being done, such as `read`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The index of a cache that is only read is damaged.
    #[error("the index `{}` of a cache that is only read is damaged", path.display())]
    BrokenIndex {
        /// The index.
        path: PathBuf,
    },
    /// The cache was written by a later version of this library.
    #[error("`{}` was written by a newer version of this library (format {found}, known up to {known})", path.display())]
    Newer {
        /// The index.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The last version that is known.
        known: u32,
    },
    /// A store of another kind failed.
    #[error("the store failed")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io {
            action,
            path,
            source,
        }
    }
}
