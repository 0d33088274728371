//! Starting an image's OCaml runtime.
#![expect(
    unsafe_code,
    reason = "starts the OCaml runtime and asks it first questions"
)]

use std::ffi::{CStr, CString, c_char};

use super::abi;
use super::dispatch::{self, HostTable};
use super::fault;
use super::image::{Image, Named, Opened};
use super::root::Graveyard;
use super::thread;
use crate::dynlink::Apart;

/// Why an image did not start.
#[derive(Debug)]
pub(crate) enum Failure {
    Thread(std::io::Error),
    Raised,
    Lacks(&'static CStr),
}

/// What the runtime is told once it has started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// In words.
    pub(crate) stack_limit: u32,
    pub(crate) backtraces: bool,
    /// On a thread that ends then, else on the calling one.
    pub(crate) on_own_thread: bool,
}

/// Starts the runtime.
pub(crate) fn start(
    opened: Opened,
    slot: usize,
    arguments: Vec<CString>,
    settings: Settings,
) -> Result<&'static Image, Failure> {
    let start = move || start_here(opened, slot, arguments, settings);
    if !settings.on_own_thread {
        return fault::keeping_signal_stack(start);
    }
    std::thread::Builder::new()
        .name("ocaml-startup".to_owned())
        .spawn(start)
        .map_err(Failure::Thread)?
        .join()
        .unwrap_or(Err(Failure::Raised))
}

fn start_here(
    opened: Opened,
    slot: usize,
    arguments: Vec<CString>,
    settings: Settings,
) -> Result<&'static Image, Failure> {
    // The runtime keeps the addresses for `Sys.argv`.
    let arguments: &'static [CString] = Box::leak(arguments.into_boxed_slice());
    let mut addresses: Vec<*const c_char> = arguments.iter().map(|a| a.as_ptr()).collect();
    addresses.push(std::ptr::null());
    let addresses: &'static [*const c_char] = Box::leak(addresses.into_boxed_slice());
    let before = fault::before_start();
    // SAFETY: a null-terminated array of C strings that lives for ever; called once for this image.
    let result = unsafe { (opened.symbols.caml_startup_exn)(addresses.as_ptr()) };
    fault::after_start(&before, slot, opened.find_code, opened.pending);
    if abi::is_exception(result) {
        return Err(Failure::Raised);
    }
    let closures = opened.find_closures().map_err(Failure::Lacks)?;
    let ask = |question: Named| {
        // SAFETY: a closure of type `unit -> bool`; this thread holds the lock since the start.
        let answer = unsafe { (opened.symbols.caml_callback_exn)(question.get(), abi::ZERO) };
        answer == abi::TRUE
    };
    let (is_native, knows_maps) = (ask(closures.is_native), ask(closures.knows_maps));
    // SAFETY: only names a signal.
    let signal = unsafe { (opened.symbols.saddlebag_cancellation_signal)() };
    let backtraces = (closures.record_backtrace, 1);
    let always = [
        (closures.set_stack_limit, i64::from(settings.stack_limit)),
        (closures.install_cancellation, i64::from(signal)),
    ];
    for (closure, argument) in always
        .into_iter()
        .chain(settings.backtraces.then_some(backtraces))
    {
        // SAFETY: closures of type `int -> unit` or `bool -> unit`; this thread holds the lock since the start.
        unsafe { (opened.symbols.caml_callback_exn)(closure.get(), abi::immediate(argument)) };
    }
    let image: &'static Image = Box::leak(Box::new(Image {
        dynlink: Apart::beside(&opened.path),
        path: opened.path,
        facts: opened.facts,
        symbols: opened.symbols,
        closures,
        is_native,
        knows_maps,
        cancellation_signal: signal,
        slot,
        graveyard: Graveyard::default(),
        host: HostTable::default(),
        loads: std::sync::Mutex::default(),
    }));
    let application = dispatch::application(image);
    // SAFETY: the stub copies the structure, whose context is leaked.
    unsafe { (image.symbols.saddlebag_install)(&raw const application) };
    // This thread holds the lock since the start; dropping the proof gives it back.
    drop(thread::called_by_ocaml(image));
    Ok(image)
}
