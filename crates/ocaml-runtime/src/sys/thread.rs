//! Which thread holds the runtime lock, and the registration of threads with OCaml.
//!
//! The lock is that of OCaml's `threads` library. `caml_leave_blocking_section` takes it and
//! `caml_enter_blocking_section` gives it back: the names are those of C code called by OCaml.
#![expect(unsafe_code, reason = "registers threads and takes the runtime lock")]

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr;

use super::abi;
use super::cancellation;
use super::image::Image;

/// How many images one process can open.
pub(crate) const MAX_IMAGES: usize = 16;

thread_local! {
    /// For each image, how many `Held` this thread has; the lock is held while it is not 0.
    static DEPTH: [Cell<u32>; MAX_IMAGES] = const { [const { Cell::new(0) }; MAX_IMAGES] };
    /// The image whose lock this thread holds, for [`held`] to see at once; null where that is not known.
    static HOLDER: Cell<*const Image> = const { Cell::new(ptr::null()) };
    /// For each image, one bit: this thread is registered.
    static REGISTERED: Cell<u32> = const { Cell::new(0) };
    /// How many guards of [`keep_lock`] there are.
    static KEPT: Cell<u32> = const { Cell::new(0) };
    static AT_THREAD_END: AtThreadEnd = const { AtThreadEnd { images: RefCell::new(Vec::new()) } };
}

/// The counter of this thread for `image`, how many `Held` it has.
#[inline(always)]
fn depth<T>(image: &'static Image, body: impl FnOnce(&Cell<u32>) -> T) -> T {
    // Slots are below `MAX_IMAGES`; the mask says so to the compiler.
    DEPTH.with(|cells| body(&cells[image.slot % MAX_IMAGES]))
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
                depth(image, |depth| depth.set(0));
                HOLDER.set(ptr::null());
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
#[inline(always)]
pub(crate) fn enter(image: &'static Image) -> Held {
    depth(image, |depth| {
        let before = depth.get();
        if before == 0 {
            acquire(image);
            HOLDER.set(image);
        }
        depth.set(before + 1);
    });
    Held {
        image,
        not_send: PhantomData,
    }
}

/// Proof that this thread holds the lock already, which counts nothing: for calls whose own part is short and runs no
/// code but this crate's.
///
/// OCaml code may call a function of the application meanwhile that ends the last [`Held`]. The lock then stays with
/// the thread until OCaml code returns (see [`back_to_ocaml`]), and is given back here.
pub(crate) struct StillHeld(ManuallyDrop<Held>);

impl Deref for StillHeld {
    type Target = Held;

    #[inline(always)]
    fn deref(&self) -> &Held {
        &self.0
    }
}

impl Drop for StillHeld {
    #[inline(always)]
    fn drop(&mut self) {
        if !ptr::eq(HOLDER.get(), self.0.image) {
            count_again(self.0.image);
        }
    }
}

/// A proof for a thread that holds the lock; `None` also where that takes a closer look.
#[inline(always)]
pub(crate) fn held(image: &'static Image) -> Option<StillHeld> {
    ptr::eq(HOLDER.get(), image).then(|| {
        StillHeld(ManuallyDrop::new(Held {
            image,
            not_send: PhantomData,
        }))
    })
}

/// The lock is with the thread, of whatever depth it is.
#[cold]
fn count_again(image: &'static Image) {
    drop(called_by_ocaml(image));
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
    depth(image, |depth| depth.set(depth.get() + 1));
    HOLDER.set(image);
    Held {
        image,
        not_send: PhantomData,
    }
}

/// Ends what [`called_by_ocaml`] began: the lock stays with the thread.
pub(crate) fn back_to_ocaml(held: Held) {
    let image = held.image;
    std::mem::forget(held);
    depth(image, |depth| {
        depth.set(depth.get() - 1);
        if depth.get() == 0 {
            HOLDER.set(ptr::null());
        }
    });
}

/// Whether this thread holds the lock of `image`.
pub(crate) fn holds(image: &'static Image) -> bool {
    depth(image, Cell::get) > 0
}

impl Held {
    #[inline(always)]
    pub(crate) fn image(&self) -> &'static Image {
        self.image
    }
}

impl Drop for Held {
    #[inline(always)]
    fn drop(&mut self) {
        depth(self.image, |depth| match depth.get() {
            1 => self.give_back(depth),
            more => depth.set(more - 1),
        });
    }
}

impl Held {
    #[inline]
    fn give_back(&self, depth: &Cell<u32>) {
        // SAFETY: reads two pointers of channels that live as long as the image; the lock is held.
        let pending = unsafe { (self.image.symbols.saddlebag_output_pending)() };
        if pending != 0 {
            flush(self);
        }
        depth.set(0);
        HOLDER.set(ptr::null());
        release(self.image);
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
    let before = depth(image, |depth| depth.replace(0));
    if before == 0 {
        return body();
    }
    struct Again(&'static Image, u32);
    impl Drop for Again {
        fn drop(&mut self) {
            acquire(self.0);
            depth(self.0, |depth| depth.set(self.1));
            HOLDER.set(self.0);
        }
    }
    HOLDER.set(ptr::null());
    release(image);
    let _again = Again(image, before);
    body()
}
