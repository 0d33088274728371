//! Stopping a call that runs too long.
//!
//! A watcher thread records a signal in the OCaml runtime every few milliseconds while a cancelled call is
//! under way. The signal's OCaml handler runs on whichever thread executes OCaml code, and asks here whether
//! the call of *its* thread is the cancelled one; it raises only then.
#![expect(unsafe_code, reason = "records a signal in the OCaml runtime")]

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::image::Image;

/// Between two records of the signal: it may have been consumed by another thread's handler.
const PERIOD: Duration = Duration::from_millis(10);

/// What a token and the calls made under it share.
#[derive(Debug)]
pub(crate) struct Order {
    cancelled: AtomicBool,
    deadline: Option<Instant>,
}

impl Order {
    pub(crate) fn new(deadline: Option<Instant>) -> Order {
        Order {
            cancelled: AtomicBool::new(false),
            deadline,
        }
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        if let Some(watcher) = WATCHER.get() {
            watcher.changed.notify_one();
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    fn past_deadline(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    pub(crate) fn is_due(&self) -> bool {
        self.is_cancelled() || self.past_deadline(Instant::now())
    }
}

thread_local! {
    /// The orders that the calls of this thread obey, outermost first.
    static ORDERS: RefCell<Vec<Arc<Order>>> = const { RefCell::new(Vec::new()) };
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Asked by the OCaml handler, on the thread that runs it.
pub(crate) fn is_due() -> bool {
    // A thread that ends unregisters after its locals are gone, and may run handlers then.
    let due = || ORDERS.try_with(|orders| orders.borrow().iter().any(|order| order.is_due()));
    !QUIET.get() && due().unwrap_or(false)
}

/// Whether a deadline, and no token, is what stopped this thread's call.
pub(crate) fn deadline_passed() -> bool {
    ORDERS.with_borrow(|orders| {
        !orders.iter().any(|order| order.is_cancelled())
            && orders.iter().any(|order| order.is_due())
    })
}

/// Until the guard drops, this thread's calls are not stopped.
pub(crate) fn quiet() -> impl Drop {
    struct Loud(bool);
    impl Drop for Loud {
        fn drop(&mut self) {
            QUIET.set(self.0);
        }
    }
    Loud(QUIET.replace(true))
}

/// Runs `body`; the OCaml calls that this thread makes in it obey `order`.
pub(crate) fn obeying<T>(image: &'static Image, order: &Arc<Order>, body: impl FnOnce() -> T) -> T {
    struct Done(u64);
    impl Drop for Done {
        fn drop(&mut self) {
            let watcher = watcher();
            watcher.lock().retain(|scope| scope.number != self.0);
            ORDERS.with_borrow_mut(Vec::pop);
        }
    }
    ORDERS.with_borrow_mut(|orders| orders.push(Arc::clone(order)));
    let watcher = watcher();
    let number = {
        let mut scopes = watcher.lock();
        let number = scopes.last().map_or(0, |scope| scope.number + 1);
        scopes.push(Scope {
            number,
            image,
            order: Arc::clone(order),
        });
        number
    };
    let _done = Done(number);
    watcher.changed.notify_one();
    body()
}

struct Scope {
    number: u64,
    image: &'static Image,
    order: Arc<Order>,
}

/// The thread that records signals, and what it watches.
struct Watcher {
    scopes: Mutex<Vec<Scope>>,
    changed: Condvar,
}

static WATCHER: OnceLock<Watcher> = OnceLock::new();

fn watcher() -> &'static Watcher {
    static THREAD: std::sync::Once = std::sync::Once::new();
    let watcher = WATCHER.get_or_init(|| Watcher {
        scopes: Mutex::new(Vec::new()),
        changed: Condvar::new(),
    });
    THREAD.call_once(|| {
        // Where no thread can be made, calls are stopped by other signals' arrival only.
        let _ = std::thread::Builder::new()
            .name("ocaml-cancellation".to_owned())
            .spawn(|| watcher.watch());
    });
    watcher
}

impl Watcher {
    fn lock(&self) -> MutexGuard<'_, Vec<Scope>> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self) -> ! {
        let mut scopes = self.lock();
        loop {
            let now = Instant::now();
            let mut wait: Option<Duration> = None;
            for scope in scopes.iter() {
                let again = if scope.order.is_cancelled() || scope.order.past_deadline(now) {
                    // SAFETY: only sets a flag that OCaml code polls; allowed on any thread (image).
                    unsafe {
                        (scope.image.symbols.saddlebag_record_signal)(
                            scope.image.cancellation_signal,
                        );
                    }
                    Some(PERIOD)
                } else {
                    scope.order.deadline.map(|deadline| deadline - now)
                };
                wait = match (wait, again) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
            }
            scopes = match wait {
                Some(wait) => {
                    let waited = self.changed.wait_timeout(scopes, wait);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self
                    .changed
                    .wait(scopes)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}
