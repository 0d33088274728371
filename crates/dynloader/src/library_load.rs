//! Loading libraries: each once a process and host image, before the first plugin that uses it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ocaml_runtime::{Runtime, library as runtime_library, load};
use ocaml_toolchain::files;

use crate::kit::{Kit, Need};
use crate::library::{Error, have_interface};
use crate::library_build;
use crate::scope::{self, Needed};
use crate::shared_library::SharedLibrary;
use crate::workspace::JobDirectory;

/// A library that has been loaded in this process.
struct Loaded {
    image: PathBuf,
    soname: String,
    name: String,
    directories: Vec<PathBuf>,
    /// Device and inode of its files.
    files: Vec<(u64, u64)>,
    /// Why it is of no use, though its code has begun to run.
    failure: Option<Box<str>>,
}

static LOADED: Mutex<Vec<Loaded>> = Mutex::new(Vec::new());

/// What loading takes.
pub(crate) struct Loading<'a> {
    pub(crate) kit: &'a Kit,
    pub(crate) runtime: Runtime,
    /// For the linker, where this process links no scopes.
    pub(crate) with_linker: bool,
}

impl Loading<'_> {
    /// Whether all are there already.
    pub(crate) fn is_done(&self, libraries: &[&SharedLibrary]) -> bool {
        let loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there = |library: &&SharedLibrary| {
            let found = self.find(&loaded, library);
            found.is_some_and(|found| found.failure.is_none())
        };
        libraries.iter().all(is_there)
    }

    fn find<'a>(&self, loaded: &'a [Loaded], library: &SharedLibrary) -> Option<&'a Loaded> {
        loaded
            .iter()
            .find(|other| other.image == self.runtime.path() && other.soname == library.soname)
    }

    /// Loads those that are not there, in order; works in `job`. Blocks.
    pub(crate) fn load(
        &self,
        libraries: &[&SharedLibrary],
        job: &JobDirectory,
    ) -> Result<(), Error> {
        // Held throughout: what a library requires is loaded before it, by one thread.
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scopes: Vec<String> = Vec::new();
        for library in libraries {
            match self.find(&loaded, library) {
                None => self.load_one(&mut loaded, library, &scopes, job)?,
                Some(Loaded {
                    failure: Some(reason),
                    ..
                }) => {
                    return Err(Error::Failed {
                        name: library.name.as_str().into(),
                        reason: reason.clone(),
                    });
                }
                Some(_) => {}
            }
            scopes.push(library.soname.clone());
        }
        Ok(())
    }

    fn load_one(
        &self,
        loaded: &mut Vec<Loaded>,
        library: &SharedLibrary,
        scopes: &[String],
        job: &JobDirectory,
    ) -> Result<(), Error> {
        let read = |path: &Path| {
            let (name, path) = (library.name.as_str().into(), path.to_owned());
            |source| Error::Read { name, path, source }
        };
        let (mut paths, mut files) = (Vec::new(), Vec::new());
        for code in &library.code {
            let path = library_build::loadable(self.kit, library, code, job.path())?;
            let metadata = fs::metadata(&path).map_err(read(&path))?;
            let file = (metadata.dev(), metadata.ino());
            // The dynamic linker would give the object of another host image, or code that failed.
            let used = loaded.iter().any(|other| other.files.contains(&file));
            let path = match used {
                true => copy(&path, job).map_err(read(&path))?,
                false => path,
            };
            files.push(file);
            paths.push(path);
        }
        let needed = Needed {
            files: &paths,
            scopes,
        };
        let scope = scope::write(
            self.kit,
            job.path(),
            &library.soname,
            &needed,
            self.with_linker,
        );
        let scope =
            scope.map_err(|error| read(&job.path().join(&library.soname))(error.into_io()))?;
        let fallback = self.kit.fallback_libraries();
        let mut result = Ok(());
        for path in &paths {
            result = self.runtime.load_library(path, &scope, fallback.as_deref());
            if result.is_err() {
                break;
            }
        }
        let failure = result.as_ref().err().filter(|error| has_run(error));
        let failure = failure.map(|error| raised(error).into());
        if result.is_ok() || failure.is_some() {
            loaded.push(Loaded {
                image: self.runtime.path().to_owned(),
                soname: library.soname.clone(),
                name: library.name.clone(),
                directories: library.directories.clone(),
                files,
                failure,
            });
        }
        result.map_err(|source| self.refused(loaded, library, source))
    }

    /// Says which library a refused one collides with.
    fn refused(
        &self,
        loaded: &[Loaded],
        library: &SharedLibrary,
        error: runtime_library::Error,
    ) -> Error {
        let name: Box<str> = library.name.as_str().into();
        let Some(unit) = already_loaded(&error) else {
            return Error::Load {
                name,
                source: Box::new(error),
            };
        };
        let root = self.kit.directory(Need::Compile);
        let other = loaded.iter().find(|other| {
            other.image == self.runtime.path()
                && other.soname != library.soname
                && have_interface(root, other.directories.iter().map(PathBuf::as_path), unit)
        });
        let other = other.map(|other| other.name.as_str().into());
        Error::Unit {
            name,
            unit: unit.into(),
            other,
        }
    }
}

/// The unit of Dynlink's message for one that is there already (`otherlibs/dynlink/dynlink_types.ml`).
fn already_loaded(error: &runtime_library::Error) -> Option<&str> {
    let runtime_library::Error::Load(error) = error else {
        return None;
    };
    let load::Error::Refused { message, .. } = &**error else {
        return None;
    };
    let (before, _) = message.split_once("' is already loaded")?;
    let unit = before.rsplit_once('`')?.1;
    (!unit.is_empty() && unit.is_ascii()).then_some(unit)
}

/// Whether code of the library ran, so that it cannot be loaded again.
fn has_run(error: &runtime_library::Error) -> bool {
    matches!(error, runtime_library::Error::Load(error) if matches!(**error, load::Error::Raised { .. }))
}

fn raised(error: &runtime_library::Error) -> String {
    match error {
        runtime_library::Error::Load(error) => match &**error {
            load::Error::Raised { source, .. } => source.to_string(),
            error => error.to_string(),
        },
        error => error.to_string(),
    }
}

fn copy(path: &Path, job: &JobDirectory) -> io::Result<PathBuf> {
    let mut name = OsString::from("copy-");
    name.push(path.file_name().unwrap_or_default());
    let copied = job.path().join(name);
    files::check_length(usize::try_from(fs::metadata(path)?.len()).unwrap_or(usize::MAX))?;
    fs::copy(path, &copied).map(|_| copied)
}
