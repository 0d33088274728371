//! Removing trees: dead ones always, other versions on request.
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, chmodat, renameat, unlinkat};
use rustix::io::Errno;
use rustix::path::Arg;

use super::SharedError;
use super::root::{DIRECTORY, LOCK, Root, refuse};
use crate::digest::TreeId;
use crate::extract::place::Refusal;
use crate::random;
use crate::uninterrupted::{fchmod, flock, openat};

/// What [`clean_shared`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Cleaned {
    /// How many trees were removed.
    pub removed: usize,
    /// How many others stayed because a process uses them.
    pub in_use: usize,
}

/// Removes the trees below `root` that are none of `keep` and that no process uses, and what dead processes left.
///
/// Nothing else removes a tree: a program that was replaced by a newer version calls this when it likes, with the
/// identities it still needs. A directory that is no root, where nothing was ever extracted to, is left as it is.
///
/// ```
/// use embedded_archive::{Archive, Builder, Shared, SharedOptions, clean_shared};
///
/// let root = tempfile::tempdir()?;
/// let mut builder = Builder::new();
/// builder.bytes("file", "text")?;
/// let archive = Archive::from_bytes(builder.build()?)?;
///
/// let shared = Shared::open(&archive, root.path(), &SharedOptions::new())?;
/// assert_eq!(clean_shared(root.path(), &[])?.in_use, 1);
/// drop(shared);
/// assert_eq!(clean_shared(root.path(), &[archive.tree()])?.removed, 0);
/// assert_eq!(clean_shared(root.path(), &[])?.removed, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`SharedError::Refused`] and [`SharedError::Untrusted`], if the root cannot be used.
pub fn clean_shared(root: impl AsRef<Path>, keep: &[TreeId]) -> Result<Cleaned, SharedError> {
    let path = root.as_ref();
    if !path.exists() {
        return Ok(Cleaned::default());
    }
    let root = Root::open(path, false)?;
    // Directories of others may have names like those of trees.
    if statat_is_missing(&root, LOCK) {
        return Ok(Cleaned::default());
    }
    let keep: Vec<String> = keep.iter().map(TreeId::directory_name).collect();
    let mut cleaned = Cleaned::default();
    let names =
        names(root.directory.as_fd()).map_err(|error| refuse(&root.path, Refusal::Io(error)))?;
    for name in &names {
        let is_tree = name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_tree && !keep.contains(name) {
            match take(&root, name) {
                true => cleaned.removed += 1,
                false => cleaned.in_use += 1,
            }
        }
    }
    for name in &names {
        if let Some(tree) = name.strip_suffix(".stamp")
            && statat_is_missing(&root, tree)
        {
            let _ = unlinkat(&root.directory, name, AtFlags::empty());
        }
    }
    if root.lock(std::time::Duration::ZERO).is_some() {
        dead(&root);
    }
    Ok(cleaned)
}

fn statat_is_missing(root: &Root, name: &str) -> bool {
    rustix::fs::statat(&root.directory, name, AtFlags::SYMLINK_NOFOLLOW).err() == Some(Errno::NOENT)
}

/// Moves a tree away if nobody uses it, and removes it.
pub(super) fn take(root: &Root, name: &str) -> bool {
    let Ok(top) = open_to_remove(root.directory.as_fd(), name) else {
        return false;
    };
    // Without locks nothing tells whether it is used.
    if flock(&top, FlockOperation::NonBlockingLockExclusive).is_err() {
        return false;
    }
    let Ok(random) = random::hexadecimal() else {
        return false;
    };
    let trash = format!(".trash-{random}");
    if renameat(&root.directory, name, &root.directory, &trash).is_err() {
        return false;
    }
    remove_now(root, &trash);
    true
}

/// Removes what dead processes left; the caller holds the lock.
pub(super) fn dead(root: &Root) {
    let Ok(names) = names(root.directory.as_fd()) else {
        return;
    };
    for name in names {
        if [".stage-", ".trash-", ".stamp-"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            remove(root, &name);
        }
    }
}

/// Removes a tree, or whatever has the name, unless a process has it locked.
pub(super) fn remove(root: &Root, name: &str) {
    if let Ok(top) = openat(&root.directory, name, DIRECTORY, Mode::empty())
        && flock(&top, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
    {
        return;
    }
    remove_now(root, name);
}

/// Removes a tree, or whatever has the name. What cannot be removed stays for the next time.
pub(super) fn remove_now(root: &Root, name: &str) {
    let _ = remove_below(root.directory.as_fd(), name);
}

fn remove_below(parent: BorrowedFd<'_>, name: impl Arg + Copy) -> io::Result<()> {
    let Ok(directory) = open_to_remove(parent, name) else {
        return match unlinkat(parent, name, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?),
            done => Ok(done?),
        };
    };
    empty(&directory)?;
    Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?)
}

/// Opens a directory. One that its owner may not read, for instance after `chmod 0`, gets the rights back first.
fn open_to_remove(parent: BorrowedFd<'_>, name: impl Arg + Copy) -> Result<OwnedFd, Errno> {
    match openat(parent, name, DIRECTORY, Mode::empty()) {
        // Not of a link, which would be followed here: opening one gives ENOTDIR or ELOOP.
        Err(Errno::ACCESS) => {
            chmodat(parent, name, Mode::from_raw_mode(0o700), AtFlags::empty())?;
            openat(parent, name, DIRECTORY, Mode::empty())
        }
        opened => opened,
    }
}

fn empty(directory: &OwnedFd) -> io::Result<()> {
    // Trees are read-only, and a directory's entries can be removed only by who may write to it.
    fchmod(directory, Mode::from_raw_mode(0o700))?;
    for child in Dir::read_from(directory)? {
        let child = child?;
        let name = child.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        match child.file_type() {
            // Some file systems do not say.
            FileType::Directory | FileType::Unknown => remove_below(directory.as_fd(), name)?,
            _ => unlinkat(directory, name, AtFlags::empty())?,
        }
    }
    Ok(())
}

fn names(directory: BorrowedFd<'_>) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for child in Dir::read_from(directory)? {
        names.extend(child?.file_name().to_str().map(str::to_owned));
    }
    Ok(names)
}
