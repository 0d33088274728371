//! Threads that plugins are loaded on.
//!
//! The top level of a plugin runs on a stack of known size, so on a thread of the loader's own. Making one, and making it
//! known to the OCaml runtime, takes as long as half of a load, so one of them stays for the next load.

use std::io;
use std::sync::mpsc::{self, SendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Threads with larger stacks end after each load: what a deep recursion has touched of a stack stays in memory.
const MAX_KEPT_STACK: usize = 16 << 20;

/// Something to do; gives what tells the caller, which is done when the thread is free again.
type Work = Box<dyn FnOnce() -> Told + Send>;
type Told = Box<dyn FnOnce() + Send>;

/// The thread that waits for work, if there is one.
type Idle = Mutex<Option<mpsc::Sender<Work>>>;

/// The threads of one loader. The one that waits ends when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct LoadThreads {
    idle: Arc<Idle>,
}

fn lock(idle: &Idle) -> MutexGuard<'_, Option<mpsc::Sender<Work>>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LoadThreads {
    /// Has `work` run on a thread with a stack of `stack_size` bytes, the same at every call, and hands what it gives to
    /// `tell`, on that thread too. Neither is run to its end when it panics.
    ///
    /// # Errors
    /// When there is no thread and none can be made.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        stack_size: usize,
        work: impl FnOnce() -> T + Send + 'static,
        tell: impl FnOnce(T) + Send + 'static,
    ) -> io::Result<()> {
        let work = traced(work);
        let mut work: Work = Box::new(move || {
            let result = work();
            Box::new(move || tell(result))
        });
        // Not in the condition of the `if`, which would hold the lock.
        let idle = lock(&self.idle).take();
        if let Some(thread) = idle {
            match thread.send(work) {
                Ok(()) => return Ok(()),
                // It ended by a panic.
                Err(SendError(returned)) => work = returned,
            }
        }
        let idle = Arc::downgrade(&self.idle);
        let serve = move || {
            let mut work = work;
            loop {
                let tell = work();
                let next = match idle.upgrade() {
                    Some(idle) if stack_size <= MAX_KEPT_STACK => wait_in(&idle),
                    _ => None,
                };
                tell();
                // The sender is dropped with the loader.
                match next.and_then(|next| next.recv().ok()) {
                    Some(next) => work = next,
                    None => return,
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("saddlebag-load".into())
            .stack_size(stack_size);
        thread.spawn(serve).map(drop)
    }

    /// Ends the thread that waits.
    pub(crate) fn clear(&self) {
        lock(&self.idle).take();
    }
}

/// Makes the calling thread the one that waits, unless there is one.
fn wait_in(idle: &Idle) -> Option<mpsc::Receiver<Work>> {
    let mut idle = lock(idle);
    if idle.is_some() {
        return None;
    }
    let (sender, receiver) = mpsc::channel();
    *idle = Some(sender);
    Some(receiver)
}

/// Has what is done on another thread traced as what is done here.
fn traced<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let traced = tracing::dispatcher::has_been_set().then(|| {
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        (dispatch, tracing::Span::current())
    });
    move || match traced {
        None => work(),
        Some((dispatch, span)) => {
            tracing::dispatcher::with_default(&dispatch, || span.in_scope(work))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::thread::{self, ThreadId};
    use std::time::Duration;

    use super::*;

    const STACK: usize = 1 << 20;

    fn this_thread(threads: &LoadThreads, stack_size: usize) -> ThreadId {
        let (sender, receiver) = channel();
        let tell = move |id| sender.send(id).unwrap();
        threads
            .run(stack_size, || thread::current().id(), tell)
            .unwrap();
        receiver.recv().unwrap()
    }

    #[test]
    fn the_next_load_finds_the_thread_of_the_last() {
        let threads = LoadThreads::default();
        let first = this_thread(&threads, STACK);
        for _ in 0..100 {
            assert_eq!(this_thread(&threads, STACK), first);
        }
    }

    #[test]
    fn a_thread_with_a_large_stack_does_not_stay() {
        let threads = LoadThreads::default();
        let first = this_thread(&threads, MAX_KEPT_STACK + 1);
        assert_ne!(this_thread(&threads, MAX_KEPT_STACK + 1), first);
    }

    #[test]
    fn loads_that_run_at_once_have_threads_of_their_own() {
        let threads = LoadThreads::default();
        let (go, wait) = channel::<()>();
        let (sender, first) = channel();
        let work = move || {
            wait.recv().unwrap();
            thread::current().id()
        };
        threads
            .run(STACK, work, move |id| sender.send(id).unwrap())
            .unwrap();
        let second = this_thread(&threads, STACK);
        go.send(()).unwrap();
        assert_ne!(first.recv().unwrap(), second);
        // One of them waits, the other ends.
        let third = this_thread(&threads, STACK);
        assert_eq!(this_thread(&threads, STACK), third);
    }

    /// Whether the other end, which the thread has, is gone within a minute.
    fn ends(thread: &Receiver<()>) -> bool {
        thread.recv_timeout(Duration::from_secs(60)) == Err(mpsc::RecvTimeoutError::Disconnected)
    }

    thread_local! {
        static HELD: std::cell::Cell<Option<mpsc::Sender<()>>> = const { std::cell::Cell::new(None) };
    }

    fn watched(threads: &LoadThreads) -> Receiver<()> {
        let (sender, receiver) = channel();
        let (done, told) = channel();
        let work = move || HELD.set(Some(sender));
        threads
            .run(STACK, work, move |()| done.send(()).unwrap())
            .unwrap();
        told.recv().unwrap();
        receiver
    }

    #[test]
    fn the_thread_that_waits_ends_with_the_loader_or_when_it_is_cleared() {
        let threads = LoadThreads::default();
        let thread = watched(&threads);
        assert_eq!(thread.try_recv(), Err(mpsc::TryRecvError::Empty));
        threads.clear();
        assert!(ends(&thread));
        let thread = watched(&threads);
        drop(threads);
        assert!(ends(&thread));
    }

    #[test]
    fn a_panic_ends_its_thread_alone() {
        let threads = LoadThreads::default();
        let (sender, receiver) = channel::<()>();
        let tell = move |()| sender.send(()).unwrap();
        threads.run(STACK, || panic!("on purpose"), tell).unwrap();
        assert!(receiver.recv().is_err());
        let next = this_thread(&threads, STACK);
        assert_eq!(this_thread(&threads, STACK), next);
    }
}
