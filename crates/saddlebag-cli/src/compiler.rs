//! Which compiler a command uses: the one this file carries, or an installed one.

use std::process::ExitCode;

use code_sets::{Code, CodeSet};
use dynloader::kit::Progress;
use embedded_archive::Verify;
use embedded_compiler::{CarriedCompiler, Choice, ChooseError, ChooseOptions, Chosen, ExtractTo};
use ocaml_toolchain::{Toolchain, find};

use crate::Outcome;
use crate::arguments::{CodeName, Codes, ToolchainChoice, ToolchainOptions};
use crate::failure::Failure;
use crate::output;

impl CodeName {
    pub(crate) fn code(self) -> Code {
        match self {
            CodeName::Native => Code::Native,
            CodeName::Byte => Code::Byte,
        }
    }
}

/// The compiler that the options choose, for `code`, or for the code it makes where none is named.
pub(crate) fn choose(options: &ToolchainOptions, code: Option<Code>) -> Result<Chosen, Failure> {
    let choice = match (options.toolchain, &options.ocaml) {
        (ToolchainChoice::Embedded, Some(_)) => {
            return Err(Failure::Usage(
                "--ocaml names an installed compiler, --toolchain embedded refuses one".to_owned(),
            ));
        }
        (ToolchainChoice::Embedded, None) => Choice::Embedded,
        (ToolchainChoice::Auto, None) => Choice::Auto,
        (ToolchainChoice::System, _) | (ToolchainChoice::Auto, Some(_)) => Choice::System,
    };
    let choose = ChooseOptions::default()
        .choice(choice)
        .toolchain(places(options));
    let mut choose = choose.extract_to(extract_to(options)).progress(|step| {
        output::progress(match step {
            Progress::Driver => "Building the compiler driver (once per toolchain)",
            Progress::HostImage => "Building the host image (once per toolchain)",
            _ => "Building",
        });
    });
    if let Some(code) = code {
        choose = choose.code(code);
    }
    futures_lite::future::block_on(Chosen::choose(&choose)).map_err(failure)
}

/// Where an installed compiler is looked for: what the command line names, else what the environment does.
pub(crate) fn places(options: &ToolchainOptions) -> find::Options {
    let places = find::Options::from_environment();
    match &options.ocaml {
        None => places,
        Some(path) if path.is_dir() => places.directory(path).directory(path.join("bin")),
        Some(path) => places.compiler(path),
    }
}

fn extract_to(options: &ToolchainOptions) -> ExtractTo {
    let verify = Verify::Stamp;
    match (&options.persistent_archive, &options.preferred_archive) {
        (Some(directory), _) => ExtractTo::Persistent {
            directory: directory.clone(),
            verify,
        },
        (None, Some(directory)) => ExtractTo::PreferPersistent {
            directory: directory.clone(),
            verify,
        },
        (None, None) => ExtractTo::Fresh,
    }
}

fn failure(error: ChooseError) -> Failure {
    match error.hint() {
        Some(hint) => Failure::advised(error, hint),
        None => Failure::new(error),
    }
}

/// `saddlebag codes`.
pub(crate) fn codes(arguments: &Codes) -> Outcome {
    let available = available(&arguments.toolchain)?;
    let mut text = Vec::new();
    crate::codes_command::run(&arguments.codes, available, &mut text).map_err(Failure::new)?;
    output::result(String::from_utf8_lossy(&text).trim_end());
    Ok(ExitCode::SUCCESS)
}

/// The codes that the chosen toolchain can make; nothing is built to find out.
fn available(options: &ToolchainOptions) -> Result<CodeSet, Failure> {
    if options.toolchain != ToolchainChoice::System && options.ocaml.is_none() {
        match CarriedCompiler::of_current_exe(ExtractTo::Fresh) {
            Ok(carried) => return Ok(carried.metadata().codes),
            Err(error) if options.toolchain == ToolchainChoice::Auto && error.is_absent() => {}
            Err(error) => return Err(failure(ChooseError::Carried(Box::new(error)))),
        }
    }
    let toolchain = Toolchain::find_blocking(&places(options)).map_err(Failure::new)?;
    Ok(codes_of(&toolchain))
}

/// The codes that an installed toolchain has a compiler to.
pub(crate) fn codes_of(toolchain: &Toolchain) -> CodeSet {
    CodeSet::from_tools(|tool| match tool {
        "ocamlc" => toolchain.ocamlc().is_some(),
        "ocamlopt" => toolchain.ocamlopt().is_some(),
        _ => false,
    })
}
