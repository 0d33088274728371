//! Starting a command and waiting for it.

use super::{CommandFailure, Error, Invocation};
use crate::running::{self, Entry};
use crate::sys::{self, Target};
use crate::threads;
use async_process::{Child, Command, Stdio};
use futures_lite::future::{self, zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use std::io;
use std::process::Output;
use std::time::Duration;

/// A program just written cannot be started while another thread of this program, between `fork` and `exec`, still
/// holds it open for writing (`ETXTBSY`, see golang/go#22315). That lasts for milliseconds.
const BUSY_RETRIES: u32 = 8;

impl Invocation {
    /// Run the command and collect what it prints, whatever its status.
    ///
    /// Dropping the future kills the child with every process of its group; a thread of `async-process` waits for it.
    /// The future completes when the child has ended and its output is closed: a process that outlives the child and
    /// keeps its standard output open is waited for too.
    ///
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use ocaml_toolchain::Invocation;
    ///
    /// let output = Invocation::new("sh").args(["-c", "tr a-z A-Z; exit 3"]).stdin_bytes("hello").output().await?;
    /// assert_eq!((output.status.code(), output.stdout), (Some(3), b"HELLO".to_vec()));
    /// # Ok::<(), ocaml_toolchain::invocation::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Every [`Error`] but `Failed`.
    pub async fn output(&self) -> Result<Output, Error> {
        let (mut child, entry) = self.start().await?;
        let waited = self.wait(&mut child).await;
        match waited {
            Ok(output) => {
                entry.finished();
                // A command that succeeded before the signal came has done its work.
                if !output.status.success() && running::is_shut_down() {
                    return Err(Error::ShutDown {
                        invocation: Box::new(self.clone()),
                    });
                }
                Ok(output)
            }
            Err(source) => Err(Error::Lost {
                invocation: Box::new(self.clone()),
                source,
            }),
        }
    }

    /// Run the command; any status but 0 is an error that carries all the command printed.
    ///
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use ocaml_toolchain::Invocation;
    ///
    /// let error = Invocation::new("sh").args(["-c", "echo no >&2; exit 2"]).run().await.unwrap_err();
    /// let failure = error.failure().unwrap();
    /// assert_eq!((failure.status.code(), &*failure.stderr_text()), (Some(2), "no\n"));
    /// # });
    /// ```
    ///
    /// # Errors
    /// Every [`Error`].
    pub async fn run(&self) -> Result<Output, Error> {
        let output = self.output().await?;
        if output.status.success() {
            return Ok(output);
        }
        Err(Error::Failed {
            failure: Box::new(CommandFailure::new(self.clone(), output)),
        })
    }

    /// [`output`](Self::output) for a caller that is not asynchronous: blocks the thread.
    ///
    /// # Errors
    /// Every [`Error`] but `Failed`.
    pub fn output_blocking(&self) -> Result<Output, Error> {
        future::block_on(self.output())
    }

    /// [`run`](Self::run) for a caller that is not asynchronous: blocks the thread.
    ///
    /// # Errors
    /// Every [`Error`].
    pub fn run_blocking(&self) -> Result<Output, Error> {
        future::block_on(self.run())
    }

    pub(super) async fn start(&self) -> Result<(Child, Entry), Error> {
        let mut retries = 0;
        loop {
            match Entry::start(|| self.spawn()) {
                None => {
                    return Err(Error::ShutDown {
                        invocation: Box::new(self.clone()),
                    });
                }
                Some(Ok(started)) => return Ok(started),
                Some(Err(error))
                    if error.kind() == io::ErrorKind::ExecutableFileBusy
                        && retries < BUSY_RETRIES =>
                {
                    let pause = Duration::from_millis(1 << retries);
                    threads::unblock(move || std::thread::sleep(pause)).await;
                    retries += 1;
                }
                Some(Err(source)) => return Err(self.start_error(source)),
            }
        }
    }

    fn spawn(&self) -> io::Result<(Child, Target)> {
        threads::check_for_children()?;
        let child = self.command().spawn()?;
        let target = Target::new(child.id(), !self.inherit_stdio);
        Ok((child, target))
    }

    fn command(&self) -> Command {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is where processes are started"
        )]
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args);
        if let Some(dir) = &self.current_dir {
            command.current_dir(dir);
        }
        if self.env_clear {
            command.env_clear();
        }
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if !self.inherit_stdio {
            sys::lead_group(&mut command);
        }
        let mut command = Command::from(command);
        if self.inherit_stdio {
            command.stdin(Stdio::inherit());
            command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
        } else {
            // An empty input is a closed pipe too: a root that holds only this program has no `/dev/null`.
            command.stdin(Stdio::piped());
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        command.kill_on_drop(true);
        command
    }

    /// The system says the same of a missing program and a missing directory: find out which it is.
    fn start_error(&self, source: io::Error) -> Error {
        let invocation = Box::new(self.clone());
        match &self.current_dir {
            Some(dir) => match std::fs::metadata(dir.join(".")) {
                Err(source) => Error::CurrentDir {
                    invocation,
                    directory: Box::new(dir.clone()),
                    source,
                },
                Ok(_) => Error::Start { invocation, source },
            },
            None => Error::Start { invocation, source },
        }
    }

    /// All three pipes at once, so that none fills up and blocks the child; then the status. The child is not waited
    /// for before its pipes are closed: until then its number cannot go to another process.
    async fn wait(&self, child: &mut Child) -> io::Result<Output> {
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let write = async {
            let Some(mut stdin) = stdin else {
                return Ok(());
            };
            match stdin.write_all(&self.stdin).await {
                // The child did not want it all.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                written => written,
            }
        };
        let (written, (stdout, stderr)) = zip(write, zip(read(stdout), read(stderr))).await;
        written?;
        let (stdout, stderr) = (stdout?, stderr?);
        Ok(Output {
            status: child.status().await?,
            stdout,
            stderr,
        })
    }
}

async fn read(pipe: Option<impl futures_lite::AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}
