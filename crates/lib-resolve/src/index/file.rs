//! Finding and reading the META file of a package.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::{ByBytes, PackageIndex};
use crate::cache::{Body, Reader, Writer};
use crate::meta::{self, Meta};
use crate::predicates::Predicates;
use crate::stamp::Stamp;
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
    /// Two META files describe one package, which findlib does not expect when it loads everything: `a.b/META` and a package `b` in
    /// `a/META`.
    #[error("package `{}` is defined a second time in `{}`", String::from_utf8_lossy(.name), file.display())]
    DefinedTwice {
        /// The package.
        name: Box<[u8]>,
        /// The second file.
        file: Box<PathBuf>,
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
    /// Whether the stamp tells every change since the file was read.
    pub(super) settled: bool,
    /// The number of the file's main package.
    pub(super) first_package: u32,
}

/// A place where the META file of a main package may be.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) path: Vec<u8>,
    /// How much of the path is the package directory that goes with the place.
    directory_length: usize,
    /// Whether this is a `META.pkg`, which must define `directory`.
    pub(super) directory_required: bool,
}

impl Candidate {
    /// `DIR/pkg/META`.
    pub(super) fn in_package_directory(entry: &[u8], main: &[u8]) -> Candidate {
        let mut path = Vec::with_capacity(entry.len() + main.len() + b"//META".len());
        path.extend_from_slice(entry);
        text::push_component(&mut path, main);
        let directory_length = path.len();
        text::push_component(&mut path, b"META");
        Candidate {
            path,
            directory_length,
            directory_required: false,
        }
    }

    /// `DIR/META.pkg`.
    pub(super) fn in_search_path(entry: &[u8], main: &[u8]) -> Candidate {
        Candidate {
            path: text::concat(entry, &[b"META.", main].concat()),
            directory_length: entry.len(),
            directory_required: true,
        }
    }

    /// Reads the file, unless what is known of it still holds; `None` if it does not exist.
    pub(super) fn load(self, known: &ByBytes<Arc<[u8]>, Known>) -> Result<Option<MetaFile>, Error> {
        if let Some(known) = known.get(&self.path[..]) {
            match std::fs::metadata(sys::os_str(&self.path)) {
                Ok(metadata) if Stamp::of(&metadata) == known.stamp => {
                    if let Some(meta) = known.meta() {
                        return self.finish(meta, known.stamp, true).map(Some);
                    }
                }
                Ok(_) => {}
                Err(_) => return Ok(None),
            }
        }
        let Some((source, stamp, settled)) = read(&self.path)? else {
            return Ok(None);
        };
        let meta = meta::parse_owned(source).map_err(|source| self.parse_error(source))?;
        self.finish(Arc::new(meta), stamp, settled).map(Some)
    }

    fn finish(self, meta: Arc<Meta>, stamp: Stamp, settled: bool) -> Result<MetaFile, Error> {
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
            directory: self.path[..self.directory_length].into(),
            path: self.path.into(),
            meta,
            stamp,
            settled,
            first_package: 0,
        })
    }

    fn parse_error(&self, source: meta::Error) -> Error {
        Error::Parse {
            file: boxed(&self.path),
            source: Box::new(source),
        }
    }
}

/// A META file as it was, with a stamp that tells every change since.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) stamp: Stamp,
    pub(super) content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    Parsed(Arc<Meta>),
    /// A part of a cache file, as [`written`] gives it.
    Stored(Arc<Body>, Range<usize>),
}

impl Known {
    /// `None` if what was stored is of no use.
    fn meta(&self) -> Option<Arc<Meta>> {
        match &self.content {
            Content::Parsed(meta) => Some(Arc::clone(meta)),
            Content::Stored(body, range) => {
                let mut reader = Reader::new(body.get(range.clone())?);
                let meta = Meta::read(&mut reader)?;
                reader.is_at_end().then(|| Arc::new(meta))
            }
        }
    }

    pub(super) fn stored(&self) -> Cow<'_, [u8]> {
        match &self.content {
            Content::Parsed(meta) => written(meta).into(),
            Content::Stored(body, range) => Cow::Borrowed(&body[range.clone()]),
        }
    }
}

/// A META file as a cache file holds it.
pub(super) fn written(meta: &Meta) -> Vec<u8> {
    let mut writer = Writer::default();
    meta.write(&mut writer);
    writer.into_bytes()
}

impl PackageIndex {
    /// The META file that decides about all names with this first component.
    pub(super) fn locate(&self, main: &[u8]) -> Result<Option<MetaFile>, Error> {
        for candidate in self.candidates(main) {
            if let Some(file) = candidate.load(&self.known)? {
                return Ok(Some(file));
            }
        }
        Ok(self.of_compiler(main))
    }

    /// The places to look at, in order: those that the listing knows, or all if there is no listing.
    pub(super) fn candidates<'a>(&'a self, main: &'a [u8]) -> impl Iterator<Item = Candidate> + 'a {
        // A listing holds the names of one level only.
        let listed = self
            .listing
            .as_ref()
            .filter(|_| !main.contains(&b'/') && main != b".");
        let entries = self.configuration.search_path_bytes();
        let places = match listed {
            Some(listing) => listing.places(main),
            None => &[],
        };
        // Without a listing, every place.
        let unlisted = if listed.is_some() { 0 } else { entries.len() };
        let unlisted = (0..unlisted).flat_map(|entry| [(entry, false), (entry, true)]);
        let places = places.iter().copied().chain(unlisted);
        places.map(move |(entry, in_search_path)| match in_search_path {
            false => Candidate::in_package_directory(&entries[entry], main),
            true => Candidate::in_search_path(&entries[entry], main),
        })
    }
}

/// The file's bytes; `None` when `stat` would fail, which is how findlib tells that a file does not exist.
fn read(path: &[u8]) -> Result<Option<(Vec<u8>, Stamp, bool)>, Error> {
    let unreadable = |opened, source| Error::Unreadable {
        file: boxed(path),
        opened,
        source,
    };
    let mut file = match File::open(sys::os_str(path)) {
        Ok(file) => file,
        // `stat` fails for the same reason; for others, such as a missing right to read, it may not.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) if !sys::exists(path) => return Ok(None),
        Err(source) => return Err(unreadable(false, source)),
    };
    let metadata = file.metadata().map_err(|source| unreadable(true, source))?;
    let source = read_to_end(&mut file, &metadata).map_err(|source| unreadable(true, source))?;
    let stamp = Stamp::of(&metadata);
    Ok(Some((source, stamp, stamp.is_settled(SystemTime::now()))))
}

/// As `Read::read_to_end`, without the last `read` of a regular file, which is known to be at its end.
fn read_to_end(file: &mut File, metadata: &Metadata) -> io::Result<Vec<u8>> {
    let mut source = Vec::new();
    if metadata.is_file() {
        source.reserve(usize::try_from(metadata.len()).unwrap_or(0).min(1 << 24));
        file.take(metadata.len()).read_to_end(&mut source)?;
    } else {
        file.read_to_end(&mut source)?;
    }
    Ok(source)
}

pub(super) fn boxed(path: &[u8]) -> Box<PathBuf> {
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
