//! The preprocessor, run before the compiler.
//!
//! The compiler's own `-pp` redirects the preprocessor's output with a shell, to a path that it does not quote; run
//! from here no shell is needed. The compiler takes a syntax tree wherever it takes a source (`Pparse.file`).

use std::path::Path;

use ocaml_toolchain::{CommandFailure, Invocation, invocation};

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

/// The files as `program` turns them out; it works in the job's directory.
pub(crate) async fn run(
    program: &Path,
    job: JobDirectory,
    files: Files,
) -> Result<(JobDirectory, Files), Failure> {
    let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    let job = blocking::unblock(|| write_all(job, SOURCES, files)).await?;
    let mut turned_out = Vec::with_capacity(names.len());
    for name in names {
        let invocation = Invocation::new(program)
            .arg("-dump-ast")
            .arg(format!("{SOURCES}/{name}"))
            .current_dir(job.path())
            .env("TMPDIR", job.path())
            .env("OCAML_COLOR", "never")
            .env("OCAML_ERROR_STYLE", "short");
        let output = invocation
            .output()
            .await
            .map_err(|error| Failure::Run(Box::new(error)))?;
        if !output.status.success() {
            return Err(Failure::Refused(Box::new(CommandFailure::new(
                invocation, output,
            ))));
        }
        turned_out.push((name, output.stdout));
    }
    Ok((job, turned_out))
}

/// Writes the files into the job's directory.
pub(crate) async fn write(job: JobDirectory, files: Files) -> Result<JobDirectory, Failure> {
    blocking::unblock(|| write_all(job, "", files)).await
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
