//! Work on other threads, where the system may refuse to make one: a limit on processes counts threads too
//! (`RLIMIT_NPROC`, the `pids` of a control group).
//!
//! The crate `blocking` would try for ever there, with a lock held, and `async-io` and `async-process` panic.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::task::{Poll, Waker};
use std::thread::Builder;
use std::time::Duration;

/// How many threads the pool has at most. More work than that waits.
const MOST: usize = 500;

/// How long a thread of the pool waits for more work.
const IDLE: Duration = Duration::from_secs(2);

type Job = Box<dyn FnOnce() + Send>;

/// Threads that are made when they are needed.
struct Pool {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    /// Not begun.
    queue: VecDeque<Job>,
    /// Threads that wait for work, or are on their way to it.
    idle: usize,
    threads: usize,
    /// Whose threads these are: a process that this one forks has none of them.
    process: u32,
}

static POOL: Pool = Pool {
    state: Mutex::new(State {
        queue: VecDeque::new(),
        idle: 0,
        threads: 0,
        process: 0,
    }),
    arrived: Condvar::new(),
};

/// Do `work`, which blocks, on a thread that the program keeps for such work; or, while the system gives this program no more
/// threads, on the thread that polls. It begins when the future is first polled. Dropping the future leaves work that has begun
/// to end by itself, and does not begin other.
///
/// ```
/// # futures_lite::future::block_on(async {
/// let text = ocaml_toolchain::threads::unblock(|| std::fs::read_to_string("Cargo.toml")).await?;
/// assert!(text.contains("[package]"));
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
///
/// # Panics
/// With what `work` panics with.
pub async fn unblock<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let task = Task(Arc::new(Mutex::new(Progress::Waiting(None))));
    let progress = task.0.clone();
    let job: Job = Box::new(move || {
        if !matches!(*lock(&progress), Progress::Dropped) {
            let done = catch_unwind(AssertUnwindSafe(work));
            let before = std::mem::replace(&mut *lock(&progress), Progress::Done(done));
            if let Progress::Waiting(Some(waker)) = before {
                waker.wake();
            }
        }
    });
    if let Err(job) = POOL.take(job) {
        job();
    }
    poll_fn(|context| {
        let mut progress = lock(&task.0);
        match std::mem::replace(&mut *progress, Progress::Dropped) {
            Progress::Done(Ok(value)) => Poll::Ready(value),
            Progress::Done(Err(panic)) => {
                drop(progress);
                resume_unwind(panic)
            }
            Progress::Waiting(_) | Progress::Dropped => {
                *progress = Progress::Waiting(Some(context.waker().clone()));
                Poll::Pending
            }
        }
    })
    .await
}

/// How far the work of a future is.
enum Progress<T> {
    /// Not done; who waits for it.
    Waiting(Option<Waker>),
    Done(std::thread::Result<T>),
    /// Nobody wants it.
    Dropped,
}

/// The future's end of its work.
struct Task<T>(Arc<Mutex<Progress<T>>>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        // A value that nobody takes is dropped without the lock.
        let _before = std::mem::replace(&mut *lock(&self.0), Progress::Dropped);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// Leaves `job` to a thread; gives it back where there is none for it.
    fn take(&'static self, job: Job) -> Result<(), Job> {
        let process = std::process::id();
        let mut state = lock(&self.state);
        if state.process != process {
            *state = State {
                process,
                ..State::default()
            };
        }
        if state.idle <= state.queue.len() && state.threads < MOST {
            let thread = Builder::new().name("blocking".to_owned());
            if thread.spawn(|| self.serve()).is_err() {
                return Err(job);
            }
            state.idle += 1;
            state.threads += 1;
        }
        state.queue.push_back(job);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    fn serve(&self) {
        let mut state = lock(&self.state);
        loop {
            if let Some(job) = state.queue.pop_front() {
                state.idle -= 1;
                drop(state);
                // It catches the panics of its work; what is left is a waker's.
                let _ = catch_unwind(AssertUnwindSafe(job));
                state = lock(&self.state);
                state.idle += 1;
                continue;
            }
            let waited = self.arrived.wait_timeout(state, IDLE);
            let (next, time) = waited.unwrap_or_else(PoisonError::into_inner);
            state = next;
            if time.timed_out() && state.queue.is_empty() {
                state.idle -= 1;
                state.threads -= 1;
                return;
            }
        }
    }
}

/// Checks, until it was so once, that there may be the two threads that the first child process needs: that of `async-io` and
/// that of `async-process`. And a third: the system counts a thread for a moment longer than it can be waited for.
pub(crate) fn check_for_children() -> io::Result<()> {
    static CHECKED: AtomicBool = AtomicBool::new(false);
    if !CHECKED.load(Ordering::Relaxed) {
        start_at_once(3)?;
        CHECKED.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// Has as many threads at the same time, and none any more when it returns.
fn start_at_once(count: usize) -> io::Result<()> {
    let gate = RwLock::new(());
    let closed = gate.write();
    std::thread::scope(|scope| {
        let start = |_| Builder::new().spawn_scoped(scope, || drop(gate.read()));
        let started: Vec<io::Result<_>> = (0..count).map(start).collect();
        drop(closed);
        // A thread that was waited for is gone; the end of the scope comes before.
        let ended = started.into_iter().map(|thread| {
            let _ = thread?.join();
            Ok(())
        });
        ended.fold(Ok(()), io::Result::and)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_lite::future::{block_on, poll_once, zip};

    use super::*;

    #[test]
    fn works_that_wait_for_each_other_go_on_at_the_same_time() {
        let (left, right) = (mpsc::channel(), mpsc::channel());
        let first = unblock(move || {
            left.0.send(1).unwrap();
            right.1.recv().unwrap()
        });
        let second = unblock(move || {
            right.0.send(2).unwrap();
            left.1.recv().unwrap()
        });
        assert_eq!(block_on(zip(first, second)), (2, 1));
    }

    #[test]
    fn a_panic_reaches_whoever_waits() {
        let panic = catch_unwind(|| block_on(unblock(|| panic!("of the work")))).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"of the work"));
        assert_eq!(block_on(unblock(|| 1)), 1);
    }

    #[test]
    fn work_whose_future_is_dropped_ends_by_itself() {
        let (sender, receiver) = mpsc::channel();
        let (release, held) = mpsc::channel::<()>();
        let mut future = Box::pin(unblock(move || {
            sender.send("begun").unwrap();
            held.recv().unwrap();
            sender.send("ended").unwrap();
        }));
        assert!(block_on(poll_once(&mut future)).is_none());
        assert_eq!(receiver.recv(), Ok("begun"));
        drop(future);
        release.send(()).unwrap();
        assert_eq!(receiver.recv(), Ok("ended"));
    }

    #[test]
    fn many_works_at_once_are_all_done() {
        let mut works: Vec<_> = (0..100)
            .map(|number| Box::pin(unblock(move || number)))
            .collect();
        let sum: u32 = block_on(async {
            let mut sum = 0;
            let mut waiting = Vec::new();
            for mut work in works.drain(..) {
                match poll_once(&mut work).await {
                    Some(number) => sum += number,
                    None => waiting.push(work),
                }
            }
            for work in waiting {
                sum += work.await;
            }
            sum
        });
        assert_eq!(sum, 99 * 100 / 2);
    }
}
