//! The files of a library's directory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The names in a directory, sorted.
#[derive(Debug, Clone, Default)]
pub(crate) struct DirectoryListing {
    pub(super) exists: bool,
    pub(super) files: Vec<std::ffi::OsString>,
}

impl DirectoryListing {
    pub(crate) fn read(directory: &Path) -> DirectoryListing {
        let Ok(entries) = std::fs::read_dir(directory) else {
            return DirectoryListing::default();
        };
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        files.sort_unstable();
        DirectoryListing {
            exists: true,
            files,
        }
    }

    /// Whether a file exists, asking the system only for one that is not directly in the listed directory.
    pub(super) fn contains(&self, directory: &Path, file: &Path) -> bool {
        match file.file_name() {
            Some(name) if file.parent() == Some(directory) => self
                .files
                .binary_search_by(|other| other.as_os_str().cmp(name))
                .is_ok(),
            _ => file.exists(),
        }
    }
}

/// Directories that have been listed, since several libraries may share one.
#[derive(Debug, Default)]
pub(crate) struct DirectoryListings {
    listings: HashMap<PathBuf, DirectoryListing>,
}

impl DirectoryListings {
    /// The listing of a directory, read when it is first asked for.
    pub(crate) fn of(&mut self, directory: &Path) -> &DirectoryListing {
        self.listings
            .entry(directory.to_path_buf())
            .or_insert_with_key(|directory| DirectoryListing::read(directory))
    }
}
