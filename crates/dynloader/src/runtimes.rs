//! The OCaml runtimes that the loaders of this process have started.
//!
//! A plugin names its host image by soname, and the dynamic linker gives it the first image of that name. So a process
//! opens one image of each identity, from wherever its first loader has it: a later loader may have a copy of the same
//! image at another path, extracted from an archive.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use code_sets::Code;
use ocaml_runtime::Runtime;

use crate::kit::Kit;

/// An image's identity, its code, and its runtime.
type Started = (String, Code, Runtime);

static STARTED: Mutex<Vec<Started>> = Mutex::new(Vec::new());

fn started() -> MutexGuard<'static, Vec<Started>> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn find_in(started: &[Started], kit: &Kit, code: Code) -> Option<Runtime> {
    let wanted = |of: &&Started| of.0 == kit.host_image_identity() && of.1 == code;
    started.iter().find(wanted).map(|(_, _, runtime)| *runtime)
}

/// The runtime of the kit's image for `code`, if it runs. Does not wait for one that is being started.
pub(crate) fn find(kit: &Kit, code: Code) -> Option<Runtime> {
    match STARTED.try_lock() {
        Ok(started) => find_in(&started, kit, code),
        Err(TryLockError::Poisoned(started)) => find_in(&started.into_inner(), kit, code),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// The runtime of the kit's image for `code`; `start` starts it if it does not run. Blocks.
pub(crate) fn find_or_start<E>(
    kit: &Kit,
    code: Code,
    start: impl FnOnce() -> Result<Runtime, E>,
) -> Result<Runtime, E> {
    let mut started = started();
    if let Some(runtime) = find_in(&started, kit, code) {
        return Ok(runtime);
    }
    let runtime = start()?;
    started.push((kit.host_image_identity().to_owned(), code, runtime));
    Ok(runtime)
}
