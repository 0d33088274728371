//! What killed processes left: found by name, known by its free lock.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{LOCK, NEW_PREFIX, PREFIX, ignore_missing};

/// Removes the workspaces of processes that ended without doing so themselves: nobody holds their lock.
pub(super) fn remove_abandoned(parent: &Path) {
    let user = rustix::process::geteuid().as_raw();
    for path in named_as_workspaces(parent) {
        // Not through a link, and not what another user put there to be removed by us.
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        if !metadata.is_dir() || metadata.uid() != user {
            continue;
        }
        match File::open(path.join(LOCK)) {
            Ok(lock) if lock.try_lock().is_ok() => {
                let _ = remove_abandoned_workspace(&path);
            }
            Ok(_) => {}
            // Its process was killed before it had the lock or after it gave it up, or foreign files keep it. One
            // that is only about to take the lock makes another directory.
            Err(_) => {
                let _ = fs::remove_dir(&path);
            }
        }
    }
}

/// What has the name of a workspace in a directory, which may hold much else and is looked at by every start.
#[cfg(target_os = "linux")]
fn named_as_workspaces(parent: &Path) -> Vec<PathBuf> {
    use rustix::fs::{Mode, OFlags, RawDir};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(directory) = rustix::fs::open(parent, flags, Mode::empty()) else {
        return Vec::new();
    };
    let mut buffer = [std::mem::MaybeUninit::uninit(); 8192];
    let mut entries = RawDir::new(directory, &mut buffer);
    let mut found = Vec::new();
    while let Some(Ok(entry)) = entries.next() {
        let name = entry.file_name().to_bytes();
        if is_name_of_workspace(name) {
            found.push(parent.join(OsStr::from_bytes(name)));
        }
    }
    found
}

#[cfg(not(target_os = "linux"))]
fn named_as_workspaces(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(|entry| is_name_of_workspace(entry.file_name().as_bytes()))
        .map(|entry| entry.path())
        .collect()
}

fn is_name_of_workspace(name: &[u8]) -> bool {
    name.starts_with(PREFIX.as_bytes()) || name.starts_with(NEW_PREFIX.as_bytes())
}

/// Removes a workspace whose lock is held by this thread. The lock goes last: without it, what is left when this process is
/// killed meanwhile could not be told from foreign files.
fn remove_abandoned_workspace(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name() == LOCK {
            continue;
        }
        ignore_missing(match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path()),
            false => fs::remove_file(entry.path()),
        })?;
    }
    ignore_missing(fs::remove_file(path.join(LOCK)))?;
    ignore_missing(fs::remove_dir(path))
}
