//! Making a tree under another name, and giving it its name in one step.
use std::fs::File;
use std::os::fd::OwnedFd;

use rustix::fs::{FlockOperation, Mode, RenameFlags, mkdirat, renameat, renameat_with};
use rustix::io::Errno;

use super::root::{DIRECTORY, Root, refuse};
use super::verify::{self, Wanted};
use super::{Outcome, SharedError, SharedOptions, clean};
use crate::archive::Archive;
use crate::extract::fresh::need;
use crate::extract::place::{self, Refusal};
use crate::extract::{ExtractError, default_threads, tree};
use crate::random;
use crate::uninterrupted::{fchmod, flock, openat};

/// How often a name that others keep taking is tried for.
const ATTEMPTS: usize = 16;

/// Extracts, and publishes the result.
pub(super) fn publish(
    root: &Root,
    wanted: &Wanted<'_>,
    archive: &Archive,
    options: &SharedOptions,
) -> Result<(File, Outcome), SharedError> {
    let need = need(archive, options.selection, !options.noexec);
    let mut checked = place::check(&root.path, need);
    // The damaged tree itself may take the room that its repair needs. It goes at once if nobody uses it.
    if matches!(&checked, Err(refusal) if refusal.is_lack_of_room())
        && clean::take(root, &wanted.name)
    {
        checked = place::check(&root.path, need);
    }
    checked.map_err(|refusal| refuse(&root.path, refusal))?;
    let failed = |error: Errno| refuse(&root.path, place::from_io(error.into(), need));
    let random = random::hexadecimal().map_err(|error| refuse(&root.path, Refusal::Io(error)))?;
    let mut stage = Stage {
        root,
        name: format!(".stage-{random}"),
        published: false,
    };
    mkdirat(&root.directory, &stage.name, Mode::from_raw_mode(0o700)).map_err(failed)?;
    let top = open_stage(&stage).map_err(failed)?;
    let path = root.path.join(&stage.name);
    let threads = options.threads.unwrap_or_else(default_threads);
    match tree::write(
        archive,
        options.selection,
        &top,
        &path,
        tree::Modes { directory: 0o555 },
        threads,
    ) {
        Ok(()) => {}
        Err(ExtractError::Write { source, path }) => {
            return Err(match place::from_io(source, need) {
                Refusal::Io(source) => SharedError::Write { path, source },
                refusal => refuse(&root.path, refusal),
            });
        }
        Err(error) => return Err(error.into()),
    }
    fchmod(&top, Mode::from_raw_mode(0o555)).map_err(failed)?;
    let outcome = give_name(root, wanted, &stage, options)?;
    match outcome {
        Given::Theirs(file) => Ok((file, Outcome::Verified)),
        Given::Ours(outcome) => {
            // No stamp: its times would be too close to those of the files to be believed. The next process writes it.
            stage.published = true;
            Ok((top.into(), outcome))
        }
    }
}

/// Opens and pins the stage. The lock also keeps others from taking it for a dead one.
fn open_stage(stage: &Stage<'_>) -> Result<OwnedFd, Errno> {
    // With umask 0777 the new directory cannot be opened by its owner.
    let path = stage.root.path.join(&stage.name);
    let _ = rustix::fs::chmod(&path, Mode::from_raw_mode(0o700));
    let top = openat(&stage.root.directory, &stage.name, DIRECTORY, Mode::empty())?;
    let _ = flock(&top, FlockOperation::NonBlockingLockShared);
    Ok(top)
}

enum Given {
    Ours(Outcome),
    /// Another process has published a good tree first.
    Theirs(File),
}

fn give_name(
    root: &Root,
    wanted: &Wanted<'_>,
    stage: &Stage<'_>,
    options: &SharedOptions,
) -> Result<Given, SharedError> {
    let directory = &root.directory;
    let failed = |error: Errno| SharedError::Write {
        path: root.path.join(&wanted.name),
        source: error.into(),
    };
    let mut repaired = false;
    for _ in 0..ATTEMPTS {
        match renameat_with(
            directory,
            &stage.name,
            directory,
            &wanted.name,
            RenameFlags::NOREPLACE,
        ) {
            Ok(()) => {
                return Ok(Given::Ours(if repaired {
                    Outcome::Repaired
                } else {
                    Outcome::Extracted
                }));
            }
            Err(Errno::EXIST) => {}
            // NFS, 9p and FUSE may not know the flags (rename(2)).
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                match renameat(directory, &stage.name, directory, &wanted.name) {
                    Ok(()) => {
                        return Ok(Given::Ours(if repaired {
                            Outcome::Repaired
                        } else {
                            Outcome::Extracted
                        }));
                    }
                    Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            Err(error) => return Err(failed(error)),
        }
        // The name is taken: by a good tree of another process, or by what must go.
        if let Some((file, _)) = verify::existing(root, wanted, options) {
            return Ok(Given::Theirs(file));
        }
        repaired = true;
        let random = random::hexadecimal().map_err(|source| SharedError::Write {
            path: root.path.clone(),
            source,
        })?;
        let trash = format!(".trash-{random}");
        // In one step where the system can: then no moment is without a tree.
        match renameat_with(
            directory,
            &stage.name,
            directory,
            &wanted.name,
            RenameFlags::EXCHANGE,
        ) {
            Ok(()) => {
                // What was damaged has the stage's name now.
                if renameat(directory, &stage.name, directory, &trash).is_ok() {
                    clean::remove(root, &trash);
                }
                return Ok(Given::Ours(Outcome::Repaired));
            }
            Err(Errno::NOENT) => {}
            Err(_) => match renameat(directory, &wanted.name, directory, &trash) {
                Ok(()) => clean::remove(root, &trash),
                Err(Errno::NOENT) => {}
                Err(error) => return Err(failed(error)),
            },
        }
    }
    Err(failed(Errno::BUSY))
}

/// A tree without its name yet; removed when extraction fails or panics.
struct Stage<'a> {
    root: &'a Root,
    name: String,
    published: bool,
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        if !self.published {
            clean::remove_now(self.root, &self.name);
        }
    }
}
