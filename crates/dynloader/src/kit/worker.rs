//! Compilers that are already running.
//!
//! The driver can wait for requests and fork for each (`ocaml/serve.c`): what it then does is what a process of its own
//! would do, without the price of starting one. A kit keeps such drivers for the compilations after its first.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ocaml_toolchain::Invocation;
use ocaml_toolchain::invocation::{Error, Session};

/// The first bytes that a driver which serves writes (`GREETING` in `ocaml/serve.c`).
const GREETING: u32 = 0x3142_5344;

/// The files in the working directory that a request's standard output and error go to.
const FILES: [&str; 2] = ["saddlebag.stdout", "saddlebag.stderr"];

/// The drivers that serve and have nothing to do.
#[derive(Default)]
pub(super) struct Workers {
    /// Whether a compilation has run: a single one is faster in a process of its own.
    used: AtomicBool,
    /// Whether a driver could not be made to serve; then none is asked again.
    broken: AtomicBool,
    idle: Mutex<Vec<Session>>,
}

impl Workers {
    /// Does what `invocation.output()` does. `driver` starts the driver that serves.
    ///
    /// Dropping the future kills the driver with what it was doing.
    pub(super) async fn output(
        &self,
        driver: Option<Invocation>,
        invocation: &Invocation,
    ) -> Result<Output, Error> {
        let first = !self.used.swap(true, Ordering::Relaxed);
        let (Some(driver), Some(directory), false, false) = (
            driver,
            invocation.get_current_dir(),
            first,
            self.broken.load(Ordering::Relaxed),
        ) else {
            return invocation.output().await;
        };
        match self.ask(&driver, invocation, directory).await {
            Ok(output) => Ok(output),
            Err(Failure::NoServer(error @ Error::ShutDown { .. })) => Err(error),
            Err(failure) => {
                // A driver that ended is replaced by the next request; one that cannot be started is not tried again.
                if matches!(failure, Failure::NoServer(_) | Failure::Greeting) {
                    self.broken.store(true, Ordering::Relaxed);
                }
                invocation.output().await
            }
        }
    }

    /// Ends the drivers that have nothing to do, and waits until they are gone.
    pub(super) async fn end(&self) {
        let idle = std::mem::take(&mut *self.idle());
        for session in idle {
            session.end().await;
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(
        &self,
        driver: &Invocation,
        invocation: &Invocation,
        directory: &Path,
    ) -> Result<Output, Failure> {
        let idle = self.idle().pop();
        let mut session = match idle {
            Some(session) => session,
            None => start(driver).await?,
        };
        session
            .write_all(&request(invocation, directory))
            .await
            .map_err(Failure::Lost)?;
        let mut answer = [0; 4];
        session
            .read_exact(&mut answer)
            .await
            .map_err(Failure::Lost)?;
        self.idle().push(session);
        let status = ExitStatus::from_raw(u32::from_ne_bytes(answer).cast_signed());
        let [stdout, stderr] = FILES.map(|name| std::fs::read(directory.join(name)));
        Ok(Output {
            status,
            stdout: stdout.map_err(Failure::Lost)?,
            stderr: stderr.map_err(Failure::Lost)?,
        })
    }
}

/// Why no driver answered.
enum Failure {
    NoServer(Error),
    Greeting,
    Lost(
        #[expect(
            dead_code,
            reason = "for debuggers; the compilation is done another way"
        )]
        io::Error,
    ),
}

async fn start(driver: &Invocation) -> Result<Session, Failure> {
    let mut session = driver.start_session().await.map_err(Failure::NoServer)?;
    let mut greeting = [0; 4];
    match session.read_exact(&mut greeting).await {
        Ok(()) if u32::from_ne_bytes(greeting) == GREETING => Ok(session),
        _ => Err(Failure::Greeting),
    }
}

/// The request, in the form that `ocaml/serve.c` describes.
fn request(invocation: &Invocation, directory: &Path) -> Vec<u8> {
    let mut body = Vec::new();
    let mut string = |bytes: &[u8]| {
        body.extend_from_slice(bytes);
        body.push(0);
    };
    let arguments: Vec<&[u8]> = invocation.argv().map(OsStrExt::as_bytes).collect();
    string(arguments.len().to_string().as_bytes());
    arguments.into_iter().for_each(&mut string);
    string(directory.as_os_str().as_bytes());
    FILES
        .into_iter()
        .for_each(|name| string(directory.join(name).as_os_str().as_bytes()));
    for (name, value) in invocation.get_envs() {
        let mut change = name.as_bytes().to_vec();
        if let Some(value) = value {
            change.push(b'=');
            change.extend_from_slice(value.as_bytes());
        }
        string(&change);
    }
    // A request that is longer than the number can say is longer than any command line the system takes.
    let mut request = u32::try_from(body.len())
        .unwrap_or(u32::MAX)
        .to_ne_bytes()
        .to_vec();
    request.append(&mut body);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_arguments_directory_files_and_changes_in_this_order() {
        let invocation = Invocation::new("driver")
            .arg("-c")
            .env("A", "1")
            .env_remove("B");
        let request = request(&invocation, Path::new("/job"));
        let (length, body) = request.split_first_chunk::<4>().unwrap();
        assert_eq!(u32::from_ne_bytes(*length) as usize, body.len());
        let strings: Vec<&str> = body
            .split(|&byte| byte == 0)
            .map(|string| std::str::from_utf8(string).unwrap())
            .collect();
        let expected = [
            "2",
            "driver",
            "-c",
            "/job",
            "/job/saddlebag.stdout",
            "/job/saddlebag.stderr",
            "A=1",
            "B",
            "",
        ];
        assert_eq!(strings, expected);
    }
}
