//! How a loader compiles and loads: one documented setter an option.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use code_sets::Code;

use crate::cache::{CacheConfig, Store};
use crate::library::Library;
use crate::warnings::Warnings;
use crate::workspace;

/// How a [`Loader`](crate::Loader) compiles and loads.
///
/// Setters take effect whatever their order and cannot fail; [`Loader::new`](crate::Loader::new) checks the whole.
/// Arguments for the compiler come in this order, so that a later one has the last word: the library's own
/// (`-g`, `-strict-sequence`), the warnings, the include directories, the `cmx_flags`, the `cmxs_flags`.
///
/// ```
/// use dynloader::{Options, Warnings};
///
/// let options = Options::default().strict_sequence(false).include_directory("/opt/plugins/interfaces");
/// assert_ne!(options, Options::program());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "options do nothing until a loader is created with them"]
pub struct Options {
    pub(crate) workspace: WorkspaceOptions,
    pub(crate) include_directories: Vec<PathBuf>,
    pub(crate) libraries: Vec<Library>,
    pub(crate) flags: Flags,
    pub(crate) warnings: Warnings,
    pub(crate) warn_unused_despite_mli: bool,
    pub(crate) preprocessor: Preprocessor,
    pub(crate) assembler: Assembler,
    pub(crate) code: Code,
    pub(crate) jobs: Option<NonZeroUsize>,
    pub(crate) cache: Option<CacheConfig>,
    pub(crate) store: Option<SharedStore>,
    pub(crate) programs: Programs,
    pub(crate) initialize: Option<Initialize>,
    pub(crate) before_directory: Option<BeforeDirectory>,
    pub(crate) stack_size: usize,
    pub(crate) runtime: ocaml_runtime::open::Options,
}

/// Where compilations take place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkspaceOptions {
    pub(crate) in_dirs: Vec<PathBuf>,
    pub(crate) permissions: u32,
}

/// Flags for the two halves of a compilation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) strict_sequence: bool,
    pub(crate) cmx: Vec<OsString>,
    pub(crate) cmxs: Vec<OsString>,
}

/// Programs used in place of the kit's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Programs {
    pub(crate) ocamlopt: Option<PathBuf>,
    pub(crate) ocamldep: Option<PathBuf>,
}

/// What turns the compiler's assembly into a plugin that can be loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Assembler {
    /// This process where it can, else the assembler and the linker.
    #[default]
    Auto,
    /// This process, and nothing else.
    Internal,
    /// The kit's assembler and linker, as processes of their own.
    External,
}

/// What sources pass through before they are parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Preprocessor {
    /// Nothing.
    #[default]
    None,
    /// A driver that rewrites syntax trees, started as `EXE -dump-ast FILE`, as those of `ppxlib` are.
    /// One that knows nothing of `-dump-ast` is started by the compiler, as `-ppx` has it.
    Ppx(PathBuf),
    /// The one that the kit carries, made of the libraries that the sources require; see
    /// [`rewriters`](crate::rewriters).
    Carried,
}

type Hook = dyn Fn(PathBuf) -> HookResult + Send + Sync;
type HookResult =
    Pin<Box<dyn Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send>>;

/// The hook of [`Options::initialize`].
#[derive(Clone)]
pub(crate) struct Initialize(pub(crate) Arc<Hook>);

impl fmt::Debug for Initialize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Initialize(..)")
    }
}

impl PartialEq for Initialize {
    fn eq(&self, other: &Initialize) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The hook of [`Options::before_directory`].
#[derive(Clone)]
pub(crate) struct BeforeDirectory(pub(crate) Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for BeforeDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BeforeDirectory(..)")
    }
}

impl PartialEq for BeforeDirectory {
    fn eq(&self, other: &BeforeDirectory) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The store of [`Options::use_store`].
#[derive(Debug, Clone)]
pub(crate) struct SharedStore(pub(crate) Arc<dyn Store>);

impl PartialEq for SharedStore {
    fn eq(&self, other: &SharedStore) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            workspace: WorkspaceOptions {
                in_dirs: Vec::new(),
                permissions: 0o700,
            },
            include_directories: Vec::new(),
            libraries: Vec::new(),
            flags: Flags {
                strict_sequence: true,
                cmx: Vec::new(),
                cmxs: Vec::new(),
            },
            warnings: Warnings::strict(),
            warn_unused_despite_mli: false,
            preprocessor: Preprocessor::None,
            assembler: Assembler::Auto,
            code: Code::Native,
            jobs: None,
            cache: None,
            store: None,
            programs: Programs::default(),
            initialize: None,
            before_directory: None,
            stack_size: 8 << 20,
            runtime: ocaml_runtime::open::Options::default(),
        }
    }
}

impl Options {
    /// Preset for stand-alone programs: the compiler judges them as it would alone, with its own default
    /// warnings, which are reported and no errors, and without `-strict-sequence`.
    pub fn program() -> Options {
        Options::default()
            .warnings(Warnings::compiler_defaults())
            .strict_sequence(false)
    }

    /// The directory in which the loader makes a fresh directory of its own to compile in. It must be absolute, and
    /// is best on a local disk. Default: the directory that the variable `TMPDIR` names; without it the first of `/tmp`,
    /// `/var/tmp` and `/dev/shm` that can be used. One that is mounted `noexec` comes last and does for plugins without
    /// libraries, which are loaded from memory.
    pub fn in_dir(mut self, directory: impl Into<PathBuf>) -> Options {
        self.workspace.in_dirs = vec![directory.into()];
        self
    }

    /// A directory to try when those named before cannot be used: missing, read-only, full or mounted `noexec`.
    /// Default: none. When none will do, the error tells what is wrong with each.
    pub fn or_in_dir(mut self, directory: impl Into<PathBuf>) -> Options {
        if self.workspace.in_dirs.is_empty() {
            let chosen = workspace::chosen_directory();
            let temporary = chosen.unwrap_or_else(|| workspace::TEMPORARY.into());
            self.workspace.in_dirs.push(temporary);
        }
        self.workspace.in_dirs.push(directory.into());
        self
    }

    /// The permissions of the fresh directory. Default: `0o700`.
    pub fn in_dir_perm(mut self, mode: u32) -> Options {
        self.workspace.permissions = mode;
        self
    }

    /// Adds a directory in which the compiler looks for interfaces (`-I`). A relative one is made absolute when the
    /// loader is created. Default: none beside the kit's own.
    pub fn include_directory(mut self, directory: impl Into<PathBuf>) -> Options {
        self.include_directories.push(directory.into());
        self
    }

    /// Adds several directories, as [`Options::include_directory`] does.
    pub fn include_directories<D: Into<PathBuf>>(
        mut self,
        directories: impl IntoIterator<Item = D>,
    ) -> Options {
        self.include_directories
            .extend(directories.into_iter().map(Into::into));
        self
    }

    /// Adds libraries that plugins may use, in link order: their directories come after the include directories, and
    /// their code is loaded once a process, before the first plugin; in byte code it is linked into each. Default: none; those of
    /// [`HOST_LIBRARIES`](crate::library::HOST_LIBRARIES) are always there.
    pub fn libraries(mut self, libraries: impl IntoIterator<Item = Library>) -> Options {
        self.libraries.extend(libraries);
        self
    }

    /// Which warnings are looked for and whether they are errors (`-w`, `-warn-error`). Default:
    /// [`Warnings::strict`].
    pub fn warnings(mut self, warnings: Warnings) -> Options {
        self.warnings = warnings;
        self
    }

    /// A warning specification whose warnings are errors; the same as `warnings(Warnings::spec(spec))`. Helper for
    /// it: [`warnings_spec`](crate::warnings::warnings_spec).
    pub fn custom_warnings_spec(self, spec: impl Into<String>) -> Options {
        self.warnings(Warnings::spec(spec))
    }

    /// Whether the left side of `;` must have type `unit` (`-strict-sequence`). Default: true.
    pub fn strict_sequence(mut self, strict: bool) -> Options {
        self.flags.strict_sequence = strict;
        self
    }

    /// Adds a flag for the compilation proper, passed on as it is. Default: none.
    pub fn cmx_flag(mut self, flag: impl Into<OsString>) -> Options {
        self.flags.cmx.push(flag.into());
        self
    }

    /// Adds flags for the compilation proper, passed on as they are.
    pub fn cmx_flags<F: Into<OsString>>(mut self, flags: impl IntoIterator<Item = F>) -> Options {
        self.flags.cmx.extend(flags.into_iter().map(Into::into));
        self
    }

    /// Adds a flag for making the loadable file, passed on as it is; not used for types-only checks and byte code.
    /// Default: none.
    pub fn cmxs_flag(mut self, flag: impl Into<OsString>) -> Options {
        self.flags.cmxs.push(flag.into());
        self
    }

    /// Adds flags for making the loadable file, passed on as they are.
    pub fn cmxs_flags<F: Into<OsString>>(mut self, flags: impl IntoIterator<Item = F>) -> Options {
        self.flags.cmxs.extend(flags.into_iter().map(Into::into));
        self
    }

    /// Whether values that an `.mli` of the plugin exports, and that no module of the plugin uses, are warned about
    /// as unused. Default: false.
    pub fn trigger_unused_value_warnings_despite_mli(mut self, trigger: bool) -> Options {
        self.warn_unused_despite_mli = trigger;
        self
    }

    /// What the sources pass through before they are parsed. Default: [`Preprocessor::None`], unless the kit carries a
    /// preprocessor for all sources.
    pub fn preprocessor(mut self, preprocessor: Preprocessor) -> Options {
        self.preprocessor = preprocessor;
        self
    }

    /// What turns the compiler's assembly into a plugin, for native code. Starting an assembler and a linker is half of
    /// what a small plugin costs. Default: [`Assembler::Auto`].
    pub fn assembler(mut self, assembler: Assembler) -> Options {
        self.assembler = assembler;
        self
    }

    /// The code that plugins are compiled to and run as. Default: [`Code::Native`].
    pub fn code(mut self, code: Code) -> Options {
        self.code = code;
        self
    }

    /// How many compilations run at once. Default: the number of processors that the process may use.
    pub fn jobs(mut self, jobs: NonZeroUsize) -> Options {
        self.jobs = Some(jobs);
        self
    }

    /// Keeps compiled plugins from one execution to the next. Default: no cache.
    pub fn use_cache(mut self, cache: CacheConfig) -> Options {
        self.cache = Some(cache);
        self
    }

    /// Keeps compiled plugins in a store of the application's own, in place of a directory. Whatever it gives is verified
    /// before it is loaded. Default: none.
    pub fn use_store(mut self, store: Arc<dyn Store>) -> Options {
        self.store = Some(SharedStore(store));
        self
    }

    /// The compiler to start in place of the kit's; it must be of the same version of OCaml. Default: the kit's.
    pub fn ocamlopt(mut self, program: impl Into<PathBuf>) -> Options {
        self.programs.ocamlopt = Some(program.into());
        self
    }

    /// The `ocamldep` to start in place of the kit's. Default: the kit's.
    pub fn ocamldep(mut self, program: impl Into<PathBuf>) -> Options {
        self.programs.ocamldep = Some(program.into());
        self
    }

    /// A hook that runs, with the loader's fresh directory, before the first real compilation, and not at all when the
    /// cache has the answers. When it fails, so does the compilation, and the next one runs it again. Default: none.
    pub fn initialize<H, F>(mut self, hook: H) -> Options
    where
        H: Fn(PathBuf) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    {
        self.initialize = Some(Initialize(Arc::new(move |directory| {
            Box::pin(hook(directory))
        })));
        self
    }

    /// A hook that runs before the loader makes its directory, which it does for its first compilation, and not at all where
    /// the cache has the answers and the system keeps files in memory. For applications that see to it that the directory
    /// goes with [`Loader::clean_blocking`](crate::Loader::clean_blocking) when a signal ends them. Default: none.
    pub fn before_directory(mut self, hook: impl Fn() + Send + Sync + 'static) -> Options {
        self.before_directory = Some(BeforeDirectory(Arc::new(hook)));
        self
    }

    /// The size in bytes of the stack on which the top level of a plugin runs, for loads that return a future; OCaml 4
    /// keeps its own frames there. Default: 8 MiB, the usual limit of a process.
    pub fn stack_size(mut self, bytes: usize) -> Options {
        self.stack_size = bytes;
        self
    }

    /// How the OCaml runtime is started: arguments that plugins see in `Sys.argv`, limits. Only the first load into a
    /// host image in a process starts its runtime. Default: the runtime's own.
    ///
    /// With [`Exit::EndsProcess`](ocaml_runtime::open::Exit::EndsProcess) plugins are programs of their own also in that this
    /// process has no compilers as children when they run, so that they may wait for all children there are, and that a
    /// broken pipe ends the process ([`Runtime::end_on_broken_pipe`](ocaml_runtime::Runtime::end_on_broken_pipe)).
    pub fn runtime(mut self, options: ocaml_runtime::open::Options) -> Options {
        self.runtime = options;
        self
    }

    /// The arguments that decide what the compiler makes of a source, link flags aside.
    #[must_use]
    pub fn compile_arguments(&self) -> Vec<OsString> {
        self.compile_arguments_with(self.library_arguments(Path::to_owned))
    }

    /// Those of the libraries, whose paths `place` completes.
    pub(crate) fn library_arguments(&self, place: impl Fn(&Path) -> PathBuf) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut seen = BTreeSet::new();
        // A directory of a library that is seen is not hidden for the sake of another one.
        for hidden in [false, true] {
            let of_kind = self
                .libraries
                .iter()
                .filter(|library| library.is_hidden() == hidden);
            for (library, directory) in
                of_kind.flat_map(|library| library.directories().map(move |path| (library, path)))
            {
                if seen.insert(directory) {
                    arguments.push(library.include_option().into());
                    arguments.push(place(directory).into());
                }
            }
        }
        arguments
    }

    /// As [`Options::compile_arguments`], with these for the libraries.
    pub(crate) fn compile_arguments_with(&self, libraries: Vec<OsString>) -> Vec<OsString> {
        let mut arguments = vec!["-g".into()];
        if self.flags.strict_sequence {
            arguments.push("-strict-sequence".into());
        }
        arguments.extend(self.warnings.arguments());
        for directory in &self.include_directories {
            arguments.extend(["-I".into(), directory.into()]);
        }
        arguments.extend(libraries);
        arguments.extend(self.flags.cmx.iter().cloned());
        arguments
    }

    /// Whether something is linked into plugins besides their own code.
    pub(crate) fn has_archives(&self) -> bool {
        let mut archives = self.libraries.iter().flat_map(Library::archives);
        archives.next().is_some()
    }

    /// Whether nothing but the kit decides which interfaces a plugin is compiled against.
    pub(crate) fn compiles_against_kit_alone(&self) -> bool {
        let flags = &self.flags;
        self.include_directories.is_empty()
            && self.libraries.is_empty()
            && flags.cmx.is_empty()
            && flags.cmxs.is_empty()
            && self.programs.ocamlopt.is_none()
    }

    /// The program that sources pass through.
    pub(crate) fn preprocessor_program(&self) -> Option<&Path> {
        match &self.preprocessor {
            Preprocessor::None | Preprocessor::Carried => None,
            Preprocessor::Ppx(program) => Some(program),
        }
    }
}

#[cfg(test)]
mod tests;
