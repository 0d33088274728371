//! Runs an OCaml program with the installed toolchain: `cargo run --example run -- FILE... [-- ARG...]`.
#![expect(clippy::print_stderr, reason = "an example for the command line")]

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use dynloader::kit::{SystemOptions, default_cache_directory};
use dynloader::{Diagnostic, Kit, Loader, Options, SideEffect, cache::CacheConfig, load};
use futures_lite::future::block_on;
use ocaml_runtime::call::Kind;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let files: Vec<PathBuf> = arguments
        .by_ref()
        .take_while(|argument| argument != "--")
        .map(PathBuf::from)
        .collect();
    match run(files, arguments.collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Plugin(error)) => match error.kind() {
            Kind::Exit { code } => ExitCode::from(*code as u8),
            Kind::Exception(exception) => {
                eprintln!("Fatal error: exception {}", exception.message());
                ExitCode::from(2)
            }
            _ => {
                eprintln!("Fatal error: {error}");
                ExitCode::from(2)
            }
        },
        Err(Failure::Other(error)) => {
            eprintln!("{error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

enum Failure {
    Plugin(ocaml_runtime::call::Error),
    Other(Box<dyn std::error::Error>),
}

impl<E: std::error::Error + 'static> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Other(Box::new(error))
    }
}

fn run(files: Vec<PathBuf>, arguments: Vec<OsString>) -> Result<(), Failure> {
    let cache = default_cache_directory().ok_or(std::io::Error::other("no cache directory"))?;
    let kit = block_on(Kit::system(SystemOptions::new(&cache)))?;
    let mut runtime = ocaml_runtime::open::Options::default();
    for argument in files
        .last()
        .map(|file| file.clone().into_os_string())
        .into_iter()
        .chain(arguments)
    {
        runtime = runtime.argument(argument);
    }
    let mut options = Options::program().runtime(runtime);
    if std::env::var_os("PLUGIN_CACHE").is_some() {
        options = options.use_cache(CacheConfig::new(cache.join("plugins-of-examples")));
    }
    let loader = Loader::new(kit, options)?;
    let told = |diagnostics: &[Diagnostic]| {
        for diagnostic in diagnostics {
            eprintln!("{diagnostic}");
        }
    };
    let loaded = loader.load_sources_blocking::<SideEffect>(files, told);
    // What a program does at its end; `exit` has done it.
    let exited = matches!(&loaded, Err(load::Error::Raised(error)) if matches!(error.kind(), Kind::Exit { .. }));
    if !exited {
        loader
            .runtime_blocking()?
            .run_at_exit()
            .map_err(Failure::Plugin)?;
    }
    loaded.map_err(|error| match error {
        load::Error::Raised(error) => Failure::Plugin(error),
        error => error.into(),
    })
}
