//! Files that appear whole or not at all.
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::random;

/// Writes a file under another name beside `path`, then renames it. The mode is not narrowed by the umask.
///
/// A device, FIFO or socket at `path` is an error: a rename would put a file in its place, also in that of `/dev/null`.
pub(crate) fn write(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    if let Ok(there) = fs::symlink_metadata(path)
        && !there.is_file()
        && !there.is_symlink()
    {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "what is there is no regular file",
        ));
    }
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", random::hexadecimal()?));
    let mut temporary = Temporary {
        path: path.with_file_name(hidden),
        renamed: false,
    };
    let mut file = OpenOptions::new()
        .write(true)
        .read(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary.path)?;
    fill(&mut file)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    // A rename that reaches the disk before the contents would leave an empty file after a power loss.
    file.sync_all()?;
    crate::busy::close(file, &temporary.path)?;
    fs::rename(&temporary.path, path)?;
    temporary.renamed = true;
    Ok(())
}

/// An error where a file of this length is longer than the process may write: writing it would end the process with
/// SIGXFSZ (setrlimit(2)).
pub(crate) fn check_length(length: u64) -> io::Result<()> {
    match rustix::process::getrlimit(rustix::process::Resource::Fsize).current {
        Some(limit) if length > limit => Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it would have {length} bytes, but the process's limit for files is {limit}"),
        )),
        _ => Ok(()),
    }
}

/// Removes the file when writing fails or panics.
struct Temporary {
    path: PathBuf,
    renamed: bool,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::fs::FileTypeExt as _;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        write(&path, 0o640, |file| file.write_all(b"old")).unwrap();
        let error = write(&path, 0o640, |file| {
            file.write_all(b"new").and(Err(io::Error::other("no")))
        })
        .unwrap_err();
        assert_eq!(error.to_string(), "no");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
            0o640
        );
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_regular_file_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let error = write(&socket, 0o644, |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
        assert!(
            fs::symlink_metadata(&socket)
                .unwrap()
                .file_type()
                .is_socket()
        );
        // A link is replaced, and what it leads to stays.
        let (link, device) = (directory.path().join("link"), Path::new("/dev/null"));
        std::os::unix::fs::symlink(device, &link).unwrap();
        write(&link, 0o644, |_| Ok(())).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_file());
        assert!(fs::metadata(device).unwrap().file_type().is_char_device());
    }
}
