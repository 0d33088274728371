//! The last flush: bytes that OCaml still buffers when the process ends in the ordinary way.
#![expect(
    unsafe_code,
    reason = "registers a function with atexit(3), and says what a signal does"
)]

use std::sync::{Once, mpsc};
use std::time::Duration;

use super::abi;
use super::apply;
use super::image::Image;
use super::thread;

/// How long the end of the process waits for a thread that holds the runtime lock.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether `exit` in OCaml code ends the process or the call.
pub(crate) fn set_policy(image: &Image, ends_process: bool) {
    // SAFETY: image; the function stores a number.
    unsafe { (image.symbols.saddlebag_exit_policy)(i32::from(ends_process)) };
}

/// Has SIGPIPE end the process.
pub(crate) fn end_on_broken_pipe() {
    // SAFETY: the default action is no function of this program, and nothing here waits for another one (signal(2)).
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// Flushes every image when the process exits; what calls print is flushed when they return, so this only
/// concerns threads of OCaml, and scopes still open.
pub(crate) fn flush_at_exit() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the function takes and returns nothing and is in this program, which is never unloaded
        // before its own exit functions ran (atexit(3)).
        unsafe { libc::atexit(at_exit) };
    });
}

extern "C" fn at_exit() {
    for image in crate::open::images() {
        // SAFETY: reads two pointers of channels that live as long as the image. Without the lock the answer
        // may be late by one byte being printed at this instant; such a byte has no place to keep.
        let pending = unsafe { (image.symbols.saddlebag_output_pending)() };
        if pending != 0 {
            flush(image);
        }
    }
}

fn flush(image: &'static Image) {
    if thread::holds(image) {
        flush_now(image);
        return;
    }
    let (done, wait) = mpsc::channel();
    let flusher = std::thread::Builder::new().spawn(move || {
        flush_now(image);
        let _ = done.send(());
    });
    if flusher.is_ok() {
        let _ = wait.recv_timeout(PATIENCE);
    }
}

fn flush_now(image: &'static Image) {
    let held = thread::enter(image);
    apply::raw(&held, image.closures.flush_channels.get(), [abi::ZERO]);
}
