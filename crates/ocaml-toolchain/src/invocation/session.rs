//! A child that lives on: requests to its standard input, answers from its standard output.

use super::waiter::Waiter;
use super::{Error, Invocation};
use crate::running::Entry;
use crate::sys::Target;
use async_process::{Child, ChildStdin, ChildStdout};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::io;
use std::thread;

/// A running child that is talked to; from [`Invocation::start_session`].
///
/// Dropping it kills the child with every process of its group. A process that this one forks shares the pipes, and must not
/// take answers that are for its parent: there the session is broken, and dropping it does nothing.
#[derive(Debug)]
pub struct Session {
    /// None once the session has ended.
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    entry: Entry,
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    waiting: Waiting,
}

/// Who waits while a child has nothing to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Waiting {
    /// The task, which is woken by the thread that watches the files of all children.
    #[default]
    Task,
    /// The thread that polls the task: it blocks until the child says something or ends, and is woken by the system. For
    /// threads that have nothing else to do; [`Killer`] is how others end the wait. One that waits alone in its process
    /// first stays awake, for 3 ms at most, and leaves its processor to others meanwhile (sched_yield(2)).
    Thread,
}

/// Kills the child of a [`Session`], from any thread; from [`Session::killer`].
#[derive(Debug)]
pub struct Killer {
    target: Target,
}

impl Killer {
    /// Kill the child with every process of its group.
    ///
    /// It must be there: once its session is dropped, the number may be another child's.
    pub fn kill(self) {
        self.target.kill();
    }
}

impl Invocation {
    /// Start the command as a child that is talked to. The bytes of `stdin_bytes` are not sent, and what the child prints
    /// on its standard error is lost.
    ///
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use ocaml_toolchain::Invocation;
    ///
    /// let mut session = Invocation::new("cat").start_session().await?;
    /// let mut answer = [0; 5];
    /// session.write_all(b"hello").await?;
    /// session.read_exact(&mut answer).await?;
    /// assert_eq!(&answer, b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// `Start`, `CurrentDir` and `ShutDown` of [`Error`]; `Lost` if the child inherits its input or output.
    pub async fn start_session(&self) -> Result<Session, Error> {
        let (mut child, entry) = self.start().await?;
        // Nobody reads the errors: a child that prints many must not wait for somebody who does.
        drop(child.stderr.take());
        match (child.stdin.take(), child.stdout.take()) {
            (Some(stdin), Some(stdout)) => {
                let running = Running {
                    entry,
                    child,
                    stdin,
                    stdout,
                    waiting: Waiting::default(),
                };
                Ok(Session {
                    running: Some(running),
                })
            }
            _ => Err(Error::Lost {
                invocation: Box::new(self.clone()),
                source: io::Error::other(
                    "a child that is talked to cannot inherit its input and output",
                ),
            }),
        }
    }
}

impl Session {
    /// Send all of `bytes`.
    ///
    /// # Errors
    /// What the system says; the child may have ended, or this process be a fork of the one that started it.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stdin = &mut self.running()?.stdin;
        stdin.write_all(bytes).await?;
        stdin.flush().await
    }

    /// Choose who waits in [`Session::read`] and [`Session::read_exact`]; the task, unless this says otherwise.
    ///
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use ocaml_toolchain::Invocation;
    /// use ocaml_toolchain::invocation::Waiting;
    ///
    /// let mut session = Invocation::new("cat").start_session().await?;
    /// session.write_all(b"hello").await?;
    /// session.wait(Waiting::Thread);
    /// let mut answer = [0; 5];
    /// session.read_exact(&mut answer).await?;
    /// assert_eq!(&answer, b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn wait(&mut self, waiting: Waiting) {
        if let Some(running) = &mut self.running {
            running.waiting = waiting;
        }
    }

    /// Receive as many bytes as `buffer` holds.
    ///
    /// # Errors
    /// What the system says; `UnexpectedEof` when the child closed its output before, as it does when it ends.
    pub async fn read_exact(&mut self, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read(buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => buffer = &mut buffer[count..],
            }
        }
        Ok(())
    }

    /// Receive what is there, at most as many bytes as `buffer` holds; wait while there is nothing. 0 when the child has
    /// closed its output.
    ///
    /// # Errors
    /// What the system says.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let running = self.running()?;
        match running.waiting {
            Waiting::Task => running.stdout.read(buffer).await,
            Waiting::Thread => running.read_blocking(buffer),
        }
    }

    /// What kills the child while something else waits for its answer; `None` in a process that is a fork of the one that
    /// started it.
    pub fn killer(&mut self) -> Option<Killer> {
        let running = self.running().ok()?;
        Some(Killer {
            target: running.entry.target(),
        })
    }

    fn running(&mut self) -> io::Result<&mut Running> {
        let own = self
            .running
            .as_mut()
            .filter(|running| running.entry.is_own());
        own.ok_or_else(|| {
            io::Error::other("the child is that of the process which forked this one")
        })
    }

    /// Kill the child, as dropping the session does, and wait until it is gone: then this program has one child less
    /// (wait(2)).
    ///
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use ocaml_toolchain::Invocation;
    ///
    /// let session = Invocation::new("cat").start_session().await?;
    /// let process = session.id();
    /// session.end().await;
    /// assert!(!std::path::Path::new(&format!("/proc/{process}")).exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub async fn end(mut self) {
        if self.running().is_ok()
            && let Some(mut running) = self.running.take()
        {
            running.entry.kill();
            // An error says that somebody else has waited for it.
            let _ = running.child.status().await;
            running.entry.finished();
        }
    }

    /// The child's process number.
    pub fn id(&self) -> u32 {
        self.running
            .as_ref()
            .map_or(0, |running| running.entry.id())
    }
}

impl Running {
    /// The file itself does not block, for the sake of the tasks.
    fn read_blocking(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut waiter = None;
        loop {
            match rustix::io::read(&self.stdout, &mut *buffer) {
                Err(Errno::AGAIN) if waiter.get_or_insert_with(Waiter::begin).stays_awake() => {
                    // Whoever else has something to do goes first, the child too.
                    thread::yield_now();
                }
                Err(Errno::AGAIN) => {
                    let mut file = [PollFd::new(&self.stdout, PollFlags::IN)];
                    match poll(&mut file, None) {
                        Ok(_) | Err(Errno::INTR) => {}
                        Err(errno) => return Err(errno.into()),
                    }
                }
                Err(Errno::INTR) => {}
                read => return Ok(read?),
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.running().is_err() {
            // Dropped, the pipes would be taken out of the set that the parent's thread waits for, which is shared (epoll(7)).
            std::mem::forget(self.running.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::block_on;

    #[test]
    fn a_child_that_ends_is_noticed() {
        block_on(async {
            let mut session = Invocation::new("true").start_session().await.unwrap();
            let error = session.read_exact(&mut [0; 1]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        });
    }

    #[test]
    fn a_thread_that_waits_hears_that_the_child_was_killed() {
        block_on(async {
            let mut session = Invocation::new("cat").start_session().await.unwrap();
            session.wait(Waiting::Thread);
            let killer = session.killer().unwrap();
            let killing = std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(20));
                killer.kill();
            });
            assert_eq!(session.read(&mut [0; 1]).await.unwrap(), 0);
            killing.join().unwrap();
        });
    }

    #[test]
    fn a_thread_may_wait_for_one_answer_and_a_task_for_the_next() {
        block_on(async {
            let mut session = Invocation::new("cat").start_session().await.unwrap();
            for waiting in [
                Waiting::Thread,
                Waiting::Task,
                Waiting::Thread,
                Waiting::Task,
            ] {
                session.wait(waiting);
                // More than a pipe holds arrives in pieces.
                let text = vec![b'x'; 40_000];
                session.write_all(&text).await.unwrap();
                let mut answer = vec![0; text.len()];
                session.read_exact(&mut answer).await.unwrap();
                assert_eq!(answer, text);
            }
        });
    }

    #[test]
    fn dropping_a_session_ends_its_child() {
        block_on(async {
            let script = "echo $$; exec sleep 1000";
            let mut session = Invocation::new("sh")
                .args(["-c", script])
                .start_session()
                .await
                .unwrap();
            let mut digit = [0; 1];
            let mut process = String::new();
            while session.read_exact(&mut digit).await.is_ok() && digit[0] != b'\n' {
                process.push(char::from(digit[0]));
            }
            drop(session);
            // Killed at once, gone as soon as it is waited for.
            let stat = format!("/proc/{process}/stat");
            for _ in 0..500 {
                match std::fs::read_to_string(&stat) {
                    Ok(text) if !text.contains(") Z ") => {
                        std::thread::sleep(std::time::Duration::from_millis(10))
                    }
                    _ => return,
                }
            }
            panic!("the child {process} lives on");
        });
    }

    #[test]
    fn a_forked_process_leaves_the_child_to_its_parent() {
        use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};

        let mut session = block_on(Invocation::new("cat").start_session()).unwrap();
        match fork::fork().unwrap() {
            fork::Fork::Child => {
                // Nothing that takes a lock: another thread may have held it.
                let refused = block_on(session.write_all(b"stolen")).is_err();
                drop(session);
                let end = if refused { Signal::KILL } else { Signal::TERM };
                loop {
                    let _ = kill_process(getpid(), end);
                }
            }
            fork::Fork::Parent(child) => {
                let ended = waitpid(Pid::from_raw(child), WaitOptions::empty());
                let (_, status) = ended.unwrap().unwrap();
                let refused = status.terminating_signal() == Some(Signal::KILL.as_raw());
                assert!(refused, "{status:?}");
            }
        }
        let mut answer = [0; 5];
        block_on(async {
            session.write_all(b"hello").await.unwrap();
            session.read_exact(&mut answer).await.unwrap();
        });
        assert_eq!(&answer, b"hello");
    }
}
