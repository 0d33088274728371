//! `saddlebag run` and `saddlebag load`: a plugin for its side effects.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use dynloader::load::Error;
use dynloader::seal::Seal;
use dynloader::{Diagnostic, Options, SideEffect};
use embedded_compiler::Chosen;
use ocaml_runtime::call;
use ocaml_runtime::open;

use crate::Outcome;
use crate::arguments::{Load, Run};
use crate::compiler;
use crate::diagnostics;
use crate::failure::Failure;
use crate::libraries;
use crate::output;
use crate::signals;
use crate::sources;

/// `saddlebag run`.
pub(crate) fn run(arguments: Run) -> Outcome {
    signals::install();
    let format = arguments.compile.error_format;
    let chosen = compiler::choose(&arguments.toolchain, arguments.compile.code())?;
    let options = arguments.compile.options(&chosen)?;
    let options = options.runtime(runtime_options(
        &arguments.sources.name(),
        &arguments.arguments,
    ));
    let (loader, sources) =
        libraries::prepare(&arguments.sources, &arguments.compile, &chosen, options)?;
    // On the main thread: it has the user's own limit for the stack, and the system prefers it for signals: one that
    // OCaml handles interrupts a system call of the plugin (signal(7)), as in a program of its own.
    let told = |diagnostics: &[Diagnostic]| diagnostics::print(diagnostics, format);
    let result = match loader.load_sources_blocking::<SideEffect>(sources, told) {
        Err(Error::Compile(error)) => return Err(diagnostics::rejected(*error, format)),
        result => result,
    };
    finish(&chosen, result)
}

/// `saddlebag load`.
pub(crate) fn load(arguments: Load) -> Outcome {
    signals::install();
    let sealed = seal(&arguments.plugin)?;
    let chosen = compiler::choose(&arguments.toolchain, Some(sealed.code))?;
    let options = Options::program().code(sealed.code);
    let options = options.runtime(runtime_options(&arguments.plugin, &arguments.arguments));
    let loader = sources::loader(&chosen, options)?;
    let result = loader.load_file_blocking::<SideEffect>(&arguments.plugin);
    finish(&chosen, result)
}

/// What the file was made for: it decides which compiler's host image is wanted.
fn seal(plugin: &Path) -> Result<Seal, Failure> {
    let file = match std::fs::read(plugin) {
        Ok(file) => file,
        Err(source) => {
            return Err(Failure::new(Error::Read {
                path: plugin.to_owned(),
                source,
            }));
        }
    };
    match Seal::read(&file) {
        Ok((seal, _)) => Ok(seal),
        Err(source) => Err(Failure::new(Error::Refused {
            path: plugin.to_owned(),
            source,
        })),
    }
}

fn runtime_options(name: &Path, arguments: &[OsString]) -> open::Options {
    let options = open::Options::default()
        .exit(open::Exit::EndsProcess)
        .record_backtraces(false)
        .argument(name);
    arguments
        .iter()
        .fold(options, |options, argument| options.argument(argument))
}

/// What an OCaml program does at its end: `at_exit`, then the message of an exception nobody caught.
fn finish(chosen: &Chosen, result: Result<(), Error>) -> Outcome {
    if let Some(image) = chosen.kit.host_image(chosen.code)
        && let Ok(runtime) = ocaml_runtime::Runtime::open(image, &open::Options::default())
    {
        let at_exit = runtime.run_at_exit();
        // What is registered still runs when one of them raises (`handle_uncaught_exception'` in `printexc.ml`).
        if at_exit.is_err() {
            let _ = runtime.run_at_exit();
        }
        runtime.flush();
        if let (Ok(()), Err(error)) = (&result, at_exit) {
            return raised(&error);
        }
    }
    match result {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(Error::Raised(error)) => raised(&error),
        Err(error) => Err(Failure::new(error)),
    }
}

/// Says what the plugin did, in the words of an OCaml program (`Printexc`, `runtime/printexc.c`).
fn raised(error: &call::Error) -> Outcome {
    match error.kind() {
        // The system keeps eight bits of a status.
        call::Kind::Exit { code } => return Ok(ExitCode::from(*code as u8)),
        call::Kind::Exception(exception) => {
            output::plain(format!("Fatal error: exception {}", exception.message()));
            for frame in exception
                .backtrace()
                .lines()
                .take_while(|frame| !is_loading(frame))
            {
                if !is_unknown(frame) {
                    output::plain(frame);
                }
            }
        }
        call::Kind::StackOverflow => output::plain("Fatal error: exception Stack_overflow"),
        call::Kind::OutOfMemory => output::plain("Fatal error: exception Out_of_memory"),
        _ => output::plain(format!("Fatal error: {error}")),
    }
    Err(Failure::Told)
}

/// Whether a line of a backtrace is about loading the plugin, which is none of its author's business.
fn is_loading(frame: &str) -> bool {
    [" Dynlink", " Saddlebag_host"]
        .iter()
        .any(|module| frame.contains(module))
}

/// Whether a line of a backtrace says nothing: a frame of the byte-code image, which has no line tables.
fn is_unknown(frame: &str) -> bool {
    frame.ends_with(" unknown location")
}
