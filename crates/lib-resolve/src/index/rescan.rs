//! Noticing what has changed on the search path since it was read.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::file::{Content, Known, MetaFile};
use super::listing::Listing;
use super::{Clash, Error, FileId, PackageIndex};
use crate::stamp::Stamp;
use crate::sys;

/// What [`PackageIndex::rescan`] found: META files by what happened to them.
#[derive(Debug, Default)]
pub struct Changes {
    /// Read now and not before: new, or no longer in the shadow of another.
    pub added: Vec<PathBuf>,
    /// Of another content than before.
    pub changed: Vec<PathBuf>,
    /// Gone, in the shadow of another, or no longer right; sorted.
    pub removed: Vec<PathBuf>,
    /// The files that are wrong. The names they decide about are tried again when asked for.
    pub errors: Vec<Error>,
}

impl Changes {
    /// Whether every file is as it was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.changed.is_empty()
            && self.removed.is_empty()
            && self.errors.is_empty()
    }
}

impl PackageIndex {
    /// Brings the index up to date: directories of the search path are listed again only where they changed, META files read
    /// again only where theirs did, and `exists_if` is decided anew. Names that were looked up before are looked up again, so an
    /// index on which [`PackageIndex::load_all`] ran is complete again. If anything has changed, [`PackageId`](super::PackageId)s from before mean nothing
    /// afterwards.
    pub fn rescan(&mut self) -> Changes {
        if self.is_current() {
            return Changes::default();
        }
        self.read_again()
    }

    /// Whether reading everything again would find the same, as far as what the system says of files tells.
    fn is_current(&self) -> bool {
        let listed = self
            .listing
            .as_ref()
            .is_none_or(|listing| listing.is_current(self.configuration.search_path_bytes()));
        let reachable = |listing: &Listing| {
            let mut names = listing.reachable();
            names.all(|name| self.by_main.contains_key(name))
        };
        listed
            // A name whose file was wrong is tried again.
            && (!self.complete || self.listing.as_ref().is_some_and(reachable))
            // Files that no name leads to were not loaded for names.
            && self.files.len() == self.by_main.values().flatten().count()
            && self.by_main.iter().all(|(name, file)| self.decides_still(name, *file))
            && self.visibility_is_current()
    }

    /// Whether a name leads to the file that it led to before, or to none as before, and the file has not changed.
    fn decides_still(&self, main: &[u8], file: Option<FileId>) -> bool {
        let file = file.map(|file| &self.files[file.index()]);
        for candidate in self.candidates(main) {
            let metadata = std::fs::metadata(sys::os_str(&candidate.path)).ok();
            let deciding = file.filter(|file| *file.path == *candidate.path);
            match (deciding, metadata) {
                (Some(file), metadata) => {
                    let stamp = metadata.as_ref().map(Stamp::of);
                    return file.settled && stamp == Some(file.stamp);
                }
                (None, Some(_)) => return false,
                (None, None) => {}
            }
        }
        file.is_none()
    }

    fn read_again(&mut self) -> Changes {
        let mut old: HashMap<Arc<[u8]>, MetaFile> = std::mem::take(&mut self.files)
            .into_iter()
            .map(|file| (Arc::clone(&file.path), file))
            .collect();
        for file in old.values().filter(|file| file.settled) {
            let known = Known {
                stamp: file.stamp,
                content: Content::Parsed(Arc::clone(&file.meta)),
            };
            self.known.insert(Arc::clone(&file.path), known);
        }
        let mut names: Vec<(Arc<[u8]>, _)> =
            std::mem::take(&mut self.by_main).into_iter().collect();
        // Load order, so that the numbers of packages do not depend on the hash map.
        names.sort_unstable_by(|(left, left_file), (right, right_file)| {
            let order = left_file.is_none().cmp(&right_file.is_none());
            order.then(left_file.cmp(right_file)).then(left.cmp(right))
        });
        self.packages.clear();
        self.by_name.clear();
        if self.listing.is_some() {
            self.scan();
        }
        let mut changes = Changes::default();
        let more = if self.complete {
            self.reachable_names()
        } else {
            Vec::new()
        };
        for name in names.into_iter().map(|(name, _)| name).chain(more) {
            if !self.by_main.contains_key(&name) {
                match self.locate(&name) {
                    Ok(found) => {
                        let added = self.add(&name, found);
                        changes.errors.extend(added.err().map(Clash::into_error));
                    }
                    Err(error) => changes.errors.push(error),
                }
            }
        }
        for file in &self.files {
            match old.remove(&file.path) {
                None => changes.added.push(sys::path_buf(&file.path)),
                Some(before) if before.meta != file.meta => {
                    changes.changed.push(sys::path_buf(&file.path))
                }
                Some(_) => {}
            }
        }
        changes.removed = old.keys().map(|path| sys::path_buf(path)).collect();
        changes.removed.sort_unstable();
        changes
    }
}
