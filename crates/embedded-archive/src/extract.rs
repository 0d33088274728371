//! Extraction: the files of an archive as files on disk.
pub(crate) mod exit;
pub(crate) mod fresh;
pub(crate) mod live;
pub(crate) mod memory;
pub(crate) mod place;
#[cfg(feature = "signals")]
pub(crate) mod signals;
pub(crate) mod tree;

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::archive::Archive;
use crate::group::Selection;
use crate::read::ReadError;

/// The error returned when files of an archive are written to a directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// The archive cannot be read, or is damaged.
    #[error("could not extract from the archive")]
    Read(#[source] Box<ReadError>),
    /// Something on disk cannot be written.
    #[error("could not write `{path}`")]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is longer than the process may write; going on would kill it with SIGXFSZ (setrlimit(2)).
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

impl From<ReadError> for ExtractError {
    fn from(error: ReadError) -> Self {
        Self::Read(Box::new(error))
    }
}

/// How many threads extract when the caller does not say: more gain nothing over the disk.
pub(crate) fn default_threads() -> NonZeroUsize {
    std::thread::available_parallelism().map_or(NonZeroUsize::MIN, |available| available.min(TWO))
}

const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

impl Archive {
    /// Writes the selected files below `directory`, which is made if there is none, and flushes nothing.
    ///
    /// Every file is checked against its digest. A file that exists already is an error, never overwritten; symbolic
    /// links are not followed. Files get the mode 0444, executable ones 0555, directories 0755, whatever the umask.
    /// After an error, what was written stays.
    ///
    /// ```
    /// use embedded_archive::{Archive, Builder, Selection};
    ///
    /// let directory = tempfile::tempdir()?;
    /// let mut builder = Builder::new();
    /// builder.bytes("a/b", "text")?;
    /// Archive::from_bytes(builder.build()?)?.extract(directory.path(), Selection::all())?;
    /// assert_eq!(std::fs::read(directory.path().join("a/b"))?, b"text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ExtractError`].
    pub fn extract(
        &self,
        directory: impl AsRef<Path>,
        selection: Selection,
    ) -> Result<(), ExtractError> {
        let directory = directory.as_ref();
        let write = |source| ExtractError::Write {
            path: directory.to_owned(),
            source,
        };
        std::fs::create_dir_all(directory).map_err(write)?;
        let top = tree::open_directory(rustix::fs::CWD, directory).map_err(write)?;
        tree::write(
            self,
            selection,
            &top,
            directory,
            tree::Modes { directory: 0o755 },
            default_threads(),
        )
    }
}

#[cfg(test)]
mod tests;
