//! Finding and reading the META file of a package.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::PackageIndex;
use crate::meta::{self, Meta};
use crate::predicates::Predicates;
use crate::{sys, text};

/// Why a META file that exists is of no use, or a name cannot be one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name has no component.
    #[error("`{}` is not a package name", String::from_utf8_lossy(.name))]
    InvalidName {
        /// The name.
        name: Box<[u8]>,
    },
    /// The file exists and cannot be read.
    #[error("could not read `{}`", file.display())]
    Unreadable {
        /// The file.
        file: Box<PathBuf>,
        /// Whether it could be opened, for instance because it is a directory.
        opened: bool,
        /// The cause.
        source: io::Error,
    },
    /// The file is not in META's syntax.
    #[error("could not parse `{}`", file.display())]
    Parse {
        /// The file.
        file: Box<PathBuf>,
        /// The fault.
        source: Box<meta::Error>,
    },
    /// A `META.pkg` whose main package does not say where its files are.
    #[error("`{}` needs a definition of `directory`", file.display())]
    DirectoryRequired {
        /// The file.
        file: Box<PathBuf>,
    },
}

/// A META file that has been read.
#[derive(Debug, Clone)]
pub(super) struct MetaFile {
    pub(super) path: Arc<[u8]>,
    /// The directory of the main package unless the file says otherwise.
    pub(super) directory: Arc<[u8]>,
    pub(super) meta: Arc<Meta>,
    pub(super) stamp: Stamp,
    /// The number of the file's main package.
    pub(super) first_package: u32,
}

/// What tells that a file is still the one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
    /// Time of the last change of the inode; it moves even when the modification time is set back.
    changed: i64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Stamp {
        #[cfg(unix)]
        let (inode, changed) = {
            use std::os::unix::fs::MetadataExt as _;
            (
                metadata.ino(),
                metadata
                    .ctime()
                    .wrapping_mul(1_000_000_000)
                    .wrapping_add(metadata.ctime_nsec()),
            )
        };
        #[cfg(not(unix))]
        let (inode, changed) = (0, 0);
        Stamp {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            inode,
            changed,
        }
    }
}

/// A place where the META file of a main package may be.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) path: Vec<u8>,
    /// The package directory that goes with the place.
    pub(super) directory: Vec<u8>,
    /// Whether this is a `META.pkg`, which must define `directory`.
    pub(super) directory_required: bool,
}

impl Candidate {
    /// `DIR/pkg/META`.
    pub(super) fn in_package_directory(entry: &[u8], main: &[u8]) -> Candidate {
        let directory = text::concat(entry, main);
        Candidate {
            path: text::concat(&directory, b"META"),
            directory,
            directory_required: false,
        }
    }

    /// `DIR/META.pkg`.
    pub(super) fn in_search_path(entry: &[u8], main: &[u8]) -> Candidate {
        let path = text::concat(entry, &[b"META.", main].concat());
        Candidate {
            path,
            directory: entry.to_vec(),
            directory_required: true,
        }
    }

    /// Reads the file; `None` if it does not exist.
    pub(super) fn load(self) -> Result<Option<MetaFile>, Error> {
        let Some((source, stamp)) = read(&self.path)? else {
            return Ok(None);
        };
        let meta = match meta::parse(&source) {
            Ok(meta) => meta,
            Err(source) => {
                return Err(Error::Parse {
                    file: boxed(&self.path),
                    source: Box::new(source),
                });
            }
        };
        self.finish(Arc::new(meta), stamp).map(Some)
    }

    pub(super) fn finish(self, meta: Arc<Meta>, stamp: Stamp) -> Result<MetaFile, Error> {
        if self.directory_required
            && meta
                .main()
                .lookup("directory", &Predicates::none())
                .is_none()
        {
            return Err(Error::DirectoryRequired {
                file: boxed(&self.path),
            });
        }
        Ok(MetaFile {
            path: self.path.into(),
            directory: self.directory.into(),
            meta,
            stamp,
            first_package: 0,
        })
    }
}

impl PackageIndex {
    /// The META file that decides about all names with this first component.
    pub(super) fn locate(&self, main: &[u8]) -> Result<Option<MetaFile>, Error> {
        for candidate in self.candidates(main) {
            if let Some(file) = candidate.load()? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    /// The places to look at, in order: those that the listing knows, or all if there is no listing.
    pub(super) fn candidates(&self, main: &[u8]) -> impl Iterator<Item = Candidate> {
        // A listing holds the names of one level only.
        let listed = self
            .listing
            .as_ref()
            .filter(|_| !main.contains(&b'/') && main != b".");
        let entries = self.configuration.search_path_bytes();
        let places = match listed {
            Some(listing) => listing.places(main),
            None => (0..entries.len())
                .flat_map(|entry| [(entry, false), (entry, true)])
                .collect(),
        };
        let main = main.to_vec();
        places
            .into_iter()
            .map(move |(entry, in_search_path)| match in_search_path {
                false => Candidate::in_package_directory(&entries[entry], &main),
                true => Candidate::in_search_path(&entries[entry], &main),
            })
    }
}

/// The file's bytes; `None` when `stat` would fail, which is how findlib tells that a file does not exist.
fn read(path: &[u8]) -> Result<Option<(Vec<u8>, Stamp)>, Error> {
    let unreadable = |opened, source| Error::Unreadable {
        file: boxed(path),
        opened,
        source,
    };
    let mut file = match File::open(sys::os_str(path)) {
        Ok(file) => file,
        Err(_) if !sys::exists(path) => return Ok(None),
        Err(source) => return Err(unreadable(false, source)),
    };
    let metadata = file.metadata().map_err(|source| unreadable(true, source))?;
    let mut source = Vec::with_capacity(metadata.len().min(1 << 24) as usize + 1);
    file.read_to_end(&mut source)
        .map_err(|source| unreadable(true, source))?;
    Ok(Some((source, Stamp::of(&metadata))))
}

fn boxed(path: &[u8]) -> Box<PathBuf> {
    Box::new(sys::path_buf(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_stay_small() {
        assert!(size_of::<Error>() <= 64);
    }
}
