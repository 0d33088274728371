//! Which compiler a program uses: the one it carries, or an installed one.

use std::path::PathBuf;

use code_sets::{Code, CodeSet, Restriction, loading};
use dynloader::kit::{BuildError, Kit, Progress, SystemOptions, default_cache_directory};
use embedded_archive::{Archive, OpenError};
use ocaml_toolchain::find;

use crate::carried::{CarriedCompiler, CarriedError, ExtractTo};

/// Where a compiler may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Choice {
    /// The carried one; where there is none, or none for the code wanted, the installed one.
    #[default]
    Auto,
    /// The one that the executable carries.
    Embedded,
    /// The installed one.
    System,
}

/// How [`Chosen::choose`] finds a compiler.
#[derive(Clone, Default)]
#[must_use = "options do nothing until a compiler is chosen with them"]
pub struct ChooseOptions {
    choice: Choice,
    code: Option<Code>,
    archive: Option<Archive>,
    extract_to: ExtractTo,
    cache_directory: Option<PathBuf>,
    toolchain: Option<find::Options>,
    progress: Option<std::sync::Arc<dyn Fn(Progress) + Send + Sync>>,
}

impl ChooseOptions {
    /// Where the compiler may come from. Default: [`Choice::Auto`].
    pub fn choice(mut self, choice: Choice) -> Self {
        self.choice = choice;
        self
    }

    /// The code it must make. Default: native where it can, else byte.
    pub fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// The archive to look in, for one that was linked into the program. Default: the one that is attached to the running
    /// executable.
    pub fn archive(mut self, archive: Archive) -> Self {
        self.archive = Some(archive);
        self
    }

    /// Where a carried compiler is extracted to. Default: a private directory that goes with it.
    pub fn extract_to(mut self, to: ExtractTo) -> Self {
        self.extract_to = to;
        self
    }

    /// Where the kit of an installed compiler is kept. Default: `dynloader::kit::default_cache_directory`, which reads
    /// `XDG_CACHE_HOME` and `HOME`.
    pub fn cache_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache_directory = Some(directory.into());
        self
    }

    /// Where an installed compiler is looked for. Default: what the environment names.
    pub fn toolchain(mut self, options: find::Options) -> Self {
        self.toolchain = Some(options);
        self
    }

    /// Called before each step of building the kit of an installed compiler. Default: nothing is told.
    pub fn progress(mut self, progress: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(std::sync::Arc::new(progress));
        self
    }
}

impl std::fmt::Debug for ChooseOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ChooseOptions")
            .field("choice", &self.choice)
            .field("code", &self.code)
            .field("extract_to", &self.extract_to)
            .finish_non_exhaustive()
    }
}

/// A compiler, and how it was come by.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Chosen {
    /// What compiles and loads.
    pub kit: Kit,
    /// Set when the compiler is carried.
    pub carried: Option<CarriedCompiler>,
    /// The code that plugins are compiled to.
    pub code: Code,
}

/// The error returned by [`Chosen::choose`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChooseError {
    /// The executable carries no usable compiler.
    #[error("the carried OCaml compiler cannot be used")]
    Carried(#[source] Box<CarriedError>),
    /// The carried compiler does not make the code wanted, and no installed one can take its place.
    #[error("the carried OCaml compiler makes {}, not {}, and no installed one can take its place", .carried.human(), .wanted)]
    CarriedCode {
        /// The code wanted.
        wanted: Code,
        /// The codes that the carried compiler makes.
        carried: CodeSet,
        /// Why there is no installed one.
        source: Box<BuildError>,
    },
    /// There is no usable installed compiler.
    #[error("the installed OCaml compiler cannot be used")]
    System(#[source] Box<BuildError>),
    /// The compiler makes no code that can be loaded, or not the one wanted.
    #[error("the OCaml compiler makes no plugins of that code")]
    Code(#[source] Box<loading::Error>),
    /// There is no place to keep what an installed compiler needs.
    #[error("no cache directory: neither XDG_CACHE_HOME nor HOME is an absolute path")]
    NoCacheDirectory,
}

impl ChooseError {
    /// What the user can do about it, apart from the facts.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ChooseError::Carried(error) if error.is_absent() => Some(
                "put a compiler into the executable, on a machine that has OCaml: saddlebag embed EXE -o OUT; or use the \
                 installed one: --toolchain system",
            ),
            ChooseError::System(error) if matches!(**error, BuildError::Toolchain(_)) => Some(
                "install OCaml (Debian: apt-get install ocaml-nox ocaml-findlib ocaml-compiler-libs), or use an \
                 executable that carries a compiler, made elsewhere with saddlebag embed EXE -o OUT",
            ),
            ChooseError::NoCacheDirectory => Some(
                "name a directory that is yours alone, where the compiler is kept once it is built, in XDG_CACHE_HOME",
            ),
            ChooseError::System(error) if matches!(**error, BuildError::Directory(_)) => Some(
                "name another directory that is yours alone, where the compiler is kept once it is built, in XDG_CACHE_HOME",
            ),
            ChooseError::CarriedCode { .. } => Some(
                "ask for the code that is carried, or carry the other one: saddlebag embed --code CODE EXE -o OUT",
            ),
            _ => None,
        }
    }
}

impl CarriedError {
    /// Whether there is no archive at all, which is no fault of the executable.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, CarriedError::Open(error) if matches!(**error, OpenError::NotFound { .. }))
    }
}

impl Chosen {
    /// Finds a compiler. A carried one is not extracted yet; the kit of an installed one is built if this is its first
    /// use.
    ///
    /// ```no_run
    /// # futures_lite::future::block_on(async {
    /// use embedded_compiler::{ChooseOptions, Chosen};
    ///
    /// let chosen = Chosen::choose(&ChooseOptions::default()).await?;
    /// println!("OCaml {}, {} code", chosen.kit.conf().version(), chosen.code);
    /// # Ok::<(), embedded_compiler::ChooseError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// See [`ChooseError`]. A damaged archive is an error, also where an installed compiler could take its place.
    pub async fn choose(options: &ChooseOptions) -> Result<Chosen, ChooseError> {
        if options.choice == Choice::System {
            return system(options).await;
        }
        let carried = match &options.archive {
            Some(archive) => {
                CarriedCompiler::of_archive(archive.clone(), options.extract_to.clone())
            }
            None => CarriedCompiler::of_current_exe(options.extract_to.clone()),
        };
        let auto = options.choice == Choice::Auto;
        match carried {
            Ok(carried) => {
                let (kit, wanted) = (carried.kit(), options.code);
                match wanted {
                    Some(wanted) if auto && !kit.codes().contains(wanted) => {
                        match system(options).await {
                            Err(ChooseError::System(source)) => Err(ChooseError::CarriedCode {
                                wanted,
                                carried: kit.codes(),
                                source,
                            }),
                            chosen => chosen,
                        }
                    }
                    _ => Chosen::new(kit, Some(carried), wanted),
                }
            }
            Err(error) if auto && error.is_absent() => system(options).await,
            Err(error) => Err(ChooseError::Carried(Box::new(error))),
        }
    }

    fn new(
        kit: Kit,
        carried: Option<CarriedCompiler>,
        wanted: Option<Code>,
    ) -> Result<Chosen, ChooseError> {
        let restriction = match wanted {
            Some(code) => Restriction::only(code.into()),
            None => Restriction::unique_favour_native(),
        };
        let code = loading::choose(kit.codes(), &restriction)
            .map_err(|error| ChooseError::Code(Box::new(error)))?;
        Ok(Chosen { kit, carried, code })
    }
}

async fn system(options: &ChooseOptions) -> Result<Chosen, ChooseError> {
    let cache = options
        .cache_directory
        .clone()
        .or_else(default_cache_directory);
    let cache = cache.ok_or(ChooseError::NoCacheDirectory)?;
    let build = |code: Code| {
        let mut system = SystemOptions::new(&cache).code(code);
        if let Some(toolchain) = &options.toolchain {
            system = system.toolchain(toolchain.clone());
        }
        if let Some(progress) = options.progress.clone() {
            system = system.progress(move |step| progress(step));
        }
        Kit::system(system)
    };
    let kit = match options.code {
        Some(code) => build(code).await,
        None => match build(Code::Native).await {
            // A toolchain without a native compiler still makes byte code.
            Err(BuildError::Code { .. }) => build(Code::Byte).await,
            built => built,
        },
    };
    let kit = kit.map_err(|error| ChooseError::System(Box::new(error)))?;
    Chosen::new(kit, None, options.code)
}
