//! Noticing what has changed on the search path since it was read.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::file::{Candidate, MetaFile, Stamp};
use super::{Error, PackageIndex};
use crate::sys;

/// What [`PackageIndex::rescan`] found: META files by what happened to them.
#[derive(Debug, Default)]
pub struct Changes {
    /// Read now and not before: new, or no longer in the shadow of another.
    pub added: Vec<PathBuf>,
    /// Read again because they changed.
    pub changed: Vec<PathBuf>,
    /// Gone, in the shadow of another, or no longer right.
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
    /// index on which [`PackageIndex::load_all`] ran is complete again; [`PackageId`]s from before mean nothing afterwards.
    pub fn rescan(&mut self) -> Changes {
        let old: HashMap<Arc<[u8]>, MetaFile> = std::mem::take(&mut self.files)
            .into_iter()
            .map(|file| (Arc::clone(&file.path), file))
            .collect();
        let mut names: Vec<(Box<[u8]>, _)> =
            std::mem::take(&mut self.by_main).into_iter().collect();
        // Load order, so that the numbers of packages do not depend on the hash map.
        names.sort_by(|left, right| {
            (left.1.is_none(), left.1, &left.0).cmp(&(right.1.is_none(), right.1, &right.0))
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
                match self.locate_again(&name, &old, &mut changes) {
                    Ok(found) => self.add(&name, found),
                    Err(error) => changes.errors.push(error),
                }
            }
        }
        let mut kept: std::collections::HashSet<&[u8]> =
            self.files.iter().map(|file| &*file.path).collect();
        changes.removed = old
            .keys()
            .filter(|path| !kept.remove(&path[..]))
            .map(|path| sys::path_buf(path))
            .collect();
        changes.removed.sort_unstable();
        changes
    }

    fn locate_again(
        &self,
        main: &[u8],
        old: &HashMap<Arc<[u8]>, MetaFile>,
        changes: &mut Changes,
    ) -> Result<Option<MetaFile>, Error> {
        for candidate in self.candidates(main) {
            let known = old.get(&candidate.path[..]);
            if let Some(known) = known {
                let stamp = std::fs::metadata(sys::os_str(&candidate.path))
                    .map(|metadata| Stamp::of(&metadata));
                if stamp.is_ok_and(|stamp| stamp == known.stamp) {
                    return Candidate::finish(candidate, Arc::clone(&known.meta), known.stamp)
                        .map(Some);
                }
            }
            let path = sys::path_buf(&candidate.path);
            if let Some(file) = candidate.load()? {
                let list = if known.is_some() {
                    &mut changes.changed
                } else {
                    &mut changes.added
                };
                list.push(path);
                return Ok(Some(file));
            }
        }
        Ok(None)
    }
}
