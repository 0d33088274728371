//! Opening a host image.

use std::ffi::{CStr, CString, OsString};
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::elf::{self, Damage};
use crate::host_image::ABI;
use crate::runtime::Runtime;
use crate::sys::image::{Absent, Image, Opened, Refusal};
use crate::sys::startup::{self, Failure};
use crate::sys::{exit, thread};

/// How a host image is started.
///
/// ```
/// use ocaml_runtime::open::Options;
///
/// let options = Options::default().argument("script.ml").argument("--verbose");
/// assert_eq!(options.arguments().len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until an image is opened with them"]
pub struct Options {
    arguments: Vec<OsString>,
    stack_limit: u32,
    backtraces: bool,
    fallback_libraries: Option<PathBuf>,
    exit: Exit,
    start_on: StartOn,
}

/// What `exit` in OCaml code does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exit {
    /// It ends the call, which fails with [`Kind::Exit`](crate::call::Kind::Exit). OCaml code that catches every
    /// exception catches this too.
    #[default]
    EndsCall,
    /// It ends the process, as in a program of its own. For applications that run such programs.
    EndsProcess,
}

/// The thread that starts OCaml, which is OCaml's main thread from then on: `Thread.id` gives 0 there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartOn {
    /// One that is made for it, and ends when OCaml has started. Every thread of the application is then equal to OCaml.
    #[default]
    OwnThread,
    /// The one that opens the image: for applications that run a program on their main thread, as if it were alone. It is
    /// the quickest start. The thread should live as long as the process.
    CallingThread,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            arguments: Vec::new(),
            stack_limit: 1 << 20,
            backtraces: true,
            fallback_libraries: None,
            exit: Exit::default(),
            start_on: StartOn::default(),
        }
    }
}

impl Options {
    /// Adds one element to `Sys.argv`. The first is `Sys.argv.(0)`; the default is the image's path alone.
    pub fn argument(mut self, argument: impl Into<OsString>) -> Options {
        self.arguments.push(argument.into());
        self
    }

    /// How many words of stack OCaml code may use before it gets `Stack_overflow`; the default is 1 Mi
    /// words (8 MiB). It matters for byte code and from OCaml 5 on, where the runtime's own limit of 1 GiB
    /// takes seconds to reach; OCaml 4 native code uses the thread's stack.
    pub fn stack_limit_words(mut self, words: u32) -> Options {
        self.stack_limit = words;
        self
    }

    /// Whether exceptions have backtraces (`Printexc.record_backtrace`); with `false` it is as `OCAMLRUNPARAM` says, as
    /// in a program of its own, and off by default. The default is `true`.
    pub fn record_backtraces(mut self, record: bool) -> Options {
        self.backtraces = record;
        self
    }

    /// A directory of shared libraries for a machine that lacks one the image needs, such as `libm.so.6` where there is
    /// nothing but libc. They are tried only when the image cannot be opened without. The default is none.
    pub fn fallback_libraries(mut self, directory: impl Into<PathBuf>) -> Options {
        self.fallback_libraries = Some(directory.into());
        self
    }

    /// What `exit` in OCaml code does. The default is to end the call.
    pub fn exit(mut self, exit: Exit) -> Options {
        self.exit = exit;
        self
    }

    /// The thread that OCaml is started on. The default is one of its own.
    pub fn start_on(mut self, thread: StartOn) -> Options {
        self.start_on = thread;
        self
    }

    /// What was given by [`Options::exit`], or the default.
    #[must_use]
    pub fn exit_policy(&self) -> Exit {
        self.exit
    }

    /// What was given by [`Options::argument`].
    #[must_use]
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }
}

/// The error of [`Runtime::open`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("could not read the host image `{path}`", path = .path.display())]
    Read {
        /// The image's path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not a whole shared object.
    #[error("`{path}` is not a host image", path = .path.display())]
    Damaged {
        /// The image's path.
        path: PathBuf,
        /// What is wrong with it.
        source: Damage,
    },
    /// The system's loader refused the file.
    #[error("could not open the host image `{path}`", path = .path.display())]
    Open {
        /// The image's path.
        path: PathBuf,
        /// What the loader said.
        source: Box<libloading::Error>,
    },
    /// The file is a shared object, but no host image, or one built by another version of this crate.
    #[error("`{path}` is not a host image: it has no symbol `{symbol}`", path = .path.display())]
    NotAnImage {
        /// The image's path.
        path: PathBuf,
        /// The first symbol that is missing.
        symbol: &'static str,
        /// What the loader said.
        source: Box<libloading::Error>,
    },
    /// The image was built for another version of this crate.
    #[error("the host image `{path}` has ABI number {found}, this program needs {ABI}: build it again", path = .path.display())]
    Abi {
        /// The image's path.
        path: PathBuf,
        /// The image's number.
        found: i64,
    },
    /// The image's OCaml lays out values in a way that this crate does not know.
    #[error("the OCaml of the host image `{path}` is not supported: {reason}", path = .path.display())]
    Unsupported {
        /// The image's path.
        path: PathBuf,
        /// What is not supported.
        reason: String,
    },
    /// An argument of [`Options::argument`] contains a NUL byte.
    #[error("the argument {argument:?} contains a NUL byte")]
    Argument {
        /// The argument.
        argument: OsString,
    },
    /// The process has opened as many images as it can.
    #[error("more than {limit} host images in one process")]
    TooMany {
        /// How many it can open.
        limit: usize,
    },
    /// No thread could be made to start the runtime on.
    #[error("could not make a thread to start the host image `{path}`", path = .path.display())]
    Thread {
        /// The image's path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The OCaml runtime did not start.
    #[error("the OCaml runtime of `{path}` did not start: {reason}", path = .path.display())]
    Start {
        /// The image's path.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

static IMAGES: Mutex<Vec<&'static Image>> = Mutex::new(Vec::new());

/// The images of this process.
pub(crate) fn images() -> Vec<&'static Image> {
    IMAGES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

impl Runtime {
    /// Opens the host image `path` and starts its OCaml runtime, which then runs until the process ends.
    ///
    /// A path that is open already gives the same runtime, whatever the options. Several images, of several
    /// OCaml versions, can be open at a time; up to 16.
    ///
    /// Opening a file runs code in it, like starting a program: open only images that you built or that come
    /// from where your program comes from. This is checked: that the file is whole, that it is a host image
    /// of this crate's ABI, and that its OCaml lays out values as this crate expects. A file that is
    /// overwritten while it is open ends the process, as for any shared object.
    ///
    /// # Errors
    /// The file is missing, damaged, no host image, or its runtime cannot start.
    pub fn open(path: impl AsRef<Path>, options: &Options) -> Result<Runtime, Error> {
        open(path.as_ref(), options)
    }
}

fn open(path: &Path, options: &Options) -> Result<Runtime, Error> {
    let read = |source| Error::Read {
        path: path.to_path_buf(),
        source,
    };
    let mut images = IMAGES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(image) = images.iter().copied().find(|image| image.path == path) {
        return Ok(Runtime::new(image));
    }
    let path = &real_path(path).map_err(read)?;
    if let Some(image) = images.iter().copied().find(|image| &image.path == path) {
        return Ok(Runtime::new(image));
    }
    if images.len() >= thread::MAX_IMAGES {
        let limit = thread::MAX_IMAGES;
        return Err(Error::TooMany { limit });
    }
    let file = std::fs::File::open(path).map_err(read)?;
    let length = file.metadata().map_err(read)?.len();
    let mut head = Vec::with_capacity(elf::HEAD as usize);
    file.take(elf::HEAD).read_to_end(&mut head).map_err(read)?;
    elf::check_head(&head, length).map_err(|source| Error::Damaged {
        path: path.clone(),
        source,
    })?;
    let arguments = c_strings(path, &options.arguments)?;
    let opened = open_with_fallback(path, options.fallback_libraries.as_deref());
    let opened = opened.map_err(|refusal| refused(path.clone(), refusal))?;
    let settings = startup::Settings {
        stack_limit: options.stack_limit,
        backtraces: options.backtraces,
        on_own_thread: options.start_on == StartOn::OwnThread,
    };
    let image = startup::start(opened, images.len(), arguments, settings)
        .map_err(|failure| failed(path.clone(), failure))?;
    exit::set_policy(image, options.exit == Exit::EndsProcess);
    images.push(image);
    exit::flush_at_exit();
    Ok(Runtime::new(image))
}

/// The path without links; a file in memory (memfd_create(2)) has none, and keeps the one that leads to it.
fn real_path(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.exists() => {
            std::path::absolute(path)
        }
        decided => decided,
    }
}

/// Opens the image; where the system cannot, opens the libraries in `directory` and tries again.
fn open_with_fallback(path: &Path, directory: Option<&Path>) -> Result<Opened, Refusal> {
    let first = match (Opened::open(path), directory) {
        (Err(Refusal::Open(error)), Some(directory)) => (error, directory),
        (decided, _) => return decided,
    };
    let (error, directory) = first;
    let opened = crate::library::open_all(directory);
    if opened == 0 {
        Err(Refusal::Open(error))
    } else {
        Opened::open(path)
    }
}

fn c_strings(path: &Path, arguments: &[OsString]) -> Result<Vec<CString>, Error> {
    let default = [path.as_os_str().to_owned()];
    let arguments = if arguments.is_empty() {
        &default
    } else {
        arguments
    };
    let convert = |argument: &OsString| {
        CString::new(argument.clone().into_vec()).map_err(|_| Error::Argument {
            argument: argument.clone(),
        })
    };
    arguments.iter().map(convert).collect()
}

fn refused(path: PathBuf, refusal: Refusal) -> Error {
    let unsupported = |path, reason: &str| Error::Unsupported {
        path,
        reason: reason.to_owned(),
    };
    match refusal {
        Refusal::Open(source) => Error::Open {
            path,
            source: Box::new(source),
        },
        Refusal::Absent(Absent { symbol, source }) => Error::NotAnImage {
            path,
            symbol,
            source: Box::new(source),
        },
        Refusal::Abi(found) => Error::Abi { path, found },
        Refusal::Word(bits) => unsupported(path, &format!("words of {bits} bits")),
        Refusal::BoxedFloatArrays => {
            unsupported(path, "configured with --disable-flat-float-array")
        }
        Refusal::ReservedHeaderBits => unsupported(path, "configured with reserved header bits"),
        Refusal::Version(number) => unsupported(path, &format!("version number {number}")),
    }
}

fn failed(path: PathBuf, failure: Failure) -> Error {
    let reason = match failure {
        Failure::Thread(source) => return Error::Thread { path, source },
        Failure::Raised => "its initialisation raised an exception".to_owned(),
        Failure::Lacks(name) => lacks(name),
    };
    Error::Start { path, reason }
}

fn lacks(name: &CStr) -> String {
    format!("it does not export `{}`", name.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_at_most_64_bytes() {
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
    }

    #[test]
    fn a_missing_image_is_named() {
        let error = Runtime::open("/nowhere/image.so", &Options::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not read the host image `/nowhere/image.so`"
        );
    }

    #[test]
    fn a_file_that_is_no_shared_object_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image.so");
        std::fs::write(&path, "not a shared object").unwrap();
        let error = Runtime::open(&path, &Options::default()).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Damaged {
                    source: Damage::NotShared,
                    ..
                }
            ),
            "{error:?}"
        );
    }

    #[test]
    fn an_argument_with_a_nul_byte_is_refused() {
        let error = c_strings(Path::new("x"), &["a\0b".into()]).unwrap_err();
        assert!(matches!(error, Error::Argument { .. }));
    }
}
