//! How much machine stack is left to this thread.
#![expect(
    unsafe_code,
    reason = "asks the system for the bounds of the thread's stack"
)]

use std::cell::Cell;

/// Below this, calls between the two languages and nested conversions are refused. A C function of the
/// OCaml runtime and a Rust one both fit.
pub(crate) const RESERVE: usize = 128 << 10;

thread_local! {
    /// The lowest address that may be used, 0 until it is asked for.
    static LOWEST: Cell<usize> = const { Cell::new(0) };
}

/// Whether less than [`RESERVE`] bytes are left.
#[inline(always)]
pub(crate) fn nearly_exhausted() -> bool {
    let here = 0u8;
    let address = (&raw const here).addr();
    let mut lowest = LOWEST.get();
    if lowest == 0 {
        lowest = find_lowest().saturating_add(RESERVE);
        LOWEST.set(lowest);
    }
    address < lowest
}

#[cfg(target_os = "linux")]
#[cold]
fn find_lowest() -> usize {
    use std::mem::MaybeUninit;
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: always succeeds in naming the calling thread.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: initialises `attributes` when it returns 0 (pthread_getattr_np(3)).
    if unsafe { libc::pthread_getattr_np(this, attributes.as_mut_ptr()) } != 0 {
        return 1;
    }
    let mut start = std::ptr::null_mut();
    let mut size = 0;
    // SAFETY: initialised above.
    unsafe { libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut size) };
    // SAFETY: initialised above, and not used again.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    start.addr().max(1)
}

#[cfg(target_os = "macos")]
#[cold]
fn find_lowest() -> usize {
    // SAFETY: always succeeds in naming the calling thread.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: reads the thread's description; gives the highest address.
    let highest = unsafe { libc::pthread_get_stackaddr_np(this) };
    // SAFETY: as above.
    let size = unsafe { libc::pthread_get_stacksize_np(this) };
    highest.addr().saturating_sub(size).max(1)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
#[cold]
fn find_lowest() -> usize {
    1
}

// Miri does not know pthread_getattr_np.
#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_thread_has_stack_left() {
        let ended = std::thread::spawn(|| assert!(!nearly_exhausted())).join();
        assert!(ended.is_ok());
    }

    #[test]
    fn deep_recursion_is_told_before_the_stack_ends() {
        fn descend(depth: usize) -> usize {
            if nearly_exhausted() {
                return depth;
            }
            let padding = std::hint::black_box([0u8; 512]);
            descend(depth + 1) + usize::from(padding[0])
        }
        let depth = std::thread::Builder::new()
            .stack_size(1 << 20)
            .spawn(|| descend(0))
            .unwrap()
            .join()
            .unwrap();
        assert!(depth > 10, "stopped after {depth} calls");
    }
}
