//! OCaml's `Dynlink`, where it is in a shared object of its own beside the image.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::call;
use crate::host_image::DYNLINK_SUFFIX;
use crate::sys::apply;
use crate::sys::frame;
use crate::sys::image::{Image, Named};
use crate::sys::reader::Ref;
use crate::sys::thread;

/// What a name of a symbol of `Dynlink` begins with.
const SYMBOL: &str = "camlDynlink";

/// The shared object. It is kept open, for the directory of an image may go while the image is used.
#[derive(Debug)]
pub(crate) struct Apart {
    beside: PathBuf,
    file: File,
    /// Changed by one thread at a time: the one whose turn it is to load.
    is_open: AtomicBool,
}

/// One more than the slot of the image whose `Dynlink` is found by what is opened.
static SHARED: AtomicUsize = AtomicUsize::new(0);

impl Apart {
    /// The one beside `image`, if there is one.
    pub(crate) fn beside(image: &Path) -> Option<Apart> {
        let mut beside = image.as_os_str().to_owned();
        beside.push(DYNLINK_SUFFIX);
        let beside = PathBuf::from(beside);
        let file = File::open(&beside).ok()?;
        Some(Apart {
            beside,
            file,
            is_open: AtomicBool::new(false),
        })
    }

    fn path(&self) -> PathBuf {
        let inode = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let there = std::fs::metadata(&self.beside).ok().map(inode);
        if there.is_some() && there == self.file.metadata().ok().map(inode) {
            return self.beside.clone();
        }
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

/// Opens the image's `Dynlink` if it is not in the image. The inner error says why it cannot be opened.
pub(crate) fn open(image: &'static Image) -> Result<Result<(), String>, call::Error> {
    let Some(apart) = &image.dynlink else {
        return Ok(Ok(()));
    };
    if apart.is_open.load(Ordering::Acquire) {
        return Ok(Ok(()));
    }
    let refusal = ask(
        image,
        image.closures.open_dynlink,
        &apart.path(),
        |answer| {
            if answer.is_immediate() {
                return Ok(None);
            }
            let message = answer.field(0)?.bytes()?;
            Ok(Some(String::from_utf8_lossy(message).into_owned()))
        },
    )?;
    apart.is_open.store(refusal.is_none(), Ordering::Release);
    Ok(refusal.map_or(Ok(()), Err))
}

/// After what the system's loader said, `message`: has what is opened from now on find the image's `Dynlink`, if that is
/// what was missing. Whether to try again.
pub(crate) fn share_for(image: &'static Image, message: &str) -> Result<bool, call::Error> {
    let Some(apart) = image.dynlink.as_ref().filter(|_| message.contains(SYMBOL)) else {
        return Ok(false);
    };
    if open(image)?.is_err() {
        return Ok(false);
    }
    // Claimed first: another image may be asked at the same time.
    let claim = SHARED.compare_exchange(0, image.slot + 1, Ordering::AcqRel, Ordering::Acquire);
    if claim.is_err() {
        return Ok(false);
    }
    let function = image.closures.share_dynlink;
    let is_shared = ask(image, function, &apart.path(), |answer| {
        Ok(answer.int()? == 1)
    });
    if !matches!(is_shared, Ok(true)) {
        SHARED.store(0, Ordering::Release);
    }
    is_shared
}

/// Whether `file` names symbols of `Dynlink` and would find those of another image.
pub(crate) fn is_of_another_image(image: &Image, file: &Path) -> bool {
    let shared = SHARED.load(Ordering::Acquire);
    shared != 0
        && shared != image.slot + 1
        && std::fs::read(file).is_ok_and(|bytes| {
            bytes
                .windows(SYMBOL.len())
                .any(|window| window == SYMBOL.as_bytes())
        })
}

/// Applies one of the image's functions to a path.
fn ask<T>(
    image: &'static Image,
    function: Named,
    path: &Path,
    read: impl FnOnce(Ref<'_>) -> Result<T, crate::convert::Error>,
) -> Result<T, call::Error> {
    let held = thread::enter(image);
    let path = frame::string(&held, path.as_os_str().as_encoded_bytes())?;
    let answer = apply::apply(&held, function.get(), [path])?;
    Ok(read(Ref::new(&held, answer))?)
}
