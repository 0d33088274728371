//! SIGINT, SIGTERM and SIGHUP: no child process and no directory stays behind.

use std::time::Duration;

/// From now on a signal first ends child processes and removes files, then ends this process as it would have.
///
/// A plugin that sets handlers of its own replaces these, as it may: nothing is left to remove while it runs.
pub(crate) fn install() {
    // Without handlers the command works as well, and leaves a directory that the next start removes.
    let _ = embedded_compiler::shut_down_on_signals();
}

/// Leaves it to the signal that came, if one did, to end the process.
pub(crate) fn wait_if_one_came() {
    if ocaml_toolchain::running::is_shut_down() {
        std::thread::sleep(Duration::from_secs(10));
    }
}
