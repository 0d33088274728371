//! The private directories of this process, and those that killed processes left.
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use crate::random;
use crate::uninterrupted::flock;

/// How the names of private directories begin.
const PREFIX: &str = "embedded-archive.";

/// How often [`remove_tree`] begins again.
const ATTEMPTS: usize = 1000;

/// What this process has to remove.
struct Live {
    /// The directories, each with the process that made it: a forked child inherits the list, but the directories are its
    /// parent's.
    directories: BTreeMap<PathBuf, u32>,
    /// The process that is ending, and makes no more.
    ended: Option<u32>,
}

static LIVE: Mutex<Live> = Mutex::new(Live {
    directories: BTreeMap::new(),
    ended: None,
});

fn live() -> MutexGuard<'static, Live> {
    LIVE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

type Work = Box<dyn FnOnce() + Send>;

static BEFORE_FIRST: Mutex<Option<Work>> = Mutex::new(None);

/// Do `work` before this process makes its next private directory, once. A program that may make none can so leave it until
/// then to install handlers of signals, or a thread that waits for them.
///
/// Work given before, and not yet done, is replaced.
pub fn before_first_fresh(work: impl FnOnce() + Send + 'static) {
    *before_first() = Some(Box::new(work));
}

fn before_first() -> MutexGuard<'static, Option<Work>> {
    BEFORE_FIRST
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A directory of mode 0700 that is removed with its contents when this value is dropped.
#[derive(Debug)]
pub(crate) struct Private {
    path: PathBuf,
    /// Locked as long as the process lives: that is how others know, and systemd-tmpfiles(8) skips locked directories.
    pub(crate) lock: File,
}

impl Private {
    pub(crate) fn create(parent: &Path) -> io::Result<Self> {
        super::exit::register();
        // The lock is held meanwhile: another thread waits too.
        if let Some(work) = before_first().take() {
            work();
        }
        // Another process that clears leftovers may take the new directory before it is locked: then a new name.
        for _ in 0..64 {
            let path = parent.join(format!("{PREFIX}{}", random::hexadecimal()?));
            let made = make(&path).and_then(|()| lock(&path));
            match made {
                Ok(Some(lock)) => return Ok(Self { path, lock }),
                Ok(None) => {
                    live().directories.remove(&path);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    live().directories.remove(&path);
                }
                Err(error) => {
                    let _ = fs::remove_dir(&path);
                    live().directories.remove(&path);
                    return Err(error);
                }
            }
        }
        Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "each new directory was taken away",
        ))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the directory now and says whether that worked.
    pub(crate) fn close(self) -> io::Result<()> {
        self.remove()
    }

    /// Leaves the directory to the caller.
    pub(crate) fn keep(self) -> PathBuf {
        live().directories.remove(&self.path);
        self.path.clone()
    }

    /// The directory stays in the list until it is gone: a process that ends while a thread is at it waits for that.
    fn remove(&self) -> io::Result<()> {
        let owner = live().directories.get(&self.path).copied();
        let removed = match owner {
            Some(owner) if owner == std::process::id() => remove_tree(&self.path),
            _ => Ok(()),
        };
        live().directories.remove(&self.path);
        removed
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}

/// Makes a directory and puts it in the list, both at once: the end of the process finds it there, or it is not made.
fn make(path: &Path) -> io::Result<()> {
    let own = std::process::id();
    let mut live = live();
    if live.ended == Some(own) {
        return Err(io::Error::other("the process is ending"));
    }
    fs::DirBuilder::new().mode(0o700).create(path)?;
    live.directories.insert(path.to_owned(), own);
    Ok(())
}

/// Locks a directory; `None` when it is gone or another process has it.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let flags = (OFlags::DIRECTORY | OFlags::NOFOLLOW).bits() as i32;
    let directory = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    // Any other error is that of a file system without locks: nobody else can lock it either, so nobody takes it for a
    // leftover.
    if flock(&directory, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
        return Ok(None);
    }
    let opened = directory.metadata()?;
    let still_there = fs::symlink_metadata(path)
        .is_ok_and(|there| (there.dev(), there.ino()) == (opened.dev(), opened.ino()));
    Ok(still_there.then_some(directory))
}

/// Removes the directories in `parent` that killed processes of this user left, and returns how many.
///
/// A directory is a leftover when its lock is free: the system frees locks with the process, however it dies.
/// [`Fresh::extract`](crate::Fresh::extract) does this in the directory it chooses.
pub fn remove_leftovers(parent: impl AsRef<Path>) -> usize {
    let Ok(children) = fs::read_dir(parent.as_ref()) else {
        return 0;
    };
    let user = rustix::process::geteuid().as_raw();
    let mut removed = 0;
    for child in children.flatten() {
        if !child
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX))
        {
            continue;
        }
        let path = child.path();
        if !fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir() && found.uid() == user)
            || live().directories.contains_key(&path)
        {
            continue;
        }
        let flags = (OFlags::DIRECTORY | OFlags::NOFOLLOW).bits() as i32;
        let Ok(directory) = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(&path)
        else {
            continue;
        };
        // Where locks do not work nothing tells the dead from the living.
        if directory.try_lock().is_ok() && fs::remove_dir_all(&path).is_ok() {
            removed += 1;
        }
    }
    removed
}

/// Removes every private directory of this process that is still there, and returns how many. None is made any more: what
/// another thread extracts meanwhile fails.
///
/// [`std::process::exit`] does it by itself, through `atexit`. It is for ends that run neither destructors nor that,
/// such as `_exit` or [`std::process::abort`]. Paths into the directories are dangling from then on.
pub fn remove_all_fresh() -> usize {
    let own = std::process::id();
    let directories: Vec<PathBuf> = {
        let mut live = live();
        live.ended = Some(own);
        let paths = live
            .directories
            .iter()
            .filter(|(_, owner)| **owner == own)
            .map(|(path, _)| path.clone())
            .collect();
        live.directories.clear();
        paths
    };
    directories
        .iter()
        .filter(|directory| remove_tree(directory).is_ok())
        .count()
}

/// Removes a directory to which another thread may still be extracting when the process ends: a file that it makes
/// meanwhile keeps the directory for one more attempt. Without the directory it can make no more.
/// Another thread may be removing it too.
fn remove_tree(path: &Path) -> io::Result<()> {
    let mut attempts = 0..ATTEMPTS;
    loop {
        let Err(error) = fs::remove_dir_all(path) else {
            return Ok(());
        };
        let raced = match error.kind() {
            io::ErrorKind::NotFound if fs::symlink_metadata(path).is_err() => return Ok(()),
            io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty => true,
            _ => false,
        };
        if !raced || attempts.next().is_none() {
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_private_directory_is_private_and_goes_with_its_value() {
        let parent = tempfile::tempdir().unwrap();
        let private = Private::create(parent.path()).unwrap();
        let path = private.path().to_owned();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
            0o700
        );
        fs::write(path.join("file"), "").unwrap();
        drop(private);
        assert!(!path.exists());
        let kept = Private::create(parent.path()).unwrap().keep();
        assert!(kept.is_dir());
        let closed = Private::create(parent.path()).unwrap();
        fs::remove_dir(closed.path()).unwrap();
        closed.close().unwrap();
    }

    #[test]
    fn what_is_to_be_done_before_the_first_directory_is_done_once() {
        use std::sync::atomic::{AtomicU32, Ordering};
        static DONE: AtomicU32 = AtomicU32::new(0);
        let parent = tempfile::tempdir().unwrap();
        let empty = parent.path().to_owned();
        before_first_fresh(move || {
            let is_empty = fs::read_dir(empty).unwrap().next().is_none();
            DONE.fetch_add(if is_empty { 1 } else { 100 }, Ordering::SeqCst);
        });
        let _first = Private::create(parent.path()).unwrap();
        assert_eq!(DONE.load(Ordering::SeqCst), 1);
        let _second = Private::create(parent.path()).unwrap();
        assert_eq!(DONE.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_directory_in_which_another_thread_still_makes_files_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("tree");
        for _ in 0..20 {
            fs::create_dir(&path).unwrap();
            let started = std::sync::Barrier::new(2);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    started.wait();
                    for number in 0..200 {
                        if fs::write(path.join(number.to_string()), "").is_err() {
                            return;
                        }
                    }
                });
                started.wait();
                remove_tree(&path).unwrap();
            });
            assert!(!path.exists());
        }
    }

    #[test]
    fn leftovers_are_removed_and_locked_or_foreign_things_stay() {
        let parent = tempfile::tempdir().unwrap();
        let leftover = parent.path().join(format!("{PREFIX}dead"));
        fs::create_dir_all(leftover.join("sub")).unwrap();
        fs::write(leftover.join("sub/file"), "").unwrap();
        let locked = parent.path().join(format!("{PREFIX}locked"));
        fs::create_dir(&locked).unwrap();
        let lock = File::open(&locked).unwrap();
        lock.lock().unwrap();
        fs::create_dir(parent.path().join("other")).unwrap();
        fs::write(parent.path().join(format!("{PREFIX}file")), "").unwrap();
        std::os::unix::fs::symlink("/", parent.path().join(format!("{PREFIX}link"))).unwrap();
        let alive = Private::create(parent.path()).unwrap();

        assert_eq!(remove_leftovers(parent.path()), 1);
        assert!(!leftover.exists() && locked.exists() && alive.path().exists());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 5);
        assert_eq!(remove_leftovers(parent.path().join("absent")), 0);
    }
}
