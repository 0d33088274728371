//! Threads that wait awake.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// For how long a thread that waits stays awake. A processor that has gone to sleep takes a tenth of a millisecond to wake, and then
/// finds nothing in its caches: much for an answer that takes half of a millisecond, and little for one that takes longer than this.
const AWAKE: Duration = Duration::from_millis(3);

/// How many threads of this process wait.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// A thread that waits, until it is dropped.
#[derive(Debug)]
pub(super) struct Waiter {
    since: Instant,
    waiting: &'static AtomicUsize,
}

impl Waiter {
    pub(super) fn begin() -> Waiter {
        Waiter::one_of(&WAITING)
    }

    fn one_of(waiting: &'static AtomicUsize) -> Waiter {
        waiting.fetch_add(1, Ordering::Relaxed);
        Waiter {
            since: Instant::now(),
            waiting,
        }
    }

    /// Whether the thread is to look again at once. Several that did would take the processors from what they wait for.
    pub(super) fn stays_awake(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 1 && self.since.elapsed() < AWAKE
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_has_waited_for_long_goes_to_sleep() {
        static ALONE: AtomicUsize = AtomicUsize::new(0);
        let waiter = Waiter::one_of(&ALONE);
        std::thread::sleep(AWAKE);
        assert!(!waiter.stays_awake());
    }

    #[test]
    fn threads_that_wait_at_once_sleep_until_all_but_one_have_done() {
        static TWO: AtomicUsize = AtomicUsize::new(0);
        let (first, second) = (Waiter::one_of(&TWO), Waiter::one_of(&TWO));
        assert!(!first.stays_awake() && !second.stays_awake());
        drop(first);
        // Within its time, which a slow machine may have taken in between.
        assert!(second.stays_awake() || second.since.elapsed() >= AWAKE);
        drop(second);
        assert_eq!(TWO.load(Ordering::Relaxed), 0);
    }
}
