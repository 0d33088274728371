//! `saddlebag run` and `saddlebag load`: a plugin for its side effects.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use dynloader::load::Error;
use dynloader::seal::Seal;
use dynloader::{Diagnostic, ModuleName, Options, SideEffect};
use embedded_compiler::Chosen;
use ocaml_runtime::{Runtime, call, open};

use crate::Outcome;
use crate::arguments::{Load, Run};
use crate::compiler;
use crate::diagnostics;
use crate::failure::Failure;
use crate::libraries;
use crate::output;
use crate::script;
use crate::signals;
use crate::sources;

/// `saddlebag run`.
pub(crate) fn run(mut arguments: Run) -> Outcome {
    signals::install_when_needed();
    let format = arguments.compile.error_format;
    let is_script = arguments.sources.is_script();
    if is_script && !arguments.compile.no_cache && arguments.toolchain.persistent_archive.is_none()
    {
        arguments.toolchain.preferred_archive = script::archives();
    }
    let chosen = compiler::choose(&arguments.toolchain, arguments.compile.code())?;
    let options = arguments.compile.options(&chosen, is_script)?;
    let options = options.runtime(runtime_options(
        &arguments.sources.name(),
        &arguments.arguments,
    ));
    let (loader, sources) =
        libraries::prepare(&arguments.sources, &arguments.compile, &chosen, options)?;
    let module = ModuleName::of_path(&arguments.sources.name());
    let module = module.map_or_else(|_| String::new(), |name| name.as_str().to_owned());
    // On the main thread: it has the user's own limit for the stack, and the system prefers it for signals: one that
    // OCaml handles interrupts a system call of the plugin (signal(7)), as in a program of its own.
    let told = |diagnostics: &[Diagnostic]| diagnostics::print(diagnostics, format);
    let result = match loader.load_sources_blocking::<SideEffect>(sources, told) {
        Err(Error::Compile(error)) => return Err(diagnostics::rejected(*error, format)),
        result => result,
    };
    finish(&chosen, &module, result)
}

/// `saddlebag load`.
pub(crate) fn load(arguments: Load) -> Outcome {
    signals::install_when_needed();
    let sealed = seal(&arguments.plugin)?;
    let chosen = compiler::choose(&arguments.toolchain, Some(sealed.code))?;
    let options = Options::program().code(sealed.code);
    let options = options.runtime(runtime_options(&arguments.plugin, &arguments.arguments));
    let names: Vec<String> = sealed.library_names().map(str::to_owned).collect();
    let options = options.libraries(libraries::resolve(&chosen, &names)?);
    let loader = sources::loader(&chosen, options)?;
    let result = loader.load_file_blocking::<SideEffect>(&arguments.plugin);
    finish(&chosen, &sealed.module, result)
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
        .start_on(open::StartOn::CallingThread)
        .record_backtraces(false)
        .argument(name);
    arguments
        .iter()
        .fold(options, |options, argument| options.argument(argument))
}

/// What an OCaml program does at its end: `at_exit`, then the message of an exception nobody caught.
fn finish(chosen: &Chosen, module: &str, result: Result<(), Error>) -> Outcome {
    let image = chosen.kit.host_image(chosen.code);
    let runtime = image.and_then(|image| Runtime::open(image, &open::Options::default()).ok());
    let outcome = match (result, &runtime) {
        (Ok(()), None) => Ok(ExitCode::SUCCESS),
        (Ok(()), Some(runtime)) => match runtime.run_at_exit() {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(error) => uncaught(*runtime, module, &error),
        },
        (Err(Error::Raised(error)), Some(runtime)) => uncaught(*runtime, module, &error),
        (Err(error), _) => Err(Failure::new(error)),
    };
    if let Some(runtime) = runtime {
        runtime.flush();
    }
    outcome
}

/// Ends the program with what nobody caught.
fn uncaught(runtime: Runtime, module: &str, error: &call::Error) -> Outcome {
    // `exit` ends the process by itself; this is `Thread.exit` on the main thread (OCaml 4).
    if let call::Kind::Exit { code } = error.kind() {
        // The system keeps eight bits of a status.
        let status = ExitCode::from(*code as u8);
        return match runtime.run_at_exit() {
            Ok(()) => Ok(status),
            Err(error) => uncaught(runtime, module, &error),
        };
    }
    if !runtime.handle_uncaught(error).unwrap_or(false) {
        runtime.flush();
        tell(module, error);
    }
    Err(Failure::Told)
}

/// Says what the plugin did, in the words of an OCaml program (`Printexc`, `runtime/printexc.c`).
fn tell(module: &str, error: &call::Error) {
    match error.kind() {
        call::Kind::Exception(exception) => {
            let message = without_unit(module, exception.message());
            output::plain(format!("Fatal error: exception {message}"));
            for frame in exception
                .backtrace()
                .lines()
                .take_while(|frame| !is_loading(frame))
            {
                if !is_unknown(frame) {
                    output::plain(frame_without_unit(module, frame));
                }
            }
        }
        call::Kind::StackOverflow => output::plain("Fatal error: exception Stack_overflow"),
        call::Kind::OutOfMemory => output::plain("Fatal error: exception Out_of_memory"),
        _ => output::plain(format!("Fatal error: {error}")),
    }
}

/// The unit that several files become; a single file has a unit of its own name.
const UNIT: &str = "Plugin.";

/// The name of an exception without the unit that the files became, which their author never heard of: `Main.E`, as in a
/// program that is linked of the same files. `module` is the last of the files'.
fn without_unit<'a>(module: &str, name: &'a str) -> &'a str {
    match name.strip_prefix(UNIT) {
        Some(rest) if module != "Plugin" => rest,
        _ => name,
    }
}

/// Likewise the name of a function: `Called from Main.f in file "main.ml", line 1, characters 2-3`.
fn frame_without_unit(module: &str, frame: &str) -> String {
    match frame.split_once(" in file ") {
        Some((head, place)) => {
            let (how, name) = head.rsplit_once(' ').unwrap_or(("", head));
            format!("{how} {} in file {place}", without_unit(module, name))
        }
        None => frame.to_owned(),
    }
}

/// Whether a line of a backtrace is about loading the plugin, which is none of its author's business.
fn is_loading(frame: &str) -> bool {
    [" Dynlink", " Saddlebag_dynlink", " Saddlebag_host"]
        .iter()
        .any(|module| frame.contains(module))
}

/// Whether a line of a backtrace says nothing: a frame of the byte-code image, which has no line tables.
fn is_unknown(frame: &str) -> bool {
    frame.ends_with(" unknown location")
}
