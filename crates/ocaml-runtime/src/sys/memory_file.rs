//! A file that is in memory alone, and that nothing has to remove.
#![expect(unsafe_code, reason = "makes the file with memfd_create(2)")]

use std::ffi::{CStr, c_uint};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A file with a path, as long as it lives.
pub(crate) struct MemoryFile {
    file: File,
}

impl MemoryFile {
    /// A file that holds `bytes`.
    pub(crate) fn new(bytes: &[u8]) -> io::Result<MemoryFile> {
        check_length(bytes.len())?;
        let name = c"saddlebag-plugin";
        // Without the flag, a system that is configured so (vm.memfd_noexec) maps no code from the file; before Linux 6.3
        // there is no such flag and no such system.
        let file = match create(name, libc::MFD_CLOEXEC | libc::MFD_EXEC) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                create(name, libc::MFD_CLOEXEC)?
            }
            created => created?,
        };
        let mut file = MemoryFile { file };
        file.file.write_all(bytes)?;
        Ok(file)
    }

    /// The path of the file, spelt in a way that is different for each `turn` below [`TURNS`]: the dynamic linker takes two
    /// equal paths for one file, and the number of a descriptor is used again.
    pub(crate) fn path(&self, turn: u32) -> PathBuf {
        let mut path = format!("/proc/{}/fd/", std::process::id());
        for bit in (0..TURNS.ilog2()).rev() {
            path.push_str(if turn >> bit & 1 == 1 { "./" } else { "/" });
        }
        path.push_str(&self.file.as_raw_fd().to_string());
        PathBuf::from(path)
    }

    /// An error unless `path` leads to this file. Without `/proc` it leads nowhere, and where `/proc` is that of another
    /// namespace of processes, to what another process has open.
    pub(crate) fn check(&self, path: &Path) -> io::Result<()> {
        let (there, own) = (std::fs::metadata(path)?, self.file.metadata()?);
        if (there.dev(), there.ino()) == (own.dev(), own.ino()) {
            Ok(())
        } else {
            Err(io::Error::other("/proc is that of other processes"))
        }
    }
}

/// How many spellings there are: the system has no room for as many mappings.
pub(crate) const TURNS: u32 = 1 << 16;

/// An error where a file of `length` bytes, in memory or not, is longer than this process may write: writing it would end the
/// process with SIGXFSZ (setrlimit(2)).
pub(crate) fn check_length(length: usize) -> io::Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: `limit` is a place for what is asked for.
    let answer = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    if answer == 0 && u64::try_from(length).is_ok_and(|length| length > limit.rlim_cur) {
        let text = format!(
            "the file would have {length} bytes, but the process's limit for files is {}",
            limit.rlim_cur
        );
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(())
}

fn create(name: &CStr, flags: c_uint) -> io::Result<File> {
    // SAFETY: a C string; the result is checked.
    let descriptor = unsafe { libc::memfd_create(name.as_ptr(), flags) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_to_another_file_is_noticed() {
        let [own, other] = [b"own", b"its"].map(|bytes| MemoryFile::new(bytes).unwrap());
        own.check(&own.path(3)).unwrap();
        assert!(own.check(&other.path(3)).is_err());
        let path = own.path(0);
        drop(own);
        assert!(other.check(&path).is_err());
    }

    #[test]
    fn each_turn_has_a_path_of_its_own_to_the_same_bytes() {
        let file = MemoryFile::new(b"plugin").unwrap();
        for turn in [0, 1, 2, TURNS - 1] {
            assert_eq!(std::fs::read(file.path(turn)).unwrap(), b"plugin");
        }
        // As text: paths are equal for Rust whatever the number of slashes.
        let text = |turn| file.path(turn).into_os_string();
        assert_ne!(text(0), text(1));
        assert_ne!(text(1), text(2));
    }
}
