//! Which compilations compile workers do.

use std::path::PathBuf;
use std::sync::Arc;

use code_sets::Code;
use ocaml_toolchain::Invocation;

use super::{Answer, Request, are_for_workers};
use crate::compile::Goal;
use crate::compile_arguments::unit_arguments;
use crate::kit::{Kit, Need};
use crate::loader::Shared;
use crate::options::{Assembler, Options};
use crate::preprocess::{self, Files};
use crate::relay::Relay;
use crate::shared_library;
use crate::workspace::Workspace;

/// Whether the loader's options are for a compile worker: what is to be linked besides the unit is for the driver.
fn is_for_workers(kit: &Kit, options: &Options, goal: Goal) -> bool {
    let ours = options.code == Code::Native
        && options.programs.ocamlopt.is_none()
        && kit.has_compile_worker()
        && are_for_workers(&options.flags.cmx);
    let linked = goal == Goal::Check
        || (options.flags.cmxs.is_empty()
            && options.assembler != Assembler::External
            && kit.gives_assembly());
    ours && linked
}

/// The command of a compile worker.
fn command(kit: &Kit, options: &Options) -> Option<Invocation> {
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
    if is_for_workers(kit, options, goal)
        && let Some(driver) = command(kit, options)
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
    declarations: usize,
    goal: Goal,
    relay: Option<&Relay>,
) -> Option<(Answer, PathBuf)> {
    let (kit, options) = (&shared.kit, &shared.options);
    if !is_for_workers(kit, options, goal) {
        return None;
    }
    let (implementation, interface) = match &files[..] {
        [(_, implementation)] => (implementation, None),
        [(_, interface), (_, implementation)] => (implementation, Some(&interface[..])),
        _ => return None,
    };
    // What was read for another unit may be of an interface that this process has not got, and this unit would say that it
    // imports it.
    let goal = match goal {
        Goal::LoadHere if !options.compiles_against_kit_alone() => Goal::Load,
        goal => goal,
    };
    let request = Request {
        goal,
        name,
        implementation,
        declarations,
        interface,
    };
    shared
        .compile_workers
        .ask(|| command(kit, options), workspace, request, relay)
        .await
}
