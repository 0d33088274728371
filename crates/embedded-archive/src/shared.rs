//! Extraction to a directory that processes share and that stays.
//!
//! ```text
//! root/<tree>/         the files; never changed once it has this name
//! root/<tree>.stamp    says that the tree was good, and how its inodes looked then
//! root/.lock           held while a tree is made; saves work, nothing depends on it
//! root/.stage-<random> a tree being made        root/.trash-<random>  a tree being removed
//! ```
//! The rename of a complete tree gives correctness: whoever sees the name sees a whole tree. Processes that die, are
//! stopped or race each other cost time, never a wrong tree.
pub(crate) mod clean;
mod publish;
mod root;
mod stamp;
mod verify;

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::archive::Archive;
use crate::digest::TreeId;
use crate::extract::ExtractError;
use crate::extract::place::Refused;
use crate::group::Selection;
use crate::read::ReadError;
use root::Root;

/// The error returned by [`Shared::open`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SharedError {
    /// The directory cannot hold the files, or cannot take them now.
    #[error("no good tree of the archive's files in the directory, and none can be made there")]
    Refused(#[source] Box<Refused>),
    /// Others could change what is in the directory.
    #[error("`{path}` cannot be trusted: {problem}")]
    Untrusted {
        /// The directory.
        path: PathBuf,
        /// Why.
        problem: &'static str,
    },
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

impl From<ExtractError> for SharedError {
    fn from(error: ExtractError) -> Self {
        match error {
            ExtractError::Read(error) => Self::Read(error),
            ExtractError::Write { path, source } => Self::Write { path, source },
            ExtractError::FileSizeLimit {
                name,
                length,
                limit,
            } => Self::FileSizeLimit {
                name,
                length,
                limit,
            },
        }
    }
}

/// How far a tree that is there already is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Verify {
    /// By its stamp: inode, size, mode and times of every file are those of the last full check, in this boot of the
    /// system. Under a millisecond. A file changed by ordinary means changes its `ctime`, which nobody can set back.
    #[default]
    Stamp,
    /// By reading and digesting every file, each time.
    Always,
}

/// How a [`Shared`] came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The stamp was right.
    Stamped,
    /// Every file was read and was right.
    Verified,
    /// The files were extracted: there was no tree.
    Extracted,
    /// The files were extracted in place of a tree that was damaged.
    Repaired,
}

/// How [`Shared::open`] works.
///
/// ```
/// use embedded_archive::{SharedOptions, Verify};
///
/// let careful = SharedOptions::new().verify(Verify::Always);
/// assert_ne!(careful, SharedOptions::new());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until they are used"]
pub struct SharedOptions {
    selection: Selection,
    verify: Verify,
    threads: Option<NonZeroUsize>,
    patience: Duration,
    noexec: bool,
}

impl Default for SharedOptions {
    fn default() -> Self {
        Self {
            selection: Selection::all(),
            verify: Verify::Stamp,
            threads: None,
            patience: Duration::from_secs(10),
            noexec: false,
        }
    }
}

impl SharedOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which files to extract; default all. Each selection has a directory of its own.
    pub fn selection(mut self, selection: Selection) -> Self {
        self.selection = selection;
        self
    }

    /// How far a tree that is there is trusted; default [`Verify::Stamp`].
    pub fn verify(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
    }

    /// How many threads work; default two, or one on a machine with one processor.
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// How long another process that is extracting is waited for, before this one extracts too; default 10 seconds.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Whether a file system mounted `noexec` will do. Default false.
    pub fn noexec(mut self, noexec: bool) -> Self {
        self.noexec = noexec;
        self
    }
}

/// The files of an archive in a directory that processes share.
///
/// While the value lives, [`clean_shared`](crate::clean_shared) of any process leaves the directory alone. Dropping it
/// leaves the files for the next process.
///
/// The root must belong to this user or to root, and nobody else may write to it. Processes of the same user are
/// trusted: what they can do here they can do to the executable too.
///
/// ```
/// use embedded_archive::{Archive, Builder, Outcome, Shared, SharedOptions};
///
/// let root = tempfile::tempdir()?;
/// let mut builder = Builder::new();
/// builder.bytes("data/file", "text")?;
/// let archive = Archive::from_bytes(builder.build()?)?;
///
/// let first = Shared::open(&archive, root.path(), &SharedOptions::new())?;
/// assert_eq!(first.outcome(), Outcome::Extracted);
/// let second = Shared::open(&archive, root.path(), &SharedOptions::new())?;
/// assert_ne!(second.outcome(), Outcome::Extracted);
/// assert_eq!(std::fs::read(second.path().join("data/file"))?, b"text");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Shared {
    path: PathBuf,
    tree: TreeId,
    outcome: Outcome,
    /// Locked shared: a pin against removal.
    _pin: File,
}

impl Shared {
    /// Finds or makes a good tree of the selected files below `root`, which is made if there is none.
    ///
    /// A damaged tree is replaced. A root that cannot be written to is used if a good tree is there.
    ///
    /// # Errors
    /// [`SharedError`]. A caller may fall back to [`Fresh::extract`](crate::Fresh::extract).
    pub fn open(
        archive: &Archive,
        root: impl AsRef<Path>,
        options: &SharedOptions,
    ) -> Result<Self, SharedError> {
        let root = Root::open(root.as_ref(), !options.noexec)?;
        let tree = if options.selection == Selection::all() {
            archive.tree()
        } else {
            archive.tree_of(options.selection)
        };
        let wanted = verify::Wanted::new(archive, options.selection, tree);
        let found = |(pin, outcome): (File, Outcome)| Self {
            path: root.path.join(&wanted.name),
            tree,
            outcome,
            _pin: pin,
        };
        if let Some(good) = verify::existing(&root, &wanted, options) {
            return Ok(found(good));
        }
        let lock = root.lock(options.patience);
        // Another process may have made it meanwhile.
        if let Some(good) = verify::existing(&root, &wanted, options) {
            return Ok(found(good));
        }
        if lock.is_some() {
            clean::dead(&root);
        }
        publish::publish(&root, &wanted, archive, options).map(found)
    }

    /// The directory that holds the files.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The identity of the files there.
    #[must_use]
    pub fn tree(&self) -> TreeId {
        self.tree
    }

    /// How the directory came to be.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }
}

#[cfg(test)]
mod tests;
