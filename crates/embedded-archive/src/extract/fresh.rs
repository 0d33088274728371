//! Extraction to a private directory that lives as long as a value.
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::live::{self, Private};
use super::memory::{Memory, MemoryError};
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
    memory: bool,
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

    /// Whether to keep the files in memory when no place takes them, with a directory of links to them; default false.
    ///
    /// It takes a place that is writable, be it small or `noexec`, and `/proc`. See [`Memory`].
    pub fn memory(mut self, memory: bool) -> Self {
        self.memory = memory;
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
pub struct Fresh {
    directory: Private,
    /// The files, when the directory holds only links to them.
    memory: Option<Memory>,
}

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
            let mut checked = place::check(directory, need);
            // What killed processes left there may be what takes the room.
            if matches!(&checked, Err(refusal) if refusal.is_lack_of_room())
                && live::remove_leftovers(directory) > 0
            {
                checked = place::check(directory, need);
            }
            let refusal = match checked {
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
        match options
            .memory
            .then(|| Self::in_memory(archive, options, places.directories()))
            .transpose()?
        {
            Some(Some(fresh)) => Ok(fresh),
            _ => Err(FreshError::NoPlace { tried }),
        }
    }

    /// Files in memory and links in the first place that takes some; `None` when the system cannot.
    fn in_memory(
        archive: &Archive,
        options: &FreshOptions,
        places: &[PathBuf],
    ) -> Result<Option<Self>, FreshError> {
        let nodes = need(archive, options.selection, false).nodes;
        let links = Need {
            bytes: nodes * 4096,
            nodes,
            executable: false,
        };
        let Some(place) = places
            .iter()
            .find(|place| place::check(place, links).is_ok())
        else {
            return Ok(None);
        };
        let memory = match Memory::load(archive, options.selection) {
            Ok(memory) => memory,
            Err(MemoryError::Read(error)) => return Err(FreshError::Read(error)),
            Err(_) => return Ok(None),
        };
        live::remove_leftovers(place);
        let directory = Private::create(place)
            .and_then(|private| memory.link(private.path()).map(|()| private));
        Ok(directory.ok().map(|directory| Self {
            directory,
            memory: Some(memory),
        }))
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
            Ok(()) => Ok(Ok(Self {
                directory: private,
                memory: None,
            })),
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
        self.directory.path()
    }

    /// Whether the files are in memory and the directory holds links to them, which work while this value lives.
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// Removes the directory now; dropping the value does it too, and hides errors.
    ///
    /// # Errors
    /// What removing gave; the next extraction in the same place tries again.
    pub fn close(self) -> io::Result<()> {
        self.directory.close()
    }

    /// Leaves the directory, which the caller removes then. Files in memory go all the same.
    #[must_use]
    pub fn keep(self) -> PathBuf {
        self.directory.keep()
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
