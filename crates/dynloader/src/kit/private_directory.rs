//! Directories that hold code which will run: only their owner may write to them.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The error returned by [`ensure_private_directory`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateDirectoryError {
    /// The directory cannot be made or looked at.
    #[error("cannot use the directory `{}`", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The path is a link or a file.
    #[error("`{}` is not a directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// Another user owns the directory.
    #[error("the directory `{}` belongs to user {owner}; code that is run from it must be this user's own", path.display())]
    OtherOwner {
        /// The directory.
        path: PathBuf,
        /// The uid of its owner.
        owner: u32,
    },
    /// Other users may write to the directory.
    #[error("other users can write to the directory `{}` (mode {mode:03o}); code that is run from it would not be safe", path.display())]
    WritableByOthers {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// Makes `path` (mode 0700, with its parents) if it is missing, and checks that it is a directory of this user or root
/// that nobody else can write to.
///
/// # Errors
/// See [`PrivateDirectoryError`].
///
/// ```
/// let base = tempfile::tempdir()?;
/// let directory = base.path().join("cache");
/// dynloader::kit::ensure_private_directory(&directory)?;
/// assert!(directory.is_dir());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn ensure_private_directory(path: &Path) -> Result<(), PrivateDirectoryError> {
    let failed = |source| PrivateDirectoryError::Io {
        path: path.to_owned(),
        source,
    };
    let metadata = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(failed)?;
            std::fs::symlink_metadata(path)
        }
        metadata => metadata,
    };
    let metadata = metadata.map_err(failed)?;
    if !metadata.is_dir() {
        return Err(PrivateDirectoryError::NotADirectory {
            path: path.to_owned(),
        });
    }
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(PrivateDirectoryError::OtherOwner {
            path: path.to_owned(),
            owner,
        });
    }
    if mode & 0o022 != 0 {
        return Err(PrivateDirectoryError::WritableByOthers {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

/// The user's cache directory for Saddlebag: `$XDG_CACHE_HOME/saddlebag`, else `$HOME/.cache/saddlebag`; where `HOME` is not
/// set, as for services, the home directory is that of the system's user database.
///
/// `None` when none of them is an absolute path. This function reads those two variables of the environment
/// (XDG Base Directory Specification); nothing else in this crate does.
#[must_use]
pub fn default_cache_directory() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || Some(std::env::home_dir()?.join(".cache"));
    let base = cache
        .filter(|path| path.is_absolute())
        .or_else(|| home().filter(|path| path.is_absolute()))?;
    Some(base.join("saddlebag"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_missing_directory_is_made_for_its_owner_alone() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a/b");
        ensure_private_directory(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_directory_others_can_write_to_is_refused() {
        let base = tempfile::tempdir().unwrap();
        std::fs::set_permissions(base.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let error = ensure_private_directory(base.path()).unwrap_err();
        assert!(
            matches!(
                error,
                PrivateDirectoryError::WritableByOthers { mode: 0o777, .. }
            ),
            "{error}"
        );
    }

    #[test]
    fn a_link_to_a_directory_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let link = base.path().join("link");
        std::os::unix::fs::symlink(base.path(), &link).unwrap();
        let error = ensure_private_directory(&link).unwrap_err();
        assert!(
            matches!(error, PrivateDirectoryError::NotADirectory { .. }),
            "{error}"
        );
    }
}
