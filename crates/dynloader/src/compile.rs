//! Running the compiler over a generated unit.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use code_sets::Code;
use ocaml_toolchain::{CommandFailure, Invocation, invocation, threads};

use crate::assembly;
use crate::bundle;
use crate::cache;
use crate::compile_arguments::{arguments, byte_link_arguments};
use crate::compile_worker::{Outcome, dispatch};
use crate::compiled::Artefact;
use crate::diagnostic::Diagnostic;
use crate::kit::{Kit, Need, PrepareError};
use crate::library;
use crate::loader::Shared;
pub use crate::made_by::OtherCompiler;
use crate::options::{Assembler, Options};
use crate::preprocess::{self, Failure, Files};
use crate::program::with_program;
pub use crate::rejection::Rejection;
use crate::rejection::{diagnostics, refusal, rejected};
use crate::relay::Relay;
use crate::scope;
use crate::shared_library::{self, SharedLibrary};
use crate::unit::Unit;
use crate::workspace::{self, JobDirectory, Workspace};

/// The error returned by what compiles: why there is no compiled plugin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The loader has been cleaned.
    #[error("the loader has been cleaned and compiles no more")]
    Cleaned,
    /// The sources could not be read or named.
    #[error("cannot take the sources")]
    Bundle(#[source] bundle::Error),
    /// The compiler does not accept the sources.
    #[error("{}", .0.summary())]
    Rejected(Box<Rejection>),
    /// The preprocessor, the compiler, the assembler or the linker failed for a reason that is not in the sources.
    #[error("the compiler failed: {}", .0.failure)]
    Failed(Box<Rejection>),
    /// A directory of interfaces is one of an OCaml of another version.
    #[error("{0}")]
    OtherCompiler(Box<OtherCompiler>),
    /// The compiler could not be run.
    #[error("cannot run the compiler")]
    Run(#[source] Box<invocation::Error>),
    /// This process could not make a plugin of the compiler's assembly, and was not to ask other programs to.
    #[error("cannot assemble the plugin")]
    Assemble(#[source] Box<assembly::Error>),
    /// The kit has no compiler for the code.
    #[error("the toolchain has no compiler to {code} code")]
    NoCompiler {
        /// The code asked for.
        code: Code,
    },
    /// The plugin is to be made by other programs, or cannot be made by this process, and the kit brought none.
    #[error(
        "this compiler came without an assembler and a linker (`saddlebag embed --with-binutils` carries them)"
    )]
    NoLinker(#[source] Option<Box<assembly::Error>>),
    /// Only our own driver links libraries to plugins of byte code.
    #[error(
        "libraries in byte code need OCaml's compiler-libs, in native code, which this toolchain lacks"
    )]
    NoLibraries,
    /// The kit's files could not be made.
    #[error("the compiler is not ready")]
    Prepare(#[source] Box<PrepareError>),
    /// The hook given with [`Options::initialize`] failed.
    #[error("the loader's initialisation failed")]
    Initialize(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no place to compile in.
    #[error("there is no place to compile in")]
    Workspace(#[source] Box<workspace::Error>),
    /// The compiled file could not be read back or put in its place.
    #[error("cannot put the compiled plugin in `{}`", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A library that plugins use cannot be.
    #[error("a library cannot be used")]
    Library(#[source] Box<library::Error>),
    /// The cache cannot be used.
    #[error("the cache of plugins cannot be used")]
    Cache(#[source] Box<cache::Error>),
}

/// Names what a compilation does that its arguments do not show: a change makes caches compile again.
pub(crate) const RECIPE: &str = concat!(env!("CARGO_PKG_VERSION"), " 6");

/// How far a compilation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Up to the point where the compiler has no more objections.
    Check,
    /// Up to a file that can be loaded: that which a compiler that has just started would make.
    Load,
    /// Up to what this process can load and nobody else will see. It behaves the same, and may hold other numbers in its
    /// names.
    LoadHere,
}

impl Goal {
    /// Whether something to load is made.
    pub(crate) fn loads(self) -> bool {
        self != Goal::Check
    }
}

/// What a compilation leaves.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The loadable file, which a check does not make.
    pub(crate) artefact: Option<Artefact>,
    /// The warnings.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What made a plugin of the assembly, in the words of traces.
    pub(crate) assembler: Option<&'static str>,
}

/// This process.
const INTERNAL: &str = "internal";
/// The kit's assembler and linker.
const EXTERNAL: &str = "external";

/// Compiles `unit` in the loader's directory `workspace`, with a kit whose compiler is in its place.
pub(crate) async fn run(
    shared: &Shared,
    workspace: &Arc<Workspace>,
    libraries: &[SharedLibrary],
    unit: Unit,
    goal: Goal,
    relay: Option<&Relay>,
) -> Result<Finished, Error> {
    let (kit, options) = (&shared.kit, &shared.options);
    let fits = options.compiles_against_kit_alone();
    let artefact = |bytes| Artefact { bytes, fits };
    let Unit {
        name,
        implementation,
        mut declarations,
        interface,
        names,
    } = unit;
    let mut files = vec![(format!("{name}.ml"), implementation)];
    if let Some(interface) = interface {
        files.insert(0, (format!("{name}.mli"), interface));
    }
    let failed = |failure| match failure {
        Failure::Run(error) => Error::Run(error),
        Failure::Refused(failure) => rejected(*failure, &names),
        Failure::Workspace(error) => Error::Workspace(error),
    };
    let (mut job, mut rewriter) = (None, Vec::new());
    // Why this process makes no plugin of the assembly.
    let mut unfit = None;
    if let Some(program) = preprocess::program(kit, options) {
        let fresh = new_job(workspace).await?;
        let run = preprocess::run(&program, fresh, files).await;
        let turned_out = run.map_err(failed)?;
        (job, files) = (Some(turned_out.job), turned_out.files);
        declarations = 0;
        rewriter = turned_out.arguments;
    }

    // Commands are put together when they are needed: it takes as long as asking a worker.
    let attempt = || match goal {
        Goal::Check => Ok(None),
        Goal::Load | Goal::LoadHere => {
            assembly_invocation(kit, options, &name).map_err(Error::Assemble)
        }
    };
    if rewriter.is_empty()
        && let Some(asked) =
            dispatch::by_worker(shared, workspace, &name, &files, declarations, goal, relay).await
    {
        let (answer, directory) = asked;
        if answer.outcome == Outcome::Refused {
            let invocation = match attempt()? {
                Some(attempt) => attempt,
                None => invocation(kit, options, goal, Vec::new(), &name)?.0,
            };
            let invocation = in_directory(invocation, &files, &directory);
            return Err(rejected(refusal(invocation, answer.messages), &names));
        }
        let diagnostics = diagnostics(&answer.messages, &names);
        if goal == Goal::Check {
            return Ok(Finished {
                artefact: None,
                diagnostics,
                assembler: None,
            });
        }
        match link(kit, libraries, &name, answer.assembly, relay.is_some()).await {
            Ok(plugin) => {
                return Ok(Finished {
                    artefact: Some(artefact(plugin)),
                    diagnostics,
                    assembler: Some(INTERNAL),
                });
            }
            Err(error) if options.assembler == Assembler::Internal => {
                return Err(Error::Assemble(error));
            }
            // A line that is not understood now would not be understood again.
            Err(error) => unfit = Some(error),
        }
    }

    let job = match job {
        Some(job) => job,
        None => new_job(workspace).await?,
    };
    let sources: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    let job = preprocess::write(job, files).await.map_err(failed)?;
    if unfit.is_none()
        && let Some(attempt) = attempt()?
    {
        let attempt = in_job(attempt.args(&rewriter), &sources, job.path());
        let result = attempt
            .output()
            .await
            .map_err(|error| Error::Run(Box::new(error)))?;
        if !result.status.success() {
            return Err(rejected(CommandFailure::new(attempt, result), &names));
        }
        let output = job.path().join(format!("{name}.cmxs"));
        let needed = needed(kit, libraries);
        match threads::unblock(move || assembly::link_file(&output, needed)).await {
            Ok(plugin) => {
                return Ok(Finished {
                    artefact: Some(artefact(plugin)),
                    diagnostics: diagnostics(&result.stderr, &names),
                    assembler: Some(INTERNAL),
                });
            }
            Err(error) if options.assembler == Assembler::Internal => {
                return Err(Error::Assemble(Box::new(error)));
            }
            // The assembler and the linker are the way out.
            Err(error) => unfit = Some(Box::new(error)),
        }
    }
    let native = goal.loads() && options.code == Code::Native;
    if native && options.programs.ocamlopt.is_none() && kit.lacks_linker() {
        return Err(Error::NoLinker(unfit));
    }
    let stubs = match native {
        true => stubs(kit, options, libraries, &job)?,
        false => Vec::new(),
    };
    let (invocation, output) = invocation(kit, options, goal, stubs, &name)?;
    let invocation = in_job(invocation.args(&rewriter), &sources, job.path());
    let result = kit
        .output(&invocation)
        .await
        .map_err(|error| Error::Run(Box::new(error)))?;
    if !result.status.success() {
        return Err(rejected(CommandFailure::new(invocation, result), &names));
    }
    let plugin = match goal.loads() {
        true => Some(read(job.path().join(output)).await?),
        false => None,
    };
    Ok(Finished {
        artefact: plugin.map(artefact),
        diagnostics: diagnostics(&result.stderr, &names),
        assembler: native.then_some(EXTERNAL),
    })
}

/// What a program that succeeded left.
async fn read(path: PathBuf) -> Result<Vec<u8>, Error> {
    threads::unblock(move || std::fs::read(&path).map_err(|source| Error::Output { path, source }))
        .await
}

/// What a linker is given so that the plugin names its libraries.
fn stubs(
    kit: &Kit,
    options: &Options,
    libraries: &[SharedLibrary],
    job: &JobDirectory,
) -> Result<Vec<OsString>, Error> {
    let with_linker = options.assembler == Assembler::External;
    let written = scope::link_stubs(kit, libraries, job.path(), with_linker);
    written.map_err(|error| Error::Output {
        path: job.path().to_owned(),
        source: error.into_io(),
    })
}

/// What a plugin names as needed.
fn needed(kit: &Kit, libraries: &[SharedLibrary]) -> Vec<String> {
    let mut needed = kit.needed_libraries();
    needed.extend(libraries.iter().map(|library| library.soname.clone()));
    needed
}

async fn new_job(workspace: &Arc<Workspace>) -> Result<JobDirectory, Error> {
    let workspace = workspace.clone();
    let job = threads::unblock(move || workspace.job()).await;
    job.map_err(|error| Error::Workspace(Box::new(error)))
}

/// How many bytes of assembly are dealt with where they arrive. It takes a tenth of a millisecond at most, and a third of that would be
/// added by handing them to another thread and back.
const MAX_INLINE_ASSEMBLY: usize = 8 << 10;

/// Makes a plugin of the assembly of a unit and of its startup code, `here` or where it does not keep a task waiting.
async fn link(
    kit: &Kit,
    libraries: &[SharedLibrary],
    name: &str,
    assembly: Vec<String>,
    here: bool,
) -> Result<Vec<u8>, Box<assembly::Error>> {
    let (needed, name) = (needed(kit, libraries), name.to_owned());
    let [unit, startup] = <[String; 2]>::try_from(assembly).map_err(|_| assembly::Error::Form)?;
    let small = unit.len() + startup.len() <= MAX_INLINE_ASSEMBLY;
    let span = tracing::Span::current();
    let link = move || {
        let _compiling = span.entered();
        let (startup_name, name) = (format!("{name}.cmxs.startup.o"), format!("{name}.o"));
        // In the order in which the compiler gives them to a linker.
        let texts = [(&*startup_name, &*startup), (&*name, &*unit)];
        assembly::link_texts(&texts, needed)
    };
    let plugin = match here || small {
        true => link(),
        false => threads::unblock(link).await,
    };
    plugin.map_err(Box::new)
}

fn in_directory(invocation: Invocation, files: &Files, directory: &Path) -> Invocation {
    let sources: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    in_job(invocation, &sources, directory)
}

/// The command with its sources, in the directory of the compilation.
fn in_job(invocation: Invocation, sources: &[String], job: &Path) -> Invocation {
    invocation.args(sources).current_dir(job).env("TMPDIR", job)
}

/// The command that gives assembly, where this process is to turn it into a plugin; an error where it has to and cannot.
fn assembly_invocation(
    kit: &Kit,
    options: &Options,
    unit: &str,
) -> Result<Option<Invocation>, Box<assembly::Error>> {
    if options.code != Code::Native || options.assembler == Assembler::External {
        return Ok(None);
    }
    match assembly_compiler(kit, options) {
        Ok((ocamlopt, link)) => {
            let output = format!("{unit}.cmxs");
            let libraries = shared_library::arguments(kit, options);
            let arguments = arguments(options, libraries, Goal::Load, link.into(), &output);
            Ok(Some(ocamlopt.args(arguments)))
        }
        Err(_) if options.assembler == Assembler::Auto => Ok(None),
        Err(error) => Err(Box::new(error)),
    }
}

/// The compiler that gives assembly, and its arguments for doing so.
fn assembly_compiler(
    kit: &Kit,
    options: &Options,
) -> Result<(Invocation, [OsString; 2]), assembly::Error> {
    let show = |path: &Path| path.display().to_string();
    if let Some(program) = &options.programs.ocamlopt {
        let compiler = show(program);
        return Err(assembly::Error::NoAssembly { compiler });
    }
    kit.assembly_ocamlopt().ok_or_else(|| {
        let compiler = kit.ocamlopt().map(|ocamlopt| show(ocamlopt.program()));
        let compiler = compiler.unwrap_or_else(|| "ocamlopt".to_owned());
        assembly::Error::NoAssembly { compiler }
    })
}

/// The compiler's command without its sources, and the name of what it leaves.
fn invocation(
    kit: &Kit,
    options: &Options,
    goal: Goal,
    stubs: Vec<OsString>,
    unit: &str,
) -> Result<(Invocation, String), Error> {
    let missing = Error::NoCompiler { code: options.code };
    let compiler = match options.code {
        Code::Native => kit.ocamlopt(),
        Code::Byte => kit.ocamlc(),
        Code::Wasm => None,
    };
    let mut invocation = compiler.ok_or(missing)?;
    if options.code == Code::Byte && options.has_archives() && !kit.has_driver() {
        return Err(Error::NoLibraries);
    }
    if let (Code::Native, Some(program)) = (options.code, &options.programs.ocamlopt) {
        invocation = with_program(&invocation, program);
    }
    let output = match options.code {
        Code::Byte if options.has_archives() => format!("{unit}.cma"),
        Code::Byte => format!("{unit}.cmo"),
        Code::Native | Code::Wasm => format!("{unit}.cmxs"),
    };
    let link = match options.code {
        Code::Native => [kit.shared_link_arguments(), stubs].concat(),
        Code::Byte => {
            let directory = kit.directory(Need::Compile);
            byte_link_arguments(options, &output, |archive| directory.join(archive))
        }
        Code::Wasm => Vec::new(),
    };
    Ok((
        invocation.args(arguments(
            options,
            shared_library::arguments(kit, options),
            goal,
            link,
            &output,
        )),
        output,
    ))
}
