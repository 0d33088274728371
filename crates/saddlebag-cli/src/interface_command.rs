//! `saddlebag interface`: what plugins of an application are checked against.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use embedded_archive::Archive;
use embedded_compiler::{ArchiveMetadata, INTERFACE_DIRECTORY};
use ocaml_runtime::editor;
use serde::Serialize;

use crate::Outcome;
use crate::arguments::Interface;
use crate::failure::Failure;
use crate::output;

/// An interface as text.
#[derive(Serialize)]
struct Found {
    name: String,
    mli: String,
}

/// `saddlebag interface`.
pub(crate) fn run(arguments: &Interface) -> Outcome {
    let found = choose(find(&arguments.from)?, arguments)?;
    if let Some(directory) = &arguments.output {
        write_folder(directory, &found)?;
    }
    match (arguments.json, &arguments.output) {
        (true, _) => output::json(&found),
        (false, Some(directory)) => output::result(directory.display()),
        (false, None) => output::result(found.mli.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

/// The module of an `.mli`.
pub(crate) fn module_name(path: &Path) -> Option<String> {
    if path.extension() != Some(OsStr::new("mli")) {
        return None;
    }
    let name = dynloader::ModuleName::of_path(path).ok()?;
    Some(name.as_str().to_owned())
}

/// The interfaces that `from` is or carries.
fn find(from: &Path) -> Result<Vec<Found>, Failure> {
    if let Some(name) = module_name(from) {
        let mli = std::fs::read_to_string(from).map_err(|error| cannot("read", from, &error))?;
        return Ok(vec![Found { name, mli }]);
    }
    let archive = Archive::open(from).map_err(Failure::new)?;
    let metadata = ArchiveMetadata::of(&archive).map_err(Failure::new)?;
    let read = |file: &String| {
        let text = archive.read(&format!("{INTERFACE_DIRECTORY}/{file}"));
        let text = text.map_err(Failure::new)?;
        Ok(Found {
            name: module_name(Path::new(file)).unwrap_or_else(|| file.clone()),
            mli: String::from_utf8_lossy(&text).into_owned(),
        })
    };
    metadata.interfaces.iter().map(read).collect()
}

/// The one that the command line names, or the only one.
fn choose(mut found: Vec<Found>, arguments: &Interface) -> Result<Found, Failure> {
    let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
    let from = arguments.from.display();
    let place = match (&arguments.name, names.as_slice()) {
        (None, [_]) => Some(0),
        (None, _) => None,
        (Some(name), names) => names.iter().position(|known| known == name),
    };
    let message = match (&arguments.name, names.as_slice()) {
        _ if place.is_some() => String::new(),
        (_, []) => {
            let message = format!("`{from}` carries no interface of a plugin");
            let advice = "put one in: saddlebag embed EXE --interface FILE.mli -o OUT";
            return Err(Failure::Advised(message.into(), advice.to_owned()));
        }
        (None, names) => format!("`{from}` carries {}: name one", names.join(", ")),
        (Some(name), names) => format!(
            "`{from}` carries no interface `{name}`, but {}",
            names.join(", ")
        ),
    };
    match place {
        Some(place) => Ok(found.swap_remove(place)),
        None => Err(Failure::Usage(message)),
    }
}

/// Files that are there already are the author's, and stay.
fn write_folder(directory: &Path, found: &Found) -> Result<(), Failure> {
    std::fs::create_dir_all(directory).map_err(|error| cannot("make", directory, &error))?;
    for (index, (name, text)) in editor::files(&found.name, &found.mli).iter().enumerate() {
        let path = directory.join(name);
        // The interface itself is made anew.
        if index > 0 && path.exists() {
            continue;
        }
        std::fs::write(&path, text).map_err(|error| cannot("write", &path, &error))?;
    }
    Ok(())
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Error(format!("cannot {what} `{}`: {error}", path.display()).into())
}
