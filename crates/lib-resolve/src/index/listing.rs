//! What the directories of the search path hold, listed once.

use std::collections::HashMap;
use std::fs::FileType;
use std::time::SystemTime;

use super::file::MetaFile;
use super::{Clash, Error, PackageIndex};
use crate::stamp::Stamp;
use crate::sys;

/// For fewer names than this a thread costs more than it saves.
const FEW: usize = 50;

/// The names that may be packages, by directory of the search path.
#[derive(Debug, Clone, Default)]
pub(super) struct Listing {
    /// By path; what cannot be read is left out.
    pub(super) directories: HashMap<Box<[u8]>, DirectoryListing>,
    /// Every name, with the places where its META file may be, in the order of the search path.
    places: HashMap<Box<[u8]>, Vec<Place>>,
    /// The names in the order in which they were met.
    names: Vec<Box<[u8]>>,
}

/// The position of a directory in the search path, and whether the file is `DIR/META.pkg` rather than `DIR/pkg/META`.
pub(super) type Place = (usize, bool);

#[derive(Debug, Clone)]
pub(super) struct DirectoryListing {
    pub(super) stamp: Stamp,
    pub(super) settled: bool,
    /// In the order of the directory.
    pub(super) names: Vec<(Box<[u8]>, bool)>,
}

impl Listing {
    /// Lists the directories; those that `previous` has and that did not change are not read again.
    pub(super) fn new(search_path: &[Box<[u8]>], previous: Option<&Listing>) -> Listing {
        let mut listing = Listing::default();
        for (entry, directory) in search_path.iter().enumerate() {
            let known = previous.and_then(|previous| previous.directories.get(directory));
            let Some(listed) = list(directory, known) else {
                continue;
            };
            for (name, in_search_path) in &listed.names {
                let places = listing.places.entry(name.clone()).or_insert_with(|| {
                    listing.names.push(name.clone());
                    Vec::new()
                });
                places.push((entry, *in_search_path));
            }
            listing.directories.insert(directory.clone(), listed);
        }
        for places in listing.places.values_mut() {
            // `DIR/pkg/META` goes before `DIR/META.pkg` of the same directory.
            places.sort_unstable();
        }
        listing
    }

    pub(super) fn places(&self, main: &[u8]) -> Vec<Place> {
        self.places.get(main).cloned().unwrap_or_default()
    }

    pub(super) fn names(&self) -> &[Box<[u8]>] {
        &self.names
    }
}

/// `None` if the directory cannot be read: it then holds no package.
fn list(directory: &[u8], known: Option<&DirectoryListing>) -> Option<DirectoryListing> {
    let path = sys::os_str(directory);
    let stamp = Stamp::of(&std::fs::metadata(&path).ok()?);
    if let Some(known) = known.filter(|known| known.settled && known.stamp == stamp) {
        return Some(known.clone());
    }
    let looked_at = SystemTime::now();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&path).ok()?.flatten() {
        let name = sys::bytes(entry.file_name());
        if let Some(main) = name.strip_prefix(b"META.").filter(|main| !main.is_empty()) {
            names.push((main.into(), true));
        }
        // The type is in the directory itself on most file systems. A link may lead to a directory.
        let maybe_directory = |kind: FileType| kind.is_dir() || kind.is_symlink();
        if entry.file_type().map_or(true, maybe_directory) {
            names.push((name.into(), false));
        }
    }
    let settled = stamp.is_settled(looked_at);
    Some(DirectoryListing {
        stamp,
        settled,
        names,
    })
}

impl PackageIndex {
    /// Lists every directory of the search path, once. Directories that cannot be read hold no package.
    pub fn scan(&mut self) {
        let listing = Listing::new(
            self.configuration.search_path_bytes(),
            self.listing.as_ref(),
        );
        self.listing = Some(listing);
    }

    /// Reads every META file of the search path, after [`PackageIndex::scan`] if there was none.
    ///
    /// Files in the shadow of one earlier on the search path are not read. Neither are those of a name with a dot, which no
    /// query reaches. A file that is wrong hides nothing but itself: its error is in the result.
    pub fn load_all(&mut self) -> Vec<Error> {
        if self.listing.is_none() {
            self.scan();
        }
        self.complete = true;
        let mut names = self.reachable_names();
        names.retain(|name| !self.by_main.contains_key(name));
        let mut errors = Vec::new();
        for (name, located) in names.iter().zip(self.locate_all(&names)) {
            match located {
                Ok(found) => {
                    let added = self.add(name, found);
                    errors.extend(added.err().map(Clash::into_error));
                }
                Err(error) => errors.push(error),
            }
        }
        errors
    }

    /// Locates names on several threads when there are many: most of the time goes into system calls and parsing.
    fn locate_all(&self, names: &[Box<[u8]>]) -> Vec<Result<Option<MetaFile>, Error>> {
        let threads = std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(4)
            .min(names.len() / FEW);
        if threads < 2 {
            return names.iter().map(|name| self.locate(name)).collect();
        }
        let locate = |names: &[Box<[u8]>]| {
            names
                .iter()
                .map(|name| self.locate(name))
                .collect::<Vec<_>>()
        };
        std::thread::scope(|scope| {
            let parts = names.chunks(names.len().div_ceil(threads));
            let workers: Vec<_> = parts
                .map(|part| (part, scope.spawn(move || locate(part))))
                .collect();
            // A worker that could not finish has left nothing; its part is done here.
            let located = workers
                .into_iter()
                .map(|(part, worker)| worker.join().unwrap_or_else(|_| locate(part)));
            located.flatten().collect()
        })
    }

    /// The listed names that can be the first component of a package name. Like `ocamlfind list` this passes over the `META.pkg~` that
    /// editors leave.
    pub(crate) fn reachable_names(&self) -> Vec<Box<[u8]>> {
        let names = self.listing.iter().flat_map(Listing::names);
        let reachable = names.filter(|name| !name.contains(&b'.') && !name.ends_with(b"~"));
        reachable.cloned().collect()
    }

    /// The places on the search path where a META file for this main name exists, the deciding one first.
    #[must_use]
    pub fn places(&self, main: &str) -> Vec<std::path::PathBuf> {
        let candidates = self.candidates(main.as_bytes());
        let existing = candidates.filter(|candidate| sys::exists(&candidate.path));
        existing
            .map(|candidate| sys::path_buf(&candidate.path))
            .collect()
    }
}
