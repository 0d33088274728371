//! Calls from OCaml into the application: look up, run, and turn every way to fail into a status.
//!
//! Nothing unwinds through C or OCaml: a panic is caught here, and OCaml's exception is raised by the C
//! stub after the Rust frames have returned.
#![expect(
    unsafe_code,
    reason = "is entered from C with an image and an OCaml value"
)]

use std::any::Any;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::abi::{self, Raw};
use super::cancellation;
use super::closure::Closure;
use super::frame::{self, Stack};
use super::image::{Application, Image};
use super::reader::Ref;
use super::root::Object;
use super::shared::SharedMemory;
use super::stack_bounds;
use super::thread::{self, Held};
use crate::call;
use crate::convert;

/// Why a function of the application gave no result.
pub(crate) enum Failure {
    /// Becomes `Saddlebag_host.Host_error`.
    Message(String),
    /// A nested OCaml call failed: its exception goes on as it is.
    Raised(call::Error),
}

impl From<convert::Error> for Failure {
    fn from(error: convert::Error) -> Failure {
        Failure::Message(error.to_string())
    }
}

/// A function of the application, conversions included: reads the argument first, pushes one result last.
pub(crate) type HostFunction = dyn Fn(Ref<'_>, &mut Stack<'_>) -> Result<(), Failure> + Send + Sync;

/// An object of the application that OCaml holds.
pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

/// What an image's plugins can reach.
#[derive(Default)]
pub(crate) struct HostTable {
    functions: RwLock<Functions>,
    objects: Mutex<Objects>,
    pub(crate) memory: SharedMemory,
}

#[derive(Default)]
struct Functions {
    numbers: HashMap<String, usize>,
    /// Function number `n` is at `n - 1`: number 0 is the look-up.
    functions: Vec<Arc<HostFunction>>,
}

#[derive(Default)]
struct Objects {
    last: usize,
    shared: HashMap<usize, Shared>,
}

impl HostTable {
    /// Offers `function` under `key`. Plugins bound to an earlier one keep it.
    pub(crate) fn offer(&self, key: String, function: Arc<HostFunction>) {
        let mut table = self
            .functions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        table.functions.push(function);
        let number = table.functions.len();
        table.numbers.insert(key, number);
    }

    fn find(&self, key: &str) -> Result<usize, Failure> {
        let table = self
            .functions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = table.numbers.get(key) {
            return Ok(*number);
        }
        let name = key.split(" : ").next().unwrap_or(key);
        let same_name = |other: &&String| other.split(" : ").next() == Some(name);
        Err(Failure::Message(
            match table.numbers.keys().find(same_name) {
                Some(other) => {
                    format!("the application offers `{other}`, the plugin expects `{key}`")
                }
                None => format!("the application offers no function `{key}`"),
            },
        ))
    }

    fn get(&self, number: usize) -> Option<Arc<HostFunction>> {
        let table = self
            .functions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        table.functions.get(number.checked_sub(1)?).cloned()
    }

    /// Keeps `object` for an OCaml block, until the block is collected; its number is never reused.
    pub(crate) fn keep_object(&self, object: Shared) -> usize {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.last += 1;
        let number = objects.last;
        objects.shared.insert(number, object);
        number
    }

    pub(crate) fn object(&self, number: usize) -> Option<Shared> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.shared.get(&number).cloned()
    }

    fn release_object(&self, number: usize) -> Option<Object> {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let object = objects.shared.remove(&number)?;
        Some(Box::new(object))
    }
}

/// What the C stub is told about this application.
pub(crate) fn application(image: &'static Image) -> Application {
    Application {
        context: std::ptr::from_ref(image).cast(),
        call,
        cancelled,
        release,
        release_memory,
        is_below,
    }
}

fn image(context: *const c_void) -> &'static Image {
    // SAFETY: the stub gives back the context of `application`, a leaked image.
    unsafe { &*context.cast::<Image>() }
}

const DONE: isize = 0;
const HOST_ERROR: isize = 1;
const HOST_PANIC: isize = 2;
const RAISE: isize = 3;

/// Entered by `saddlebag_call_host`: the thread holds the lock, `argument` is rooted by the stub and is
/// good until OCaml next allocates, `out` is a local root of the stub.
extern "C" fn call(context: *const c_void, number: isize, argument: Raw, out: *mut Raw) -> isize {
    let held = thread::called_by_ocaml(image(context));
    let outcome = catch_unwind(AssertUnwindSafe(|| run(&held, number, argument)));
    let (status, value) = match outcome {
        Ok(Ok(value)) => (DONE, value),
        Ok(Err(Failure::Message(message))) => (HOST_ERROR, text(&held, &message)),
        Ok(Err(Failure::Raised(error))) => match error.exception() {
            Some(exception) if exception.is_of(held.image()) => (RAISE, exception.raw(&held)),
            _ => (HOST_ERROR, text(&held, &error.to_string())),
        },
        Err(payload) => (HOST_PANIC, text(&held, &panic_message(payload))),
    };
    thread::back_to_ocaml(held);
    // SAFETY: a local root of the stub; nothing allocated since `value` was made.
    unsafe { *out = value };
    status
}

fn run(held: &Held, number: isize, argument: Raw) -> Result<Raw, Failure> {
    if stack_bounds::nearly_exhausted() {
        let message = "the thread's stack is nearly exhausted by nested calls";
        return Err(Failure::Message(message.to_owned()));
    }
    let table = &held.image().host;
    let argument = Ref::new(held, argument);
    if number == 0 {
        let key = String::from_utf8_lossy(argument.bytes()?).into_owned();
        return Ok(abi::immediate(table.find(&key)? as i64));
    }
    let none = || Failure::Message(format!("the application has no function number {number}"));
    if number > 0 {
        let function = table.get(number as usize).ok_or_else(none)?;
        return build(held, |stack| function(argument, stack));
    }
    let object = table.object(number.unsigned_abs()).ok_or_else(none)?;
    let closure = object.downcast_ref::<Closure>().ok_or_else(none)?;
    build(held, |stack| closure.run(argument, stack))
}

/// The value that `body` leaves on the stack. What is lent with it is lent to nobody: the call is over.
fn build(
    held: &Held,
    body: impl FnOnce(&mut Stack<'_>) -> Result<(), Failure>,
) -> Result<Raw, Failure> {
    let mut failure = None;
    let built = frame::build::<1>(held, |stack| {
        body(stack).or_else(|error| {
            failure = Some(error);
            stack.push_unit();
            Ok(())
        })
    });
    match (failure, built) {
        (Some(failure), _) => Err(failure),
        (None, built) => {
            let ([value], _) = built?;
            Ok(value)
        }
    }
}

/// The message as an OCaml string, cut where memory is short.
fn text(held: &Held, message: &str) -> Raw {
    frame::string(held, message.as_bytes())
        .or_else(|_| frame::string(held, b"out of memory"))
        .unwrap_or(abi::ZERO)
}

fn panic_message(payload: Box<dyn Any + Send>) -> String {
    let message = match payload.downcast_ref::<&str>() {
        Some(message) => (*message).to_owned(),
        None => match payload.downcast_ref::<String>() {
            Some(message) => message.clone(),
            None => "a panic without message".to_owned(),
        },
    };
    // The payload's own destructor may panic; it must not do so here.
    std::mem::forget(payload);
    message
}

extern "C" fn cancelled(_context: *const c_void) -> c_int {
    c_int::from(cancellation::is_due())
}

/// Entered by `Thread.exit` in OCaml code.
extern "C" fn is_below(context: *const c_void) -> c_int {
    c_int::from(thread::holds(image(context)))
}

/// Entered by the collector: only moves the object to where the lock's next release drops it.
extern "C" fn release(context: *const c_void, number: usize) {
    let image = image(context);
    if let Some(object) = image.host.release_object(number) {
        image.graveyard.add_object(object);
    }
}

/// Entered by the collector, as [`release`].
extern "C" fn release_memory(context: *const c_void, data: *mut c_void) {
    let image = image(context);
    if let Some(memory) = image.host.memory.take(data) {
        image.graveyard.add_object(memory);
    }
}
