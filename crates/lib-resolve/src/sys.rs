//! Bytes and paths: the one place that knows how this system spells a path.
//!
//! findlib treats paths and META values as byte strings and never normalises them.

use std::path::{Path, PathBuf};

#[cfg(unix)]
mod imp {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

    /// `Fl_split.path_separator` on Unix.
    pub(crate) const PATH_SEPARATOR: u8 = b':';

    pub(crate) fn os_str(bytes: &[u8]) -> std::borrow::Cow<'_, OsStr> {
        std::borrow::Cow::Borrowed(OsStr::from_bytes(bytes))
    }

    pub(crate) fn bytes(text: OsString) -> Vec<u8> {
        text.into_vec()
    }
}

#[cfg(not(unix))]
mod imp {
    use std::ffi::{OsStr, OsString};

    /// `Fl_split.path_separator` on Windows and Cygwin.
    pub(crate) const PATH_SEPARATOR: u8 = b';';

    pub(crate) fn os_str(bytes: &[u8]) -> std::borrow::Cow<'_, OsStr> {
        match String::from_utf8_lossy(bytes) {
            std::borrow::Cow::Borrowed(text) => std::borrow::Cow::Borrowed(OsStr::new(text)),
            std::borrow::Cow::Owned(text) => std::borrow::Cow::Owned(OsString::from(text)),
        }
    }

    pub(crate) fn bytes(text: OsString) -> Vec<u8> {
        text.to_string_lossy().into_owned().into_bytes()
    }
}

pub(crate) use imp::{PATH_SEPARATOR, bytes, os_str};

/// Calls `each` with the names in a directory, in the directory's order, and with whether one may be that of a directory: links may, and
/// what the file system does not tell.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn list(directory: &[u8], each: &mut dyn FnMut(&[u8], bool)) -> std::io::Result<()> {
    use rustix::fs::{FileType, Mode, OFlags, RawDir};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let file = rustix::fs::open(directory, flags, Mode::empty())?;
    // The standard library's functions allocate for each name, and the directory of OCaml's own library has hundreds.
    let mut buffer = Vec::with_capacity(1 << 15);
    let mut entries = RawDir::new(file, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            let kind = entry.file_type();
            let kinds = [FileType::Directory, FileType::Symlink, FileType::Unknown];
            each(name, kinds.contains(&kind));
        }
    }
    Ok(())
}

/// As on Linux.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn list(directory: &[u8], each: &mut dyn FnMut(&[u8], bool)) -> std::io::Result<()> {
    for entry in std::fs::read_dir(os_str(directory))?.flatten() {
        let kind = entry.file_type();
        let maybe = kind.map_or(true, |kind| kind.is_dir() || kind.is_symlink());
        each(&bytes(entry.file_name()), maybe);
    }
    Ok(())
}

/// The path that these bytes spell.
pub(crate) fn path_buf(bytes: &[u8]) -> PathBuf {
    PathBuf::from(os_str(bytes).into_owned())
}

/// The bytes of a path.
pub(crate) fn path_bytes(path: &Path) -> Vec<u8> {
    bytes(path.as_os_str().to_owned())
}

/// Whether something is there, in the sense of OCaml's `Sys.file_exists`: `stat` succeeds.
/// A dangling link is not there; a directory is.
pub(crate) fn exists(path: &[u8]) -> bool {
    std::fs::metadata(os_str(path)).is_ok()
}
