//! Which compiler a command uses: the one this file carries, or an installed one.

use std::process::ExitCode;

use code_sets::{Code, CodeSet};
use dynloader::kit::{BuildError, Kit, Progress, SystemOptions, default_cache_directory};
use embedded_archive::OpenError;
use embedded_compiler::{CarriedCompiler, CarriedError, ExtractTo};
use ocaml_toolchain::{Toolchain, find};

use crate::Outcome;
use crate::arguments::{CodeName, Codes, ToolchainChoice, ToolchainOptions};
use crate::failure::Failure;
use crate::output;

/// A compiler, and how it was come by.
pub(crate) struct Compiler {
    pub(crate) kit: Kit,
    /// Set when it is carried by this file.
    pub(crate) carried: Option<CarriedCompiler>,
}

impl CodeName {
    pub(crate) fn code(self) -> Code {
        match self {
            CodeName::Native => Code::Native,
            CodeName::Byte => Code::Byte,
        }
    }
}

impl Compiler {
    /// The compiler that the options choose, for `code`, or for the code it makes where none is named.
    pub(crate) fn choose(options: &ToolchainOptions, code: Option<CodeName>) -> Result<Compiler, Failure> {
        let code = code.map(CodeName::code);
        match options.toolchain {
            ToolchainChoice::System => Compiler::system(code),
            ToolchainChoice::Embedded => Compiler::embedded(options).map_err(|error| no_archive(error, code)),
            ToolchainChoice::Auto => match Compiler::embedded(options) {
                Ok(compiler) if code.is_none_or(|code| compiler.kit.codes().contains(code)) => Ok(compiler),
                Ok(_) => Compiler::system(code),
                Err(CarriedError::Open(error)) if is_absent(&error) => Compiler::system(code),
                Err(error) => Err(Failure::new(error)),
            },
        }
    }

    /// The code that the compiler makes where the user names none: native before byte.
    pub(crate) fn code(&self, asked: Option<CodeName>) -> Result<Code, Failure> {
        match asked {
            Some(code) => Ok(code.code()),
            None => code_sets::loading::choose(self.kit.codes(), &code_sets::Restriction::unique_favour_native())
                .map_err(Failure::new),
        }
    }

    fn embedded(options: &ToolchainOptions) -> Result<Compiler, CarriedError> {
        let to = match &options.persistent_archive {
            Some(directory) => ExtractTo::Persistent(directory.clone()),
            None => ExtractTo::Fresh,
        };
        let carried = CarriedCompiler::of_current_exe(to)?;
        Ok(Compiler { kit: carried.kit(), carried: Some(carried) })
    }

    pub(crate) fn system(code: Option<Code>) -> Result<Compiler, Failure> {
        let cache = default_cache_directory().ok_or_else(|| {
            Failure::Usage("no cache directory: neither XDG_CACHE_HOME nor HOME is an absolute path".to_owned())
        })?;
        let build = |code| {
            let options = SystemOptions::new(&cache).code(code).progress(|step| {
                output::progress(match step {
                    Progress::Driver => "Building the compiler driver (once per toolchain)",
                    Progress::HostImage => "Building the host image (once per toolchain)",
                    _ => "Building",
                });
            });
            futures_lite::future::block_on(Kit::system(options))
        };
        let kit = match code {
            Some(code) => build(code),
            None => match build(Code::Native) {
                // A toolchain without a native compiler still makes byte code.
                Err(BuildError::Code { .. }) => build(Code::Byte),
                built => built,
            },
        };
        match kit {
            Ok(kit) => Ok(Compiler { kit, carried: None }),
            Err(error @ BuildError::Toolchain(_)) => Err(Failure::advised(
                error,
                "install OCaml (Debian: apt-get install ocaml-nox ocaml-findlib ocaml-compiler-libs), or use a \
                 saddlebag that carries a compiler, made elsewhere with `saddlebag embed`",
            )),
            Err(error) => Err(Failure::new(error)),
        }
    }
}

fn is_absent(error: &OpenError) -> bool {
    matches!(error, OpenError::NotFound { .. })
}

fn no_archive(error: CarriedError, code: Option<Code>) -> Failure {
    let byte = if code == Some(Code::Byte) { " --code byte" } else { "" };
    match &error {
        CarriedError::Open(open) if is_absent(open) => Failure::advised(
            error,
            format!(
                "put a compiler into it, on a machine that has OCaml: saddlebag embed{byte} EXE -o OUT; \
                 or use the installed one: --toolchain system"
            ),
        ),
        _ => Failure::new(error),
    }
}

/// `saddlebag codes`.
pub(crate) fn codes(arguments: &Codes) -> Outcome {
    let available = available(&arguments.toolchain)?;
    let mut text = Vec::new();
    codes_text(arguments, available, &mut text)?;
    output::result(String::from_utf8_lossy(&text).trim_end());
    Ok(ExitCode::SUCCESS)
}

fn codes_text(arguments: &Codes, available: CodeSet, text: &mut Vec<u8>) -> Result<(), Failure> {
    crate::codes_command::run(&arguments.codes, available, text).map_err(Failure::new)
}

/// The codes that the chosen toolchain can make; nothing is built to find out.
fn available(options: &ToolchainOptions) -> Result<CodeSet, Failure> {
    if options.toolchain != ToolchainChoice::System {
        match Compiler::embedded(options) {
            Ok(compiler) => return Ok(compiler.kit.codes()),
            Err(CarriedError::Open(error)) if options.toolchain == ToolchainChoice::Auto && is_absent(&error) => {}
            Err(error) => return Err(no_archive(error, None)),
        }
    }
    let toolchain = Toolchain::find_blocking(&find::Options::from_environment()).map_err(Failure::new)?;
    Ok(CodeSet::from_tools(|tool| match tool {
        "ocamlc" => toolchain.ocamlc().is_some(),
        "ocamlopt" => toolchain.ocamlopt().is_some(),
        _ => false,
    }))
}
