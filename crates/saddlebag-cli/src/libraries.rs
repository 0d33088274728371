//! `--require LIB` and `#require "LIB";;`: OCaml libraries that a plugin uses.

use dynloader::bundle::{self, Bundle};
use dynloader::requirement::{self, Error};
use dynloader::{Loader, Options, Source, compile};
use embedded_compiler::Chosen;
use lib_resolve::{Environment, library};

use crate::arguments::{CompileOptions, Sources};
use crate::failure::Failure;
use crate::output;
use crate::sources;

/// The loader and the sources of a command, with the libraries that the command line and the heads of the files require.
/// The sources are read here, once: what is required is what is compiled.
pub(crate) fn prepare(
    sources: &Sources,
    compile: &CompileOptions,
    chosen: &Chosen,
    options: Options,
) -> Result<(Loader, Vec<Source>), Failure> {
    let loader = sources::loader(chosen, options.clone())?;
    let bundles = bundle::read(sources.resolve(&loader)?)
        .map_err(|error| Failure::new(compile::Error::Bundle(error)))?;
    let named = compile.require.iter().flat_map(|names| names.split(','));
    let named = named.map(|name| name.trim().to_owned());
    let names: Vec<String> = named
        .chain(bundles.iter().flat_map(Bundle::required_libraries))
        .filter(|name| !name.is_empty())
        .collect();
    let sources = bundles.iter().flat_map(Bundle::sources).collect();
    if names.is_empty() {
        return Ok((loader, sources));
    }
    if chosen.carried.is_some() {
        let message = format!(
            "the carried compiler carries no library besides OCaml's own; required: {}",
            names.join(", ")
        );
        return Err(Failure::Advised(
            message.into(),
            "use the installed compiler and its libraries: --toolchain system".to_owned(),
        ));
    }
    let libraries = requirement::resolve(
        &chosen.kit,
        chosen.code,
        &names,
        &Environment::from_process(),
    )
    .map_err(failure)?;
    Ok((
        sources::loader(chosen, options.libraries(libraries))?,
        sources,
    ))
}

/// Missing libraries are told one by one, each with what it may have been meant to be.
fn failure(error: Error) -> Failure {
    let Error::Libraries(error) = error else {
        return Failure::new(error);
    };
    let library::OrderError::Missing { missing } = *error else {
        return Failure::new(error);
    };
    for missing in missing {
        output::error(&missing.to_string());
        for suggestion in &missing.suggestions {
            output::hint(&suggestion.to_string());
        }
    }
    Failure::Told
}
