//! System calls that a signal may interrupt, repeated until none does.
//!
//! On local disks they are never interrupted; on FUSE and network file systems they may be (signal(7)). The standard
//! library repeats its own.
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::path::Arg;

/// openat(2).
pub(crate) fn openat(
    at: impl AsFd,
    path: impl Arg + Copy,
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd, Errno> {
    retry_on_intr(|| rustix::fs::openat(&at, path, flags, mode))
}

/// flock(2). Some file systems have no locks (ENOLCK, ENOTSUP).
pub(crate) fn flock(file: impl AsFd, operation: FlockOperation) -> Result<(), Errno> {
    retry_on_intr(|| rustix::fs::flock(&file, operation))
}

/// fchmod(2).
pub(crate) fn fchmod(file: impl AsFd, mode: Mode) -> Result<(), Errno> {
    retry_on_intr(|| rustix::fs::fchmod(&file, mode))
}
