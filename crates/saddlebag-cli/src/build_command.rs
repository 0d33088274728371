//! `saddlebag build`: leave the compiled plugin in a file.

use std::process::ExitCode;

use dynloader::SideEffect;

use crate::Outcome;
use crate::arguments::Build;
use crate::compiler;
use crate::diagnostics;
use crate::libraries;
use crate::signals;

/// `saddlebag build`.
pub(crate) fn run(arguments: Build) -> Outcome {
    signals::install_when_needed();
    let format = arguments.compile.error_format;
    let chosen = compiler::choose(&arguments.toolchain, arguments.compile.code())?;
    let options = arguments.compile.options(&chosen, false)?;
    let (loader, sources) =
        libraries::prepare(&arguments.sources, &arguments.compile, &chosen, options)?;
    let built = loader.compile_sources_to_file::<SideEffect>(sources, &arguments.output);
    match futures_lite::future::block_on(built) {
        Ok(warnings) => {
            diagnostics::print(&warnings, format);
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(diagnostics::rejected(error, format)),
    }
}
