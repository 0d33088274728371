//! Directories that may take an extraction, and why one does not.
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, StatVfsMountFlags, access, statvfs};

/// Where to try, in order.
///
/// ```
/// use embedded_archive::Places;
///
/// let places = Places::first("/var/lib/application").then(Places::standard());
/// assert_eq!(places.directories()[0], std::path::Path::new("/var/lib/application"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places(Vec<PathBuf>);

impl Places {
    /// This directory and no other.
    #[must_use]
    pub fn only(directory: impl Into<PathBuf>) -> Self {
        Self(vec![directory.into()])
    }

    /// This directory first; others follow with [`Places::then`].
    #[must_use]
    pub fn first(directory: impl Into<PathBuf>) -> Self {
        Self::only(directory)
    }

    /// `$TMPDIR`, `/tmp`, `$XDG_RUNTIME_DIR`, `$XDG_CACHE_HOME` or `$HOME/.cache`, `/var/tmp`, `/dev/shm`.
    ///
    /// It reads the environment now. Relative paths in it are left out (basedir-spec of freedesktop.org), and all of it
    /// in a process that runs with more rights than its caller (`AT_SECURE`, getauxval(3)).
    #[must_use]
    pub fn standard() -> Self {
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        Self::from_variables(if runs_with_more_rights() {
            &|_| None
        } else {
            &variable
        })
    }

    fn from_variables(variable: &dyn Fn(&str) -> Option<PathBuf>) -> Self {
        let absolute = |name| variable(name).filter(|path| path.is_absolute());
        let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
        let listed = [
            absolute("TMPDIR"),
            Some("/tmp".into()),
            absolute("XDG_RUNTIME_DIR"),
            cache,
            Some("/var/tmp".into()),
            Some("/dev/shm".into()),
        ];
        let mut places = Self(Vec::new());
        for directory in listed.into_iter().flatten() {
            if !places.0.contains(&directory) {
                places.0.push(directory);
            }
        }
        places
    }

    /// These, then `others`.
    #[must_use]
    pub fn then(mut self, others: Self) -> Self {
        for directory in others.0 {
            if !self.0.contains(&directory) {
                self.0.push(directory);
            }
        }
        self
    }

    /// The directories.
    #[must_use]
    pub fn directories(&self) -> &[PathBuf] {
        &self.0
    }
}

impl Default for Places {
    /// [`Places::standard`].
    fn default() -> Self {
        Self::standard()
    }
}

/// Whether the kernel marked the process as one with more rights than its caller: set-user-ID, set-group-ID or file
/// capabilities (`AT_SECURE`, getauxval(3)).
fn runs_with_more_rights() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    const AT_SECURE: u64 = 23;
    let auxiliary = std::fs::read("/proc/self/auxv").unwrap_or_default();
    let word = |bytes: &[u8]| bytes.try_into().map(u64::from_ne_bytes).unwrap_or(0);
    let marked = auxiliary
        .chunks_exact(16)
        .any(|pair| word(&pair[..8]) == AT_SECURE && word(&pair[8..]) != 0);
    marked || getuid() != geteuid() || getgid() != getegid()
}

/// A directory that did not take an extraction.
#[derive(Debug, thiserror::Error)]
#[error("`{directory}` {refusal}")]
pub struct Refused {
    /// The directory.
    pub directory: PathBuf,
    /// Why.
    #[source]
    pub refusal: Refusal,
}

/// Why a directory does not take an extraction.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It does not exist.
    #[error("does not exist")]
    Missing,
    /// It is no directory.
    #[error("is not a directory")]
    NotADirectory,
    /// Its file system is mounted read-only.
    #[error("is on a file system mounted read-only")]
    ReadOnly,
    /// Its file system is mounted with `noexec`.
    #[error("is on a file system mounted noexec, so that nothing in it can be executed")]
    NoExec,
    /// The process may not write into it.
    #[error("is not writable for this user")]
    NotWritable,
    /// There is too little space, or a quota is used up.
    #[error("has too little space: {needed} bytes are needed{}", available.map(|available| format!(", {available} are free")).unwrap_or_default())]
    Full {
        /// What the extraction needs, in bytes.
        needed: u64,
        /// What is free, in bytes; `None` when only writing showed it.
        available: Option<u64>,
    },
    /// There are too few inodes.
    #[error("has too few inodes: {needed} files are needed, {available} are free")]
    Inodes {
        /// How many files and directories the extraction makes.
        needed: u64,
        /// How many more the file system can have.
        available: u64,
    },
    /// Something else.
    #[error("cannot be used: {0}")]
    Io(io::Error),
}

impl Refusal {
    /// Whether removing files could help.
    pub(crate) fn is_lack_of_room(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Inodes { .. })
    }
}

/// What an extraction needs of a directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    pub(crate) bytes: u64,
    pub(crate) nodes: u64,
    pub(crate) executable: bool,
}

/// Checks without writing.
pub(crate) fn check(directory: &Path, need: Need) -> Result<(), Refusal> {
    match std::fs::metadata(directory) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(Refusal::NotADirectory),
        Err(error) => return Err(from_io(error, need)),
    }
    let system = statvfs(directory).map_err(|error| Refusal::Io(error.into()))?;
    if system.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Err(Refusal::ReadOnly);
    }
    if need.executable && system.f_flag.contains(StatVfsMountFlags::NOEXEC) {
        return Err(Refusal::NoExec);
    }
    access(directory, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| from_io(error.into(), need))?;
    let available = system.f_bavail.saturating_mul(system.f_frsize);
    // Some FUSE and network file systems count nothing.
    if system.f_blocks != 0 && available < need.bytes {
        return Err(Refusal::Full {
            needed: need.bytes,
            available: Some(available),
        });
    }
    if system.f_files != 0 && system.f_favail < need.nodes {
        return Err(Refusal::Inodes {
            needed: need.nodes,
            available: system.f_favail,
        });
    }
    Ok(())
}

/// What an error while writing says of the directory.
pub(crate) fn from_io(error: io::Error, need: Need) -> Refusal {
    match error.kind() {
        io::ErrorKind::NotFound => Refusal::Missing,
        io::ErrorKind::NotADirectory => Refusal::NotADirectory,
        io::ErrorKind::ReadOnlyFilesystem => Refusal::ReadOnly,
        io::ErrorKind::PermissionDenied => Refusal::NotWritable,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Refusal::Full {
            needed: need.bytes,
            available: None,
        },
        _ => Refusal::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Need = Need {
        bytes: 1,
        nodes: 1,
        executable: true,
    };

    fn listed(variables: &[(&str, &str)]) -> Vec<String> {
        let find = |name: &str| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| PathBuf::from(value))
        };
        Places::from_variables(&find)
            .0
            .iter()
            .map(|path| path.display().to_string())
            .collect()
    }

    #[test]
    fn the_standard_places_follow_the_environment_and_leave_relative_paths_out() {
        assert_eq!(listed(&[]), ["/tmp", "/var/tmp", "/dev/shm"]);
        assert_eq!(
            listed(&[
                ("TMPDIR", "tmp"),
                ("HOME", ""),
                ("XDG_RUNTIME_DIR", "./run")
            ]),
            ["/tmp", "/var/tmp", "/dev/shm"]
        );
        assert_eq!(
            listed(&[("TMPDIR", "/t"), ("HOME", "/h"), ("XDG_RUNTIME_DIR", "/r")]),
            ["/t", "/tmp", "/r", "/h/.cache", "/var/tmp", "/dev/shm"]
        );
        assert_eq!(
            listed(&[("TMPDIR", "/tmp"), ("HOME", "/h"), ("XDG_CACHE_HOME", "/c")]),
            ["/tmp", "/c", "/var/tmp", "/dev/shm"]
        );
    }

    #[test]
    fn each_fault_of_a_directory_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(check(directory.path(), SMALL).is_ok());
        assert!(matches!(
            check(&directory.path().join("absent"), SMALL),
            Err(Refusal::Missing)
        ));
        assert!(matches!(check(&file, SMALL), Err(Refusal::NotADirectory)));
        assert!(matches!(
            check(&file.join("below"), SMALL),
            Err(Refusal::NotADirectory)
        ));
        let huge = Need {
            bytes: u64::MAX,
            ..SMALL
        };
        assert!(matches!(
            check(directory.path(), huge),
            Err(Refusal::Full {
                needed: u64::MAX,
                available: Some(_)
            })
        ));
    }
}
