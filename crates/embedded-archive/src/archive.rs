//! An open archive.
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::digest::{Digest, TreeId};
use crate::format::Damage;
use crate::format::index::{Index, Record};
use crate::format::superblock::{self, Refusal, Superblock};
use crate::group::{Group, Selection};
use crate::source::Source;

/// Where an archive was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Carrier {
    /// In memory: linked into the program, or built by it.
    Memory,
    /// It is a file of its own.
    File,
    /// At the end of another file, named by the trailer there.
    Trailer,
    /// In a section of an ELF file.
    Section,
}

/// The error returned when an archive is opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be read.
    #[error("could not read `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file carries no archive.
    #[error("no archive in `{path}`: {looked_for}")]
    NotFound {
        /// The file.
        path: PathBuf,
        /// What was looked for, and where.
        looked_for: String,
    },
    /// The archive has a format that this version of the crate does not read.
    #[error(
        "the archive in `{path}` has format {major}.{minor}; this program reads formats {}.x to {}.x",
        crate::format::MAJOR,
        crate::format::WOVEN
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The archive's major version.
        major: u16,
        /// The archive's minor version.
        minor: u16,
    },
    /// The archive is damaged.
    #[error("the archive in `{path}` is damaged: {damage}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
}

/// A source, and where in it an archive starts.
pub(crate) struct Location {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) base: u64,
    pub(crate) carrier: Carrier,
    pub(crate) path: PathBuf,
}

/// An open archive: index read and checked, contents read when asked for.
///
/// Clones share everything. All methods take `&self` and may be called from several threads.
///
/// ```
/// use embedded_archive::{Archive, Builder};
///
/// let mut builder = Builder::new();
/// builder.bytes("greeting.txt", "hello")?.bytes("data/one", [1, 2, 3])?;
/// let archive = Archive::from_bytes(builder.build()?)?;
///
/// assert_eq!(archive.entries().map(|entry| entry.name()).collect::<Vec<_>>(), ["data/one", "greeting.txt"]);
/// assert_eq!(archive.read("greeting.txt")?, b"hello");
/// archive.verify()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Archive(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) location: Location,
    pub(crate) superblock: Superblock,
    pub(crate) index: Index,
}

impl Archive {
    /// Opens an archive that is in memory, as [`Builder::build`](crate::Builder::build) made it.
    ///
    /// # Errors
    /// [`OpenError::NotFound`], [`OpenError::Version`] or [`OpenError::Damaged`], with the path `(memory)`.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, OpenError> {
        Self::from_source(bytes.into())
    }

    /// Opens an archive that was linked into the program, without copying it; see [`embed!`](crate::embed).
    ///
    /// # Errors
    /// As [`Archive::from_bytes`].
    pub fn from_static(bytes: &'static [u8]) -> Result<Self, OpenError> {
        Self::from_source(bytes)
    }

    /// Opens the archive that starts at the first byte of `source`.
    ///
    /// # Errors
    /// As [`Archive::from_bytes`], and [`OpenError::Io`].
    pub fn from_source(source: impl Source + 'static) -> Result<Self, OpenError> {
        Self::at(Location {
            source: Arc::new(source),
            base: 0,
            carrier: Carrier::Memory,
            path: PathBuf::from("(memory)"),
        })
    }

    pub(crate) fn at(location: Location) -> Result<Self, OpenError> {
        let damaged = |damage| OpenError::Damaged {
            path: location.path.clone(),
            damage,
        };
        let io = |source: io::Error| match source.kind() {
            io::ErrorKind::UnexpectedEof => damaged(Damage::Truncated),
            _ => OpenError::Io {
                path: location.path.clone(),
                source,
            },
        };
        let size = location.source.size().map_err(io)?;
        let available = size.saturating_sub(location.base);
        let mut buffer = Vec::new();
        let length = superblock::LENGTH.min(usize::try_from(available).unwrap_or(usize::MAX));
        let block = location
            .source
            .bytes_at(location.base, length, &mut buffer)
            .map_err(io)?;
        let superblock = Superblock::parse(block).map_err(|refusal| match refusal {
            Refusal::Foreign => OpenError::NotFound {
                path: location.path.clone(),
                looked_for: "its first 16 bytes are not those of an archive".into(),
            },
            Refusal::Version(major, minor) => OpenError::Version {
                path: location.path.clone(),
                major,
                minor,
            },
            Refusal::Damaged(damage) => damaged(damage),
        })?;
        if superblock.archive_length > available {
            return Err(damaged(Damage::Truncated));
        }
        // At most MAX_INDEX and known to be there: the allocation is bounded by the file's own length.
        let index = location
            .source
            .bytes_at(
                location.base + superblock.index_offset,
                superblock.index_length as usize,
                &mut buffer,
            )
            .map_err(io)?;
        let index = Index::parse(index, &superblock).map_err(damaged)?;
        Ok(Self(Arc::new(Inner {
            location,
            superblock,
            index,
        })))
    }

    /// The files, in the order of their names.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.0.index.records.iter().map(|record| Entry {
            index: &self.0.index,
            record,
        })
    }

    /// The file of this name.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<Entry<'_>> {
        self.0.index.find(name).map(|record| Entry {
            index: &self.0.index,
            record,
        })
    }

    /// The identity of the files, independent of how they are packed.
    #[must_use]
    pub fn tree(&self) -> TreeId {
        self.0.superblock.tree
    }

    /// The identity of the selected files alone; that of all files is [`Archive::tree`].
    #[must_use]
    pub fn tree_of(&self, selection: Selection) -> TreeId {
        let mut hasher = crate::digest::TreeHasher::new();
        for entry in self.entries().filter(|entry| selection.has(entry.group())) {
            hasher.file(
                entry.name(),
                entry.is_executable(),
                entry.group().0,
                entry.len(),
                &entry.digest(),
            );
        }
        hasher.finish()
    }

    /// How many bytes the archive has, packed, with its index.
    #[must_use]
    pub fn packed_len(&self) -> u64 {
        self.0.superblock.archive_length
    }

    /// How many bytes the selected files have, unpacked.
    #[must_use]
    pub fn unpacked_len(&self, selection: Selection) -> u64 {
        self.entries()
            .filter(|entry| selection.has(entry.group()))
            .map(|entry| entry.len())
            .sum()
    }

    /// The version of the format, major and minor.
    #[must_use]
    pub fn format_version(&self) -> (u16, u16) {
        (self.0.superblock.major, self.0.superblock.minor)
    }

    /// Where the archive was found.
    #[must_use]
    pub fn carrier(&self) -> Carrier {
        self.0.location.carrier
    }

    /// The file that carries the archive; `None` in memory.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        (self.0.location.carrier != Carrier::Memory).then_some(&*self.0.location.path)
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive")
            .field("path", &self.0.location.path)
            .field("carrier", &self.0.location.carrier)
            .field("tree", &self.tree())
            .field("files", &self.0.index.records.len())
            .finish()
    }
}

/// A file of an archive.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    index: &'a Index,
    record: &'a Record,
}

impl<'a> Entry<'a> {
    /// The name: relative, parts separated by `/`.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.index.name(self.record)
    }

    /// The length in bytes, unpacked.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "the length of a file is a property of it; an entry is not a container"
    )]
    pub fn len(&self) -> u64 {
        self.record.length
    }

    /// Whether the file is extracted with the right to execute it.
    #[must_use]
    pub fn is_executable(&self) -> bool {
        self.record.executable
    }

    /// The group that the packer gave it.
    #[must_use]
    pub fn group(&self) -> Group {
        Group(self.record.group)
    }

    /// The digest of the contents.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.record.digest
    }
}

impl std::fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("name", &self.name())
            .field("len", &self.len())
            .field("executable", &self.is_executable())
            .field("group", &self.group())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<OpenError>() <= 64);
    }

    #[test]
    fn foreign_and_short_bytes_are_no_archive() {
        for bytes in [&b""[..], b"x", &[0; 127], &[0; 128], &[0xff; 4096]] {
            assert!(
                matches!(Archive::from_bytes(bytes), Err(OpenError::NotFound { .. })),
                "{} bytes",
                bytes.len()
            );
        }
    }
}
