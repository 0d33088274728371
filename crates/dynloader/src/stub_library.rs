//! The C functions of libraries that plugins of byte code use.
//!
//! A stub library (`dllzarith.so`) leaves the names of OCaml's runtime undefined, for the program to define. Here the runtime is in a host image
//! whose names are its own, so that several images can live in one process. The dynamic linker looks for undefined names in all that was opened
//! together: a small library is made that needs the host image and the stub libraries, and opening it opens these for that image.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ocaml_assembler::{LinkError, LinkOptions, link_shared};
use ocaml_runtime::Runtime;
use ocaml_toolchain::files;

/// Why a stub library cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file was there when the plugin was compiled, or on the machine where it was.
    #[error("the stub library `{}` is not there", path.display())]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// One process has an object file once, and its undefined names are bound to one runtime.
    #[error("the stub library `{}` is in use by another OCaml runtime of this process", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// The libraries are there, and cannot be opened for byte code on this machine.
    #[error(
        "stub libraries can be opened on x86-64 Linux only, so libraries with C functions need native code here"
    )]
    Machine,
    /// The library that opens the stub libraries could not be made.
    #[error("cannot prepare the stub libraries")]
    Link(#[source] LinkError),
    /// It could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system's loader refuses a stub library, for example because something that it needs is missing.
    #[error("the stub libraries cannot be opened")]
    Open(#[source] Box<ocaml_runtime::load::Error>),
}

/// The stub libraries that are open, each with the soname of the image that it was opened for.
static OPEN: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());

fn all_open() -> MutexGuard<'static, BTreeMap<PathBuf, String>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stub library that a plugin names.
pub(crate) struct StubLibrary {
    /// What the plugin calls it: the file's path, or a name without a directory.
    pub(crate) name: String,
    pub(crate) file: PathBuf,
}

/// Whether all of these are open for the image of this soname.
pub(crate) fn are_open(soname: &str, stubs: &[StubLibrary]) -> Result<bool, Error> {
    let open = all_open();
    let mut all = true;
    for StubLibrary { file, .. } in stubs {
        match open.get(file) {
            Some(image) if image != soname => return Err(Error::Taken { path: file.clone() }),
            Some(_) => {}
            None if !file.is_file() => return Err(Error::Gone { path: file.clone() }),
            None => all = false,
        }
    }
    Ok(all)
}

/// What stub libraries are opened for.
pub(crate) struct Opening<'a> {
    pub(crate) runtime: Runtime,
    /// That of the image which `runtime` runs.
    pub(crate) soname: &'a str,
    /// Shared libraries that the machine may lack.
    pub(crate) fallback: Option<PathBuf>,
}

/// Opens them by a file in `directory` that is not needed afterwards.
pub(crate) fn open(
    opening: &Opening<'_>,
    stubs: Vec<StubLibrary>,
    directory: &Path,
) -> Result<(), Error> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Err(Error::Machine);
    }
    let files = stubs.iter().map(|stub| needed(&stub.file));
    let options = LinkOptions::default().needed(opening.soname);
    let options = files.fold(options, LinkOptions::needed);
    opening.open(&options, &directory.join("stubs.so"))?;
    // Found by its soname, an object stands for what it needs (dlsym(3)).
    for StubLibrary { name, file } in stubs.iter().filter(|stub| !stub.name.contains('/')) {
        let options = LinkOptions::default().soname(name).needed(needed(file));
        opening.open(&options, &directory.join(name))?;
    }
    let image = opening.soname;
    all_open().extend(stubs.into_iter().map(|stub| (stub.file, image.to_owned())));
    Ok(())
}

fn needed(file: &Path) -> String {
    file.to_string_lossy().into_owned()
}

impl Opening<'_> {
    /// Opens a shared object without code.
    fn open(&self, options: &LinkOptions, path: &Path) -> Result<(), Error> {
        let object = link_shared(&[], options).map_err(Error::Link)?;
        files::write(path, object).map_err(|source| Error::Write {
            path: path.to_owned(),
            source,
        })?;
        self.runtime
            .open_library(path, self.fallback.as_deref())
            .map_err(|error| Error::Open(Box::new(error)))
    }
}
