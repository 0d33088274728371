//! The kit in an archive: extracted, part by part, when it is needed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use dynloader::kit::{Kit, Need, Prepare, PrepareError};
use embedded_archive::{
    Archive, Cleaned, Fresh, FreshError, FreshOptions, MetadataError, OpenError, Places, Selection,
    Shared, SharedError, SharedOptions, Verify, clean_shared,
};
use ocaml_toolchain::threads;

use crate::metadata::{ArchiveMetadata, selection};

/// The error returned when there is no compiler to be had from an executable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CarriedError {
    /// There is no archive, or not a readable one.
    #[error("{}", describe(.0))]
    Open(#[source] Box<OpenError>),
    /// There is an archive, but not one of a compiler.
    #[error(
        "the archive that this executable carries does not hold an OCaml compiler of this version"
    )]
    Metadata(#[source] Box<MetadataError>),
}

fn describe(error: &OpenError) -> &'static str {
    match error {
        OpenError::NotFound { .. } => "this executable carries no OCaml compiler",
        _ => "the archive that this executable carries cannot be opened",
    }
}

/// A compiler in an archive, not yet extracted.
///
/// Cloning is cheap, and clones share what is extracted.
#[derive(Clone)]
pub struct CarriedCompiler {
    archive: Arc<Archive>,
    metadata: Arc<ArchiveMetadata>,
    extraction: Arc<Extraction>,
}

/// Where files of an archive are extracted to.
///
/// Private directories are looked for as [`Fresh::extract`] does: missing, read-only, full and `noexec` places are passed
/// over. Where none will do, the files are kept in memory, with links to them in any place that can be written to; an
/// error names every place and its fault.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ExtractTo {
    /// A private directory that goes with the compiler, in the first usable of the standard places.
    #[default]
    Fresh,
    /// The same in the first usable of these places.
    FreshIn(Places),
    /// A directory that is kept, and shared between the programs that carry the same files. One that cannot be used is
    /// an error that says why: whoever named it wants to know. A good tree in a directory that cannot be written to is
    /// used.
    Persistent {
        /// The directory; it belongs to this user alone.
        directory: PathBuf,
        /// How far files that are there already are trusted.
        verify: Verify,
    },
    /// The same, and a private directory where that one cannot be used: missing rights, a full or read-only file system,
    /// `noexec`. For applications that must start all the same. One that others can write to is still an error.
    PreferPersistent {
        /// The directory; it belongs to this user alone.
        directory: PathBuf,
        /// How far files that are there already are trusted.
        verify: Verify,
    },
}

/// The error when neither the persistent directory nor a private one takes the files.
#[derive(Debug, thiserror::Error)]
#[error("the persistent directory cannot be used ({}), nor can a private one be made", reason(.persistent))]
struct NowhereError {
    persistent: SharedError,
    source: FreshError,
}

/// An error with its causes, in one line.
fn reason(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", reason(source)),
        None => error.to_string(),
    }
}

struct Extraction {
    archive: Arc<Archive>,
    to: ExtractTo,
    made: Mutex<Made>,
}

/// What was extracted, held while the compiler is used: dropping it removes the fresh and releases the shared.
#[derive(Default)]
struct Made {
    fresh: Vec<Fresh>,
    shared: Vec<Shared>,
}

impl CarriedCompiler {
    /// The compiler that the running executable carries.
    ///
    /// # Errors
    /// See [`CarriedError`].
    pub fn of_current_exe(to: ExtractTo) -> Result<Self, CarriedError> {
        Self::new(Archive::of_current_exe(), to)
    }

    /// The compiler that the executable at `path` carries.
    ///
    /// # Errors
    /// See [`CarriedError`].
    pub fn of_executable(path: &Path, to: ExtractTo) -> Result<Self, CarriedError> {
        Self::new(Archive::of_executable(path), to)
    }

    /// The compiler in `archive`, for example one that was linked into the executable.
    ///
    /// # Errors
    /// [`CarriedError::Metadata`].
    pub fn of_archive(archive: Archive, to: ExtractTo) -> Result<Self, CarriedError> {
        Self::new(Ok(archive), to)
    }

    fn new(opened: Result<Archive, OpenError>, to: ExtractTo) -> Result<Self, CarriedError> {
        let archive = Arc::new(opened.map_err(|error| CarriedError::Open(Box::new(error)))?);
        let metadata = ArchiveMetadata::of(&archive)
            .map_err(|error| CarriedError::Metadata(Box::new(error)))?;
        let extraction = Extraction {
            archive: Arc::clone(&archive),
            to,
            made: Mutex::default(),
        };
        Ok(CarriedCompiler {
            archive,
            metadata: Arc::new(metadata),
            extraction: Arc::new(extraction),
        })
    }

    /// What the archive says of itself.
    #[must_use]
    pub fn metadata(&self) -> &ArchiveMetadata {
        &self.metadata
    }

    /// The archive.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The carried files by name, each with its digest. OCaml: `embedded_files`.
    pub fn embedded_files(&self) -> impl Iterator<Item = (&str, embedded_archive::Digest)> {
        self.archive
            .entries()
            .map(|entry| (entry.name(), entry.digest()))
    }

    /// A kit whose files are extracted when a compilation or a load first needs them.
    #[must_use]
    pub fn kit(&self) -> Kit {
        let preparation = Extracting(Arc::clone(&self.extraction));
        Kit::from_manifest(
            PathBuf::new(),
            self.metadata.kit.clone(),
            Some(Box::new(preparation)),
        )
    }

    /// Removes from a persistent directory what other programs, and other versions of this one, have extracted to it: all
    /// but the files of this compiler and what a process uses. Nothing else does: programs that are replaced by newer ones
    /// leave their files there.
    ///
    /// # Errors
    /// The directory cannot be used, or others can write to it.
    pub fn remove_others(&self, directory: &Path) -> Result<Cleaned, SharedError> {
        let own = [Need::Compile, Need::Load].map(|need| self.archive.tree_of(selection(need)));
        clean_shared(directory, &own)
    }

    /// Removes what was extracted to private directories. What was opened from there stays usable in this process, as
    /// the host image does; compilations and new kits extract again. Does nothing the second time.
    ///
    /// # Errors
    /// Everything that could not be removed.
    pub fn clean(&self) -> Result<(), CleanError> {
        let made = std::mem::take(&mut *self.extraction.made());
        let close = |fresh: Fresh| {
            let path = fresh.path().to_owned();
            fresh.close().err().map(|error| (path, error))
        };
        let failures: Vec<_> = made.fresh.into_iter().filter_map(close).collect();
        if failures.is_empty() {
            Ok(())
        } else {
            Err(CleanError { failures })
        }
    }
}

impl std::fmt::Debug for CarriedCompiler {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CarriedCompiler")
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

/// The error returned by [`CarriedCompiler::clean`].
#[derive(Debug)]
pub struct CleanError {
    /// Each directory that is still there, and why.
    pub failures: Vec<(PathBuf, std::io::Error)>,
}

impl std::fmt::Display for CleanError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("could not remove everything that was extracted: ")?;
        for (index, (path, error)) in self.failures.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(formatter, "{separator}`{}`: {error}", path.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for CleanError {}

struct Extracting(Arc<Extraction>);

#[async_trait]
impl Prepare for Extracting {
    async fn prepare(&self, need: Need) -> Result<PathBuf, PrepareError> {
        let extraction = Arc::clone(&self.0);
        let extracted = threads::unblock(move || extraction.extract(need)).await;
        extracted.map_err(|source| PrepareError { need, source })
    }

    fn prepare_blocking(&self, need: Need) -> Result<PathBuf, PrepareError> {
        let extracted = self.0.extract(need);
        extracted.map_err(|source| PrepareError { need, source })
    }
}

impl Extraction {
    fn made(&self) -> std::sync::MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn extract(&self, need: Need) -> Result<PathBuf, Box<dyn std::error::Error + Send + Sync>> {
        let selection = selection(need);
        let fresh = FreshOptions::new().selection(selection).memory(true);
        let extracted = match &self.to {
            ExtractTo::Fresh => self.fresh(&fresh)?,
            ExtractTo::FreshIn(places) => self.fresh(&fresh.places(places.clone()))?,
            ExtractTo::Persistent { directory, verify } => {
                self.shared(directory, selection, *verify)?
            }
            ExtractTo::PreferPersistent { directory, verify } => {
                match self.shared(directory, selection, *verify) {
                    Err(persistent @ (SharedError::Refused(_) | SharedError::Write { .. })) => self
                        .fresh(&fresh)
                        .map_err(|source| NowhereError { persistent, source })?,
                    extracted => extracted?,
                }
            }
        };
        Ok(extracted)
    }

    fn fresh(&self, options: &FreshOptions) -> Result<PathBuf, FreshError> {
        let fresh = Fresh::extract(&self.archive, options)?;
        let path = fresh.path().to_owned();
        self.made().fresh.push(fresh);
        Ok(path)
    }

    fn shared(
        &self,
        directory: &Path,
        selection: Selection,
        verify: Verify,
    ) -> Result<PathBuf, SharedError> {
        let options = SharedOptions::new().selection(selection).verify(verify);
        let shared = Shared::open(&self.archive, directory, &options)?;
        let path = shared.path().to_owned();
        self.made().shared.push(shared);
        Ok(path)
    }
}
