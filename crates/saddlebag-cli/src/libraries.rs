//! `--require LIB` and `#require "LIB"`: OCaml libraries that a plugin uses.

use dynloader::bundle::{self, Bundle};
use dynloader::requirement::{self, Error};
use dynloader::{Library, Loader, Options, Preprocessor, Source, compile, rewriters};
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
    let with = |names: &[String]| {
        if names.is_empty() {
            return sources::loader(chosen, options.clone());
        }
        let libraries = resolve(chosen, names)?;
        let options = match (&compile.ppx, preprocessor(chosen, names)?) {
            (Some(_), _) | (None, Preprocessor::None) => options.clone(),
            (None, preprocessor) => options.clone().preprocessor(preprocessor),
        };
        sources::loader(chosen, options.libraries(libraries))
    };
    let mut names = names(&compile.require);
    let mut loader = match sources.find_dependencies {
        true => with(&names)?,
        false => with(&[])?,
    };
    loop {
        let bundles = bundle::read(sources.resolve(&loader)?)
            .map_err(|error| Failure::new(compile::Error::Bundle(error)))?;
        let known = names.len();
        for name in bundles.iter().flat_map(Bundle::required_libraries) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let has_all = match sources.find_dependencies {
            true => names.len() == known,
            false => names.is_empty(),
        };
        if !has_all {
            loader = with(&names)?;
        }
        // What a ppx library makes of a file may mention other files, which may require other libraries.
        if has_all || !sources.find_dependencies {
            return Ok((loader, bundles.iter().flat_map(Bundle::sources).collect()));
        }
    }
}

/// The names in the values of `--require`, each of which may be several: `a,b`.
pub(crate) fn names(values: &[String]) -> Vec<String> {
    values
        .iter()
        .flat_map(|names| names.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

/// The libraries and all that they require.
pub(crate) fn resolve(chosen: &Chosen, names: &[String]) -> Result<Vec<Library>, Failure> {
    requirement::resolve(
        &chosen.kit,
        chosen.code,
        names,
        &Environment::from_process(),
    )
    .map_err(failure)
}

/// The preprocessor that sources which require these libraries pass through.
pub(crate) fn preprocessor(chosen: &Chosen, names: &[String]) -> Result<Preprocessor, Failure> {
    rewriters::preprocessor(&chosen.kit, names, &Environment::from_process()).map_err(failure)
}

/// Those of the libraries that rewrite sources.
pub(crate) fn rewriters(chosen: &Chosen, names: &[String]) -> Result<Vec<String>, Failure> {
    rewriters::names(&chosen.kit, names, &Environment::from_process()).map_err(failure)
}

/// Missing libraries are told one by one, each with what it may have been meant to be.
fn failure(error: Error) -> Failure {
    if let Error::NotCarried { .. } = error {
        let hint = "carry it: saddlebag embed --require LIB EXE -o OUT; or use the installed compiler and its libraries: \
                    --toolchain system";
        return Failure::advised(error, hint);
    }
    if let Error::OtherCompiler { .. } = error {
        let hint = "install the library for the OCaml that `saddlebag conf` tells, name the directory above it in OCAMLPATH, or \
                    choose the other OCaml: --ocaml PATH";
        return Failure::advised(error, hint);
    }
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
