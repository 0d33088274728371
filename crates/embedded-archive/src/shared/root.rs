//! The root of the shared trees: made, checked, locked.
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{
    CWD, FileType, FlockOperation, Mode, OFlags, Stat, StatVfsMountFlags, fstat, fstatvfs,
};
use rustix::io::Errno;

use super::SharedError;
use crate::extract::place::{Need, Refusal, Refused, from_io};
use crate::uninterrupted::{flock, openat};

/// An open root.
pub(super) struct Root {
    /// Without symbolic links.
    pub(super) path: PathBuf,
    pub(super) directory: OwnedFd,
}

/// The file that is locked while a tree is made. It stays, and shows that a directory is a root.
pub(super) const LOCK: &str = ".lock";

pub(super) const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl Root {
    /// Opens a root, making it first if there is none.
    pub(super) fn open(path: &Path, executable: bool) -> Result<Self, SharedError> {
        let refused = |error| {
            refuse(
                path,
                from_io(
                    error,
                    Need {
                        bytes: 0,
                        nodes: 0,
                        executable,
                    },
                ),
            )
        };
        make(path).map_err(refused)?;
        let path = fs::canonicalize(path).map_err(refused)?;
        let refused = |error: Errno| {
            refuse(
                &path,
                from_io(
                    error.into(),
                    Need {
                        bytes: 0,
                        nodes: 0,
                        executable,
                    },
                ),
            )
        };
        let directory = openat(CWD, &path, DIRECTORY, Mode::empty()).map_err(refused)?;
        let found = fstat(&directory).map_err(refused)?;
        if let Some(problem) = distrust(&found) {
            return Err(SharedError::Untrusted { path, problem });
        }
        let system = fstatvfs(&directory).map_err(refused)?;
        if executable && system.f_flag.contains(StatVfsMountFlags::NOEXEC) {
            return Err(refuse(&path, Refusal::NoExec));
        }
        Ok(Self { path, directory })
    }

    /// Takes the lock, or gives up after `patience`: then the caller goes on without it.
    pub(super) fn lock(&self, patience: Duration) -> Option<File> {
        // NONBLOCK: a FIFO in its place must not hold the process up.
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&self.directory, LOCK, flags, Mode::from_raw_mode(0o600)).ok()?;
        let end = Instant::now() + patience;
        let mut pause = Duration::from_micros(500);
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Some(File::from(file)),
                Err(Errno::WOULDBLOCK) if Instant::now() < end => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(10));
                }
                // ENOLCK, ENOTSUP: a file system without locks.
                Err(_) => return None,
            }
        }
    }
}

pub(super) fn refuse(path: &Path, refusal: Refusal) -> SharedError {
    SharedError::Refused(Box::new(Refused {
        directory: path.to_owned(),
        refusal,
    }))
}

/// Why others could change what is in a directory.
///
/// Programs that unpacked below `/var/tmp` without this check could be made to run others' code
/// (dotnet/runtime#3846).
fn distrust(found: &Stat) -> Option<&'static str> {
    if FileType::from_raw_mode(found.st_mode) != FileType::Directory {
        return Some("it is not a directory");
    }
    if !is_owner_trusted(found) {
        return Some("it belongs to another user");
    }
    if found.st_mode & 0o022 != 0 {
        return Some("its group or everybody may write to it");
    }
    None
}

/// Whether a file belongs to this user or to root.
pub(super) fn is_owner_trusted(found: &Stat) -> bool {
    found.st_uid == 0 || found.st_uid == rustix::process::geteuid().as_raw()
}

/// Makes a directory and those above it, with mode 0755 whatever the umask: with umask 0 it would be one that everybody
/// may write to, with 0777 one that nobody may.
fn make(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o755).create(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(0o755)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            Some(parent) => {
                make(parent)?;
                make(path)
            }
            None => Err(error),
        },
        // Whatever there is, opening says whether it will do; a read-only file system may hold a good tree.
        Err(_) if path.exists() => Ok(()),
        Err(error) => Err(error),
    }
}
