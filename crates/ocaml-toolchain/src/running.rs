//! The child processes of this program that run now.
//!
//! A child leads a process group of its own, so a terminal's Ctrl-C reaches the program and not the child.
//! A program that ends on a signal calls [`shut_down`] first:
//!
//! ```no_run
//! # fn wait_for_sigint_or_sigterm() {}
//! std::thread::spawn(|| {
//!     wait_for_sigint_or_sigterm(); // for instance `signal_hook::iterator::Signals`
//!     ocaml_toolchain::running::shut_down();
//!     // Now no compiler, assembler or linker is left: remove temporary directories and exit.
//! });
//! ```
//!
//! These functions take locks: call them from a thread, never from inside a signal handler.

use crate::sys::Target;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How long [`shut_down`] waits for what it killed.
const PATIENCE: Duration = Duration::from_secs(1);

/// Held for reading while a child is started and entered in the table, so that no child slips past a `kill_all`.
static GATE: RwLock<bool> = RwLock::new(OPEN);
const OPEN: bool = true;

static TABLE: Mutex<BTreeMap<u32, Target>> = Mutex::new(BTreeMap::new());

type Work = Box<dyn FnOnce() + Send>;

static BEFORE_FIRST: Mutex<Option<Work>> = Mutex::new(None);

/// Do `work` before this program starts its next child process, once. A program that may start none can so leave it until
/// then to install handlers of signals, or a thread that waits for them.
///
/// Work given before, and not yet done, is replaced. No child is started before the work is done, so it must not start one.
pub fn before_first_child(work: impl FnOnce() + Send + 'static) {
    *BEFORE_FIRST.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(work));
}

/// Kill every child process that runs now, with the processes it started. Returns how many children that were.
///
/// The commands end as if somebody else had killed them: `run` returns a failure with the signal in its status.
/// ```
/// assert_eq!(ocaml_toolchain::running::kill_all(), 0);
/// ```
pub fn kill_all() -> usize {
    kill_table().len()
}

/// Kill every child process that runs now and start none any more, for the rest of the program's life.
/// Returns how many children were killed. They are gone when it returns, unless the system takes more than a second.
///
/// The commands that ran, and those that would start later, return
/// [`invocation::Error::ShutDown`](crate::invocation::Error::ShutDown).
pub fn shut_down() -> usize {
    *GATE.write().unwrap_or_else(PoisonError::into_inner) = !OPEN;
    let killed = kill_table();
    // A killed process still has its memory to give back, and may hold files of a directory that is removed next.
    let end = Instant::now() + PATIENCE;
    while killed.iter().any(Target::is_there) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    killed.len()
}

/// Whether [`shut_down`] was called.
pub fn is_shut_down() -> bool {
    *GATE.read().unwrap_or_else(PoisonError::into_inner) != OPEN
}

fn kill_table() -> Vec<Target> {
    let _gate = GATE.write().unwrap_or_else(PoisonError::into_inner);
    let targets: Vec<Target> = table().values().copied().collect();
    let targets: Vec<Target> = targets.into_iter().filter(Target::is_own).collect();
    targets.iter().for_each(Target::kill);
    targets
}

fn table() -> MutexGuard<'static, BTreeMap<u32, Target>> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A child in the table. Dropping the entry kills the child with its group, unless it was [`finished`](Self::finished).
#[derive(Debug)]
pub(crate) struct Entry {
    target: Target,
}

impl Entry {
    /// Start a child and enter it; `None` after [`shut_down`].
    pub(crate) fn start<C>(
        start: impl FnOnce() -> std::io::Result<(C, Target)>,
    ) -> Option<std::io::Result<(C, Self)>> {
        // The lock is held meanwhile: a child of another thread waits too.
        if let Some(work) = BEFORE_FIRST
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            work();
        }
        let gate = GATE.read().unwrap_or_else(PoisonError::into_inner);
        if *gate != OPEN {
            return None;
        }
        Some(start().map(|(child, target)| {
            table().insert(target.id(), target);
            (child, Self { target })
        }))
    }

    /// Kill the child with its group.
    pub(crate) fn kill(&self) {
        self.target.kill();
    }

    /// What kills the child, for another thread.
    pub(crate) fn target(&self) -> Target {
        self.target
    }

    /// The child's process number.
    pub(crate) fn id(&self) -> u32 {
        self.target.id()
    }

    /// Whether this process started the child, and is not a copy of the one that did (fork(2)).
    pub(crate) fn is_own(&self) -> bool {
        self.target.is_own()
    }

    /// The child has been waited for: its number may by now belong to another process.
    pub(crate) fn finished(self) {
        table().remove(&self.target.id());
        std::mem::forget(self);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.is_own() && table().remove(&self.target.id()).is_some() {
            self.target.kill();
        }
    }
}
