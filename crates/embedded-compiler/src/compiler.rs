//! A compiler with a loader: create, use, clean.

use std::future::Future;
use std::ops::Deref;

use dynloader::diagnostic::Diagnostic;
use dynloader::{Delayed, Loader, Plugin, Source, compile, load, loader};
use ocaml_runtime::{Interface, Module};
use ocaml_toolchain::threads;

use crate::carried::{CarriedCompiler, CleanError};
use crate::choice::{ChooseError, ChooseOptions, Chosen};

/// A compiler, carried or installed, and the loader that compiles with it. OCaml: `Ocaml_compiler.t`.
///
/// Copies are handles to the same compiler.
#[derive(Debug, Clone)]
pub struct Compiler {
    loader: Loader,
    carried: Option<CarriedCompiler>,
}

/// How a compiler is found and how its loader compiles.
#[derive(Debug, Clone, Default)]
#[must_use = "options do nothing until a compiler is created with them"]
pub struct Options {
    choose: ChooseOptions,
    loader: dynloader::Options,
}

impl Options {
    /// How the loader compiles and loads. Default: `dynloader`'s. The code is that of the compiler found.
    pub fn loader(mut self, options: dynloader::Options) -> Self {
        self.loader = options;
        self
    }

    /// Where the compiler comes from. Default: the one that the running executable carries, else the installed one.
    pub fn choose(mut self, options: ChooseOptions) -> Self {
        self.choose = options;
        self
    }

    /// Extract the carried compiler to this directory and use it again from there, in this and later processes. Default: a
    /// private directory that is removed, which also takes the place of a directory that cannot be written to, is full or
    /// mounted `noexec`. OCaml: `persistent_archive_dirpath`.
    pub fn persistent_archive_dirpath(mut self, directory: impl Into<std::path::PathBuf>) -> Self {
        self.choose = self.choose.extract_to(crate::ExtractTo::PreferPersistent {
            directory: directory.into(),
            verify: embedded_archive::Verify::Stamp,
        });
        self
    }
}

/// The error returned by [`Compiler::create`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// There is no compiler.
    #[error("there is no OCaml compiler to use")]
    Choose(#[source] Box<ChooseError>),
    /// The loader's options are wrong.
    #[error("the plugin loader cannot be created")]
    Loader(#[source] Box<loader::Error>),
}

/// The error returned by [`Compiler::clean`]: everything that is still there.
#[derive(Debug, thiserror::Error)]
#[error("could not remove all files of the compiler: {}", list(loader.as_ref(), carried.as_ref()))]
pub struct CleanCompilerError {
    /// What the loader left.
    pub loader: Option<loader::CleanError>,
    /// What the archive's extraction left.
    pub carried: Option<CleanError>,
}

fn list(loader: Option<&loader::CleanError>, carried: Option<&CleanError>) -> String {
    let messages = [
        loader.map(ToString::to_string),
        carried.map(ToString::to_string),
    ];
    messages
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
}

/// The error returned by [`Compiler::with_compiler`].
#[derive(Debug)]
#[non_exhaustive]
pub enum WithError<E> {
    /// The compiler was not created, and the function not called.
    Create(CreateError),
    /// The function failed; the compiler was cleaned, or not, as the second part says.
    Function(E, Option<CleanCompilerError>),
    /// The function was fine, and cleaning was not.
    Clean(CleanCompilerError),
}

impl<E: std::fmt::Display> std::fmt::Display for WithError<E> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WithError::Create(_) => formatter.write_str("could not create the compiler"),
            WithError::Function(error, None) => error.fmt(formatter),
            WithError::Function(error, Some(clean)) => {
                write!(formatter, "{error} (and then {clean})")
            }
            WithError::Clean(_) => formatter.write_str("could not clean up after the compiler"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for WithError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            WithError::Create(error) => Some(error),
            WithError::Function(error, _) => error.source(),
            WithError::Clean(error) => Some(error),
        }
    }
}

/// A compiler that its owner must [clean](Compiler::clean). Forgetting to leaves no files behind when this value is dropped
/// in the ordinary way, but then nobody learns of errors. OCaml: `create`'s `` `this_needs_manual_cleaning_after ``.
#[derive(Debug)]
#[must_use = "call `clean` when the compiler is no longer needed, or use `Compiler::with_compiler`"]
pub struct NeedsCleaning(Compiler);

impl Deref for NeedsCleaning {
    type Target = Compiler;

    fn deref(&self) -> &Compiler {
        &self.0
    }
}

impl Drop for NeedsCleaning {
    fn drop(&mut self) {
        // Removes nothing a second time. `clean` waits for no process, so blocking here is short.
        let _ = self.0.clean_now();
    }
}

impl Compiler {
    /// Finds a compiler and makes a loader for it. Nothing is extracted or compiled yet.
    ///
    /// ```no_run
    /// # futures_lite::future::block_on(async {
    /// use dynloader::SideEffect;
    /// use embedded_compiler::{Compiler, Options};
    ///
    /// let compiler = Compiler::create(Options::default()).await?;
    /// compiler.load::<SideEffect>(["hello.ml"]).await?;
    /// compiler.clean().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// See [`CreateError`].
    pub async fn create(options: Options) -> Result<NeedsCleaning, CreateError> {
        let chosen = Chosen::choose(&options.choose)
            .await
            .map_err(|error| CreateError::Choose(Box::new(error)))?;
        Compiler::new(chosen, options.loader)
            .map(NeedsCleaning)
            .map_err(|error| CreateError::Loader(Box::new(error)))
    }

    /// A compiler of what was chosen before.
    ///
    /// # Errors
    /// The loader's options are wrong.
    pub fn new(chosen: Chosen, options: dynloader::Options) -> Result<Compiler, loader::Error> {
        let loader = Loader::new(chosen.kit, options.code(chosen.code))?;
        Ok(Compiler {
            loader,
            carried: chosen.carried,
        })
    }

    /// Creates a compiler, gives it to `function`, and cleans it when the function returns, fails, panics, or when the
    /// future is dropped.
    ///
    /// ```no_run
    /// # futures_lite::future::block_on(async {
    /// use dynloader::SideEffect;
    /// use embedded_compiler::{Compiler, Options};
    ///
    /// Compiler::with_compiler(Options::default(), async |compiler| compiler.load::<SideEffect>(["hello.ml"]).await).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// See [`WithError`].
    pub async fn with_compiler<T, E>(
        options: Options,
        function: impl AsyncFnOnce(&Compiler) -> Result<T, E>,
    ) -> Result<T, WithError<E>> {
        let compiler = Compiler::create(options).await.map_err(WithError::Create)?;
        // Unwinding and cancelling drop `compiler`, which cleans.
        let result = function(&compiler).await;
        let cleaned = compiler.clean().await;
        match (result, cleaned) {
            (Ok(value), Ok(())) => Ok(value),
            (Ok(_), Err(error)) => Err(WithError::Clean(error)),
            (Err(error), cleaned) => Err(WithError::Function(error, cleaned.err())),
        }
    }

    /// The loader.
    #[must_use]
    pub fn loader(&self) -> &Loader {
        &self.loader
    }

    /// The archive's part, when the compiler is a carried one.
    #[must_use]
    pub fn carried(&self) -> Option<&CarriedCompiler> {
        self.carried.as_ref()
    }

    /// Removes the compiler's files: the loader's and what was extracted. Doing so twice is fine; a cleaned compiler
    /// compiles no more. Loaded plugins stay loaded.
    ///
    /// # Errors
    /// Everything that could not be removed; the rest was.
    pub async fn clean(&self) -> Result<(), CleanCompilerError> {
        let compiler = self.clone();
        threads::unblock(move || compiler.clean_now()).await
    }

    fn clean_now(&self) -> Result<(), CleanCompilerError> {
        let loader = self.loader.clean_blocking().err();
        let carried = self
            .carried
            .as_ref()
            .and_then(|carried| carried.clean().err());
        match (&loader, &carried) {
            (None, None) => Ok(()),
            _ => Err(CleanCompilerError { loader, carried }),
        }
    }

    /// Compiles the sources, loads the plugin, runs its top level once. OCaml: `Load(X).load_ocaml_src_files`.
    ///
    /// # Errors
    /// As `dynloader::Loader::load_sources`.
    pub fn load<P: Plugin + ?Sized>(
        &self,
        sources: impl IntoIterator<Item = impl Into<Source>>,
    ) -> impl Future<Output = Result<P::Handle, load::Error>> {
        self.loader.load_sources::<P>(sources)
    }

    /// The same for a program that is not asynchronous, with the top level on the calling thread and its stack. It is
    /// the fastest way to load: no other thread of the program has to wake.
    ///
    /// ```no_run
    /// use embedded_compiler::{Compiler, Options};
    /// use dynloader::SideEffect;
    ///
    /// let compiler = futures_lite::future::block_on(Compiler::create(Options::default()))?;
    /// compiler.load_blocking::<SideEffect>(["hello.ml"])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As `dynloader::Loader::load_sources`.
    pub fn load_blocking<P: Plugin + ?Sized>(
        &self,
        sources: impl IntoIterator<Item = impl Into<Source>>,
    ) -> Result<P::Handle, load::Error> {
        self.loader.load_sources_blocking::<P>(sources, |_| ())
    }

    /// The same for an interface that is made at run time; gives the plugin's module.
    ///
    /// # Errors
    /// As `dynloader::Loader::load_module`.
    pub fn load_module(
        &self,
        interface: &Interface,
        sources: impl IntoIterator<Item = impl Into<Source>>,
    ) -> impl Future<Output = Result<Module, load::Error>> {
        self.loader.load_module(interface, sources)
    }

    /// The same for a program that is not asynchronous, as [`Compiler::load_blocking`].
    ///
    /// # Errors
    /// As `dynloader::Loader::load_module`.
    pub fn load_module_blocking(
        &self,
        interface: &Interface,
        sources: impl IntoIterator<Item = impl Into<Source>>,
    ) -> Result<Module, load::Error> {
        self.loader.load_module_blocking(interface, sources, |_| ())
    }

    /// The same as [`Compiler::load`] without running the top level. OCaml: `Load(X).load_ocaml_src_files_without_running_them`.
    ///
    /// # Errors
    /// As `dynloader::Loader::load_sources_without_running`.
    pub fn load_without_running<P: Plugin + ?Sized>(
        &self,
        sources: impl IntoIterator<Item = impl Into<Source>>,
    ) -> impl Future<Output = Result<Delayed<P>, load::Error>> {
        self.loader.load_sources_without_running::<P>(sources)
    }

    /// Checks the sources against the interface; loads nothing. OCaml: `Load(X).check_ocaml_src_files`.
    ///
    /// # Errors
    /// As `dynloader::Loader::check_sources`.
    pub fn check<P: Plugin + ?Sized>(
        &self,
        sources: impl IntoIterator<Item = impl Into<Source>>,
    ) -> impl Future<Output = Result<Vec<Diagnostic>, compile::Error>> {
        self.loader.check_sources::<P>(sources)
    }
}
