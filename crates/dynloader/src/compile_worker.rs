//! Compilers that stay: processes that compile one unit after the other, without starting, reading and ending anew.
//!
//! A worker is the driver in another role (`ocaml/worker.ml`). It is started with the options of its loader, which hold
//! for all its units, and gives the assembly that a compiler of its own would give, byte for byte. Whatever it cannot
//! do, or may do differently, a compiler that has just started does.

pub(crate) mod dispatch;
mod flags;
mod protocol;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use ocaml_toolchain::Invocation;
use ocaml_toolchain::invocation::{Session, Waiting};

use self::flags::are_for_workers;
pub(crate) use self::protocol::{Answer, Outcome, Request};
use crate::compile::Goal;
use crate::relay::Relay;
use crate::workspace::{JobDirectory, Workspace};

/// After how many units a worker makes room for a new one.
const MAX_UNITS: u32 = 12_000;

/// How large a worker's heap may be when it has answered. A very large unit needs as much; the next need not find it.
const MAX_HEAP_KIB: u32 = 512 << 10;

/// After how many workers in a row that could not be started another is tried only now and then.
const MAX_FAILURES: u32 = 3;

/// How many units then go without one.
const PAUSE: u32 = 16;

/// How the memory of a worker is laid out. Garbage collections are half of what a compiler that has just started does, and a
/// third of what one does that compiles a large unit: the heaps begin with the room that a small unit takes, and may grow
/// before they are searched (OCaml manual, section 12.2). They are on huge pages where the system gives them (glibc manual,
/// section 39.2), because the first touch of a small page takes as long as a thousand instructions.
const HEAP: [(&str, &str); 2] = [
    ("OCAMLRUNPARAM", "s=1M,h=512k,i=1M,o=400"),
    ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
];

/// The workers of one loader.
#[derive(Debug)]
pub(crate) struct CompileWorkers {
    idle: Mutex<Vec<Worker>>,
    /// How many workers in a row could not be started, and then how many units went without.
    failures: AtomicU32,
    /// See [`MAX_HEAP_KIB`].
    max_heap_kib: u32,
}

impl Default for CompileWorkers {
    fn default() -> CompileWorkers {
        CompileWorkers {
            idle: Mutex::default(),
            failures: AtomicU32::new(0),
            max_heap_kib: MAX_HEAP_KIB,
        }
    }
}

/// A process, and the directory that it works in. The process goes first.
#[derive(Debug)]
struct Worker {
    session: Session,
    directory: JobDirectory,
    greeted: bool,
    units: u32,
}

/// Why there is no answer.
enum Failure {
    /// No worker can be started.
    Start,
    /// It ended, or said something else than an answer.
    Lost,
}

impl CompileWorkers {
    /// Has a worker compile a unit; gives its answer and the directory that it worked in. `None` when a compiler that
    /// starts must do it.
    ///
    /// `driver` gives the worker's command. Dropping the future kills the worker with what it was doing. With a relay, the
    /// answer is waited for on the relay's thread.
    pub(crate) async fn ask(
        &self,
        driver: impl Fn() -> Option<Invocation>,
        workspace: &Workspace,
        request: Request<'_>,
        relay: Option<&Relay>,
    ) -> Option<(Answer, PathBuf)> {
        let failures = self.failures.load(Ordering::Relaxed);
        if failures >= MAX_FAILURES && !failures.is_multiple_of(PAUSE) {
            self.failures.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let idle = self.idle().pop();
        let (mut worker, fresh) = match idle {
            Some(worker) => (worker, false),
            None => (self.start(&driver()?, workspace).await?, true),
        };
        let answer = match worker.ask(request, relay).await {
            // It was killed while it had nothing to do.
            Err(Failure::Lost) if !fresh => {
                worker = self.start(&driver()?, workspace).await?;
                worker.ask(request, relay).await
            }
            answered => answered,
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(Failure::Start) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            Err(Failure::Lost) => return None,
        };
        self.failures.store(0, Ordering::Relaxed);
        // The worker's own phases, of which only their times are known.
        let micros =
            |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        tracing::debug_span!("type", micros = micros(answer.typing)).in_scope(|| ());
        tracing::debug_span!("generate", micros = micros(answer.generating)).in_scope(|| ());
        let directory = worker.directory.path().to_owned();
        let usable = answer.outcome != Outcome::Failed
            && worker.units < MAX_UNITS
            && answer.heap_kib < self.max_heap_kib;
        if usable {
            self.idle().push(worker);
        }
        match answer.outcome {
            Outcome::Compiled | Outcome::Refused => Some((answer, directory)),
            Outcome::Failed | Outcome::Unsure => None,
        }
    }

    /// Starts a worker that the next request will find, unless one is there.
    pub(crate) async fn start_ahead(&self, driver: &Invocation, workspace: &Workspace) {
        if self.failures.load(Ordering::Relaxed) > 0 || !self.idle().is_empty() {
            return;
        }
        if let Some(worker) = self.start(driver, workspace).await {
            self.idle().push(worker);
        }
    }

    /// Ends the workers that have nothing to do, and waits until they are gone.
    pub(crate) async fn end(&self) {
        let idle = std::mem::take(&mut *self.idle());
        for worker in idle {
            worker.session.end().await;
        }
    }

    /// Ends the workers that have nothing to do.
    pub(crate) fn clear(&self) {
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn start(&self, driver: &Invocation, workspace: &Workspace) -> Option<Worker> {
        let directory = workspace.job().ok()?;
        let invocation = driver.clone().current_dir(directory.path());
        let invocation = HEAP
            .iter()
            .fold(invocation, |invocation, (name, value)| {
                invocation.env(name, value)
            })
            .env("TMPDIR", directory.path());
        // Whoever starts a compiler next finds out what is wrong.
        let session = invocation.start_session().await.ok()?;
        Some(Worker {
            session,
            directory,
            greeted: false,
            units: 0,
        })
    }
}

impl Worker {
    async fn ask(
        &mut self,
        request: Request<'_>,
        relay: Option<&Relay>,
    ) -> Result<Answer, Failure> {
        let sent = self.session.write_all(&request.encode()).await;
        let Some(relay) = relay else {
            return self.answer(request.goal, sent).await;
        };
        let process = self.session.killer().ok_or(Failure::Lost)?;
        relay.pass().await;
        self.session.wait(Waiting::Thread);
        let answer = relay
            .wait_for(process, self.answer(request.goal, sent))
            .await;
        self.session.wait(Waiting::Task);
        answer
    }

    async fn answer(&mut self, goal: Goal, sent: io::Result<()>) -> Result<Answer, Failure> {
        let lost = |_: io::Error| Failure::Lost;
        if !self.greeted {
            let mut greeting = [0; protocol::GREETING.len()];
            match self.session.read_exact(&mut greeting).await {
                Ok(()) if greeting == protocol::GREETING => self.greeted = true,
                // The driver has not this role, or does not take the options.
                _ => return Err(Failure::Start),
            }
        }
        sent.map_err(lost)?;
        self.units += 1;
        protocol::receive(&mut self.session, goal)
            .await
            .map_err(lost)
    }
}

#[cfg(test)]
mod declarations;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod sequences;
#[cfg(test)]
mod sleep;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod tests;
