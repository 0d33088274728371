//! Which compilations compile workers do.

use std::path::PathBuf;
use std::sync::Arc;

use code_sets::Code;
use ocaml_toolchain::Invocation;

use super::{Answer, Request, are_for_workers};
use crate::compile::{self, Goal};
use crate::compile_arguments::unit_arguments;
use crate::kit::{Kit, Need};
use crate::loader::Shared;
use crate::options::{Assembler, Options};
use crate::preprocess::{self, Files};
use crate::shared_library;
use crate::workspace::Workspace;

/// The command of a compile worker, where the loader's options are for one: what is to be linked besides the unit is for
/// the driver.
fn worker(kit: &Kit, options: &Options, goal: Goal) -> Option<Invocation> {
    let ours = options.code == Code::Native
        && options.programs.ocamlopt.is_none()
        && are_for_workers(&options.flags.cmx);
    let linked = goal == Goal::Check
        || (options.flags.cmxs.is_empty()
            && options.assembler != Assembler::External
            && compile::assembly_compiler(kit, options).is_ok());
    if !ours || !linked {
        return None;
    }
    let libraries = shared_library::arguments(kit, options);
    let driver = kit.compile_worker()?;
    Some(driver.args(unit_arguments(options, libraries)))
}

/// Starts the worker that [`compile::run`] will ask, so that it gets ready while the caller does something else. What keeps it from
/// starting is found and told by [`compile::run`].
pub(crate) async fn start_ahead(shared: &Shared, goal: Goal) {
    let (kit, options) = (&shared.kit, &shared.options);
    // The hook may put files where a compiler that has just started finds them.
    let waits = options.initialize.is_some() || preprocess::program(kit, options).is_some();
    if waits || kit.prepare(Need::Compile).await.is_err() {
        return;
    }
    if let Some(driver) = worker(kit, options, goal)
        && let Ok(workspace) = shared.workspace()
    {
        shared
            .compile_workers
            .start_ahead(&driver, &workspace)
            .await;
    }
}

/// Asks a compile worker, where there is one.
pub(crate) async fn by_worker(
    shared: &Shared,
    workspace: &Arc<Workspace>,
    name: &str,
    files: &Files,
    goal: Goal,
) -> Option<(Answer, PathBuf)> {
    let driver = worker(&shared.kit, &shared.options, goal)?;
    let (implementation, interface) = match &files[..] {
        [(_, implementation)] => (implementation, None),
        [(_, interface), (_, implementation)] => (implementation, Some(&interface[..])),
        _ => return None,
    };
    // What was read for another unit may be of an interface that this process has not got, and this unit would say that it
    // imports it.
    let goal = match goal {
        Goal::LoadHere if !shared.options.compiles_against_kit_alone() => Goal::Load,
        goal => goal,
    };
    let request = Request {
        goal,
        name,
        implementation,
        interface,
    };
    shared
        .compile_workers
        .ask(&driver, workspace, request)
        .await
}
