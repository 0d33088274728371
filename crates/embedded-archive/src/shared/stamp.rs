//! The stamp: how the inodes of a tree looked when every file was read and found right.
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, renameat, statat, unlinkat};

use super::root::{Root, is_owner_trusted};
use super::verify::Wanted;
use crate::random;
use crate::uninterrupted::{fchmod, openat};

const MAGIC: &[u8; 10] = b"\x8bEASTMP\n\x01\x00";
const LENGTH: usize = MAGIC.len() + 32;
/// File systems tick in steps of up to 10 ms: a file changed so soon after its stamp could have the same times.
const RACY: i128 = 20_000_000;

/// What a tree looks like now.
pub(super) struct Look {
    digest: [u8; 32],
    /// The latest `ctime`, in nanoseconds of the system's clock.
    latest: i128,
}

impl Look {
    /// Looks at every file and directory; `None` when one is missing, or when the system's boot has no name.
    pub(super) fn at(top: &OwnedFd, wanted: &Wanted<'_>) -> Option<Self> {
        // After a crash a file may have lost its contents and kept its inode. So a stamp holds for one boot, which costs
        // less than flushing every file (proc_sys_kernel(5): random/boot_id).
        let boot = std::fs::read("/proc/sys/kernel/random/boot_id")
            .ok()
            .filter(|boot| !boot.is_empty())?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&boot);
        let found = fstat(top).ok()?;
        // Not the ctime: publishing renames the directory after this.
        for value in [
            found.st_dev,
            found.st_ino,
            u64::from(found.st_mode),
            found.st_mtime as u64,
            found.st_mtime_nsec as u64,
        ] {
            hasher.update(&value.to_le_bytes());
        }
        let mut latest = 0;
        for name in wanted
            .directories
            .iter()
            .copied()
            .chain(wanted.files.iter().map(|file| file.name))
        {
            let found = statat(top, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            for value in [
                found.st_ino,
                found.st_size as u64,
                u64::from(found.st_mode),
                found.st_mtime as u64,
                found.st_mtime_nsec as u64,
                found.st_ctime as u64,
                found.st_ctime_nsec as u64,
            ] {
                hasher.update(&value.to_le_bytes());
            }
            latest = latest.max(nanoseconds(
                found.st_ctime as i128,
                found.st_ctime_nsec as i128,
            ));
        }
        Some(Self {
            digest: *hasher.finalize().as_bytes(),
            latest,
        })
    }

    /// Whether the stamp says that a tree of this look was good.
    pub(super) fn is_stamped(&self, root: &Root, wanted: &Wanted<'_>) -> bool {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(file) = openat(&root.directory, &stamp_name(wanted), flags, Mode::empty()) else {
            return false;
        };
        let Ok(found) = fstat(&file) else {
            return false;
        };
        if !is_sound(&found)
            || nanoseconds(found.st_mtime as i128, found.st_mtime_nsec as i128) < self.latest + RACY
        {
            return false;
        }
        let mut bytes = [0; LENGTH];
        File::from(file).read_exact(&mut bytes).is_ok()
            && bytes.starts_with(MAGIC)
            && bytes[MAGIC.len()..] == self.digest
    }

    /// Writes the stamp; without it the next process checks again, so errors are of no consequence.
    pub(super) fn stamp(&self, root: &Root, wanted: &Wanted<'_>) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.as_nanos() as i128);
        if now < self.latest + RACY {
            // It would not be believed.
            return;
        }
        let Ok(random) = random::hexadecimal() else {
            return;
        };
        let temporary = format!(".stamp-{random}");
        if self
            .write(root, &temporary)
            .and_then(|()| {
                Ok(renameat(
                    &root.directory,
                    &temporary,
                    &root.directory,
                    stamp_name(wanted),
                )?)
            })
            .is_err()
        {
            let _ = unlinkat(&root.directory, &temporary, AtFlags::empty());
        }
    }

    fn write(&self, root: &Root, name: &str) -> io::Result<()> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(
            root.directory.as_fd(),
            name,
            flags,
            Mode::from_raw_mode(0o600),
        )?;
        fchmod(&file, Mode::from_raw_mode(0o644))?;
        File::from(file).write_all(&[&MAGIC[..], &self.digest].concat())
    }
}

fn stamp_name(wanted: &Wanted<'_>) -> String {
    format!("{}.stamp", wanted.name)
}

fn is_sound(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
        && is_owner_trusted(found)
        && found.st_mode & 0o022 == 0
        && found.st_size == LENGTH as i64
}

fn nanoseconds(seconds: i128, nanoseconds: i128) -> i128 {
    seconds * 1_000_000_000 + nanoseconds
}
