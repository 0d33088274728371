//! Shared libraries that a host image needs and the machine lacks.
#![expect(unsafe_code, reason = "opens shared objects")]

use std::mem::ManuallyDrop;
use std::path::Path;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

/// Opens a library for the life of the process. What is opened later finds it by its soname (glibc, `dl-load.c`).
pub(crate) fn keep_open(path: &Path) -> Result<(), libloading::Error> {
    // SAFETY: runs the initialisers of a file that the caller of `Runtime::open` vouches for, as for the image itself.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    // Never closed: the image that needs it is not either.
    let _kept = ManuallyDrop::new(library?);
    Ok(())
}
