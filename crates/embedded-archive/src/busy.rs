//! Closing an executable so that it can be started at once.
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long a copy of a descriptor in a forked child is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Closes a file that was written, and waits until no process holds it open for writing.
///
/// A child that another thread forked meanwhile holds a copy of the descriptor until it calls exec, and starting the
/// file gives ETXTBSY till then (golang/go#22315). A lock belongs to the open file description, so the copies hold it
/// too: taken before closing, it is free when the last copy is gone.
///
/// `Ok(false)` says that somebody still holds it after the time for waiting.
pub(crate) fn close(file: File, path: &Path) -> io::Result<bool> {
    // Where locks do not work (ENOLCK, ENOTSUP on some network file systems) there is nothing to wait with.
    let locked = file.try_lock().is_ok();
    drop(file);
    if !locked {
        return Ok(true);
    }
    let reader = File::open(path)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match reader.try_lock_shared() {
            Err(TryLockError::WouldBlock) if Instant::now() < end => {
                thread::sleep(Duration::from_micros(200))
            }
            Err(TryLockError::WouldBlock) => return Ok(false),
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(true),
        }
    }
}
