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

/// Whether all of these are open for the image of this soname.
pub(crate) fn are_open(soname: &str, stubs: &[PathBuf]) -> Result<bool, Error> {
    let open = all_open();
    let mut all = true;
    for stub in stubs {
        match open.get(stub) {
            Some(image) if image != soname => return Err(Error::Taken { path: stub.clone() }),
            Some(_) => {}
            None if !stub.is_file() => return Err(Error::Gone { path: stub.clone() }),
            None => all = false,
        }
    }
    Ok(all)
}

/// Opens them for the image of this soname, which `runtime` runs, by a file in `directory` that is not needed afterwards.
pub(crate) fn open(
    runtime: Runtime,
    soname: &str,
    stubs: Vec<PathBuf>,
    directory: &Path,
) -> Result<(), Error> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Err(Error::Machine);
    }
    let needed = stubs.iter().map(|stub| stub.to_string_lossy().into_owned());
    let options = needed.fold(LinkOptions::default().needed(soname), LinkOptions::needed);
    let opener = link_shared(&[], &options).map_err(Error::Link)?;
    let path = directory.join("stubs.so");
    std::fs::write(&path, opener).map_err(|source| Error::Write {
        path: path.clone(),
        source,
    })?;
    runtime
        .open_library(&path)
        .map_err(|error| Error::Open(Box::new(error)))?;
    all_open().extend(stubs.into_iter().map(|stub| (stub, soname.to_owned())));
    Ok(())
}
