//! A host image that was opened: its symbols, its exported closures, its tables.
#![expect(unsafe_code, reason = "opens a shared object and looks up its symbols")]
#![expect(non_snake_case, reason = "the fields are named as the C functions are")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicI32;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::abi::Raw;
use super::carver::LIMIT;
use super::dispatch::HostTable;
use super::fault::FindCode;
use super::root::Graveyard;
use crate::host_image::ABI;

/// `struct saddlebag_image` of the C stub.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) abi: i64,
    pub(crate) ocaml_version: i64,
    pub(crate) word_size: i64,
    pub(crate) flat_float_array: i64,
    pub(crate) max_young_words: i64,
    pub(crate) max_words: i64,
}

/// `struct saddlebag_application` of the C stub.
#[repr(C)]
pub(crate) struct Application {
    pub(crate) context: *const c_void,
    pub(crate) call: extern "C" fn(*const c_void, isize, Raw, *mut Raw) -> isize,
    pub(crate) cancelled: extern "C" fn(*const c_void) -> c_int,
    pub(crate) release: extern "C" fn(*const c_void, usize),
    pub(crate) release_memory: extern "C" fn(*const c_void, *mut c_void),
    pub(crate) is_below: extern "C" fn(*const c_void) -> c_int,
}

/// `struct saddlebag_bigarray` of the C stub.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct BigarrayFacts {
    pub(crate) data: *mut c_void,
    pub(crate) kind: i64,
    pub(crate) c_layout: i64,
    pub(crate) dimensions: i64,
    pub(crate) first_dimension: i64,
}

macro_rules! symbols {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions of an image. All are public C API of OCaml 4.13 to 5.x, except the stub's own
        /// and `caml_enter_blocking_section_no_pending`, which releases the lock without running
        /// signal handlers: one that raises with no OCaml frame below would end the process.
        pub(crate) struct Symbols {
            $(pub(crate) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Symbols {
            fn find(library: &Library) -> Result<Symbols, Absent> {
                Ok(Symbols {
                    $($name: {
                        // SAFETY: the symbol has this type in every image whose ABI number is ours.
                        let symbol = unsafe { library.get(concat!(stringify!($name), "\0").as_bytes()) };
                        *symbol.map_err(|source| Absent { symbol: stringify!($name), source })?
                    },)*
                })
            }
        }
    };
}

symbols! {
    caml_startup_exn: fn(*const *const c_char) -> Raw;
    caml_named_value: fn(*const c_char) -> *const Raw;
    caml_callback_exn: fn(Raw, Raw) -> Raw;
    caml_callback2_exn: fn(Raw, Raw, Raw) -> Raw;
    caml_callback3_exn: fn(Raw, Raw, Raw, Raw) -> Raw;
    caml_callbackN_exn: fn(Raw, c_int, *mut Raw) -> Raw;
    caml_alloc: fn(usize, u8) -> Raw;
    caml_alloc_small: fn(usize, u8) -> Raw;
    caml_alloc_initialized_string: fn(usize, *const u8) -> Raw;
    caml_copy_double: fn(f64) -> Raw;
    caml_copy_int32: fn(i32) -> Raw;
    caml_copy_int64: fn(i64) -> Raw;
    caml_copy_nativeint: fn(isize) -> Raw;
    caml_initialize: fn(*mut Raw, Raw);
    caml_register_generational_global_root: fn(*mut Raw);
    caml_remove_generational_global_root: fn(*mut Raw);
    caml_enter_blocking_section_no_pending: fn();
    caml_leave_blocking_section: fn();
    caml_c_thread_register: fn() -> c_int;
    caml_c_thread_unregister: fn() -> c_int;
    saddlebag_install: fn(*const Application);
    saddlebag_cancellation_signal: fn() -> c_int;
    saddlebag_record_signal: fn(c_int);
    saddlebag_output_pending: fn() -> c_int;
    saddlebag_local_roots: fn() -> *mut *mut c_void;
    saddlebag_exit_policy: fn(i32);
    saddlebag_alloc_object: fn(usize) -> Raw;
    saddlebag_object: fn(Raw) -> usize;
    saddlebag_custom_kind: fn(Raw) -> c_int;
    saddlebag_bigarray: fn(Raw, *mut BigarrayFacts);
    saddlebag_share: fn(c_int, isize, *mut c_void) -> Raw;
}

/// A symbol that the shared object lacks.
#[derive(Debug)]
pub(crate) struct Absent {
    pub(crate) symbol: &'static str,
    pub(crate) source: libloading::Error,
}

/// A closure exported by the image's OCaml module under a name.
///
/// The address is that of a root of the runtime's own table of named values: the collector keeps it
/// up to date, and the entry is never removed.
#[derive(Clone, Copy)]
pub(crate) struct Named(*const Raw);

impl Named {
    /// The closure, where it is now. The runtime lock is held.
    #[inline(always)]
    pub(crate) fn get(self) -> Raw {
        // SAFETY: the address comes from `caml_named_value` and stays good (image); volatile, since the
        // collector writes there behind the compiler's back.
        unsafe { std::ptr::read_volatile(self.0) }
    }
}

/// What [`Image::find_closures`] found; see `ocaml/saddlebag_host.ml`.
pub(crate) struct Closures {
    pub(crate) open_dynlink: Named,
    pub(crate) share_dynlink: Named,
    pub(crate) load: Named,
    pub(crate) load_matching: Named,
    pub(crate) load_library: Named,
    pub(crate) describe: Named,
    pub(crate) flush: Named,
    pub(crate) flush_channels: Named,
    pub(crate) run_at_exit: Named,
    pub(crate) install_cancellation: Named,
    pub(crate) set_stack_limit: Named,
    pub(crate) record_backtrace: Named,
    pub(crate) is_native: Named,
    pub(crate) knows_maps: Named,
    pub(crate) handle_uncaught: Named,
    pub(crate) compact: Named,
    pub(crate) new_bytes: Named,
    pub(crate) new_block: Named,
    pub(crate) new_float_array: Named,
    pub(crate) new_bigarray: Named,
    pub(crate) new_function: Named,
}

// SAFETY: the addresses are constants; reading through them needs the runtime lock, see `Named::get`.
unsafe impl Send for Closures {}
// SAFETY: as above.
unsafe impl Sync for Closures {}

/// A shared object with the right symbols and facts, whose OCaml runtime has not been started.
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) facts: Facts,
    pub(crate) symbols: Symbols,
    /// Only native images have it.
    pub(crate) find_code: Option<FindCode>,
    /// `caml_something_to_do` of `caml/signals.h`, only in images of OCaml 4.
    pub(crate) pending: Option<&'static AtomicI32>,
}

/// Why a file is not a host image that this crate can use.
#[derive(Debug)]
pub(crate) enum Refusal {
    Open(libloading::Error),
    Absent(Absent),
    Abi(i64),
    Word(i64),
    BoxedFloatArrays,
    ReservedHeaderBits,
    Version(i64),
}

impl Opened {
    /// Opens `path`, which then stays open for the life of the process.
    pub(crate) fn open(path: &Path) -> Result<Opened, Refusal> {
        // RTLD_LOCAL keeps the `caml_*` symbols out of the application and of other images.
        // SAFETY: runs the initialisers of a file that the caller of `Runtime::open` vouches for; a host
        // image has none of its own.
        let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
        // Unloading an OCaml runtime is not possible: threads, signal handlers and at_exit point into it.
        let library = std::mem::ManuallyDrop::new(library.map_err(Refusal::Open)?);
        // SAFETY: a data symbol, read below only as a `Facts`.
        let found = unsafe { library.get::<*const Facts>(b"saddlebag_image\0") };
        let facts = *found.map_err(|source| {
            Refusal::Absent(Absent {
                symbol: "saddlebag_image",
                source,
            })
        })?;
        // SAFETY: every version of the stub begins its facts with the ABI number.
        let abi = unsafe { *facts.cast::<i64>() };
        if abi != ABI {
            return Err(Refusal::Abi(abi));
        }
        // SAFETY: with our ABI number the symbol is a `struct saddlebag_image`, constant data.
        let facts = unsafe { *facts };
        if facts.word_size != 64 {
            return Err(Refusal::Word(facts.word_size));
        }
        if facts.flat_float_array != 1 {
            return Err(Refusal::BoxedFloatArrays);
        }
        let one_header = 1;
        if facts.max_words != (1 << 54) - 1 || facts.max_young_words != LIMIT as i64 - one_header {
            return Err(Refusal::ReservedHeaderBits);
        }
        if !(41_300..60_000).contains(&facts.ocaml_version) {
            return Err(Refusal::Version(facts.ocaml_version));
        }
        let symbols = Symbols::find(&library).map_err(Refusal::Absent)?;
        // SAFETY: the symbol has this type in OCaml 4.12 to 5.x.
        let find_code = unsafe { library.get::<FindCode>(b"caml_find_code_fragment_by_pc\0") };
        let find_code = find_code.ok().map(|symbol| *symbol);
        // SAFETY: the symbol is a `volatile int` in OCaml 4.10 to 4.14, and absent from 5.0 on.
        let pending = unsafe { library.get::<*mut i32>(b"caml_something_to_do\0") };
        let pending = pending.ok().map(|symbol| *symbol);
        // SAFETY: an aligned integer of the image, which is never closed; OCaml's C code and this crate only
        // store whole values into it.
        let pending = pending.map(|pointer| unsafe { AtomicI32::from_ptr(pointer) });
        Ok(Opened {
            path: path.to_path_buf(),
            facts,
            symbols,
            find_code,
            pending,
        })
    }

    /// The address of a value that the image registered, once it is started.
    fn named(&self, name: &'static CStr) -> Result<Named, &'static CStr> {
        // SAFETY: a C string; the function only looks a table up (image).
        let address = unsafe { (self.symbols.caml_named_value)(name.as_ptr()) };
        if address.is_null() {
            Err(name)
        } else {
            Ok(Named(address))
        }
    }

    /// Looks up what the image's OCaml module exports; the image is started and the lock held.
    pub(crate) fn find_closures(&self) -> Result<Closures, &'static CStr> {
        Ok(Closures {
            open_dynlink: self.named(c"saddlebag.open_dynlink")?,
            share_dynlink: self.named(c"saddlebag.share_dynlink")?,
            load: self.named(c"saddlebag.load")?,
            load_matching: self.named(c"saddlebag.load_matching")?,
            load_library: self.named(c"saddlebag.load_library")?,
            describe: self.named(c"saddlebag.describe")?,
            flush: self.named(c"saddlebag.flush")?,
            flush_channels: self.named(c"saddlebag.flush_channels")?,
            run_at_exit: self.named(c"saddlebag.run_at_exit")?,
            install_cancellation: self.named(c"saddlebag.install_cancellation")?,
            set_stack_limit: self.named(c"saddlebag.set_stack_limit")?,
            record_backtrace: self.named(c"saddlebag.record_backtrace")?,
            is_native: self.named(c"saddlebag.is_native")?,
            knows_maps: self.named(c"saddlebag.knows_maps")?,
            handle_uncaught: self.named(c"saddlebag.handle_uncaught")?,
            compact: self.named(c"saddlebag.compact")?,
            new_bytes: self.named(c"saddlebag.new_bytes")?,
            new_block: self.named(c"saddlebag.new_block")?,
            new_float_array: self.named(c"saddlebag.new_float_array")?,
            new_bigarray: self.named(c"saddlebag.new_bigarray")?,
            new_function: self.named(c"saddlebag.new_function")?,
        })
    }
}

/// A running host image. There is one for each file, and it lives as long as the process.
pub(crate) struct Image {
    pub(crate) path: PathBuf,
    pub(crate) facts: Facts,
    pub(crate) symbols: Symbols,
    pub(crate) closures: Closures,
    pub(crate) is_native: bool,
    /// Whether maps and sets of the standard library are laid out as this crate makes and reads them.
    pub(crate) knows_maps: bool,
    pub(crate) cancellation_signal: c_int,
    /// Which of the per-thread counters is this image's.
    pub(crate) slot: usize,
    pub(crate) graveyard: Graveyard,
    pub(crate) host: HostTable,
    pub(crate) dynlink: Option<crate::dynlink::Apart>,
    /// Taken before the runtime lock by every load: concurrent loads break both.
    pub(crate) loads: Mutex<crate::load::History>,
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Image")
            .field("path", &self.path)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}
