//! SIGINT, SIGTERM and SIGHUP: no child process and no directory stays behind.

use std::sync::Once;
use std::time::Duration;

/// From the first child process and the first directory on, a signal first ends child processes and removes files, then
/// ends this process as it would have. Until then there is nothing to remove: a plugin from the cache starts without.
pub(crate) fn install_when_needed() {
    ocaml_toolchain::running::before_first_child(install);
}

/// As [`install_when_needed`], from now on.
///
/// A plugin that sets handlers of its own replaces these, as it may: nothing is left to remove while it runs.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Without handlers the command works as well, and leaves a directory that the next start removes.
        let _ = embedded_compiler::shut_down_on_signals();
    });
}

/// Leaves it to the signal that came, if one did, to end the process.
pub(crate) fn wait_if_one_came() {
    if ocaml_toolchain::running::is_shut_down() {
        std::thread::sleep(Duration::from_secs(10));
    }
}
