//! Who handles a segmentation fault when several runtimes share the process.
//!
//! Native code of OCaml 4 finds out about a stack overflow by the fault: starting a runtime installs its
//! handler for SIGSEGV in place of the one before, which is Rust's own (it reports overflows of Rust threads)
//! or that of another image. A handler that does not know the faulting code gives up and ends the process.
//! So one handler stands in front of all and asks each image whether the code is its own.
#![expect(unsafe_code, reason = "installs a signal handler")]

use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering};

use super::thread::MAX_IMAGES;

type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
/// `caml_find_code_fragment_by_pc` of `caml/codefrag.h`: null where the address is in no OCaml code.
pub(crate) type FindCode = unsafe extern "C" fn(*const c_char) -> *const c_void;

/// A handler and the function that tells whether it is responsible.
struct Entry {
    handler: AtomicPtr<c_void>,
    find_code: AtomicPtr<c_void>,
    /// The image's flag for signals and collections that wait to be dealt with; null where it has none.
    pending: AtomicPtr<AtomicI32>,
}

static ENTRIES: [Entry; MAX_IMAGES] = [const {
    Entry {
        handler: AtomicPtr::new(ptr::null_mut()),
        find_code: AtomicPtr::new(ptr::null_mut()),
        pending: AtomicPtr::new(ptr::null_mut()),
    }
}; MAX_IMAGES];

/// The handler before the first image's: a `sa_sigaction`, or `SIG_DFL`, or `SIG_IGN`.
static BEFORE: AtomicUsize = AtomicUsize::new(libc::SIG_DFL);

fn current() -> Option<libc::sigaction> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: fills `action` when it returns 0 (sigaction(2)).
    if unsafe { libc::sigaction(libc::SIGSEGV, ptr::null(), action.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: filled above.
    Some(unsafe { action.assume_init() })
}

fn set(action: &libc::sigaction) {
    // SAFETY: an action made of a valid one by replacing the handler.
    unsafe { libc::sigaction(libc::SIGSEGV, action, ptr::null_mut()) };
}

/// The action for SIGSEGV before an image starts.
pub(crate) struct Before(Option<libc::sigaction>);

pub(crate) fn before_start() -> Before {
    Before(current())
}

/// Puts the common handler in front again, if starting the image of this slot replaced the one before.
pub(crate) fn after_start(
    before: &Before,
    slot: usize,
    find_code: Option<FindCode>,
    pending: Option<&'static AtomicI32>,
) {
    let (Some(before), Some(mut now)) = (before.0, current()) else {
        return;
    };
    let ours = dispatch as Handler as usize;
    if now.sa_sigaction == before.sa_sigaction || now.sa_sigaction == ours {
        return;
    }
    let Some(find_code) = find_code else {
        return;
    };
    if let Some(pending) = pending {
        let pending: *const AtomicI32 = pending;
        ENTRIES[slot]
            .pending
            .store(pending.cast_mut(), Ordering::Release);
    }
    ENTRIES[slot]
        .find_code
        .store(find_code as *mut c_void, Ordering::Release);
    ENTRIES[slot]
        .handler
        .store(now.sa_sigaction as *mut c_void, Ordering::Release);
    if before.sa_sigaction != ours {
        BEFORE.store(before.sa_sigaction, Ordering::Release);
    }
    now.sa_sigaction = ours;
    // SA_NODEFER: OCaml's handler leaves by jumping, and the next overflow has to be caught as well.
    now.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
    set(&now);
}

/// Runs `start` and gives this thread its signal stack back: starting OCaml 4 replaces it, starting OCaml 5 disables it,
/// and Rust's own report of a stack overflow needs it.
pub(crate) fn keeping_signal_stack<T>(start: impl FnOnce() -> T) -> T {
    let mut before = MaybeUninit::<libc::stack_t>::uninit();
    // SAFETY: only asks, and fills `before` when it returns 0 (sigaltstack(2)).
    let known = unsafe { libc::sigaltstack(ptr::null(), before.as_mut_ptr()) } == 0;
    let started = start();
    if known {
        // SAFETY: filled above.
        let before = unsafe { before.assume_init() };
        // SAFETY: what this thread had before, which Rust's standard library keeps until the thread ends; no handler is
        // running on the stack that it replaces.
        unsafe { libc::sigaltstack(&raw const before, ptr::null_mut()) };
    }
    started
}

/// The address of the instruction that faulted, where this system's context is known.
fn faulting_code(context: *mut c_void) -> *const c_char {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    {
        let context: *const libc::ucontext_t = context.cast();
        // SAFETY: the third argument of a handler with SA_SIGINFO (sigaction(2)).
        let registers = unsafe { &(*context).uc_mcontext.gregs };
        registers[libc::REG_RIP as usize] as *const c_char
    }
    #[cfg(all(target_os = "linux", target_arch = "aarch64"))]
    {
        let context: *const libc::ucontext_t = context.cast();
        // SAFETY: the third argument of a handler with SA_SIGINFO (sigaction(2)).
        let pc = unsafe { (*context).uc_mcontext.pc };
        pc as *const c_char
    }
    #[cfg(not(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64")
    )))]
    {
        let _ = context;
        ptr::null()
    }
}

/// Runs on the signal stack; only reads atomics, as OCaml's own handler does.
extern "C" fn dispatch(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let code = faulting_code(context);
    for entry in &ENTRIES {
        let find_code = entry.find_code.load(Ordering::Acquire);
        let handler = entry.handler.load(Ordering::Acquire);
        if find_code.is_null() || handler.is_null() {
            continue;
        }
        // SAFETY: stored by `after_start` from a function of this type.
        let find_code = unsafe { std::mem::transmute::<*mut c_void, FindCode>(find_code) };
        // SAFETY: looks an address up in a table made for use in handlers (`runtime/codefrag.c`).
        if !code.is_null() && unsafe { find_code(code) }.is_null() {
            continue;
        }
        // OCaml 4.13 raises Stack_overflow from within its handler, and `caml_raise` first deals with what is
        // pending: it would run OCaml code and collections on the small signal stack, with the record of where
        // the OCaml stack ends out of date. The tick thread makes that happen now and then. What is pending
        // stays so, and is dealt with when the flag is next set, within 50 ms.
        // SAFETY: null, or stored by `after_start` from a reference to a static.
        if let Some(pending) = unsafe { entry.pending.load(Ordering::Acquire).as_ref() } {
            pending.store(0, Ordering::Relaxed);
        }
        // SAFETY: the image's own handler, which takes these three arguments.
        let handler = unsafe { std::mem::transmute::<*mut c_void, Handler>(handler) };
        handler(signal, info, context);
        return;
    }
    let before = BEFORE.load(Ordering::Acquire);
    if before == libc::SIG_DFL || before == libc::SIG_IGN {
        if let Some(mut action) = current() {
            action.sa_sigaction = libc::SIG_DFL;
            // Returning runs the faulting instruction again, which now ends the process.
            set(&action);
        }
        return;
    }
    // SAFETY: the handler that was installed before, with SA_SIGINFO as Rust's is.
    let before = unsafe { std::mem::transmute::<usize, Handler>(before) };
    before(signal, info, context);
}
