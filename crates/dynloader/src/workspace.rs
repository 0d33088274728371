//! The directory in which one loader compiles, and from which it loads.

mod abandoned;
mod live;

use std::borrow::Cow;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    /// The file system refuses to run code from its files.
    #[error("cannot compile and load in `{}`: it is mounted noexec", directory.display())]
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
    _lock: File,
}

/// A directory for one compilation or one load; dropping it removes it.
#[derive(Debug)]
pub(crate) struct JobDirectory {
    path: PathBuf,
}

impl Workspace {
    /// Makes a workspace in the first of the directories that can be used, and removes those that dead processes left
    /// there.
    pub(crate) fn create(options: &WorkspaceOptions) -> Result<Workspace, Error> {
        let directories = directories(options);
        let mut tried = Vec::new();
        for directory in directories.iter() {
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
        if is_noexec(parent).map_err(failed)? {
            return Err(Error::NoExec {
                directory: parent.to_owned(),
            });
        }
        remove_abandoned(parent);
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for _ in 0..ATTEMPTS {
            match live::enter(|| make(parent, permissions)) {
                Ok((directory, lock)) => {
                    return Ok(Workspace {
                        directory,
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
    // Also finds a full disk before a compiler does.
    writeln!(
        lock,
        "held by process {} while it lives",
        std::process::id()
    )?;
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
        match fs::write(&path, contents) {
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
        [] => Cow::Owned(default_directories(std::env::var_os("TMPDIR").is_some())),
        named => Cow::Borrowed(named),
    }
}

/// Where workspaces are made when no directory is named. One that the user chose is never passed over; otherwise the
/// other directories for temporary files (file-hierarchy(7)) serve where nothing can be run from `/tmp`.
fn default_directories(chosen: bool) -> Vec<PathBuf> {
    let others: &[&str] = if chosen {
        &[]
    } else {
        &["/var/tmp", "/dev/shm"]
    };
    let others = others.iter().map(PathBuf::from);
    std::iter::once(std::env::temp_dir())
        .chain(others)
        .collect()
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
mod tests {
    use super::*;

    fn options(directory: &Path) -> WorkspaceOptions {
        WorkspaceOptions {
            in_dirs: vec![directory.to_owned()],
            permissions: 0o700,
        }
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_workspace_is_private_and_gone_when_dropped() {
        let parent = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(&options(parent.path())).unwrap();
        let mode = fs::metadata(workspace.directory())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
        let job = workspace.job().unwrap();
        job.write("x", b"1").unwrap();
        assert_eq!(names(parent.path()).len(), 1);
        drop(job);
        drop(workspace);
        assert!(names(parent.path()).is_empty());
    }

    #[test]
    fn the_permissions_are_those_asked_for() {
        let parent = tempfile::tempdir().unwrap();
        let options = WorkspaceOptions {
            permissions: 0o750,
            ..options(parent.path())
        };
        let workspace = Workspace::create(&options).unwrap();
        let mode = fs::metadata(workspace.directory())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o750);
    }

    #[test]
    fn foreign_files_stay_and_the_directory_with_them() {
        let parent = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(&options(parent.path())).unwrap();
        let directory = workspace.directory().to_owned();
        fs::write(directory.join("foreign"), "x").unwrap();
        let _job = workspace.job().unwrap();
        drop(workspace);
        assert_eq!(names(&directory), ["foreign"]);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_lives_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let abandoned = parent.path().join(format!("{PREFIX}dead"));
        fs::create_dir(&abandoned).unwrap();
        fs::write(abandoned.join(LOCK), "").unwrap();
        fs::create_dir(abandoned.join("1")).unwrap();
        fs::write(abandoned.join("1/plugin.ml"), "").unwrap();
        fs::create_dir(parent.path().join(format!("{NEW_PREFIX}unborn"))).unwrap();
        fs::create_dir(parent.path().join("saddlebag-other")).unwrap();
        let first = Workspace::create(&options(parent.path())).unwrap();
        let second = Workspace::create(&options(parent.path())).unwrap();
        assert!(!abandoned.exists());
        assert!(first.directory().exists() && second.directory().exists());
        assert_eq!(names(parent.path()).len(), 3);
    }

    #[test]
    fn workspaces_made_at_once_do_not_remove_each_other() {
        let parent = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let workspace = Workspace::create(&options(parent.path())).unwrap();
                        workspace.job().unwrap().write("x", b"1").unwrap();
                    }
                });
            }
        });
        assert!(names(parent.path()).is_empty());
    }

    #[test]
    fn only_a_user_who_chose_no_directory_is_given_another() {
        let temporary = std::env::temp_dir();
        assert_eq!(default_directories(true), std::slice::from_ref(&temporary));
        assert_eq!(
            default_directories(false),
            [temporary, "/var/tmp".into(), "/dev/shm".into()]
        );
    }

    #[test]
    fn what_a_killed_process_left_is_removed_from_a_directory_that_was_not_the_first() {
        let parent = tempfile::tempdir().unwrap();
        let abandoned = parent.path().join(format!("{PREFIX}dead"));
        fs::create_dir(&abandoned).unwrap();
        fs::write(abandoned.join(LOCK), "").unwrap();
        sweep(&WorkspaceOptions {
            in_dirs: vec![parent.path().join("missing"), parent.path().to_owned()],
            permissions: 0o700,
        });
        assert!(names(parent.path()).is_empty());
    }

    #[test]
    fn another_directory_is_tried_only_where_allowed() {
        let parent = tempfile::tempdir().unwrap();
        let missing = parent.path().join("missing");
        let Err(Error::Create { directory, source }) = Workspace::create(&options(&missing)) else {
            panic!("a workspace in a missing directory");
        };
        assert_eq!(
            (directory, source.kind()),
            (missing.clone(), io::ErrorKind::NotFound)
        );
        let neither = WorkspaceOptions {
            in_dirs: vec![missing.clone(), "relative".into()],
            permissions: 0o700,
        };
        let error = Workspace::create(&neither).unwrap_err().to_string();
        for part in [
            missing.to_str().unwrap(),
            "No such file or directory",
            "; the directory `relative` to compile in is not absolute",
        ] {
            assert!(error.contains(part), "{error}");
        }
        let both = WorkspaceOptions {
            in_dirs: vec![missing, parent.path().to_owned()],
            permissions: 0o700,
        };
        assert!(
            Workspace::create(&both)
                .unwrap()
                .directory()
                .starts_with(parent.path())
        );
    }

    #[test]
    fn a_compiler_that_found_no_space_names_the_directory_and_another_failure_does_not() {
        let parent = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(&options(parent.path())).unwrap();
        let job = workspace.job().unwrap();
        let printed = "File \"a.ml\", line 1:\nError: I/O error: No space left on device\n";
        let Some(Error::Full { directory }) = full(job.path(), printed) else {
            panic!("no error for a full disk");
        };
        assert_eq!(directory, parent.path());
        assert!(full(job.path(), "Error: Unbound value x").is_none());
    }

    #[test]
    fn a_relative_directory_is_refused() {
        let error = Workspace::create(&options(Path::new("relative"))).unwrap_err();
        assert!(matches!(error, Error::NotAbsolute { .. }));
        assert!(size_of::<Error>() <= 64);
    }
}
