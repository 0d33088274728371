//! Which compiler a command uses: the one this file carries, or an installed one.

use std::process::ExitCode;

use code_sets::{Code, CodeSet};
use dynloader::kit::Progress;
use embedded_archive::Verify;
use embedded_compiler::{CarriedCompiler, ChooseError, ChooseOptions, Choice, Chosen, ExtractTo};
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
    let choice = match options.toolchain {
        ToolchainChoice::Auto => Choice::Auto,
        ToolchainChoice::Embedded => Choice::Embedded,
        ToolchainChoice::System => Choice::System,
    };
    let mut choose = ChooseOptions::default().choice(choice).extract_to(extract_to(options)).progress(|step| {
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

fn extract_to(options: &ToolchainOptions) -> ExtractTo {
    match &options.persistent_archive {
        Some(directory) => ExtractTo::Persistent { directory: directory.clone(), verify: Verify::Stamp },
        None => ExtractTo::Fresh,
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
    if options.toolchain != ToolchainChoice::System {
        match CarriedCompiler::of_current_exe(ExtractTo::Fresh) {
            Ok(carried) => return Ok(carried.metadata().codes),
            Err(error) if options.toolchain == ToolchainChoice::Auto && error.is_absent() => {}
            Err(error) => return Err(failure(ChooseError::Carried(Box::new(error)))),
        }
    }
    let toolchain = Toolchain::find_blocking(&find::Options::from_environment()).map_err(Failure::new)?;
    Ok(CodeSet::from_tools(|tool| match tool {
        "ocamlc" => toolchain.ocamlc().is_some(),
        "ocamlopt" => toolchain.ocamlopt().is_some(),
        _ => false,
    }))
}
