//! Loading compiled OCaml code into a running image.

mod error;

use std::cell::Cell;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};

use crate::convert::{self, FromOcaml};
use crate::dynlink;
use crate::elf;
use crate::runtime::Runtime;
use crate::sys::apply;
use crate::sys::frame;
use crate::sys::image::{Image, Named};
use crate::sys::reader::Ref;
use crate::sys::thread;
use crate::value::Value;

pub use self::error::{Error, Missing};

/// What a loaded unit offered with `Saddlebag_host.register`, in order.
#[derive(Debug, Clone)]
pub struct LoadedUnit {
    registered: Vec<(String, Value)>,
}

impl LoadedUnit {
    /// Name and value of everything that was registered.
    #[must_use]
    pub fn registered(&self) -> &[(String, Value)] {
        &self.registered
    }

    /// The last value registered under `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Value> {
        let mut all = self.registered.iter().rev();
        all.find(|(other, _)| other == name).map(|(_, value)| value)
    }
}

/// Files that the system's loader has seen; guarded by the mutex that every load takes first.
///
/// For the loader, a path or an inode that it knows is the object it has, whatever the file holds now: a new
/// file at an old path would silently run the old code, and one loaded twice would share its data.
#[derive(Debug, Default)]
pub(crate) struct History {
    paths: HashSet<PathBuf>,
    inodes: HashSet<(u64, u64)>,
    /// How many units came from memory.
    from_memory: u32,
}

impl History {
    /// Whether `path` can be handed to the loader as it is; it then counts as seen.
    fn is_new(&mut self, path: &Path, inode: (u64, u64)) -> bool {
        let new_path = self.paths.insert(path.to_path_buf());
        let new_inode = self.inodes.insert(inode);
        new_path && new_inode
    }
}

thread_local! {
    static LOADING: Cell<bool> = const { Cell::new(false) };
}

/// The mutex of all loads of an image, marked for this thread.
struct Turn {
    history: MutexGuard<'static, History>,
}

impl Turn {
    fn take(image: &'static Image) -> Option<Turn> {
        if LOADING.replace(true) {
            return None;
        }
        // Always this mutex first, the runtime lock second: so not while holding the runtime lock.
        let history = thread::unlocked(image, || {
            image.loads.lock().unwrap_or_else(PoisonError::into_inner)
        });
        Some(Turn { history })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        LOADING.set(false);
    }
}

impl Runtime {
    /// Loads the compiled unit `path` (`.cmxs` for a native image, `.cmo` or `.cma` for byte code) and runs its
    /// top level. Its definitions stay private to it (`Dynlink.loadfile_private`).
    ///
    /// Loading the same file, or another file at the same path, gives a fresh instance each time: from the
    /// second time on a private copy is loaded. Code is never unloaded; a small unit costs about 23 kB.
    ///
    /// Loading a file runs code in it: load only what you compiled or trust as much as your program. Checked
    /// are that the file is whole, and by OCaml that it fits the image. The file must not be written to while
    /// it is loaded, as for any shared object.
    ///
    /// # Errors
    /// The file cannot be read or is damaged, OCaml refuses it, or its top level fails.
    pub fn load(self, path: impl AsRef<Path>) -> Result<LoadedUnit, Error> {
        load(self, path.as_ref())
    }

    /// Opens a shared library for the life of the process; what is loaded later finds it by its path or its soname, and so does
    /// `Dynlink` the C functions of byte code.
    ///
    /// The names that the library leaves undefined are looked for in the program, in the library and in what it names as needed. The C stubs
    /// of an OCaml library (`dllfoo.so`) expect the program to be the OCaml runtime; to open one for an image, open a library that names
    /// first the image's soname and then the stubs as needed.
    ///
    /// Where something that it needs is not there, the shared libraries in the directory `fallback` are opened first.
    ///
    /// Opening a library runs code in it, as [`Runtime::load`] does.
    ///
    /// # Errors
    /// The system cannot open the library or something that it needs.
    pub fn open_library(
        self,
        path: impl AsRef<Path>,
        fallback: Option<&Path>,
    ) -> Result<(), Error> {
        let path = path.as_ref();
        crate::library::keep_open_with(path, fallback).map_err(|source| Error::Library {
            path: path.to_path_buf(),
            source: Box::new(source),
        })
    }
}

impl Runtime {
    /// As [`Runtime::load`], for a unit whose bytes the caller has: they become a file in memory, so that nothing is
    /// written to a disk and nothing has to be removed, whatever ends the process.
    ///
    /// # Errors
    /// [`Error::Memory`] where the system has no such files; else as for [`Runtime::load`]. A system may have them and
    /// refuse to run code from them: that is [`Error::Refused`], and the same bytes in a file of a directory may be loaded.
    pub fn load_from_memory(self, bytes: &[u8]) -> Result<LoadedUnit, Error> {
        load_from_memory(self, bytes, self.image().closures.load, link)
    }

    /// As [`Runtime::load_from_memory`], for a unit that is known to be compiled for this very image: where it can, OCaml
    /// does not compare its interfaces with the image's again, which takes longer than the rest of a load does the
    /// first time. A unit that was compiled for something else may end the process.
    ///
    /// # Errors
    /// As [`Runtime::load_from_memory`].
    pub fn load_matching_from_memory(self, bytes: &[u8]) -> Result<LoadedUnit, Error> {
        load_from_memory(
            self,
            bytes,
            self.image().closures.load_matching,
            link_sharing,
        )
    }
}

type Link = fn(&'static Image, Named, &Path, &Path) -> Result<LoadedUnit, Error>;

#[cfg(target_os = "linux")]
fn load_from_memory(
    runtime: Runtime,
    bytes: &[u8],
    load: Named,
    link: Link,
) -> Result<LoadedUnit, Error> {
    use crate::sys::memory_file::{MemoryFile, TURNS};

    let memory = |source| Error::Memory { source };
    let image = runtime.image();
    let file = MemoryFile::new(bytes).map_err(memory)?;
    let path = file.path(0);
    if runtime.is_native() {
        elf::check(bytes).map_err(|source| Error::Damaged {
            path: path.clone(),
            source,
        })?;
    }
    let Some(mut turn) = Turn::take(image) else {
        return Err(Error::Nested { path });
    };
    let number = turn.history.from_memory;
    if number == TURNS {
        return Err(memory(io::Error::other("too many units were loaded")));
    }
    turn.history.from_memory += 1;
    let path = file.path(number);
    file.check(&path).map_err(memory)?;
    link(image, load, &path, &path)
}

#[cfg(not(target_os = "linux"))]
fn load_from_memory(
    _runtime: Runtime,
    _bytes: &[u8],
    _load: Named,
    _link: Link,
) -> Result<LoadedUnit, Error> {
    let source = io::Error::from(io::ErrorKind::Unsupported);
    Err(Error::Memory { source })
}

fn load(runtime: Runtime, path: &Path) -> Result<LoadedUnit, Error> {
    let read = |source| Error::Read {
        path: path.to_path_buf(),
        source,
    };
    let image = runtime.image();
    let real = path.canonicalize().map_err(read)?;
    let bytes = fs::read(&real).map_err(read)?;
    let metadata = fs::metadata(&real).map_err(read)?;
    if runtime.is_native() {
        elf::check(&bytes).map_err(|source| Error::Damaged {
            path: path.to_path_buf(),
            source,
        })?;
    }
    let nested = || Error::Nested {
        path: path.to_path_buf(),
    };
    let mut turn = Turn::take(image).ok_or_else(nested)?;
    if !runtime.is_native() || turn.history.is_new(&real, (metadata.dev(), metadata.ino())) {
        return link(image, image.closures.load, path, &real);
    }
    let copied = copy(&real, &bytes);
    let (directory, private) = copied.map_err(|source| Error::Copy {
        path: path.to_path_buf(),
        source,
    })?;
    let loaded = link(image, image.closures.load, path, &private);
    // The object stays mapped without its name.
    drop(directory);
    loaded
}

/// Loads a library whose file is mapped already; see [`Runtime::load_library`].
pub(crate) fn load_library(
    image: &'static Image,
    path: &Path,
    map: impl Fn() -> Result<(), crate::library::Error>,
) -> Result<(), crate::library::Error> {
    let wrap = |source| crate::library::Error::Load(Box::new(source));
    let nested = || {
        wrap(Error::Nested {
            path: path.to_path_buf(),
        })
    };
    let read = |source| {
        wrap(Error::Read {
            path: path.to_path_buf(),
            source,
        })
    };
    let mut turn = Turn::take(image).ok_or_else(nested)?;
    let real = path.canonicalize().map_err(read)?;
    let metadata = fs::metadata(&real).map_err(read)?;
    // A plugin that is the same file gets a copy.
    turn.history.is_new(&real, (metadata.dev(), metadata.ino()));
    let raised = |source| {
        wrap(Error::Raised {
            path: path.to_path_buf(),
            source,
        })
    };
    refuse_foreign_dynlink(image, path, path).map_err(wrap)?;
    if let Err(error) = map() {
        // A symbol of Dynlink may be among what nothing defines.
        if !dynlink::share_for(image, &error.to_string()).map_err(raised)? {
            return Err(error);
        }
        map()?;
    }
    link(image, image.closures.load_library, path, path).map_err(wrap)?;
    Ok(())
}

/// Writes `bytes` to a path that no process has used.
fn copy(path: &Path, bytes: &[u8]) -> io::Result<(tempfile::TempDir, PathBuf)> {
    let directory = tempfile::Builder::new().prefix("ocaml-load-").tempdir()?;
    let private = directory.path().join(path.file_name().unwrap_or_default());
    crate::sys::memory_file::check_length(bytes.len())?;
    fs::write(&private, bytes)?;
    Ok((directory, private))
}

/// Has `load` of OCaml, which uses Dynlink, load `file`, which stands for `path` in errors.
fn link(image: &'static Image, load: Named, path: &Path, file: &Path) -> Result<LoadedUnit, Error> {
    let raised = |source| Error::Raised {
        path: path.to_path_buf(),
        source,
    };
    if let Err(message) = dynlink::open(image).map_err(raised)? {
        let path = path.to_path_buf();
        return Err(Error::Refused { path, message });
    }
    link_sharing(image, load, path, file)
}

/// As [`link`], where `load` uses no Dynlink.
fn link_sharing(
    image: &'static Image,
    load: Named,
    path: &Path,
    file: &Path,
) -> Result<LoadedUnit, Error> {
    let raised = |source| Error::Raised {
        path: path.to_path_buf(),
        source,
    };
    match link_directly(image, load, path, file) {
        // What the file lacks may be Dynlink.
        Err(Error::Refused { message, .. })
            if dynlink::share_for(image, &message).map_err(raised)? =>
        {
            link_directly(image, load, path, file)
        }
        decided => decided,
    }
}

/// As [`link_sharing`], for a file that lacks nothing.
fn link_directly(
    image: &'static Image,
    load: Named,
    path: &Path,
    file: &Path,
) -> Result<LoadedUnit, Error> {
    refuse_foreign_dynlink(image, path, file)?;
    let held = thread::enter(image);
    let raised = |source| Error::Raised {
        path: path.to_path_buf(),
        source,
    };
    let bytes = file.as_os_str().as_encoded_bytes();
    let name = frame::string(&held, bytes).map_err(|error| raised(error.into()))?;
    let result = apply::apply(&held, load.get(), [name]).map_err(raised)?;
    match read(Ref::new(&held, result)).map_err(|error| raised(error.into()))? {
        Ok(registered) => Ok(LoadedUnit { registered }),
        Err(message) => Err(Error::Refused {
            path: path.to_path_buf(),
            message,
        }),
    }
}

/// A second OCaml of the process has to do without Dynlink for its units: they would find that of the first.
fn refuse_foreign_dynlink(image: &Image, path: &Path, file: &Path) -> Result<(), Error> {
    if !dynlink::is_of_another_image(image, file) {
        return Ok(());
    }
    Err(Error::Refused {
        path: path.to_path_buf(),
        message: "it uses Dynlink, as does code of another OCaml in this process".to_owned(),
    })
}

type Loaded = Result<Vec<(String, Value)>, String>;

/// Reads the type `loaded` of `ocaml/saddlebag_host.ml`.
fn read(loaded: Ref<'_>) -> Result<Loaded, convert::Error> {
    if loaded.tag()? == 0 {
        let message = loaded.field(0)?.bytes()?;
        return Ok(Err(String::from_utf8_lossy(message).into_owned()));
    }
    let mut registered = Vec::new();
    let mut list = loaded.field(0)?;
    while !list.is_immediate() {
        let [head, tail] = list.fields(0)?;
        let [name, value] = head.fields(0)?;
        registered.push((String::read(name)?, Value::keep(value)));
        list = tail;
    }
    Ok(Ok(registered))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_or_an_inode_seen_before_is_not_new() {
        let mut history = History::default();
        assert!(history.is_new(Path::new("/a"), (1, 1)));
        assert!(
            !history.is_new(Path::new("/a"), (1, 2)),
            "same path, replaced file"
        );
        assert!(
            !history.is_new(Path::new("/b"), (1, 1)),
            "same file, other name"
        );
        assert!(history.is_new(Path::new("/c"), (2, 1)));
    }
}
