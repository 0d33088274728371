//! Futures that begin on the caller's task and go on on a thread.
//!
//! A task that waits for a process is woken by the thread that watches the processes' files, and what is to be loaded then
//! needs a thread with a stack of known size: two threads to wake, which takes as long as typing a small plugin. Where a load
//! is all that follows, the thread that loads waits for the process itself.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures::future::{AbortHandle, Abortable};
use futures_lite::future::block_on;
use ocaml_toolchain::invocation::Killer;

/// The caller's end and the thread's end of one future.
#[derive(Debug, Default)]
pub(crate) struct Relay {
    /// Whether the thread that polls the future from its beginning may wait for processes itself.
    stays: bool,
    passing: AtomicBool,
    waiting: Mutex<Waiting>,
}

/// What the thread is at.
#[derive(Debug, Default)]
struct Waiting {
    /// The caller wants no result any more.
    is_cancelled: bool,
    /// The future, which the thread polls.
    future: Option<AbortHandle>,
    /// The process whose answer the thread waits for.
    process: Option<Killer>,
}

/// A future that its task polls until it passes on.
pub(crate) type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How far a future came on its task.
pub(crate) enum Leg<T> {
    /// To its end.
    Done(T),
    /// To [`Relay::pass`].
    Passed(Work<T>),
}

/// Cancels what runs on the thread when it is dropped; harmless when that has ended.
#[derive(Debug)]
pub(crate) struct CancelOnDrop(Arc<Relay>);

impl Relay {
    /// A relay for a future that begins and ends on a thread which has nothing else to do.
    pub(crate) fn on_one_thread() -> Relay {
        Relay {
            stays: true,
            ..Relay::default()
        }
    }

    /// Has the rest of the future that calls this run on the thread.
    pub(crate) async fn pass(&self) {
        let mut polled = self.stays;
        poll_fn(|_| match std::mem::replace(&mut polled, true) {
            true => Poll::Ready(()),
            false => {
                self.passing.store(true, Ordering::Release);
                Poll::Pending
            }
        })
        .await;
    }

    /// Polls the future, which holds this relay, on the calling task, until it is done or passes on.
    pub(crate) async fn first_leg<T>(&self, mut work: Work<T>) -> Leg<T> {
        let done = poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if self.passing.load(Ordering::Acquire) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        match done.await {
            Some(result) => Leg::Done(result),
            None => Leg::Passed(work),
        }
    }

    /// Brings the future to its end on the calling thread; `None` when it was cancelled before.
    pub(crate) fn second_leg<T>(&self, work: Work<T>) -> Option<T> {
        let (handle, registration) = AbortHandle::new_pair();
        {
            let mut waiting = self.waiting();
            if waiting.is_cancelled {
                return None;
            }
            waiting.future = Some(handle);
        }
        block_on(Abortable::new(work, registration)).ok()
    }

    /// Runs `wait`, which blocks until a process answers or is killed by `process`. Does not return when the future is
    /// cancelled.
    pub(crate) async fn wait_for<T>(&self, process: Killer, wait: impl Future<Output = T>) -> T {
        if self.begin(process) {
            let answered = wait.await;
            let mut waiting = self.waiting();
            waiting.process = None;
            if !waiting.is_cancelled {
                return answered;
            }
        }
        pending().await
    }

    fn begin(&self, process: Killer) -> bool {
        let mut waiting = self.waiting();
        waiting.process = Some(process);
        !waiting.is_cancelled
    }

    /// What ends the thread's part when the caller's is dropped.
    pub(crate) fn cancel_on_drop(self: &Arc<Self>) -> CancelOnDrop {
        CancelOnDrop(self.clone())
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.is_cancelled = true;
        if let Some(process) = waiting.process.take() {
            process.kill();
        }
        if let Some(future) = waiting.future.take() {
            future.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use ocaml_toolchain::Invocation;
    use ocaml_toolchain::invocation::{Session, Waiting};

    use super::*;

    fn cat() -> Session {
        let mut session = block_on(Invocation::new("cat").start_session()).unwrap();
        session.wait(Waiting::Thread);
        session
    }

    fn passed<T>(leg: Leg<T>) -> Work<T> {
        match leg {
            Leg::Passed(work) => work,
            Leg::Done(_) => panic!("done on its task"),
        }
    }

    #[test]
    fn a_future_that_does_not_pass_ends_on_its_task() {
        let relay = Relay::default();
        let work = async {
            futures_lite::future::yield_now().await;
            thread::current().id()
        };
        match block_on(relay.first_leg(Box::pin(work))) {
            Leg::Done(id) => assert_eq!(id, thread::current().id()),
            Leg::Passed(_) => panic!("it did not pass"),
        }
    }

    #[test]
    fn what_follows_the_pass_runs_on_the_thread() {
        let relay = Arc::new(Relay::default());
        let inner = relay.clone();
        let work: Work<_> = Box::pin(async move {
            let before = thread::current().id();
            inner.pass().await;
            (before, thread::current().id())
        });
        let rest = passed(block_on(relay.first_leg(work)));
        let second = thread::spawn(move || (relay.second_leg(rest), thread::current().id()));
        let (ids, second) = second.join().unwrap();
        assert_eq!(ids, Some((thread::current().id(), second)));
    }

    #[test]
    fn a_future_that_begins_on_the_thread_does_not_pass() {
        let relay = Relay::on_one_thread();
        let mut session = cat();
        let answered = block_on(async {
            session.write_all(b"one").await.unwrap();
            relay.pass().await;
            let killer = session.killer().unwrap();
            let mut answer = [0; 3];
            let read = relay.wait_for(killer, session.read_exact(&mut answer));
            read.await.unwrap();
            answer
        });
        assert_eq!(&answered, b"one");
    }

    #[test]
    fn a_future_that_was_cancelled_before_is_not_polled() {
        let relay = Arc::new(Relay::default());
        let inner = relay.clone();
        let work: Work<()> = Box::pin(async move {
            inner.pass().await;
            panic!("polled");
        });
        let rest = passed(block_on(relay.first_leg(work)));
        drop(relay.cancel_on_drop());
        assert_eq!(relay.second_leg(rest), None);
    }

    #[test]
    fn cancelling_kills_the_process_that_is_waited_for_and_gives_nothing() {
        let relay = Arc::new(Relay::default());
        let (inner, mut session) = (relay.clone(), cat());
        let (begun, begins) = channel();
        let work: Work<bool> = Box::pin(async move {
            inner.pass().await;
            begun.send(()).unwrap();
            let killer = session.killer().unwrap();
            let read = inner.wait_for(killer, session.read(&mut [0; 1])).await;
            read.is_ok()
        });
        let rest = passed(block_on(relay.first_leg(work)));
        let cancel = relay.cancel_on_drop();
        let second = thread::spawn(move || relay.second_leg(rest));
        begins.recv().unwrap();
        // Most likely it waits now; if not yet, it must not begin to.
        thread::sleep(Duration::from_millis(20));
        drop(cancel);
        assert_eq!(second.join().unwrap(), None);
    }

    #[test]
    fn cancelling_wakes_a_future_that_waits_for_something_else() {
        let relay = Arc::new(Relay::default());
        let inner = relay.clone();
        let work: Work<()> = Box::pin(async move {
            inner.pass().await;
            pending().await
        });
        let rest = passed(block_on(relay.first_leg(work)));
        let cancel = relay.cancel_on_drop();
        let second = thread::spawn(move || relay.second_leg(rest));
        drop(cancel);
        assert_eq!(second.join().unwrap(), None);
    }

    #[test]
    fn a_process_that_has_answered_is_not_killed_by_a_cancellation_that_comes_late() {
        let relay = Arc::new(Relay::default());
        let (inner, mut session) = (relay.clone(), cat());
        let work: Work<Session> = Box::pin(async move {
            session.write_all(b"one").await.unwrap();
            inner.pass().await;
            let killer = session.killer().unwrap();
            let mut answer = [0; 3];
            let read = inner
                .wait_for(killer, session.read_exact(&mut answer))
                .await;
            read.unwrap();
            session
        });
        let rest = passed(block_on(relay.first_leg(work)));
        let cancel = relay.cancel_on_drop();
        let mut session = relay.second_leg(rest).unwrap();
        drop(cancel);
        block_on(async {
            session.write_all(b"two").await.unwrap();
            let mut answer = [0; 3];
            session.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"two");
        });
    }
}
