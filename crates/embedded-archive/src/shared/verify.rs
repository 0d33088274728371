//! Checking a tree that is there.
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, fstat, statat};
use rustix::io::Errno;

use super::root::{DIRECTORY, Root, is_owner_trusted};
use super::stamp::Look;
use super::{Outcome, SharedOptions, Verify};
use crate::archive::{Archive, Entry};
use crate::digest::{Digest, TreeId};
use crate::extract::{default_threads, tree};
use crate::group::Selection;
use crate::uninterrupted::{flock, openat};

/// The tree that is asked for.
pub(super) struct Wanted<'a> {
    /// The name of its directory.
    pub(super) name: String,
    /// The directories in it, each after the one above it.
    pub(super) directories: Vec<&'a str>,
    pub(super) files: Vec<WantedFile<'a>>,
}

pub(super) struct WantedFile<'a> {
    pub(super) name: &'a str,
    length: u64,
    executable: bool,
    digest: Digest,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(archive: &'a Archive, selection: Selection, tree: TreeId) -> Self {
        let file = |entry: Entry<'a>| WantedFile {
            name: entry.name(),
            length: entry.len(),
            executable: entry.is_executable(),
            digest: entry.digest(),
        };
        Self {
            name: tree.directory_name(),
            directories: tree::directories(&archive.0, selection)
                .into_iter()
                .collect(),
            files: archive
                .entries()
                .filter(|entry| selection.has(entry.group()))
                .map(file)
                .collect(),
        }
    }
}

/// Opens a directory of the root and pins it against removal. `None` when it is not there, is no directory, or is being
/// removed.
pub(super) fn pin(root: &Root, name: &str) -> Option<File> {
    let top = openat(&root.directory, name, DIRECTORY, Mode::empty()).ok()?;
    if flock(&top, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK) {
        return None;
    }
    // It may have been moved away before the lock.
    let (there, opened) = (
        statat(&root.directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?,
        fstat(&top).ok()?,
    );
    ((there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino)).then(|| File::from(top))
}

/// The tree that is there, if it is good.
pub(super) fn existing(
    root: &Root,
    wanted: &Wanted<'_>,
    options: &SharedOptions,
) -> Option<(File, Outcome)> {
    let top: OwnedFd = pin(root, &wanted.name)?.into();
    let found = fstat(&top).ok()?;
    if !is_owner_trusted(&found) || found.st_mode & 0o022 != 0 || found.st_mode & 0o500 != 0o500 {
        return None;
    }
    let look = Look::at(&top, wanted);
    if options.verify == Verify::Stamp
        && look
            .as_ref()
            .is_some_and(|look| look.is_stamped(root, wanted))
    {
        return Some((top.into(), Outcome::Stamped));
    }
    // The look was taken before the files are read: a change in between makes the stamp not fit.
    if !check(
        &top,
        wanted,
        options.threads.unwrap_or_else(default_threads),
    ) {
        return None;
    }
    if let Some(look) = look {
        look.stamp(root, wanted);
    }
    Some((top.into(), Outcome::Verified))
}

/// How much of a file is read at once.
const BUFFER: usize = 256 << 10;

/// Reads everything: exactly the wanted names, as plain files of their own with the right contents.
pub(super) fn check(top: &OwnedFd, wanted: &Wanted<'_>, threads: NonZeroUsize) -> bool {
    if !has_exactly(top, wanted).unwrap_or(false) {
        return false;
    }
    let next = AtomicUsize::new(0);
    let good = AtomicBool::new(true);
    let work = || {
        let mut buffer = Vec::new();
        if buffer.try_reserve_exact(BUFFER).is_err() {
            good.store(false, Ordering::Relaxed);
            return;
        }
        buffer.resize(BUFFER, 0);
        while let Some(file) = wanted
            .files
            .get(next.fetch_add(1, Ordering::Relaxed))
            .filter(|_| good.load(Ordering::Relaxed))
        {
            if !is_good(top, file, &mut buffer).unwrap_or(false) {
                good.store(false, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.get() {
            let _ = thread::Builder::new()
                .name("embedded-archive".into())
                .spawn_scoped(scope, work);
        }
        work();
    });
    good.into_inner()
}

/// Whether the tree has the wanted names and no others: a further `.cmi` or library could shadow a right one.
fn has_exactly(top: &OwnedFd, wanted: &Wanted<'_>) -> io::Result<bool> {
    let directories: HashSet<&str> = wanted.directories.iter().copied().collect();
    let files: HashSet<&str> = wanted.files.iter().map(|file| file.name).collect();
    let mut seen = 0;
    for directory in std::iter::once("").chain(wanted.directories.iter().copied()) {
        let opened = openat(
            top,
            if directory.is_empty() { "." } else { directory },
            DIRECTORY,
            Mode::empty(),
        )?;
        let found = fstat(&opened)?;
        if !is_owner_trusted(&found) || found.st_mode & 0o022 != 0 || found.st_mode & 0o500 != 0o500
        {
            return Ok(false);
        }
        for child in Dir::read_from(&opened)? {
            let child = child?;
            let Ok(part) = child.file_name().to_str() else {
                return Ok(false);
            };
            if part == "." || part == ".." {
                continue;
            }
            let name = if directory.is_empty() {
                part.to_owned()
            } else {
                format!("{directory}/{part}")
            };
            if !directories.contains(&*name) && !files.contains(&*name) {
                return Ok(false);
            }
            seen += 1;
        }
    }
    Ok(seen == directories.len() + files.len())
}

fn is_good(top: &OwnedFd, wanted: &WantedFile<'_>, buffer: &mut [u8]) -> io::Result<bool> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = File::from(openat(top, wanted.name, flags, Mode::empty())?);
    let found = fstat(&file)?;
    let sound = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
        && is_owner_trusted(&found)
        && found.st_mode & 0o022 == 0
        && found.st_mode & 0o400 != 0
        && (found.st_mode & 0o100 != 0) == wanted.executable
        && found.st_nlink == 1
        && found.st_size as u64 == wanted.length;
    if !sound {
        return Ok(false);
    }
    let mut hasher = blake3::Hasher::new();
    loop {
        match file.read(buffer) {
            Ok(0) => break,
            Ok(length) => _ = hasher.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(hasher.finalize().as_bytes() == wanted.digest.as_bytes())
}
