//! The workspaces of this process, and what becomes of them when it ends without destructors.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use super::{LOCK, ignore_missing};

/// How often [`remove_tree`] begins again.
const ATTEMPTS: usize = 1000;

/// What this process has to remove.
struct Live {
    directories: Vec<Arc<Directory>>,
    /// The process is ending, and makes no more.
    ended: bool,
}

static LIVE: Mutex<Live> = Mutex::new(Live {
    directories: Vec::new(),
    ended: false,
});

/// The process that [`LIVE`] is about; zero before the first workspace. A forked child inherits the list, but the
/// directories are its parent's. Not in the list, whose lock another thread of the parent may hold for ever.
static OWNER: AtomicU32 = AtomicU32::new(0);

fn live() -> MutexGuard<'static, Live> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A workspace's directory as the end of the process sees it.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    owner: u32,
    jobs: Mutex<Jobs>,
}

#[derive(Debug)]
struct Jobs {
    /// The number of the last one.
    last: u64,
    /// No more are made.
    closed: bool,
}

/// Makes a directory with `make` and puts it in the list, both at once: the end of the process finds it there, or it is
/// not made. Gives what `make` gives besides the path.
pub(super) fn enter<T>(
    make: impl FnOnce() -> io::Result<(PathBuf, T)>,
) -> io::Result<(Arc<Directory>, T)> {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // When the table is full (ATEXIT_MAX), the next start removes what is left.
        let _ = shutdown_hooks::add_shutdown_hook(at_exit);
    });
    let own = std::process::id();
    let mut live = live();
    if OWNER.swap(own, Ordering::AcqRel) != own {
        live.directories.clear();
        live.ended = false;
    }
    if live.ended {
        return Err(io::Error::other("the process is ending"));
    }
    let (path, value) = make()?;
    let directory = Arc::new(Directory {
        path,
        owner: own,
        jobs: Mutex::new(Jobs {
            last: 0,
            closed: false,
        }),
    });
    live.directories.push(directory.clone());
    Ok((directory, value))
}

/// Ends what the loaders of this process are doing and removes their directories; from then on none of them works.
/// Returns how many directories were removed.
///
/// The child processes are ended with [`ocaml_toolchain::running::shut_down`], which forbids new ones.
/// [`std::process::exit`] does all this by itself, through `atexit`, where a loader has a directory. The function is for
/// ends that run neither destructors nor that, such as a signal, `_exit` or [`std::process::abort`]. It takes locks: call
/// it from a thread, never from inside a signal handler.
pub fn shut_down() -> usize {
    // Before the directories: a compiler that is killed later would write into them again.
    ocaml_toolchain::running::shut_down();
    if OWNER.load(Ordering::Acquire) != std::process::id() {
        return 0;
    }
    let directories = {
        let mut live = live();
        live.ended = true;
        live.directories.clone()
    };
    let removed = directories
        .iter()
        .filter(|directory| directory.remove().is_ok());
    removed.count()
}

extern "C" fn at_exit() {
    let has_directories =
        || OWNER.load(Ordering::Acquire) == std::process::id() && !live().directories.is_empty();
    if has_directories() {
        shut_down();
    }
}

impl Directory {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the directory of one more job.
    pub(super) fn job(&self) -> Result<PathBuf, (PathBuf, io::Error)> {
        let mut jobs = self.jobs();
        jobs.last += 1;
        let path = self.path.join(jobs.last.to_string());
        if jobs.closed {
            return Err((path, io::Error::other("the loader was cleaned")));
        }
        match fs::create_dir(&path) {
            Ok(()) => Ok(path),
            Err(error) => Err((path, error)),
        }
    }

    /// Removes the directory with its jobs; files that others put there stay, and the directory with them. It is in the
    /// list until it is done: a process that ends while a thread is at it, or that failed to, does it again.
    pub(super) fn remove(&self) -> io::Result<()> {
        if self.owner != std::process::id() {
            return Ok(());
        }
        self.remove_files()?;
        live()
            .directories
            .retain(|directory| !std::ptr::eq(&**directory, self));
        Ok(())
    }

    fn remove_files(&self) -> io::Result<()> {
        let last = {
            let mut jobs = self.jobs();
            jobs.closed = true;
            jobs.last
        };
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let number = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            if number.is_some_and(|number: u64| number <= last) {
                remove_tree(&entry.path())?;
            }
        }
        ignore_missing(fs::remove_file(self.path.join(LOCK)))?;
        match ignore_missing(fs::remove_dir(&self.path)) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            removed => removed,
        }
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the directory of a job that may still be at work on another thread: a file that it makes meanwhile keeps the
/// directory for one more attempt. Without the directory it can make no more.
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
