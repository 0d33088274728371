//! Extraction to a private directory that lives as long as a value.
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::live::{self, Private};
use super::place::{self, Need, Places, Refusal, Refused};
use super::{ExtractError, default_threads, tree};
use crate::archive::Archive;
use crate::group::Selection;
use crate::read::ReadError;

/// The error returned by [`Fresh::extract`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FreshError {
    /// No directory took the files.
    #[error("no directory can hold the files: {}", list(tried))]
    NoPlace {
        /// What was tried, in order, and why each did not do.
        tried: Vec<Refused>,
    },
    /// The archive cannot be read, or is damaged.
    #[error("could not extract from the archive")]
    Read(#[source] Box<ReadError>),
    /// A file is longer than the process may write.
    #[error("`{name}` has {length} bytes, but the process's limit for files is {limit}")]
    FileSizeLimit {
        /// The file of the archive.
        name: String,
        /// Its length.
        length: u64,
        /// The limit, `RLIMIT_FSIZE`.
        limit: u64,
    },
}

fn list(tried: &[Refused]) -> String {
    match tried {
        [] => "none was named".into(),
        _ => tried
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; "),
    }
}

/// How [`Fresh::extract`] works.
///
/// ```
/// use embedded_archive::{FreshOptions, Group, Places, Selection};
///
/// let options = FreshOptions::new().places(Places::only("/run/application")).selection(Selection::group(Group(1)));
/// assert_ne!(options, FreshOptions::new());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use = "options do nothing until they are used"]
pub struct FreshOptions {
    places: Option<Places>,
    selection: Selection,
    threads: Option<NonZeroUsize>,
    noexec: bool,
}

impl FreshOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where to try; default [`Places::standard`].
    pub fn places(mut self, places: Places) -> Self {
        self.places = Some(places);
        self
    }

    /// Which files to extract; default all.
    pub fn selection(mut self, selection: Selection) -> Self {
        self.selection = selection;
        self
    }

    /// How many threads work; default two, or one on a machine with one processor.
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Whether a file system mounted `noexec` will do: for files that are neither started nor loaded. Default false.
    pub fn noexec(mut self, noexec: bool) -> Self {
        self.noexec = noexec;
        self
    }
}

/// Files extracted to a private directory, which is removed when this value is dropped.
///
/// The directory has mode 0700, a name that nobody can guess, and is locked (flock(2)) while the process lives; a
/// process that is killed leaves it to the next [`Fresh::extract`] of the same user, which removes it. After a fork
/// only the parent removes it.
///
/// ```
/// use embedded_archive::{Archive, Builder, Fresh, FreshOptions};
///
/// let mut builder = Builder::new();
/// builder.bytes("data/file", "text")?;
/// let archive = Archive::from_bytes(builder.build()?)?;
///
/// let fresh = Fresh::extract(&archive, &FreshOptions::new())?;
/// let file = fresh.path().join("data/file");
/// assert_eq!(std::fs::read(&file)?, b"text");
/// drop(fresh);
/// assert!(!file.exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it removes the files"]
pub struct Fresh(Private);

impl Fresh {
    /// Extracts to the first of the places that is there, writable, allows execution and has room.
    ///
    /// A place that fails while it is written to, because of a quota for instance, is left clean for the next one.
    ///
    /// # Errors
    /// [`FreshError::NoPlace`] names every place and its fault.
    pub fn extract(archive: &Archive, options: &FreshOptions) -> Result<Self, FreshError> {
        let need = need(archive, options.selection, !options.noexec);
        let places = options.places.clone().unwrap_or_default();
        let mut tried = Vec::new();
        for directory in places.directories() {
            let refusal = match place::check(directory, need) {
                Ok(()) => match Self::extract_to(archive, options, directory, need)? {
                    Ok(fresh) => return Ok(fresh),
                    Err(refusal) => refusal,
                },
                Err(refusal) => refusal,
            };
            tried.push(Refused {
                directory: directory.clone(),
                refusal,
            });
        }
        Err(FreshError::NoPlace { tried })
    }

    fn extract_to(
        archive: &Archive,
        options: &FreshOptions,
        directory: &Path,
        need: Need,
    ) -> Result<Result<Self, Refusal>, FreshError> {
        live::remove_leftovers(directory);
        let private = match Private::create(directory) {
            Ok(private) => private,
            Err(error) => return Ok(Err(place::from_io(error, need))),
        };
        let top = match private.lock.try_clone() {
            Ok(top) => top.into(),
            Err(error) => return Ok(Err(Refusal::Io(error))),
        };
        let threads = options.threads.unwrap_or_else(default_threads);
        match tree::write(
            archive,
            options.selection,
            &top,
            private.path(),
            tree::Modes { directory: 0o700 },
            threads,
        ) {
            Ok(()) => Ok(Ok(Self(private))),
            Err(ExtractError::Write { source, .. }) => Ok(Err(place::from_io(source, need))),
            Err(ExtractError::Read(error)) => Err(FreshError::Read(error)),
            Err(ExtractError::FileSizeLimit {
                name,
                length,
                limit,
            }) => Err(FreshError::FileSizeLimit {
                name,
                length,
                limit,
            }),
        }
    }

    /// The directory that holds the files.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Removes the directory now; dropping the value does it too, and hides errors.
    ///
    /// # Errors
    /// What removing gave; the next extraction in the same place tries again.
    pub fn close(self) -> io::Result<()> {
        self.0.close()
    }

    /// Leaves the directory, which the caller removes then.
    #[must_use]
    pub fn keep(self) -> PathBuf {
        self.0.keep()
    }
}

/// What the selected files need: whole blocks, and the directories too.
pub(crate) fn need(archive: &Archive, selection: Selection, executable: bool) -> Need {
    const BLOCK: u64 = 4096;
    let directories = tree::directories(&archive.0, selection).len() as u64 + 1;
    let files = archive
        .entries()
        .filter(|entry| selection.has(entry.group()));
    let (bytes, count) = files.fold((0_u64, 0_u64), |(bytes, count), entry| {
        (
            bytes.saturating_add(entry.len().div_ceil(BLOCK) * BLOCK),
            count + 1,
        )
    });
    Need {
        bytes: bytes.saturating_add(directories * BLOCK),
        nodes: count + directories,
        executable,
    }
}
