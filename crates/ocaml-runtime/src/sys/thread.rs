//! Which thread holds the runtime lock, and the registration of threads with OCaml.
//!
//! The lock is that of OCaml's `threads` library. `caml_leave_blocking_section` takes it and
//! `caml_enter_blocking_section` gives it back: the names are those of C code called by OCaml.
#![expect(unsafe_code, reason = "registers threads and takes the runtime lock")]

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;

use super::abi;
use super::cancellation;
use super::image::Image;

/// How many images one process can open.
pub(crate) const MAX_IMAGES: usize = 16;

thread_local! {
    /// For each image, how many `Held` this thread has; the lock is held while it is not 0.
    static DEPTH: [Cell<u32>; MAX_IMAGES] = const { [const { Cell::new(0) }; MAX_IMAGES] };
    /// For each image, one bit: this thread is registered.
    static REGISTERED: Cell<u32> = const { Cell::new(0) };
    /// How many guards of [`keep_lock`] there are.
    static KEPT: Cell<u32> = const { Cell::new(0) };
    static AT_THREAD_END: AtThreadEnd = const { AtThreadEnd { images: RefCell::new(Vec::new()) } };
}

/// Unregisters a thread when it ends.
struct AtThreadEnd {
    images: RefCell<Vec<&'static Image>>,
}

impl Drop for AtThreadEnd {
    fn drop(&mut self) {
        for image in self.images.borrow_mut().drain(..) {
            if holds(image) {
                // A `Lock` was forgotten.
                DEPTH.with(|cells| cells[image.slot].set(0));
                release(image);
            }
            // SAFETY: this thread was registered with this image by `register` and does not hold its lock.
            unsafe { (image.symbols.caml_c_thread_unregister)() };
        }
        super::frame::free_arena();
    }
}

#[cold]
fn register(image: &'static Image) {
    // The function below ends with `caml_enter_blocking_section`, which runs signal handlers; one that
    // raises here, with no OCaml frame below, would end the process.
    let _quiet = cancellation::quiet();
    // SAFETY: needs the lock not to be held by this thread, which the depth of 0 tells (thread.rs is the
    // only place that takes it); 0 means that OCaml made this thread and knows it.
    let fresh = unsafe { (image.symbols.caml_c_thread_register)() } == 1;
    REGISTERED.with(|bits| bits.set(bits.get() | 1 << image.slot));
    // The destructors of the main thread run inside `exit`, where taking the lock could wait for ever
    // for a thread that is inside OCaml.
    if fresh && std::thread::current().name() != Some("main") {
        AT_THREAD_END.with(|end| end.images.borrow_mut().push(image));
    }
}

/// Proof that this thread holds the runtime lock of an image; re-entrant; gives it back when dropped.
pub(crate) struct Held {
    image: &'static Image,
    /// Not `Send`: the lock belongs to the thread that took it.
    not_send: PhantomData<*const ()>,
}

/// Takes the runtime lock, or counts one more use of it.
#[inline]
pub(crate) fn enter(image: &'static Image) -> Held {
    let depth = DEPTH.with(|depth| depth[image.slot].get());
    if depth == 0 {
        acquire(image);
    }
    DEPTH.with(|cells| cells[image.slot].set(depth + 1));
    Held {
        image,
        not_send: PhantomData,
    }
}

#[inline]
fn acquire(image: &'static Image) {
    if REGISTERED.get() & (1 << image.slot) == 0 {
        register(image);
    }
    // SAFETY: the thread is registered and does not hold the lock (its depth is 0).
    unsafe { (image.symbols.caml_leave_blocking_section)() };
    if image.graveyard.has_roots() {
        image.graveyard.bury(image);
    }
}

#[inline]
fn release(image: &'static Image) {
    // SAFETY: the thread holds the lock: it is called with a depth of 0 by the last `Held`, or by `unlocked`.
    unsafe { (image.symbols.caml_enter_blocking_section_no_pending)() };
    if image.graveyard.has_objects() {
        image.graveyard.drop_objects();
    }
}

/// Takes note that OCaml called this thread, which therefore holds the lock.
pub(crate) fn called_by_ocaml(image: &'static Image) -> Held {
    DEPTH.with(|cells| cells[image.slot].set(cells[image.slot].get() + 1));
    Held {
        image,
        not_send: PhantomData,
    }
}

/// Ends what [`called_by_ocaml`] began: the lock stays with the thread.
pub(crate) fn back_to_ocaml(held: Held) {
    let image = held.image;
    std::mem::forget(held);
    DEPTH.with(|cells| cells[image.slot].set(cells[image.slot].get() - 1));
}

/// Whether this thread holds the lock of `image`.
pub(crate) fn holds(image: &'static Image) -> bool {
    DEPTH.with(|cells| cells[image.slot].get()) > 0
}

impl Held {
    #[inline(always)]
    pub(crate) fn image(&self) -> &'static Image {
        self.image
    }
}

impl Drop for Held {
    #[inline]
    fn drop(&mut self) {
        let depth = DEPTH.with(|cells| cells[self.image.slot].get()) - 1;
        if depth == 0 {
            // SAFETY: reads two pointers of channels that live as long as the image; the lock is held.
            let pending = unsafe { (self.image.symbols.saddlebag_output_pending)() };
            if pending != 0 {
                flush(self);
            }
        }
        DEPTH.with(|cells| cells[self.image.slot].set(depth));
        if depth == 0 {
            release(self.image);
        }
    }
}

/// Hands the bytes of the standard channels to the system, so that they keep their place among what
/// Rust prints. Errors (a closed pipe) are dropped, as OCaml's own `at_exit` does.
#[cold]
fn flush(held: &Held) {
    let closure = held.image.closures.flush_channels.get();
    // SAFETY: a closure of type `unit -> unit`; the lock is held.
    unsafe { (held.image.symbols.caml_callback_exn)(closure, abi::ZERO) };
}

/// Keeps [`unlocked`] from giving the lock up on this thread until the guard drops: something is in use that
/// other threads could write to.
pub(crate) fn keep_lock() -> KeptLock {
    KEPT.set(KEPT.get() + 1);
    KeptLock
}

pub(crate) struct KeptLock;

impl Drop for KeptLock {
    fn drop(&mut self) {
        KEPT.set(KEPT.get() - 1);
    }
}

/// Runs `body` without the lock, if this thread has it and need not keep it, and takes it again.
pub(crate) fn unlocked<T>(image: &'static Image, body: impl FnOnce() -> T) -> T {
    if KEPT.get() > 0 {
        return body();
    }
    let depth = DEPTH.with(|cells| cells[image.slot].replace(0));
    if depth == 0 {
        return body();
    }
    struct Again(&'static Image, u32);
    impl Drop for Again {
        fn drop(&mut self) {
            acquire(self.0);
            DEPTH.with(|cells| cells[self.0.slot].set(self.1));
        }
    }
    release(image);
    let _again = Again(image, depth);
    body()
}
