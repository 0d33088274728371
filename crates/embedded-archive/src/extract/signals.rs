//! SIGINT, SIGTERM and SIGHUP.
use std::io;
use std::sync::{Mutex, MutexGuard};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::live;

/// What is done when a signal came, and whether a thread waits for one.
struct Waiting {
    started: bool,
    first: Vec<Box<dyn FnOnce() + Send>>,
}

static WAITING: Mutex<Waiting> = Mutex::new(Waiting {
    started: false,
    first: Vec::new(),
});

fn waiting() -> MutexGuard<'static, Waiting> {
    WAITING
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// From now on SIGINT, SIGTERM and SIGHUP first remove the private directories, then end the process as they would have.
///
/// It is for applications that do not handle these signals themselves; those that do call
/// [`remove_all_fresh`](crate::remove_all_fresh). A thread waits for the signals, so that removing runs no code that a
/// signal handler may not run (signal-safety(7)). A signal that the process ignores, as it does under nohup(1), stays
/// ignored where `/proc` tells. A second call does nothing.
///
/// ```no_run
/// embedded_archive::remove_on_signals()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// What the system said when the handlers were set or the thread started.
pub fn remove_on_signals() -> io::Result<()> {
    start(&mut waiting())
}

/// As [`remove_on_signals`], and calls `first` before the directories are removed: what still uses them ends there. Each
/// call adds to what was given before.
///
/// # Errors
/// As [`remove_on_signals`]; `first` is then not called.
pub fn remove_on_signals_after(first: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut waiting = waiting();
    start(&mut waiting)?;
    waiting.first.push(Box::new(first));
    Ok(())
}

fn start(waiting: &mut Waiting) -> io::Result<()> {
    if waiting.started {
        return Ok(());
    }
    let ignored = ignored();
    let handled = [SIGINT, SIGTERM, SIGHUP].into_iter();
    let mut signals = Signals::new(handled.filter(|signal| ignored >> (signal - 1) & 1 == 0))?;
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                let first = std::mem::take(&mut self::waiting().first);
                first.into_iter().for_each(|work| work());
                live::remove_all_fresh();
                // It ends the process; when it cannot, the application goes on without its files.
                let _ = emulate_default_handler(signal);
            }
        })?;
    waiting.started = true;
    Ok(())
}

/// The signals that the process ignores, as the bits of `SigIgn` (proc(5)), where the lowest is signal 1; none where there is
/// no `/proc`.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let bits = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok())
        .unwrap_or_default()
}
