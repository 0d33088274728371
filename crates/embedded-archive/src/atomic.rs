//! Files that appear whole or not at all.
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Seek as _};
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::random;

/// Writes a file without a name, or under another name beside `path`, then renames it. The mode is not narrowed by the umask.
///
/// A file without a name leaves nothing behind when the process is killed (O_TMPFILE of open(2)). Not every file system has
/// them.
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
    let unnamed = unnamed(&temporary.path);
    let is_unnamed = unnamed.is_some();
    let mut file = match unnamed {
        Some(file) => file,
        None => named(&temporary.path)?,
    };
    fill(&mut file)?;
    if is_unnamed && name_it(&file, &temporary.path).is_err() {
        let mut copy = named(&temporary.path)?;
        file.rewind()?;
        io::copy(&mut file, &mut copy)?;
        file = copy;
    }
    file.set_permissions(Permissions::from_mode(mode))?;
    // A rename that reaches the disk before the contents would leave an empty file after a power loss.
    file.sync_all()?;
    crate::busy::close(file, &temporary.path)?;
    fs::rename(&temporary.path, path)?;
    temporary.renamed = true;
    Ok(())
}

/// A new file with this name.
fn named(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .read(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// A new file without a name on the file system of `path`, where it has such files and `/proc` leads to them.
#[cfg(target_os = "linux")]
fn unnamed(path: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let opened = rustix::fs::open(directory(path), flags, Mode::RUSR | Mode::WUSR);
    let file = File::from(opened.ok()?);
    fs::metadata(link_to(&file)).ok()?;
    Some(file)
}

/// Gives the file of [`unnamed`] the name `path`, which nothing has.
#[cfg(target_os = "linux")]
fn name_it(file: &File, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD};
    let named = rustix::fs::linkat(CWD, link_to(file), CWD, path, AtFlags::SYMLINK_FOLLOW);
    named.map_err(io::Error::from)
}

#[cfg(target_os = "linux")]
fn link_to(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

#[cfg(target_os = "linux")]
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

#[cfg(not(target_os = "linux"))]
fn unnamed(_: &Path) -> Option<File> {
    None
}

#[cfg(not(target_os = "linux"))]
fn name_it(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
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
    fn nothing_has_a_name_while_it_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        if unnamed(&path).is_none() {
            println!("SKIP: this file system has no files without a name");
            return;
        }
        for text in ["first", "second"] {
            let before = fs::read_dir(directory.path()).unwrap().count();
            write(&path, 0o644, |file| {
                file.write_all(text.as_bytes())?;
                let there = fs::read_dir(directory.path())?.count();
                assert_eq!(there, before, "a name that a killed process leaves");
                Ok(())
            })
            .unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
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
