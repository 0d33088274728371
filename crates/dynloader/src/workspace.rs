//! The directory in which one loader compiles, and from which it loads.

mod abandoned;
mod live;

use std::borrow::Cow;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocaml_toolchain::files;

use crate::options::WorkspaceOptions;

use self::abandoned::remove_abandoned;
use self::live::Directory;
pub use self::live::shut_down;

/// What the names of all workspaces begin with.
const PREFIX: &str = "saddlebag-loader-";
/// What the names of workspaces begin with until their lock is held.
const NEW_PREFIX: &str = "saddlebag-new-loader-";
const LOCK: &str = ".lock";
/// How often a directory may be taken away before it is locked.
const ATTEMPTS: usize = 64;

/// The error returned when no workspace can be made, or nothing can be put into it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The directory for workspaces is not absolute.
    #[error("the directory `{}` to compile in is not absolute", directory.display())]
    NotAbsolute {
        /// The directory.
        directory: PathBuf,
    },
    /// No directory could be made there.
    #[error("cannot make a directory to compile in, in `{}`", directory.display())]
    Create {
        /// The directory for workspaces.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file system refuses to run code from its files, and what is to be loaded cannot be kept in memory.
    #[error("cannot load from `{}`: it is mounted noexec", directory.display())]
    NoExec {
        /// The directory for workspaces.
        directory: PathBuf,
    },
    /// The file system took the sources, and not what the compiler made of them.
    #[error("cannot compile in `{}`: no space is left", directory.display())]
    Full {
        /// The directory for workspaces.
        directory: PathBuf,
    },
    /// None of several directories will do. [`Options::or_in_dir`](crate::Options::or_in_dir) names one more.
    #[error("none of the directories to compile in can be used: {}", each(tried))]
    NoPlace {
        /// What is wrong with each, in the order in which they were tried.
        tried: Vec<Error>,
    },
    /// A file could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The errors with their causes, on one line.
fn each(tried: &[Error]) -> String {
    let told: Vec<String> = tried
        .iter()
        .map(|error| match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        })
        .collect();
    told.join("; ")
}

/// A fresh directory, held by a lock while its process lives, so that what killed processes leave can be told from what
/// is in use. Dropping it removes what the loader made; foreign files stay, and the directory with them. The end of the
/// process does so too.
#[derive(Debug)]
pub(crate) struct Workspace {
    directory: Arc<Directory>,
    /// See [`is_noexec`].
    noexec: bool,
    _lock: File,
}

/// A directory for one compilation or one load; dropping it removes it.
#[derive(Debug)]
pub(crate) struct JobDirectory {
    path: PathBuf,
}

impl Workspace {
    /// Makes a workspace in the first of the directories that can be used, and removes those that dead processes left
    /// there. Those that code can be run from go before the others, in which what needs no linker can be compiled.
    pub(crate) fn create(options: &WorkspaceOptions) -> Result<Workspace, Error> {
        let directories = directories(options);
        let runs_nothing = |directory: &&PathBuf| is_noexec(directory).unwrap_or(false);
        let (others, ordered): (Vec<&PathBuf>, Vec<&PathBuf>) =
            directories.iter().partition(runs_nothing);
        let mut tried = Vec::new();
        for directory in ordered.into_iter().chain(others) {
            match Workspace::create_in(directory, options.permissions) {
                Ok(workspace) => return Ok(workspace),
                Err(error) => tried.push(error),
            }
        }
        Err(match (tried.pop(), tried.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                tried.extend(last);
                Error::NoPlace { tried }
            }
        })
    }

    fn create_in(parent: &Path, permissions: u32) -> Result<Workspace, Error> {
        if !parent.is_absolute() {
            return Err(Error::NotAbsolute {
                directory: parent.to_owned(),
            });
        }
        let failed = |source| Error::Create {
            directory: parent.to_owned(),
            source,
        };
        let noexec = is_noexec(parent).map_err(failed)?;
        remove_abandoned(parent);
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for _ in 0..ATTEMPTS {
            match live::enter(|| make(parent, permissions)) {
                Ok((directory, lock)) => {
                    return Ok(Workspace {
                        directory,
                        noexec,
                        _lock: lock,
                    });
                }
                // Another process that removes what dead ones left came before the lock.
                Err(error) if error.kind() == io::ErrorKind::NotFound => last = error,
                Err(error) => return Err(failed(error)),
            }
        }
        Err(failed(last))
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A new directory in the workspace.
    pub(crate) fn job(&self) -> Result<JobDirectory, Error> {
        match self.directory.job() {
            Ok(path) => Ok(JobDirectory { path }),
            Err((path, source)) => Err(Error::Write { path, source }),
        }
    }

    /// As [`Workspace::job`], for files that are to be loaded.
    pub(crate) fn job_to_run_from(&self) -> Result<JobDirectory, Error> {
        if self.noexec {
            let parent = self.directory().parent();
            let directory = parent.unwrap_or(self.directory()).to_owned();
            return Err(Error::NoExec { directory });
        }
        self.job()
    }

    /// Removes the workspace, its jobs included; files that others put there stay, and the directory with them.
    pub(crate) fn remove(&self) -> io::Result<()> {
        self.directory.remove()
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}

/// Makes a directory in `parent` that is locked from the moment it has a name that others look for.
fn make(parent: &Path, permissions: u32) -> io::Result<(PathBuf, File)> {
    let new = tempfile::Builder::new()
        .prefix(NEW_PREFIX)
        .make_in(parent, |path| DirBuilder::new().mode(0o700).create(path))?;
    // The guard of `tempfile` would remove the directory under its old name only.
    let new = new.into_temp_path().keep().map_err(|error| error.error)?;
    let settled = settle(&new, parent, permissions);
    if settled.is_err() {
        let _ = fs::remove_dir_all(&new);
    }
    settled
}

fn settle(new: &Path, parent: &Path, permissions: u32) -> io::Result<(PathBuf, File)> {
    let mut lock = File::create_new(new.join(LOCK))?;
    lock.lock()?;
    let text = format!("held by process {} while it lives\n", std::process::id());
    files::check_length(text.len())?;
    // Also finds a full disk before a compiler does.
    lock.write_all(text.as_bytes())?;
    fs::set_permissions(new, fs::Permissions::from_mode(permissions))?;
    let name = new
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let directory = parent.join(name.replacen(NEW_PREFIX, PREFIX, 1));
    fs::rename(new, &directory)?;
    Ok((directory, lock))
}

impl JobDirectory {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory that the workspace was made in.
    fn place(&self) -> PathBuf {
        let place = self.path.ancestors().nth(2);
        place.unwrap_or(&self.path).to_owned()
    }

    /// Writes a file in the directory.
    pub(crate) fn write(&self, name: impl AsRef<Path>, contents: &[u8]) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        match files::write(&path, contents) {
            Ok(()) => Ok(path),
            Err(source) if source.kind() == io::ErrorKind::StorageFull => Err(Error::Full {
                directory: self.place(),
            }),
            Err(source) => Err(Error::Write { path, source }),
        }
    }
}

impl JobDirectory {
    /// Makes a folder in the directory.
    pub(crate) fn make_folder(&self, name: &str) -> Result<(), Error> {
        let path = self.path.join(name);
        fs::create_dir(&path).map_err(|source| Error::Write { path, source })
    }
}

impl Drop for JobDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// The error when a program that worked in the job directory `job` failed for want of space, by what it printed.
///
/// OCaml prints the words of strerror(3) and sets no locale; the assembler and the linker may print translated ones.
pub(crate) fn full(job: &Path, printed: &str) -> Option<Error> {
    const LITTLE: u64 = 4096;
    let told = printed.contains("No space left on device");
    let room = || {
        rustix::fs::statvfs(job).map_or(u64::MAX, |mount| {
            mount.f_bavail.saturating_mul(mount.f_frsize)
        })
    };
    let directory = job.ancestors().nth(2)?.to_owned();
    (told || room() < LITTLE).then_some(Error::Full { directory })
}

#[cfg(target_os = "linux")]
fn is_noexec(directory: &Path) -> io::Result<bool> {
    let mount = rustix::fs::statvfs(directory)?;
    Ok(mount.f_flag.contains(rustix::fs::StatVfsMountFlags::NOEXEC))
}

#[cfg(not(target_os = "linux"))]
fn is_noexec(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// The directories in which workspaces are made.
fn directories(options: &WorkspaceOptions) -> Cow<'_, [PathBuf]> {
    match &options.in_dirs[..] {
        [] => Cow::Owned(default_directories(chosen_directory())),
        named => Cow::Borrowed(named),
    }
}

/// The directory for temporary files that the user chose. An empty `TMPDIR` names none.
pub(crate) fn chosen_directory() -> Option<PathBuf> {
    let named = std::env::var_os("TMPDIR").filter(|named| !named.is_empty());
    named.map(PathBuf::from)
}

/// That of those who chose none (file-hierarchy(7)).
pub(crate) const TEMPORARY: &str = "/tmp";

/// Where workspaces are made when no directory is named. One that the user chose is never passed over; otherwise the
/// other directories for temporary files (file-hierarchy(7)) serve where nothing can be run from `/tmp`.
fn default_directories(chosen: Option<PathBuf>) -> Vec<PathBuf> {
    match chosen {
        Some(directory) => vec![directory],
        None => [TEMPORARY, "/var/tmp", "/dev/shm"]
            .map(PathBuf::from)
            .to_vec(),
    }
}

/// Removes what killed processes left where the options would have a workspace made: in the first directory that will
/// do, and in those before it.
pub(crate) fn sweep(options: &WorkspaceOptions) {
    for directory in directories(options).iter() {
        remove_abandoned(directory);
        if is_noexec(directory).is_ok_and(|noexec| !noexec) {
            break;
        }
    }
}

#[cfg(test)]
mod tests;
