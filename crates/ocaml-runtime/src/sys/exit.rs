//! The last flush: bytes that OCaml still buffers when the process ends in the ordinary way.
#![expect(unsafe_code, reason = "registers a function with atexit(3)")]

use std::sync::mpsc;
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use super::abi;
use super::apply;
use super::image::Image;
use super::thread;

/// How long the end of the process waits for a thread that holds the runtime lock.
const PATIENCE: Duration = Duration::from_secs(1);

static AT_EXIT: Mutex<Vec<Box<dyn FnOnce() + Send>>> = Mutex::new(Vec::new());

/// Does `work` when the process exits in the ordinary way.
pub(crate) fn at_process_exit(work: Box<dyn FnOnce() + Send>) {
    AT_EXIT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(work);
    flush_at_exit();
}

/// Whether `exit` in OCaml code ends the process or the call.
pub(crate) fn set_policy(image: &Image, ends_process: bool) {
    // SAFETY: image; the function stores a number.
    unsafe { (image.symbols.saddlebag_exit_policy)(i32::from(ends_process)) };
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
    let work = std::mem::take(&mut *AT_EXIT.lock().unwrap_or_else(PoisonError::into_inner));
    if work.is_empty() {
        return;
    }
    // On a thread of its own: this one's thread-local values may be gone, and nothing may unwind into C.
    if let Ok(worker) =
        std::thread::Builder::new().spawn(|| work.into_iter().for_each(|piece| piece()))
    {
        let _ = worker.join();
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
