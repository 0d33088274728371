//! A running OCaml runtime.

use std::fmt;
use std::path::Path;

use crate::call;
use crate::cancel::CancelToken;
use crate::sys::abi;
use crate::sys::apply;
use crate::sys::cancellation;
use crate::sys::exit;
use crate::sys::image::{Image, Named};
use crate::sys::thread::{self, Held};

/// An OCaml runtime in this process, from [`Runtime::open`]. It is never shut down; copies are handles to
/// the same one.
#[derive(Clone, Copy)]
pub struct Runtime {
    image: &'static Image,
}

/// A scope in which this thread holds the runtime lock; from [`Runtime::lock`].
///
/// Calls take the lock by themselves. A scope around many of them pays for it once. Other threads get their
/// turn when OCaml code runs, every 50 ms at most, and when the scope ends.
pub struct Lock {
    _held: Held,
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lock")
    }
}

impl Runtime {
    pub(crate) fn new(image: &'static Image) -> Runtime {
        Runtime { image }
    }

    pub(crate) fn image(self) -> &'static Image {
        self.image
    }

    /// The image's file.
    #[must_use]
    pub fn path(self) -> &'static Path {
        &self.image.path
    }

    /// The OCaml version: major, minor, patch.
    #[must_use]
    pub fn ocaml_version(self) -> (u32, u32, u32) {
        let number = self.image.facts.ocaml_version as u32;
        (number / 10_000, number / 100 % 100, number % 100)
    }

    /// Whether the image runs native code; else byte code.
    #[must_use]
    pub fn is_native(self) -> bool {
        self.image.is_native
    }

    /// Takes the runtime lock until the guard drops; see [`Lock`]. It may be taken again while it is held.
    #[must_use = "the lock is given back when the guard drops"]
    #[inline]
    pub fn lock(self) -> Lock {
        Lock {
            _held: thread::enter(self.image),
        }
    }

    /// Runs `body` without the runtime lock, where this thread has it; for functions of the application that
    /// wait for something, so that other OCaml threads go on.
    pub fn blocking<T>(self, body: impl FnOnce() -> T) -> T {
        thread::unlocked(self.image, body)
    }

    /// Runs `body`; the OCaml calls that this thread makes in it are stopped when `token` is cancelled or its
    /// deadline passes. They then fail with [`Cancelled`](call::Kind::Cancelled) or
    /// [`DeadlineExceeded`](call::Kind::DeadlineExceeded), within some 10 ms where OCaml code is running.
    ///
    /// OCaml code is stopped by an exception. Code that catches every exception in a loop goes on, and so
    /// does a C function.
    pub fn cancellable<T>(self, token: &CancelToken, body: impl FnOnce() -> T) -> T {
        cancellation::obeying(self.image, token.order(), body)
    }

    /// Hands everything that OCaml code printed to the system: the standard formatters of `Format` are
    /// flushed, then `stdout` and `stderr`.
    ///
    /// Each call does so by itself for `stdout` and `stderr` when it returns, so that what OCaml and Rust
    /// print keeps its order.
    pub fn flush(self) {
        let held = thread::enter(self.image);
        apply::raw(&held, self.image.closures.flush.get(), [abi::ZERO]);
    }

    /// From now on a write to a pipe that nobody reads ends the process by SIGPIPE, as it does a program of its own, and as it
    /// will the programs that OCaml code starts. Rust's runtime has the signal ignored, and such a write fail. For
    /// applications that run OCaml programs, as [`Exit::EndsProcess`](crate::open::Exit::EndsProcess) is.
    pub fn end_on_broken_pipe(self) {
        exit::end_on_broken_pipe();
    }

    /// Runs the functions that OCaml code gave to `at_exit`, last first, and forgets them, as an OCaml
    /// program does at its end.
    ///
    /// # Errors
    /// One of them raised.
    pub fn run_at_exit(self) -> call::Result<()> {
        self.run(self.image.closures.run_at_exit)
    }

    /// Does what ends an OCaml program with an exception: runs the functions given to `at_exit`, and the handler given to
    /// `Printexc.set_uncaught_exception_handler`. Says whether there was such a handler; without one, who calls this says
    /// what happened.
    ///
    /// `error` is that of a call that just failed. One that holds no OCaml exception of this runtime has no handler.
    ///
    /// # Errors
    /// The exception of a call that is itself stopped; what the functions and the handler raise is their own affair.
    pub fn handle_uncaught(self, error: &call::Error) -> call::Result<bool> {
        let Some(exception) = error.exception().filter(|one| one.is_of(self.image)) else {
            return Ok(false);
        };
        let held = thread::enter(self.image);
        let raw = exception.raw(&held);
        let handled = apply::apply(&held, self.image.closures.handle_uncaught.get(), [raw])?;
        Ok(handled == abi::TRUE)
    }

    /// Collects all garbage and returns free memory to the system (`Gc.compact`).
    ///
    /// # Errors
    /// A finaliser raised.
    pub fn compact(self) -> call::Result<()> {
        self.run(self.image.closures.compact)
    }

    /// Applies a closure of type `unit -> unit`.
    fn run(self, closure: Named) -> call::Result<()> {
        let held = thread::enter(self.image);
        apply::apply(&held, closure.get(), [abi::ZERO])?;
        Ok(())
    }
}

impl PartialEq for Runtime {
    fn eq(&self, other: &Runtime) -> bool {
        std::ptr::eq(self.image, other.image)
    }
}

impl Eq for Runtime {}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Runtime").field(&self.image.path).finish()
    }
}
