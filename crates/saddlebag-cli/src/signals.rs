//! SIGINT, SIGTERM and SIGHUP: no child process and no directory stays behind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

static CAME: AtomicBool = AtomicBool::new(false);
static AT_SIGNAL: Mutex<Vec<Box<dyn FnOnce() + Send>>> = Mutex::new(Vec::new());

/// From now on a signal first ends child processes and removes files, then ends this process as it would have.
///
/// A plugin that sets handlers of its own replaces these, as it may: nothing is left to remove while it runs.
pub(crate) fn install() {
    // Without handlers the command works as well, and leaves a directory that the next start removes.
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else {
        return;
    };
    let _ = std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                CAME.store(true, Ordering::SeqCst);
                ocaml_toolchain::running::shut_down();
                let work =
                    std::mem::take(&mut *AT_SIGNAL.lock().unwrap_or_else(PoisonError::into_inner));
                for clean in work {
                    clean();
                }
                embedded_archive::remove_all_fresh();
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        });
}

/// Does `work` when a signal ends the command.
pub(crate) fn at_signal(work: impl FnOnce() + Send + 'static) {
    AT_SIGNAL
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Box::new(work));
}

/// Leaves it to the signal that came, if one did, to end the process.
pub(crate) fn wait_if_one_came() {
    if CAME.load(Ordering::SeqCst) {
        std::thread::sleep(std::time::Duration::from_secs(10));
    }
}
