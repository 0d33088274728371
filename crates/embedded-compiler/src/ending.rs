//! The end of a process that uses compilers.

/// Ends what every compiler of this process is doing and removes its files: compiling processes, loaders' directories,
/// private extractions. From then on no compiler works. Returns how many directories were removed.
///
/// It is for ends that run no destructors. [`std::process::exit`] needs no call: it does all this by itself. Programs that
/// handle signals themselves call this before they end; others use `shut_down_on_signals`, of the feature `signals`. It
/// takes locks: call it from a thread, never from inside a signal handler.
pub fn shut_down() -> usize {
    dynloader::shut_down() + embedded_archive::remove_all_fresh()
}

/// Do `work` before a carried compiler is next extracted to a private directory, once; see
/// [`embedded_archive::before_first_fresh`].
pub fn before_first_extraction(work: impl FnOnce() + Send + 'static) {
    embedded_archive::before_first_fresh(work);
}

/// From now on SIGINT, SIGTERM and SIGHUP first do what [`shut_down`] does, then end the process as they would have.
///
/// It is for applications that do not handle these signals themselves. A thread waits for the signals, so that nothing
/// runs that a signal handler may not do (signal-safety(7)). A second call does nothing more.
///
/// ```no_run
/// embedded_compiler::shut_down_on_signals()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// What the system said when the handlers were set or the thread started.
#[cfg(feature = "signals")]
pub fn shut_down_on_signals() -> std::io::Result<()> {
    embedded_archive::remove_on_signals_after(|| {
        dynloader::shut_down();
    })
}
