//! Closures of the application as OCaml functions: given for good, or lent for the time of a call.
#![expect(
    unsafe_code,
    reason = "lends closures that live shorter than what OCaml may keep, and makes OCaml functions"
)]

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;

use super::abi;
use super::dispatch::{Failure, HostFunction};
use super::frame::Stack;
use super::reader::Ref;
use crate::convert::{Error, Kind};

/// As [`HostFunction`], on one thread and for a while.
pub(crate) type LentFunction<'f> = dyn Fn(Ref<'_>, &mut Stack<'_>) -> Result<(), Failure> + 'f;

/// What an OCaml function made by [`Stack::push_function`] runs.
pub(crate) enum Closure {
    Given(Box<HostFunction>),
    Lent(Arc<Lent>),
}

impl Closure {
    pub(crate) fn run(&self, argument: Ref<'_>, stack: &mut Stack<'_>) -> Result<(), Failure> {
        match self {
            Closure::Given(function) => function(argument, stack),
            Closure::Lent(lent) => lent.run(argument, stack),
        }
    }
}

/// A closure that OCaml may run until its loan ends, on the thread that lent it.
pub(crate) struct Lent {
    function: Box<LentFunction<'static>>,
    thread: ThreadId,
    is_over: AtomicBool,
}

// SAFETY: the closure is run on the thread that lent it alone (`run` looks), and holds nothing but a reference
// and plain numbers (`Stack::lend`), which any thread can drop.
unsafe impl Send for Lent {}
// SAFETY: as above.
unsafe impl Sync for Lent {}

impl Lent {
    fn run(&self, argument: Ref<'_>, stack: &mut Stack<'_>) -> Result<(), Failure> {
        let refuse = |why: &str| Err(Failure::Message(why.to_owned()));
        if std::thread::current().id() != self.thread {
            return refuse("the function was lent to another thread");
        }
        // Only this thread ends the loan.
        if self.is_over.load(Ordering::Relaxed) {
            return refuse("the function was lent for a call that is over");
        }
        (self.function)(argument, stack)
    }
}

/// The loans of one call; dropping them ends them.
#[derive(Default)]
pub(crate) struct Loans(Vec<Arc<Lent>>);

impl Drop for Loans {
    #[inline(always)]
    fn drop(&mut self) {
        for lent in &self.0 {
            lent.is_over.store(true, Ordering::Relaxed);
        }
    }
}

impl Stack<'_> {
    /// Pushes an OCaml function of `arity` arguments that runs `function` until the stack's loans end.
    ///
    /// `function` captures a reference and plain numbers, nothing else. What it refers to lives as long as the
    /// value that is pushed (contract of [`OcamlType`](crate::OcamlType)), which outlives the loans.
    pub(crate) fn lend(
        &mut self,
        arity: usize,
        function: Box<LentFunction<'_>>,
    ) -> Result<(), Error> {
        // SAFETY: only the lifetime changes. The function is not run after the loan has ended, which is before
        // what it refers to goes, and dropping it does not touch that.
        let function: Box<LentFunction<'static>> = unsafe { std::mem::transmute(function) };
        let lent = Arc::new(Lent {
            function,
            thread: std::thread::current().id(),
            is_over: AtomicBool::new(false),
        });
        self.loans.0.push(Arc::clone(&lent));
        self.push_function(arity, Closure::Lent(lent))
    }

    /// Pushes an OCaml function of `arity` arguments.
    pub(crate) fn push_function(&mut self, arity: usize, closure: Closure) -> Result<(), Error> {
        self.push_object(Arc::new(closure));
        let image = self.image();
        let new_function = image.closures.new_function.get();
        let arity = abi::immediate(i64::from(arity as c_int));
        // SAFETY: a closure of an int and an object; the lock is held and every value is in the frame.
        let value = unsafe {
            (image.symbols.caml_callback2_exn)(new_function, arity, self.frame.top_value())
        };
        if abi::is_exception(value) {
            return Err(Error::new(Kind::OutOfMemory));
        }
        self.frame.replace_top(1, value);
        Ok(())
    }
}
