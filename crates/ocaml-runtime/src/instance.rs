//! Instances of plugins, each of which has abstract types of its own.
//!
//! What an abstract type stands for is known inside its module alone, and two instances may have chosen
//! differently. So every value that comes out of a call remembers the instance that was called, and is given to
//! no other where its type says that it matters.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of an instance, never reused; 0 outside of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Instance(u64);

thread_local! {
    static CURRENT: Cell<Instance> = const { Cell::new(Instance(0)) };
}

impl Instance {
    pub(crate) fn new() -> Instance {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Instance(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The instance whose values are converted on this thread.
    pub(crate) fn current() -> Instance {
        CURRENT.get()
    }

    /// Makes it the current one until the guard drops.
    pub(crate) fn enter(self) -> Entered {
        Entered(CURRENT.replace(self))
    }

    pub(crate) fn is_none(self) -> bool {
        self == Instance(0)
    }
}

/// Restores the instance before.
pub(crate) struct Entered(Instance);

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}
