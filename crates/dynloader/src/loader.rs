//! A loader: sources in, plugins out.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};
use std::{io, thread};

use async_lock::{OnceCell, Semaphore};
use ocaml_runtime::Runtime;
use ocaml_toolchain::threads;

use crate::cache::{DirectoryStore, Store};
use crate::carried_libraries;
use crate::compile_worker::CompileWorkers;
use crate::dependencies;
use crate::kit::{Kit, Need};
use crate::load;
use crate::load_thread::LoadThreads;
use crate::options::{Options, Preprocessor};
use crate::runtimes;
use crate::shared_library::SharedLibrary;
use crate::workspace::{self, Workspace};

/// Compiles OCaml sources and loads what comes of them into the host image of its [`Kit`].
///
/// A loader may be shared: it compiles as many plugins at once as [`Options::jobs`] says, and dropping one of its
/// futures ends the processes and removes the files that the future started. Copies are handles to the same loader.
#[derive(Debug, Clone)]
pub struct Loader {
    pub(crate) shared: Arc<Shared>,
}

/// What all handles to a loader share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) kit: Kit,
    pub(crate) options: Options,
    pub(crate) store: Option<Storage>,
    pub(crate) libraries: OnceLock<Vec<SharedLibrary>>,
    jobs: OnceLock<Semaphore>,
    /// Their directories are in the workspace, so they go first.
    pub(crate) compile_workers: CompileWorkers,
    pub(crate) load_threads: LoadThreads,
    workspace: Mutex<State>,
    /// Done once what killed processes left has been removed.
    swept: Once,
    /// Done once the hook of [`Options::initialize`] has succeeded.
    pub(crate) initialized: OnceCell<()>,
    pub(crate) cleaned: AtomicBool,
}

/// Where compiled plugins are kept.
#[derive(Debug)]
pub(crate) enum Storage {
    Directory(DirectoryStore),
    Other(Arc<dyn Store>),
}

impl Storage {
    pub(crate) fn store(&self) -> &dyn Store {
        match self {
            Storage::Directory(store) => store,
            Storage::Other(store) => &**store,
        }
    }
}

#[derive(Debug)]
enum State {
    Unused,
    Made(Arc<Workspace>),
    Cleaned,
}

/// The error returned by [`Loader::new`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A relative directory could not be made absolute.
    #[error("cannot make `{}` absolute", path.display())]
    Absolute {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A directory to compile in must be absolute.
    #[error("the directory `{}` to compile in is not absolute", path.display())]
    InDir {
        /// The directory.
        path: PathBuf,
    },
    /// The kit has no host image for the code asked for, or no compiler to it.
    #[error("the toolchain cannot make {code} code plugins")]
    Code {
        /// The code asked for.
        code: code_sets::Code,
    },
}

/// The error returned by [`Loader::clean`].
#[derive(Debug, thiserror::Error)]
#[error("cannot remove the files of the loader in `{}`", directory.display())]
pub struct CleanError {
    /// The loader's directory.
    pub directory: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// Why a loader has no directory to work in.
pub(crate) enum Unavailable {
    Cleaned,
    Workspace(workspace::Error),
}

impl Loader {
    /// A loader for plugins of `kit`. It makes no file before its first compilation or load.
    ///
    /// # Errors
    /// A directory that is not what its option asks for, or a code that the kit does not have.
    pub fn new(kit: Kit, options: Options) -> Result<Loader, Error> {
        let mut options = options;
        if !kit.codes().contains(options.code) {
            return Err(Error::Code { code: options.code });
        }
        if let Some(path) = options
            .workspace
            .in_dirs
            .iter()
            .find(|path| !path.is_absolute())
        {
            return Err(Error::InDir { path: path.clone() });
        }
        let ppx = match &mut options.preprocessor {
            Preprocessor::Ppx(program) => Some(program),
            Preprocessor::None | Preprocessor::Carried => None,
        };
        let programs = [
            &mut options.programs.ocamlopt,
            &mut options.programs.ocamldep,
        ];
        // A bare name is looked for in `PATH`.
        let programs = programs
            .into_iter()
            .flatten()
            .chain(ppx)
            .filter(|program| program.components().count() > 1);
        let cache = options.cache.as_mut().map(|cache| &mut cache.dir);
        for path in options
            .include_directories
            .iter_mut()
            .chain(programs)
            .chain(cache)
        {
            *path = std::path::absolute(&*path).map_err(|source| Error::Absolute {
                path: path.clone(),
                source,
            })?;
        }
        carried_libraries::add_everywhere(&kit, &mut options.libraries);
        let store = match (&options.store, &options.cache) {
            (Some(store), _) => Some(Storage::Other(store.0.clone())),
            (None, Some(cache)) => Some(Storage::Directory(DirectoryStore::new(cache.clone()))),
            (None, None) => None,
        };
        let shared = Shared {
            kit,
            options,
            store,
            libraries: OnceLock::new(),
            jobs: OnceLock::new(),
            compile_workers: CompileWorkers::default(),
            load_threads: LoadThreads::default(),
            workspace: Mutex::new(State::Unused),
            swept: Once::new(),
            initialized: OnceCell::new(),
            cleaned: AtomicBool::new(false),
        };
        Ok(Loader {
            shared: Arc::new(shared),
        })
    }

    /// The kit that the loader compiles with.
    #[must_use]
    pub fn kit(&self) -> &Kit {
        &self.shared.kit
    }

    /// What the loader was created with, relative paths made absolute.
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// The runtime of the host image that the loader loads into, started if need be. Loaders of one process whose kits
    /// have the same host image share it, and it has the options of the loader that started it.
    ///
    /// # Errors
    /// When there is no host image for the loader's code or it cannot be started.
    pub async fn runtime(&self) -> Result<Runtime, load::Error> {
        self.shared.prepare_load().await?;
        if let Some(runtime) = self.shared.running()? {
            return Ok(runtime);
        }
        let shared = self.shared.clone();
        threads::unblock(move || shared.open_runtime()).await
    }

    /// The files that `file` needs, then `file` itself: those that it mentions, directly or through others, in its own
    /// folder. What is needed comes before what needs it, and an `.mli` before its `.ml`. Files of the folder that are
    /// not needed are not looked at. OCaml: `Dynloader.find_dependencies`.
    ///
    /// # Errors
    /// When `file` is no `.ml`, a file that is needed cannot be parsed, or modules depend on each other in a circle.
    pub async fn find_dependencies(
        &self,
        file: impl Into<PathBuf>,
    ) -> Result<Vec<PathBuf>, dependencies::Error> {
        let shared = self.shared.clone();
        let _permit = self.shared.jobs().acquire().await;
        let workspace =
            shared
                .workspace_async()
                .await
                .map_err(|unavailable| match unavailable {
                    Unavailable::Cleaned => dependencies::Error::Cleaned,
                    Unavailable::Workspace(error) => {
                        dependencies::Error::Workspace(Box::new(error))
                    }
                })?;
        dependencies::find(
            &shared.kit,
            &shared.options,
            move || workspace.job(),
            file.into(),
        )
        .await
    }

    /// Removes the loader's files. Doing so twice is fine; a cleaned loader refuses work. Files that others put into
    /// the loader's directory stay, and the directory with them. OCaml: `Dynloader.clean`.
    ///
    /// # Errors
    /// When files cannot be removed.
    pub async fn clean(&self) -> Result<(), CleanError> {
        let loader = self.clone();
        threads::unblock(move || loader.clean_blocking()).await
    }

    /// Does what [`Loader::clean`] does on the calling thread.
    ///
    /// # Errors
    /// When files cannot be removed.
    pub fn clean_blocking(&self) -> Result<(), CleanError> {
        self.shared.cleaned.store(true, Ordering::Release);
        self.shared.compile_workers.clear();
        self.shared.load_threads.clear();
        let state = std::mem::replace(&mut *self.shared.state(), State::Cleaned);
        let State::Made(workspace) = state else {
            return Ok(());
        };
        workspace.remove().map_err(|source| CleanError {
            directory: workspace.directory().to_owned(),
            source,
        })
    }

    /// The loader's directory, once it has one.
    #[must_use]
    pub fn directory(&self) -> Option<PathBuf> {
        match &*self.shared.state() {
            State::Made(workspace) => Some(workspace.directory().to_owned()),
            State::Unused | State::Cleaned => None,
        }
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.workspace
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How many compilations may run at once. Counting the processors reads several files, so a cached plugin does
    /// without.
    pub(crate) fn jobs(&self) -> &Semaphore {
        self.jobs.get_or_init(|| {
            let jobs = self
                .options
                .jobs
                .or_else(|| thread::available_parallelism().ok());
            Semaphore::new(jobs.map_or(1, NonZeroUsize::get))
        })
    }

    /// Ends the compilers that wait for something to do.
    pub(crate) async fn end_compilers(&self) {
        self.compile_workers.end().await;
        self.kit.end_drivers().await;
    }

    /// The loader's directory, made when it is first asked for. Blocks.
    pub(crate) fn workspace(&self) -> Result<Arc<Workspace>, Unavailable> {
        let mut state = self.state();
        match &*state {
            State::Cleaned => Err(Unavailable::Cleaned),
            State::Made(workspace) => Ok(workspace.clone()),
            State::Unused => {
                if let Some(hook) = &self.options.before_directory {
                    hook.0();
                }
                let workspace =
                    Workspace::create(&self.options.workspace).map_err(Unavailable::Workspace)?;
                let workspace = Arc::new(workspace);
                *state = State::Made(workspace.clone());
                Ok(workspace)
            }
        }
    }

    /// Has the loader's directory go, unless the hook has put something there or it is in use; it is made again when it is
    /// needed. Blocks.
    pub(crate) fn leave_workspace(&self) {
        if self.options.initialize.is_some() {
            return;
        }
        let mut state = self.state();
        if let State::Made(_) = &*state {
            *state = State::Unused;
        }
    }

    /// Removes what killed processes left, as making a directory does, for a loader that needs none. Blocks.
    pub(crate) fn sweep(&self) {
        self.swept
            .call_once(|| workspace::sweep(&self.options.workspace));
    }

    pub(crate) async fn workspace_async(self: &Arc<Self>) -> Result<Arc<Workspace>, Unavailable> {
        if let State::Made(workspace) = &*self.state() {
            return Ok(workspace.clone());
        }
        let shared = self.clone();
        threads::unblock(move || shared.workspace()).await
    }

    /// Starts the runtime of the host image, or finds it started. Blocks; the kit must be ready for loads.
    pub(crate) fn open_runtime(&self) -> Result<Runtime, load::Error> {
        if let Some(runtime) = self.running()? {
            return Ok(runtime);
        }
        let code = self.options.code;
        runtimes::find_or_start(&self.kit, code, || {
            let image = self
                .kit
                .host_image(code)
                .ok_or(load::Error::NoHostImage { code })?;
            let mut options = self.options.runtime.clone();
            if let Some(libraries) = self.kit.fallback_libraries() {
                options = options.fallback_libraries(libraries);
            }
            Runtime::open(image, &options).map_err(|error| load::Error::Open(Box::new(error)))
        })
    }

    /// The runtime of the host image, if it runs.
    pub(crate) fn running(&self) -> Result<Option<Runtime>, load::Error> {
        match self.cleaned.load(Ordering::Acquire) {
            true => Err(load::Error::Cleaned),
            false => Ok(runtimes::find(&self.kit, self.options.code)),
        }
    }

    /// Makes the files of the host image exist, unless it is open already.
    pub(crate) async fn prepare_load(&self) -> Result<(), load::Error> {
        if runtimes::find(&self.kit, self.options.code).is_some() {
            return Ok(());
        }
        self.kit
            .prepare(Need::Load)
            .await
            .map_err(|error| load::Error::Prepare(Box::new(error)))
    }

    /// As [`Shared::prepare_load`], on the calling thread.
    pub(crate) fn prepare_load_blocking(&self) -> Result<(), load::Error> {
        if runtimes::find(&self.kit, self.options.code).is_some() {
            return Ok(());
        }
        self.kit
            .prepare_blocking(Need::Load)
            .map_err(|error| load::Error::Prepare(Box::new(error)))
    }
}
