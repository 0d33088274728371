//! From sources, or from a compiled file, to a plugin that runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use code_sets::Code;
use futures::channel::oneshot;
use lib_resolve::ArchiveContents;
use ocaml_runtime::open::Exit;
use ocaml_runtime::{Interface, LoadedUnit, Module, Runtime, load, module};
use ocaml_toolchain::threads;

use crate::carried_libraries::stub_file;
use crate::compile::{self, Goal};
use crate::compiled::{Artefact, Compiled};
use crate::contract::Contract;
use crate::delayed::Delayed;
use crate::diagnostic::Diagnostic;
use crate::kit::Need;
use crate::library;
use crate::library_load::Loading;
use crate::load::Error;
use crate::loader::{Loader, Shared, Unavailable};
use crate::options::Assembler;
use crate::plugin::Plugin;
use crate::relay::{Leg, Relay};
use crate::seal::Seal;
use crate::source::Source;
use crate::stub_library::{self, Opening, StubLibrary};
use crate::unit::Evaluation;
use crate::workspace::JobDirectory;

impl Loader {
    /// Compiles the sources into one plugin, whose last module is checked against the interface of `P`, loads it and
    /// runs its top level once. OCaml: `load_ocaml_src_files`.
    ///
    /// The top level runs on a thread of its own, with [`Options::stack_size`](crate::Options::stack_size). Dropping
    /// the future stops a compilation, and leaves a top level that runs alone.
    ///
    /// # Errors
    /// [`Error::Compile`] when nothing of the plugin has run, [`Error::Raised`] when its top level failed.
    pub async fn load_sources<P: Plugin + ?Sized>(
        &self,
        sources: impl IntoIterator<Item = impl Into<Source>>,
    ) -> Result<P::Handle, Error> {
        let module = self
            .load_here(Contract::of::<P>(), collect(sources))
            .await?;
        P::bind(module).map_err(Error::Bind)
    }

    /// Loads sources as [`Loader::load_sources`] does, for an interface that is made at run time, and gives the plugin's
    /// module.
    ///
    /// # Errors
    /// As [`Loader::load_sources`].
    pub async fn load_module(
        &self,
        interface: &Interface,
        sources: impl IntoIterator<Item = impl Into<Source>>,
    ) -> Result<Module, Error> {
        let contract = Contract::Interface(Box::new(interface.clone()));
        let module = self.load_here(contract, collect(sources)).await?;
        module.ok_or(Error::NotAPlugin)
    }

    /// Compiles and loads the sources as [`Loader::load_sources`] does, and leaves it to the caller to run the top
    /// level: as often as wanted, on any thread, each time with fresh state.
    /// OCaml: `load_ocaml_src_files_without_running_them`.
    ///
    /// # Errors
    /// When the sources are not compiled or the plugin cannot be linked. Nothing of the plugin runs.
    pub async fn load_sources_without_running<P: Plugin + ?Sized>(
        &self,
        sources: impl IntoIterator<Item = impl Into<Source>>,
    ) -> Result<Delayed<P>, Error> {
        let loader = self.clone();
        let link = move |compiled: Compiled| loader.shared.link(&compiled.seal, compiled.artefact);
        let (contract, sources) = (Contract::of::<P>(), collect(sources));
        let linked = self.compile_and(contract, Evaluation::OnDemand, sources, link);
        Ok(Delayed::loaded(linked.await?))
    }

    async fn load_here(
        &self,
        contract: Contract,
        sources: Vec<Source>,
    ) -> Result<Option<Module>, Error> {
        let (loader, owned) = (self.clone(), contract.clone());
        let load = move |compiled| loader.load_ready(&owned, compiled);
        self.compile_and(contract, Evaluation::AtLoad, sources, load)
            .await
    }

    /// Compiles sources that this process loads next, and does `then` with the plugin, on a thread with a stack of known size
    /// and once the runtime has started, which it does while the compiler runs.
    async fn compile_and<T: Send + 'static>(
        &self,
        contract: Contract,
        evaluation: Evaluation,
        sources: Vec<Source>,
        then: impl FnOnce(Compiled) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let relay = Arc::new(Relay::default());
        let _cancel = relay.cancel_on_drop();
        let (loader, passing) = (self.clone(), relay.clone());
        let compile = Box::pin(async move {
            let compile = async {
                let relay = Some(&*passing);
                let goal = Goal::LoadHere;
                let compiled = loader.compile(&contract, evaluation, sources, goal, relay);
                Ok(compiled.await?)
            };
            let started = loader.start_runtime();
            let (compiled, ()) = futures_lite::future::try_zip(compile, started).await?;
            Ok::<Compiled, Error>(compiled)
        });
        match relay.first_leg(compile).await {
            Leg::Done(compiled) => {
                let compiled = compiled?;
                self.on_thread(move || then(compiled)).await
            }
            Leg::Passed(rest) => {
                let go_on = move || match relay.second_leg(rest) {
                    Some(compiled) => then(compiled?),
                    // Nobody is there to hear it.
                    None => Err(Error::Thread(std::io::ErrorKind::Interrupted.into())),
                };
                self.on_thread(go_on).await
            }
        }
    }

    /// Has the compiler look at the sources, types and all, without making a plugin; gives its warnings. Nothing of the
    /// plugin runs, and nothing is loaded. OCaml: `check_ocaml_src_files`.
    ///
    /// # Errors
    /// When the compiler does not accept the sources.
    pub async fn check_sources<P: Plugin + ?Sized>(
        &self,
        sources: impl IntoIterator<Item = impl Into<Source>>,
    ) -> Result<Vec<Diagnostic>, compile::Error> {
        let sources = collect(sources);
        self.check(&Contract::of::<P>(), sources).await
    }

    /// Compiles the sources, or finds them in the cache, and runs nothing.
    ///
    /// # Errors
    /// When the compiler does not accept the sources.
    pub async fn compile_sources<P: Plugin + ?Sized>(
        &self,
        sources: impl IntoIterator<Item = impl Into<Source>>,
        evaluation: Evaluation,
    ) -> Result<Compiled, compile::Error> {
        let sources = collect(sources);
        self.compile(&Contract::of::<P>(), evaluation, sources, Goal::Load, None)
            .await
    }

    /// Compiles the sources into the file `output`, which [`Loader::load_file`] of this or another process loads; gives
    /// the compiler's warnings. The file appears whole, in place of what was there. OCaml:
    /// `compile_ocaml_src_files_into_cmxs_file`.
    ///
    /// # Errors
    /// When the compiler does not accept the sources or the file cannot be written; what was at `output` is then as
    /// it was.
    pub async fn compile_sources_to_file<P: Plugin + ?Sized>(
        &self,
        sources: impl IntoIterator<Item = impl Into<Source>>,
        output: impl Into<PathBuf>,
    ) -> Result<Vec<Diagnostic>, compile::Error> {
        let (sources, output) = (collect(sources), output.into());
        let mut compiled = self
            .compile(
                &Contract::of::<P>(),
                Evaluation::AtLoad,
                sources,
                Goal::Load,
                None,
            )
            .await?;
        let diagnostics = std::mem::take(&mut compiled.diagnostics);
        compiled.write_to(output).await?;
        Ok(diagnostics)
    }

    /// Loads a compiled plugin and runs its top level once, on a thread as [`Loader::load_sources`] does.
    ///
    /// # Errors
    /// When the plugin was compiled for something else, cannot be linked, or its top level failed.
    pub async fn load_compiled<P: Plugin + ?Sized>(
        &self,
        compiled: Compiled,
    ) -> Result<P::Handle, Error> {
        self.shared.prepare_load().await?;
        let loader = self.clone();
        let module = self
            .on_thread(move || loader.load_ready(&Contract::of::<P>(), compiled))
            .await?;
        P::bind(module).map_err(Error::Bind)
    }

    /// Loads a file made by [`Loader::compile_sources_to_file`], here or in another process, and runs its top level
    /// once. The file is verified before it is opened by the dynamic linker, and loaded from a private copy, so the
    /// same file may be loaded again. OCaml: `load_cmxs_file`.
    ///
    /// # Errors
    /// [`Error::Refused`] when the file is damaged or made for another compiler, host image or interface, with what
    /// differs; else as [`Loader::load_sources`].
    pub async fn load_file<P: Plugin + ?Sized>(
        &self,
        path: impl Into<PathBuf>,
    ) -> Result<P::Handle, Error> {
        let path = path.into();
        self.shared.prepare_load().await?;
        let loader = self.clone();
        let contract = Contract::of::<P>();
        let module = self
            .on_thread(move || loader.load_ready(&contract, loader.open(&contract, &path)?))
            .await?;
        P::bind(module).map_err(Error::Bind)
    }

    /// Verifies a compiled file and leaves it to the caller to run its top level, as often as wanted. A file compiled
    /// for [`Evaluation::AtLoad`] is loaded anew for each run, which costs some 23 kB of memory that is never freed.
    ///
    /// # Errors
    /// As [`Loader::load_file`], but nothing of the plugin runs.
    pub async fn load_file_without_running<P: Plugin + ?Sized>(
        &self,
        path: impl Into<PathBuf>,
    ) -> Result<Delayed<P>, Error> {
        let path = path.into();
        let loader = self.clone();
        let contract = Contract::of::<P>();
        let compiled = threads::unblock(move || loader.open(&contract, &path)).await?;
        self.delay(compiled).await
    }

    /// Reads and verifies a compiled file.
    pub(crate) fn open(&self, contract: &Contract, path: &Path) -> Result<Compiled, Error> {
        let file = std::fs::read(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        let refused = |source| Error::Refused {
            path: path.to_owned(),
            source,
        };
        let (seal, compiled) = Seal::read(&file).map_err(refused)?;
        let libraries = self.shared.shared_libraries()?;
        let needed = self
            .shared
            .seal(contract, seal.evaluation, &seal.module, libraries);
        seal.check(&needed).map_err(refused)?;
        // A seal does not say which interfaces were used beside the kit's.
        let artefact = Artefact {
            bytes: compiled.to_vec(),
            fits: false,
        };
        Ok(Compiled {
            seal,
            artefact,
            diagnostics: Vec::new(),
            from_cache: false,
        })
    }

    /// Loads and runs; blocks. The kit is ready.
    pub(crate) fn load_ready(
        &self,
        contract: &Contract,
        compiled: Compiled,
    ) -> Result<Option<Module>, Error> {
        self.check_seal(contract, &compiled)?;
        let evaluation = compiled.seal.evaluation;
        self.shared
            .link(&compiled.seal, compiled.artefact)?
            .run(contract, evaluation)
    }

    async fn delay<P: Plugin + ?Sized>(&self, compiled: Compiled) -> Result<Delayed<P>, Error> {
        let contract = Contract::of::<P>();
        self.check_seal(&contract, &compiled)?;
        self.shared.prepare_load().await?;
        let loader = self.clone();
        match compiled.seal.evaluation {
            Evaluation::OnDemand => {
                let linked = move || loader.shared.link(&compiled.seal, compiled.artefact);
                Ok(Delayed::loaded(self.on_thread(linked).await?))
            }
            Evaluation::AtLoad => {
                let Compiled { seal, artefact, .. } = compiled;
                Ok(Delayed::stored(loader, seal, artefact.bytes))
            }
        }
    }

    /// A `Compiled` may come from another loader, or be meant for another interface.
    fn check_seal(&self, contract: &Contract, compiled: &Compiled) -> Result<(), Error> {
        let seal = &compiled.seal;
        let libraries = self.shared.shared_libraries()?;
        let needed = self
            .shared
            .seal(contract, seal.evaluation, &seal.module, libraries);
        seal.check(&needed).map_err(|source| Error::Refused {
            path: PathBuf::from(&seal.module),
            source,
        })
    }

    /// Starts the OCaml runtime of the host image, or finds it started. Loads do so themselves; started while a
    /// compiler runs, it costs no time.
    ///
    /// # Errors
    /// When the host image is not there or cannot be used.
    pub async fn start_runtime(&self) -> Result<(), Error> {
        self.runtime().await.map(|_| ())
    }

    /// Runs OCaml code on a thread with a stack of known size.
    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, receiver) = oneshot::channel();
        // The receiver is gone when the future was dropped; the plugin then belongs to nobody.
        let tell = move |result| drop(sender.send(result));
        let stack_size = self.options().stack_size;
        let started = self.shared.load_threads.run(stack_size, work, tell);
        started.map_err(Error::Thread)?;
        receiver
            .await
            .unwrap_or_else(|_| Err(Error::Thread(std::io::Error::other("the thread panicked"))))
    }
}

impl Shared {
    /// Has the runtime load the file, and the libraries that it uses before it. Blocks; runs the top level of a plugin
    /// compiled to run at load.
    fn link(self: &Arc<Self>, seal: &Seal, artefact: Artefact) -> Result<Loaded, Error> {
        let runtime = self.open_runtime()?;
        self.load_libraries(runtime, seal)?;
        if self.options.runtime.exit_policy() == Exit::EndsProcess {
            // A program of its own has no child that it did not start: it may wait for whatever child it has (wait(2)).
            futures_lite::future::block_on(self.end_compilers());
            // Not before: what a compiler that ended early is sent must not end this process. It ends without cleaning up then.
            runtime.end_on_broken_pipe();
            self.leave_workspace();
        }
        let loading = tracing::debug_span!("load").entered();
        if self.options.code == Code::Byte {
            self.open_stub_libraries(runtime, &artefact)?;
        }
        self.sweep();
        let Artefact { bytes, fits } = artefact;
        let loaded = match fits {
            true => runtime.load_matching_from_memory(&bytes),
            false => runtime.load_from_memory(&bytes),
        };
        let loaded = match loaded {
            // The system may keep no files in memory, or run no code from them.
            Err(error @ (load::Error::Memory { .. } | load::Error::Refused { .. }))
                if error.missing().is_none() =>
            {
                match self.stored(&bytes) {
                    Ok((_job, file)) => runtime.load(file),
                    // Nor can code be run from a file, and that is not why this was refused.
                    Err(Error::Workspace(_)) if !is_about_running(&error) => Err(error),
                    Err(error) => return Err(error),
                }
            }
            loaded => loaded,
        };
        drop(loading);
        let unit = loaded.map_err(Error::of_runtime)?;
        Ok(Loaded { unit })
    }

    fn load_libraries(self: &Arc<Self>, runtime: Runtime, seal: &Seal) -> Result<(), Error> {
        if seal.libraries.is_empty() {
            return Ok(());
        }
        let given = self.shared_libraries()?;
        let mut libraries = Vec::with_capacity(seal.libraries.len());
        for name in seal.library_names() {
            let found = given.iter().find(|library| library.name == name);
            let missing =
                || Error::Library(Box::new(library::Error::NotGiven { name: name.into() }));
            libraries.push(found.ok_or_else(missing)?);
        }
        let loading = Loading {
            kit: &self.kit,
            runtime,
            with_linker: self.options.assembler == Assembler::External,
        };
        if loading.is_done(&libraries) {
            return Ok(());
        }
        self.kit
            .prepare_blocking(Need::Load)
            .map_err(|error| Error::Prepare(Box::new(error)))?;
        let job = self.job_to_run_from()?;
        loading
            .load(&libraries, &job)
            .map_err(|error| Error::Library(Box::new(error)))
    }

    /// Writes a plugin to a path that no other load uses.
    fn stored(self: &Arc<Self>, bytes: &[u8]) -> Result<(JobDirectory, PathBuf), Error> {
        let _writing = tracing::debug_span!("write").entered();
        let job = self.job_to_run_from()?;
        let written = job.write("Plugin.cmxs", bytes);
        let file = written.map_err(|error| Error::Workspace(Box::new(error)))?;
        Ok((job, file))
    }

    /// A directory that no other load uses, and whose files can be loaded.
    fn job_to_run_from(self: &Arc<Self>) -> Result<JobDirectory, Error> {
        let workspace = self.workspace().map_err(|unavailable| match unavailable {
            Unavailable::Cleaned => Error::Cleaned,
            Unavailable::Workspace(error) => Error::Workspace(Box::new(error)),
        })?;
        let job = workspace.job_to_run_from();
        job.map_err(|error| Error::Workspace(Box::new(error)))
    }

    /// Opens the C functions of libraries that a plugin of byte code names; one without libraries is no archive.
    fn open_stub_libraries(
        self: &Arc<Self>,
        runtime: Runtime,
        artefact: &Artefact,
    ) -> Result<(), Error> {
        let contents = ArchiveContents::parse(&artefact.bytes);
        let stubs = contents.map_or_else(Vec::new, |contents| contents.shared_libraries);
        let stub = |name: String| StubLibrary {
            file: stub_file(&self.kit, &name),
            name,
        };
        let stubs: Vec<StubLibrary> = stubs.into_iter().map(stub).collect();
        let failed = |error| Error::StubLibrary(Box::new(error));
        let soname = self.kit.soname(Code::Byte).unwrap_or_default();
        if stub_library::are_open(soname, &stubs).map_err(failed)? {
            return Ok(());
        }
        let job = self.job_to_run_from()?;
        let opening = Opening {
            runtime,
            soname,
            fallback: self.kit.fallback_libraries(),
        };
        stub_library::open(&opening, stubs, job.path()).map_err(failed)
    }
}

/// A loaded file.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    unit: LoadedUnit,
}

impl Loaded {
    /// Runs the top level, unless it ran while the file was loaded, and gives the module of an interface.
    pub(crate) fn run(
        &self,
        contract: &Contract,
        evaluation: Evaluation,
    ) -> Result<Option<Module>, Error> {
        let instantiate = || {
            Module::instantiate(contract.interface(), &self.unit).map_err(|error| match error {
                module::Error::TopLevel { source } => Error::Raised(source),
                error => Error::Bind(Box::new(error)),
            })
        };
        match (contract, evaluation) {
            (Contract::Effects, Evaluation::AtLoad) => Ok(None),
            (Contract::Effects, Evaluation::OnDemand) => instantiate().map(|_| None),
            (Contract::Interface(_), _) => instantiate().map(Some),
        }
    }
}

/// Whether a unit in memory was refused because there are no such files, or no code is run from them (`elf/dl-load.c` of
/// glibc).
fn is_about_running(error: &load::Error) -> bool {
    match error {
        load::Error::Refused { message, .. } => message.contains("failed to map segment"),
        _ => true,
    }
}

pub(crate) fn collect(sources: impl IntoIterator<Item = impl Into<Source>>) -> Vec<Source> {
    sources.into_iter().map(Into::into).collect()
}
