//! SIGINT, SIGTERM and SIGHUP.
use std::io;
use std::sync::Mutex;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::live;

/// From now on SIGINT, SIGTERM and SIGHUP first remove the private directories, then end the process as they would have.
///
/// It is for applications that do not handle these signals themselves; those that do call
/// [`remove_all_fresh`](crate::remove_all_fresh). A thread waits for the signals, so that removing runs no code that a
/// signal handler may not run (signal-safety(7)). A second call does nothing.
///
/// ```no_run
/// embedded_archive::remove_on_signals()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// What the system said when the handlers were set or the thread started.
pub fn remove_on_signals() -> io::Result<()> {
    static STARTED: Mutex<bool> = Mutex::new(false);
    let mut started = STARTED
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    if *started {
        return Ok(());
    }
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::Builder::new()
        .name("embedded-archive".into())
        .spawn(move || {
            for signal in signals.forever() {
                live::remove_all_fresh();
                // It ends the process; when it cannot, the application goes on without its files.
                let _ = emulate_default_handler(signal);
            }
        })?;
    *started = true;
    Ok(())
}
