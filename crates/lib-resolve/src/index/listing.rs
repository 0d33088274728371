//! What the directories of the search path hold, listed once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use super::file::MetaFile;
use super::{ByBytes, Clash, Error, PackageIndex};
use crate::stamp::Stamp;
use crate::sys;

/// For fewer names than this a further thread costs more than it saves: a processor has to be woken, and what the thread allocates lies
/// elsewhere.
const FEW: usize = 200;

/// How many names a thread takes at once.
const PART: usize = 4;

/// The names that may be packages, by directory of the search path.
#[derive(Debug, Clone, Default)]
pub(super) struct Listing {
    /// By path; what cannot be read is left out.
    pub(super) directories: ByBytes<Box<[u8]>, DirectoryListing>,
    /// Every name, with the places where its META file may be, in the order of the search path.
    places: ByBytes<Arc<[u8]>, Vec<Place>>,
    /// The names in the order in which they were met.
    names: Vec<Arc<[u8]>>,
}

/// The position of a directory in the search path, and whether the file is `DIR/META.pkg` rather than `DIR/pkg/META`.
pub(super) type Place = (usize, bool);

#[derive(Debug, Clone)]
pub(super) struct DirectoryListing {
    pub(super) stamp: Stamp,
    pub(super) settled: bool,
    /// In the order of the directory.
    pub(super) names: Vec<(Arc<[u8]>, bool)>,
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

    /// Whether the directories are as they were listed.
    pub(super) fn is_current(&self, search_path: &[Box<[u8]>]) -> bool {
        search_path.iter().all(|directory| {
            let metadata = std::fs::metadata(sys::os_str(directory));
            match (self.directories.get(directory), metadata) {
                (Some(known), Ok(metadata)) => known.holds(Stamp::of(&metadata)),
                (None, Err(_)) => true,
                _ => false,
            }
        })
    }

    pub(super) fn places(&self, main: &[u8]) -> &[Place] {
        self.places.get(main).map(Vec::as_slice).unwrap_or_default()
    }

    /// The names that can be the first component of a package name. Like `ocamlfind list` this passes over the `META.pkg~` that editors
    /// leave.
    pub(super) fn reachable(&self) -> impl Iterator<Item = &Arc<[u8]>> {
        let names = self.names.iter();
        names.filter(|name| !name.contains(&b'.') && !name.ends_with(b"~"))
    }
}

impl DirectoryListing {
    /// Whether the directory is as it was listed, when it has this stamp now.
    fn holds(&self, stamp: Stamp) -> bool {
        self.settled && self.stamp == stamp
    }
}

/// `None` if the directory cannot be read: it then holds no package.
fn list(directory: &[u8], known: Option<&DirectoryListing>) -> Option<DirectoryListing> {
    let stamp = Stamp::of(&std::fs::metadata(sys::os_str(directory)).ok()?);
    if let Some(known) = known.filter(|known| known.holds(stamp)) {
        return Some(known.clone());
    }
    let looked_at = SystemTime::now();
    let mut names = Vec::new();
    let listed = sys::list(directory, &mut |name, maybe_directory| {
        if let Some(main) = name.strip_prefix(b"META.").filter(|main| !main.is_empty()) {
            names.push((main.into(), true));
        }
        if maybe_directory {
            names.push((name.into(), false));
        }
    });
    listed.ok()?;
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
        self.by_main.reserve(names.len());
        self.files.reserve(names.len());
        // A file has two packages in the mean.
        self.packages.reserve(2 * names.len());
        self.by_name.reserve(2 * names.len());
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

    /// Locates names, on several threads when there are many: most of the time goes into system calls and parsing.
    fn locate_all(&self, names: &[Arc<[u8]>]) -> Vec<Result<Option<MetaFile>, Error>> {
        let threads = names.len() / FEW;
        if threads < 2 {
            return names.iter().map(|name| self.locate(name)).collect();
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.min(processors).min(4);
        let next = AtomicUsize::new(0);
        let locate = || {
            let mut located = Vec::with_capacity(names.len());
            loop {
                let first = next.fetch_add(PART, Ordering::Relaxed);
                let Some(part) = names.get(first..names.len().min(first + PART)) else {
                    return located;
                };
                for (index, name) in part.iter().enumerate() {
                    located.push((first + index, self.locate(name)));
                }
            }
        };
        let mut located: Vec<Option<_>> = Vec::new();
        located.resize_with(names.len(), || None);
        std::thread::scope(|scope| {
            // This thread does not wait for others to start: where processors sleep, that takes longer than many files.
            // Nor does it need them: where the system gives none, it does it all.
            let start = |_| std::thread::Builder::new().spawn_scoped(scope, locate);
            let workers: Vec<_> = (1..threads).flat_map(start).collect();
            let mut put = |results| {
                for (index, result) in results {
                    located[index] = Some(result);
                }
            };
            put(locate());
            for worker in workers {
                put(worker.join().unwrap_or_default());
            }
        });
        // A thread that could not finish has left nothing; its part is done here.
        let located = located.into_iter().zip(names);
        located
            .map(|(located, name)| located.unwrap_or_else(|| self.locate(name)))
            .collect()
    }

    /// See [`Listing::reachable`].
    pub(crate) fn reachable_names(&self) -> Vec<Arc<[u8]>> {
        let listed = self.listing.iter().flat_map(Listing::reachable);
        let mut names: Vec<Arc<[u8]>> = listed.cloned().collect();
        for own in self.names_of_compiler() {
            // A directory may have the name and no META file.
            if !names.contains(&own) {
                names.push(own);
            }
        }
        names
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
