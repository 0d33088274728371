//! `saddlebag archive`: look into what an executable carries, and clean where it was extracted to.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use embedded_archive::{Archive, Cleaned, OpenError, Selection, clean_shared};
use embedded_compiler::{ArchiveMetadata, CarriedCompiler, Contents, ExtractTo, group_name};
use serde::Serialize;

use crate::Outcome;
use crate::arguments::{ArchiveCommand, ArchiveOf};
use crate::embed_command::megabytes;
use crate::failure::Failure;
use crate::output;
use crate::script;

/// `saddlebag archive`.
pub(crate) fn run(command: ArchiveCommand) -> Outcome {
    match command {
        ArchiveCommand::List(of) => list(&of),
        ArchiveCommand::Metadata(of) => metadata(&of),
        ArchiveCommand::Verify(of) => verify(&of),
        ArchiveCommand::Extract {
            archive,
            directory,
            output,
        } => extract(&archive, directory.or(output)),
        ArchiveCommand::Clean { directory, json } => clean(directory, json),
    }
}

fn open(of: &ArchiveOf) -> Result<Archive, Failure> {
    let opened = match &of.executable {
        Some(path) => Archive::open(path),
        None => Archive::of_current_exe(),
    };
    opened.map_err(|error| match error {
        OpenError::NotFound { .. } => Failure::advised(
            error,
            "put a compiler into an executable: saddlebag embed EXE -o OUT",
        ),
        error => Failure::new(error),
    })
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    group: &'static str,
    executable: bool,
    bytes: u64,
    blake3: String,
}

fn list(of: &ArchiveOf) -> Outcome {
    let archive = open(of)?;
    let listed: Vec<Listed<'_>> = archive
        .entries()
        .map(|entry| Listed {
            name: entry.name(),
            group: group_name(entry.group()),
            executable: entry.is_executable(),
            bytes: entry.len(),
            blake3: entry.digest().to_string(),
        })
        .collect();
    if of.json {
        output::json(&listed);
        return Ok(ExitCode::SUCCESS);
    }
    for file in &listed {
        let mark = if file.executable { "x" } else { "-" };
        output::result(format!(
            "{mark} {:8} {:>9}  {}",
            file.group, file.bytes, file.name
        ));
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Described {
    #[serde(flatten)]
    metadata: ArchiveMetadata,
    #[serde(flatten)]
    contents: Contents,
}

fn metadata(of: &ArchiveOf) -> Outcome {
    let archive = open(of)?;
    let metadata = ArchiveMetadata::of(&archive).map_err(Failure::new)?;
    let contents = Contents::of(&archive).map_err(Failure::new)?;
    if of.json {
        output::json(&Described { metadata, contents });
        return Ok(ExitCode::SUCCESS);
    }
    let (major, minor) = archive.format_version();
    let shell = if metadata.needs_shell {
        "needs /bin/sh"
    } else {
        "needs no shell"
    };
    output::result(format!(
        "archive     format {major}.{minor}, {} packed",
        megabytes(archive.packed_len())
    ));
    output::result(format!(
        "files       {}, {}",
        archive.entries().len(),
        megabytes(archive.unpacked_len(Selection::all()))
    ));
    output::result(format!("tree        {}", archive.tree()));
    output::result(format!("packed by   {}", harmless(&metadata.packed_by)));
    output::result(format!(
        "OCaml       {}",
        harmless(&metadata.ocaml_version.to_string())
    ));
    output::result(format!("codes       {} ({shell})", metadata.codes));
    output::result(format!(
        "ppx         {}",
        if metadata.ppx { "carried" } else { "none" }
    ));
    let libraries = match metadata.libraries.as_slice() {
        [] => "the standard library, unix, threads, dynlink".to_owned(),
        libraries => harmless(&libraries.join(", ")),
    };
    output::result(format!("libraries   {libraries}"));
    output::result(format!(
        "interfaces  {} compiled ones; their fingerprints: --json",
        contents.fingerprints.len()
    ));
    output::result(format!(
        "host image  {}",
        harmless(&metadata.kit.host_identity)
    ));
    output::result("licences");
    for licence in &contents.licences {
        let plural = if licence.files.len() == 1 { "" } else { "s" };
        output::result(format!(
            "  {}: {} ({} file{plural})",
            harmless(&licence.work),
            harmless(&licence.licence),
            licence.files.len()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Text of an archive that anybody may have made, without what a terminal would obey. Names of files have no such
/// characters.
fn harmless(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            harmless.extend(character.escape_default());
        } else {
            harmless.push(character);
        }
    }
    harmless
}

#[derive(Serialize)]
struct Verified {
    ok: bool,
    files: usize,
    damaged: Vec<Damaged>,
}

#[derive(Serialize)]
struct Damaged {
    name: String,
    problem: String,
}

fn verify(of: &ArchiveOf) -> Outcome {
    let archive = open(of)?;
    let files = archive.entries().len();
    let damaged: Vec<Damaged> = match archive.verify() {
        Ok(()) => Vec::new(),
        Err(error) => error
            .failures
            .into_iter()
            .map(|(name, error)| Damaged {
                name,
                problem: chain(&error),
            })
            .collect(),
    };
    let verified = Verified {
        ok: damaged.is_empty(),
        files,
        damaged,
    };
    if of.json {
        output::json(&verified);
    } else if verified.ok {
        output::result(format!("{files} files, all as they were packed"));
    }
    if verified.ok {
        return Ok(ExitCode::SUCCESS);
    }
    if !of.json {
        for file in &verified.damaged {
            output::error(&format!("`{}`: {}", file.name, file.problem));
        }
    }
    output::error(&format!(
        "{} of {files} files are damaged",
        verified.damaged.len()
    ));
    Err(Failure::Told)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn extract(of: &ArchiveOf, directory: Option<PathBuf>) -> Outcome {
    let archive = open(of)?;
    let directory = directory.unwrap_or_else(|| {
        let name = of
            .executable
            .as_deref()
            .and_then(Path::file_name)
            .unwrap_or("saddlebag".as_ref());
        let mut name = name.to_owned();
        name.push(".files");
        PathBuf::from(name)
    });
    match std::fs::read_dir(&directory).map(|mut entries| entries.next().is_none()) {
        Ok(false) => {
            return Err(Failure::Usage(format!(
                "the directory `{}` is not empty",
                directory.display()
            )));
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let message = format!(
                "cannot use the directory `{}`: {error}",
                directory.display()
            );
            return Err(Failure::Error(message.into()));
        }
        _ => {}
    }
    // A damaged archive leaves nothing behind.
    archive.verify().map_err(Failure::new)?;
    archive
        .extract(&directory, Selection::all())
        .map_err(Failure::new)?;
    if of.json {
        output::json(&serde_json::json!({ "directory": directory.display().to_string() }));
    } else {
        output::result(directory.display());
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct CleanedUp {
    directory: String,
    removed: usize,
    in_use: usize,
}

fn clean(directory: Option<PathBuf>, json: bool) -> Outcome {
    let Some(directory) = directory.or_else(script::archives) else {
        return Err(Failure::Usage(
            "name the directory: there is no cache directory where scripts would keep compilers"
                .to_owned(),
        ));
    };
    if !directory.is_dir() {
        let message = format!("`{}` is not a directory", directory.display());
        return Err(Failure::Usage(message));
    }
    let cleaned = match CarriedCompiler::of_current_exe(ExtractTo::default()) {
        Ok(own) => own.remove_others(&directory),
        Err(error) if error.is_absent() => clean_shared(&directory, &[]),
        Err(error) => return Err(Failure::new(error)),
    };
    let Cleaned {
        removed, in_use, ..
    } = cleaned.map_err(Failure::new)?;
    if json {
        output::json(&CleanedUp {
            directory: directory.display().to_string(),
            removed,
            in_use,
        });
    } else {
        output::result(format!("{removed} removed, {in_use} in use"));
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn a_terminal_obeys_nothing_that_an_archive_says() {
        assert_eq!(
            harmless("é \u{1b}]0;x\u{7}\n\u{9b}1m"),
            "é \\u{1b}]0;x\\u{7}\\n\\u{9b}1m"
        );
    }
}
