//! The end of a process that runs no destructors.
use std::sync::Once;

use super::live;

/// Has private directories removed by `exit(3)`, which [`std::process::exit`] and the end of `main` call.
pub(super) fn register() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // When the table is full (ATEXIT_MAX), the next start removes what is left.
        let _ = shutdown_hooks::add_shutdown_hook(sweep);
    });
}

extern "C" fn sweep() {
    live::remove_all_fresh();
}
