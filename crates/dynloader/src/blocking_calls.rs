//! The loader's work for callers that are not asynchronous: on the calling thread, as far as it goes.

use std::path::Path;

use futures_lite::future;
use ocaml_runtime::{Interface, Module, Runtime};

use crate::compile::{self, Goal};
use crate::compile_worker::dispatch;
use crate::compiled::Compiled;
use crate::contract::Contract;
use crate::diagnostic::Diagnostic;
use crate::load::Error;
use crate::loader::Loader;
use crate::loading::collect;
use crate::plugin::Plugin;
use crate::relay::Relay;
use crate::source::Source;
use crate::unit::Evaluation;

impl Loader {
    /// As [`Loader::load_sources`], with the top level on the calling thread and its stack; `told` hears the compiler's
    /// warnings before it runs. A plugin that the cache holds is loaded without the help of another thread, and so is any
    /// once the runtime runs, which is the fastest way to load one.
    ///
    /// # Errors
    /// As [`Loader::load_sources`].
    pub fn load_sources_blocking<P: Plugin + ?Sized>(
        &self,
        sources: impl IntoIterator<Item = impl Into<Source>>,
        told: impl FnOnce(&[Diagnostic]),
    ) -> Result<P::Handle, Error> {
        let module = self.load_here_blocking(&Contract::of::<P>(), collect(sources), told)?;
        P::bind(module).map_err(Error::Bind)
    }

    /// As [`Loader::load_module`], with the top level on the calling thread and its stack; `told` hears the compiler's
    /// warnings before it runs.
    ///
    /// # Errors
    /// As [`Loader::load_sources`].
    pub fn load_module_blocking(
        &self,
        interface: &Interface,
        sources: impl IntoIterator<Item = impl Into<Source>>,
        told: impl FnOnce(&[Diagnostic]),
    ) -> Result<Module, Error> {
        let contract = Contract::Interface(Box::new(interface.clone()));
        let module = self.load_here_blocking(&contract, collect(sources), told)?;
        module.ok_or(Error::NotAPlugin)
    }

    fn load_here_blocking(
        &self,
        contract: &Contract,
        sources: Vec<Source>,
        told: impl FnOnce(&[Diagnostic]),
    ) -> Result<Option<Module>, Error> {
        let looked = self.look_up_blocking(contract, Evaluation::AtLoad, sources)?;
        let compiled = if looked.is_found() || self.shared.running()?.is_some() {
            let relay = Relay::on_one_thread();
            let (evaluation, goal) = (Evaluation::AtLoad, Goal::LoadHere);
            let compile =
                self.compile_unless_found(contract, evaluation, looked, goal, Some(&relay));
            future::block_on(compile)?
        } else {
            // First of all, and here: the dynamic linker holds a lock while it opens the host image, which a thread that
            // starts waits for.
            future::block_on(dispatch::start_ahead(&self.shared, Goal::Load));
            let compile =
                self.compile_unless_found(contract, Evaluation::AtLoad, looked, Goal::Load, None);
            // The runtime starts while the compiler runs, and on this thread, if it is to start on the caller's.
            std::thread::scope(|scope| {
                let compiling = std::thread::Builder::new()
                    .name("saddlebag-compile".into())
                    .spawn_scoped(scope, || future::block_on(compile))
                    .map_err(Error::Thread)?;
                let started = self.runtime_blocking();
                let compiled = compiling
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                started.map(|_| compiled)
            })?
        };
        told(compiled.diagnostics());
        self.shared.prepare_load_blocking()?;
        self.load_ready(contract, compiled)
    }

    /// As [`Loader::compile_sources`] for a caller that is not asynchronous: blocks the thread. A plugin that the cache
    /// holds is found without the help of another thread.
    ///
    /// # Errors
    /// As [`Loader::compile_sources`].
    pub fn compile_sources_blocking<P: Plugin + ?Sized>(
        &self,
        sources: impl IntoIterator<Item = impl Into<Source>>,
        evaluation: Evaluation,
    ) -> Result<Compiled, compile::Error> {
        self.compile_blocking(&Contract::of::<P>(), evaluation, collect(sources))
    }

    /// Loads a compiled plugin and runs its top level on the calling thread.
    ///
    /// # Errors
    /// As [`Loader::load_compiled`].
    pub fn load_compiled_blocking<P: Plugin + ?Sized>(
        &self,
        compiled: Compiled,
    ) -> Result<P::Handle, Error> {
        self.shared.prepare_load_blocking()?;
        P::bind(self.load_ready(&Contract::of::<P>(), compiled)?).map_err(Error::Bind)
    }

    /// Loads a file as [`Loader::load_file`] does, on the calling thread. OCaml: `blocking_load_cmxs_file`.
    ///
    /// # Errors
    /// As [`Loader::load_file`].
    pub fn load_file_blocking<P: Plugin + ?Sized>(
        &self,
        path: impl AsRef<Path>,
    ) -> Result<P::Handle, Error> {
        self.shared.prepare_load_blocking()?;
        let contract = Contract::of::<P>();
        P::bind(self.load_ready(&contract, self.open(&contract, path.as_ref())?)?)
            .map_err(Error::Bind)
    }

    /// As [`Loader::runtime`], on the calling thread.
    ///
    /// # Errors
    /// As [`Loader::runtime`].
    pub fn runtime_blocking(&self) -> Result<Runtime, Error> {
        self.shared.prepare_load_blocking()?;
        self.shared.open_runtime()
    }
}
