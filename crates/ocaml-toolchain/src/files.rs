//! Files that a process may not write.

use std::io;
use std::path::Path;

/// An error where a file of `length` bytes is longer than this process may write: writing it would end the process with
/// SIGXFSZ (setrlimit(2)).
///
/// # Errors
/// `FileTooLarge`, with both lengths.
pub fn check_length(length: usize) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(limit) = rustix::process::getrlimit(rustix::process::Resource::Fsize).current
        && u64::try_from(length).is_ok_and(|length| length > limit)
    {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!(
                "the file would have {length} bytes, but the process's limit for files is {limit}"
            ),
        ));
    }
    Ok(())
}

/// [`std::fs::write`], with an error and not the end of the process where the file is too long for it.
///
/// # Errors
/// What the system says, and what [`check_length`] says.
pub fn write(path: &Path, contents: impl AsRef<[u8]>) -> io::Result<()> {
    check_length(contents.as_ref().len())?;
    std::fs::write(path, contents)
}
