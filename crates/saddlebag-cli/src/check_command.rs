//! `saddlebag check`: compile only.

use std::process::ExitCode;

use dynloader::SideEffect;

use crate::Outcome;
use crate::arguments::Check;
use crate::compiler;
use crate::diagnostics;
use crate::libraries;
use crate::signals;

/// `saddlebag check`.
pub(crate) fn run(arguments: Check) -> Outcome {
    signals::install_when_needed();
    let format = arguments.compile.error_format;
    let chosen = compiler::choose(&arguments.toolchain, arguments.compile.code())?;
    let options = arguments.compile.options(&chosen, false)?;
    let (loader, sources) =
        libraries::prepare(&arguments.sources, &arguments.compile, &chosen, options)?;
    match futures_lite::future::block_on(loader.check_sources::<SideEffect>(sources)) {
        Ok(warnings) => {
            diagnostics::print(&warnings, format);
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(diagnostics::rejected(error, format)),
    }
}
