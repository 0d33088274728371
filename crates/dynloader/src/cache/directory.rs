//! The store in a directory, shared by any number of processes.
//!
//! `<dir>/plugins/` holds one file a plugin, `<key>.plugin`, and `index`. Readers take no lock: every file is put in
//! place whole, by renaming. Writers hold an exclusive lock on `lock`, which the system releases when a process dies.
//! A writer that is killed leaves at most a file that no index names; the next writer removes it.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use ocaml_toolchain::{files, threads};

use super::index::{self, Index, Reading};
use super::key::Key;
use super::{CacheConfig, Error, Store};

const DIRECTORY: &str = "plugins";
const INDEX: &str = "index";
const LOCK: &str = "lock";
const EXTENSION: &str = "plugin";
const TEMPORARY_EXTENSION: &str = "new";

/// A store in a directory of the local file system.
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    config: Arc<CacheConfig>,
}

impl DirectoryStore {
    /// The store that a configuration describes. Nothing is read or written yet.
    #[must_use]
    pub fn new(config: CacheConfig) -> DirectoryStore {
        DirectoryStore {
            config: Arc::new(config),
        }
    }

    fn directory(&self) -> PathBuf {
        self.config.dir.join(DIRECTORY)
    }

    fn file(&self, key: &Key) -> PathBuf {
        self.directory().join(key.hex()).with_extension(EXTENSION)
    }

    /// The index, or `None` when there is none that can be used.
    fn index(&self) -> Result<Option<Index>, Error> {
        let directory = self.directory();
        for directory in [&self.config.dir, &directory] {
            match check_private(directory) {
                Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                    return Ok(None);
                }
                checked => checked?,
            }
        }
        let path = directory.join(INDEX);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(Error::Io {
                    action: "read",
                    path,
                    source,
                });
            }
        };
        match Index::read(&bytes) {
            Reading::Good(index) => Ok(Some(index)),
            Reading::Newer(found) => Err(Error::Newer {
                path,
                found,
                known: index::VERSION,
            }),
            Reading::Broken if self.config.readonly => Err(Error::BrokenIndex { path }),
            Reading::Older | Reading::Broken => Ok(None),
        }
    }

    pub(crate) fn get_blocking(&self, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        if !self.index()?.is_some_and(|index| index.holds(key)) {
            return Ok(None);
        }
        let path = self.file(key);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            // Another process has made room since the index was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Io {
                action: "read",
                path,
                source,
            }),
        }
    }

    pub(crate) fn others_blocking(&self, key: &Key) -> Result<Vec<Key>, Error> {
        if !self.config.try_old_cache_with_new_exec {
            return Ok(Vec::new());
        }
        let index = self.index()?;
        Ok(index.map_or_else(Vec::new, |index| index.others(key)))
    }

    fn put_blocking(&self, key: &Key, bytes: &[u8]) -> Result<(), Error> {
        let directory = self.directory();
        for directory in [&self.config.dir, &directory] {
            let mut builder = fs::DirBuilder::new();
            builder
                .recursive(true)
                .mode(0o700)
                .create(directory)
                .map_err(Error::io("make", directory))?;
            check_private(directory)?;
        }
        let lock = directory.join(LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&lock)
            .map_err(Error::io("open", &lock))?;
        lock.lock()
            .map_err(Error::io("lock", directory.join(LOCK)))?;
        let mut index = self.index()?.unwrap_or_default();
        if self.config.max_files > 0 {
            write_whole(&self.file(key), bytes)?;
            index.add(key.clone());
        }
        index.evict(self.config.max_files);
        // The index first: a plugin that it names and that is gone is compiled again, but nothing would ever remove a
        // plugin that no index names if we were killed between the two.
        write_whole(&directory.join(INDEX), &index.write())?;
        self.remove_unnamed(&directory, &index)
    }

    /// Removes plugins that the index does not name, and what killed writers left. Only with the lock held.
    fn remove_unnamed(&self, directory: &Path, index: &Index) -> Result<(), Error> {
        let named: Vec<PathBuf> = index.keys().map(|key| self.file(key)).collect();
        for entry in fs::read_dir(directory).map_err(Error::io("list", directory))? {
            let path = entry.map_err(Error::io("list", directory))?.path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            let ours = matches!(extension, Some(EXTENSION | TEMPORARY_EXTENSION));
            if ours && !named.contains(&path) {
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(Error::Io {
                            action: "remove",
                            path,
                            source: error,
                        });
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Store for DirectoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        let (store, key) = (self.clone(), key.clone());
        threads::unblock(move || store.get_blocking(&key)).await
    }

    async fn others(&self, key: &Key) -> Result<Vec<Key>, Error> {
        let (store, key) = (self.clone(), key.clone());
        threads::unblock(move || store.others_blocking(&key)).await
    }

    async fn put(&self, key: &Key, bytes: &[u8]) -> Result<(), Error> {
        if self.config.readonly {
            return Ok(());
        }
        let (store, key, bytes) = (self.clone(), key.clone(), bytes.to_vec());
        let optional = self.config.optional;
        match threads::unblock(move || store.put_blocking(&key, &bytes)).await {
            Err(Error::Io { .. }) if optional => Ok(()),
            put => put,
        }
    }
}

/// Refuses a directory into which others could put code for us to run.
fn check_private(directory: &Path) -> Result<(), Error> {
    let metadata = fs::metadata(directory).map_err(Error::io("read", directory))?;
    let owner = metadata.uid();
    let mine = owner == 0 || owner == rustix::process::geteuid().as_raw();
    match mine && metadata.mode() & 0o022 == 0 {
        true => Ok(()),
        false => Err(Error::NotPrivate {
            directory: directory.to_owned(),
        }),
    }
}

/// Puts a file in place whole, or not at all; what there was no room for is removed. No `fsync`: after a crash of the machine a short file fails its digest.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let new = path.with_extension(TEMPORARY_EXTENSION);
    files::write(&new, bytes).map_err(|source| {
        let _ = fs::remove_file(&new);
        Error::io("write", &new)(source)
    })?;
    fs::rename(&new, path).map_err(Error::io("replace", path))
}

#[cfg(test)]
mod tests;
