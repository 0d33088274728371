//! The preprocessor, run before the compiler.
//!
//! The compiler's own `-pp` redirects the preprocessor's output with a shell, to a path that it does not quote; run
//! from here no shell is needed. The compiler takes a syntax tree wherever it takes a source (`Pparse.file`). A rewriter
//! that knows the protocol of `-ppx` alone is left to the compiler.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ocaml_toolchain::{CommandFailure, Invocation, invocation, threads};

use crate::diagnostic::{self, Severity};
use crate::kit::{Kit, Need, quote_for_shell};
use crate::options::{Options, Preprocessor};
use crate::workspace::{self, JobDirectory};

/// Where the sources lie before they are preprocessed, in the job's directory.
const SOURCES: &str = "sources";

/// Why there is nothing to compile.
pub(crate) enum Failure {
    Run(Box<invocation::Error>),
    /// The preprocessor does not accept a source.
    Refused(Box<CommandFailure>),
    Workspace(Box<workspace::Error>),
}

/// Files, by name and text.
pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// What a preprocessor leaves.
pub(crate) struct TurnedOut {
    /// Where it worked.
    pub(crate) job: JobDirectory,
    pub(crate) files: Files,
    /// Arguments of the compiler and of `ocamldep`, for a rewriter that they have to start.
    pub(crate) arguments: Vec<OsString>,
}

/// A preprocessor's file, and the directories of the shared libraries that it brings.
pub(crate) struct Program {
    path: PathBuf,
    libraries: Option<OsString>,
}

/// What sources pass through: what the options say, else what the kit gives to every plugin.
pub(crate) fn program(kit: &Kit, options: &Options) -> Option<Program> {
    let carried = kit.manifest().preprocessor.as_ref();
    let of_kit = match &options.preprocessor {
        Preprocessor::Ppx(path) => {
            return Some(Program {
                path: path.clone(),
                libraries: None,
            });
        }
        Preprocessor::Carried => carried,
        Preprocessor::None => carried.filter(|carried| carried.rewriters.is_empty()),
    };
    let directory = kit.directory(Need::Compile);
    of_kit.map(|carried| Program {
        path: directory.join(&carried.program),
        libraries: kit.tools_library_path(),
    })
}

/// The files as the preprocessor turns them out; it works in the job's directory. The kit is ready.
pub(crate) async fn run(
    program: &Program,
    job: JobDirectory,
    files: Files,
) -> Result<TurnedOut, Failure> {
    let sources = files.clone();
    let job = threads::unblock(|| write_all(job, SOURCES, sources)).await?;
    let mut turned_out = Vec::with_capacity(files.len());
    for (name, _) in &files {
        let invocation = dump(program, &job, name);
        let output = invocation
            .output()
            .await
            .map_err(|error| Failure::Run(Box::new(error)))?;
        if !output.status.success() {
            let failure = CommandFailure::new(invocation, output);
            if !knows_no_dumps(&failure) {
                return Err(Failure::Refused(Box::new(failure)));
            }
            let ppx = quote_for_shell(&program.path);
            return Ok(TurnedOut {
                job,
                files,
                arguments: vec!["-ppx".into(), ppx],
            });
        }
        turned_out.push((name.clone(), output.stdout));
    }
    Ok(TurnedOut {
        job,
        files: turned_out,
        arguments: Vec::new(),
    })
}

/// Writes the files into the job's directory.
pub(crate) async fn write(job: JobDirectory, files: Files) -> Result<JobDirectory, Failure> {
    threads::unblock(|| write_all(job, "", files)).await
}

fn dump(program: &Program, job: &JobDirectory, name: &str) -> Invocation {
    let invocation = Invocation::new(&program.path)
        .arg("-dump-ast")
        .arg(format!("{SOURCES}/{name}"))
        .current_dir(job.path())
        .env("TMPDIR", job.path())
        .env("OCAML_COLOR", "never")
        .env("OCAML_ERROR_STYLE", "short");
    match &program.libraries {
        Some(libraries) => invocation.env("LD_LIBRARY_PATH", libraries),
        None => invocation,
    }
}

/// Whether a rewriter stumbled over `-dump-ast` itself, as those do that are made with `Ast_mapper.run_main`: they take it
/// for a file, or print their usage.
fn knows_no_dumps(failure: &CommandFailure) -> bool {
    let text = failure.stderr_text();
    let of_source = diagnostic::parse(&text)
        .iter()
        .any(|found| found.severity == Severity::Error && found.location.is_some());
    !of_source && (text.contains("-dump-ast") || text.to_ascii_lowercase().contains("usage"))
}

fn write_all(job: JobDirectory, folder: &str, files: Files) -> Result<JobDirectory, Failure> {
    if !folder.is_empty() {
        job.make_folder(folder)
            .map_err(|error| Failure::Workspace(Box::new(error)))?;
    }
    for (name, text) in files {
        let name = Path::new(folder).join(name);
        job.write(&name, &text)
            .map_err(|error| Failure::Workspace(Box::new(error)))?;
    }
    Ok(job)
}
