//! Running the compiler over a generated unit.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Output;

use code_sets::Code;
use ocaml_toolchain::{CommandFailure, Invocation, invocation};

use crate::assembly;
use crate::bundle;
use crate::cache;
use crate::diagnostic::{self, Diagnostic, Severity};
use crate::kit::{Kit, Need, PrepareError};
use crate::library::Library;
use crate::name_table::NameTable;
use crate::options::{Assembler, Options};
use crate::preprocess::{self, Failure};
use crate::program::with_program;
use crate::unit::Unit;
use crate::workspace::{self, JobDirectory};

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
    /// The cache cannot be used.
    #[error("the cache of plugins cannot be used")]
    Cache(#[source] Box<cache::Error>),
}

/// What a compiler that failed had to say.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rejection {
    /// The messages in the compiler's order, warnings included; positions are those of the sources.
    pub diagnostics: Vec<Diagnostic>,
    /// The command, its status and its output as it was.
    pub failure: ocaml_toolchain::CommandFailure,
}

impl Rejection {
    /// The messages that are errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
    }

    fn summary(&self) -> String {
        let errors: Vec<String> = self.errors().map(Diagnostic::to_string).collect();
        format!(
            "the compiler does not accept the sources:\n{}",
            errors.join("\n")
        )
    }
}

/// Names what a compilation does that its arguments do not show: a change makes caches compile again.
pub(crate) const RECIPE: &str = concat!(env!("CARGO_PKG_VERSION"), " 2");

/// How far a compilation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Up to the point where the compiler has no more objections.
    Check,
    /// Up to a file that can be loaded.
    Load,
}

/// Compiles `unit` in `job`. Gives the loadable file, which a check does not make, and the warnings.
pub(crate) async fn run(
    kit: &Kit,
    options: &Options,
    unit: Unit,
    job: JobDirectory,
    goal: Goal,
) -> Result<(JobDirectory, Vec<Diagnostic>, PathBuf), Error> {
    kit.prepare(Need::Compile)
        .await
        .map_err(|error| Error::Prepare(Box::new(error)))?;
    let Unit {
        name,
        implementation,
        interface,
        names,
    } = unit;
    let mut files = vec![(format!("{name}.ml"), implementation)];
    if let Some(interface) = interface {
        files.insert(0, (format!("{name}.mli"), interface));
    }
    let sources: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    let written = preprocess::write(options.preprocessor_program(), job, files).await;
    let job = written.map_err(|failure| match failure {
        Failure::Run(error) => Error::Run(error),
        Failure::Refused(failure) => rejected(*failure, &names),
        Failure::Workspace(error) => Error::Workspace(error),
    })?;

    if goal == Goal::Load
        && let Some(attempt) = assembly_invocation(kit, options, &name)
    {
        let attempt = in_job(attempt, &sources, &job);
        let result = attempt
            .output()
            .await
            .map_err(|error| Error::Run(Box::new(error)))?;
        let output = job.path().join(format!("{name}.cmxs"));
        match assembled(kit, &result, output.clone()).await {
            Ok(()) => return Ok(finished(job, &result, &names, output)),
            // The compiler refused the sources: no linker would change that.
            Err(_) if !result.status.success() && !lacks_a_linker(&result) => {
                return Err(rejected(CommandFailure::new(attempt, result), &names));
            }
            Err(error) if options.assembler == Assembler::Internal => {
                return Err(Error::Assemble(error));
            }
            Err(_) => {}
        }
    }
    let (invocation, output) = invocation(kit, options, goal, &name)?;
    let invocation = in_job(invocation, &sources, &job);
    let result = kit
        .output(&invocation)
        .await
        .map_err(|error| Error::Run(Box::new(error)))?;
    if result.status.success() {
        let file = job.path().join(output);
        return Ok(finished(job, &result, &names, file));
    }
    Err(rejected(CommandFailure::new(invocation, result), &names))
}

/// The command with its sources, in the directory of the compilation.
fn in_job(invocation: Invocation, sources: &[String], job: &JobDirectory) -> Invocation {
    invocation
        .args(sources)
        .current_dir(job.path())
        .env("TMPDIR", job.path())
}

fn finished(
    job: JobDirectory,
    result: &Output,
    names: &NameTable,
    file: PathBuf,
) -> (JobDirectory, Vec<Diagnostic>, PathBuf) {
    let mut diagnostics = diagnostic::parse(&String::from_utf8_lossy(&result.stderr));
    diagnostic::relocate(&mut diagnostics, names);
    (job, diagnostics, file)
}

/// Makes the plugin `output` of the assembly that the driver left there.
async fn assembled(
    kit: &Kit,
    result: &Output,
    output: PathBuf,
) -> Result<(), Box<assembly::Error>> {
    if !result.status.success() {
        return Err(Box::new(assembly::Error::Form));
    }
    let needed = kit.needed_libraries();
    blocking::unblock(move || assembly::link_file(&output, needed).map_err(Box::new)).await
}

/// Whether the driver's replacement of a linker met what only a real one can link (`collect` in `ocaml/system.c`).
fn lacks_a_linker(result: &Output) -> bool {
    String::from_utf8_lossy(&result.stderr).contains("needs a linker")
}

/// The command that gives assembly, where this process is to turn it into a plugin.
fn assembly_invocation(kit: &Kit, options: &Options, unit: &str) -> Option<Invocation> {
    let internal = options.assembler != Assembler::External && options.programs.ocamlopt.is_none();
    // Archives are for a linker.
    let archives = options
        .libraries
        .iter()
        .any(|library| library.archives().next().is_some());
    if options.code != Code::Native || !internal || archives {
        return None;
    }
    let (ocamlopt, link) = kit.assembly_ocamlopt()?;
    Some(ocamlopt.args(arguments(
        options,
        Goal::Load,
        link.into(),
        &format!("{unit}.cmxs"),
    )))
}

/// What a program that refused the sources had to say.
fn rejected(failure: CommandFailure, names: &NameTable) -> Error {
    let job = failure.current_dir();
    if let Some(error) = job.and_then(|job| workspace::full(job, &failure.stderr_text())) {
        return Error::Workspace(Box::new(error));
    }
    let mut diagnostics = diagnostic::parse(&failure.stderr_text());
    diagnostic::relocate(&mut diagnostics, names);
    let in_sources =
        |found: &Diagnostic| found.severity == Severity::Error && found.location.is_some();
    let of_sources = diagnostics.iter().any(in_sources);
    let rejection = Box::new(Rejection {
        diagnostics,
        failure,
    });
    match of_sources {
        true => Error::Rejected(rejection),
        false => Error::Failed(rejection),
    }
}

/// The compiler's command without its sources, and the name of what it leaves.
fn invocation(
    kit: &Kit,
    options: &Options,
    goal: Goal,
    unit: &str,
) -> Result<(Invocation, String), Error> {
    let missing = Error::NoCompiler { code: options.code };
    let compiler = match options.code {
        Code::Native => kit.ocamlopt(),
        Code::Byte => kit.ocamlc(),
        Code::Wasm => None,
    };
    let mut invocation = compiler.ok_or(missing)?;
    if let (Code::Native, Some(program)) = (options.code, &options.programs.ocamlopt) {
        invocation = with_program(&invocation, program);
    }
    let output = match options.code {
        Code::Byte => format!("{unit}.cmo"),
        Code::Native | Code::Wasm => format!("{unit}.cmxs"),
    };
    let link = match options.code {
        Code::Native => kit.shared_link_arguments(),
        Code::Byte | Code::Wasm => Vec::new(),
    };
    Ok((
        invocation.args(arguments(options, goal, link, &output)),
        output,
    ))
}

/// The arguments after the kit's own. One process compiles and links: starting a second one costs more than
/// compiling a small plugin.
pub(crate) fn arguments(
    options: &Options,
    goal: Goal,
    link: Vec<OsString>,
    output: &str,
) -> Vec<OsString> {
    // Positions as data; the sources are quoted by whoever shows them.
    let mut arguments: Vec<OsString> = ["-error-style", "short", "-color", "never"]
        .map(Into::into)
        .into();
    arguments.extend(options.compile_arguments());
    match (goal, options.code) {
        // Later phases than typing refuse programs too, for example unsafe recursive modules.
        (Goal::Check, Code::Native) => {
            arguments.extend(["-stop-after", "scheduling"].map(Into::into))
        }
        (Goal::Check, _) => arguments.push("-c".into()),
        (Goal::Load, Code::Native) => {
            arguments.extend(options.flags.cmxs.iter().cloned());
            arguments.extend(link);
            let archives = options.libraries.iter().flat_map(Library::archives);
            arguments.extend(archives.map(Into::into));
            arguments.extend(["-shared".into(), "-o".into(), output.into()]);
        }
        (Goal::Load, _) => arguments.push("-c".into()),
    }
    arguments
}

/// The arguments in the form that keys of the cache are made from.
pub(crate) fn key_arguments(options: &Options) -> Vec<OsString> {
    let mut key = arguments(options, Goal::Load, Vec::new(), "");
    key.push(format!("assembler {:?}", options.assembler).into());
    key
}
