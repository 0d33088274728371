//! Files that keep results between processes: their frame, and the evidence that they still hold.

mod evidence;
mod prune;
mod record;

pub(crate) use evidence::Evidence;
pub(crate) use prune::{Limits, mark_used, prune};
pub(crate) use record::{Reader, Writer};

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ocaml_toolchain::files;

/// The first bytes of every cache file.
const MAGIC: &[u8; 8] = b"LIBRSLV\n";

/// Raised whenever the layout of any cache file changes.
const VERSION: u32 = 2;

/// The beginning of the name of a file that is being written.
const TEMPORARY: &str = ".lib-resolve-";

const DIGEST_LENGTH: usize = blake3::OUT_LEN;

/// The error of reading or writing a cache file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read or written.
    #[error("could not use cache file `{}`", file.display())]
    Io {
        /// The file.
        file: Box<PathBuf>,
        /// The cause.
        source: io::Error,
    },
    /// The file is of another version of this library.
    #[error("cache file `{}` has version {version}, not {VERSION}", file.display())]
    Version {
        /// The file.
        file: Box<PathBuf>,
        /// Its version.
        version: u32,
    },
    /// The file is no cache file, or damaged.
    #[error("cache file `{}` is damaged", file.display())]
    Damaged {
        /// The file.
        file: Box<PathBuf>,
    },
}

impl Error {
    pub(crate) fn damaged(file: &Path) -> Error {
        Error::Damaged {
            file: Box::new(file.to_path_buf()),
        }
    }
}

/// Reads a cache file and checks its frame; `None` if it does not exist. Nothing of a file of another version is read on.
pub(crate) fn read(file: &Path) -> Result<Option<Body>, Error> {
    let content = match std::fs::read(file) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::Io {
                file: Box::new(file.to_path_buf()),
                source,
            });
        }
    };
    let header = MAGIC.len() + size_of::<u32>();
    if content.len() < header + DIGEST_LENGTH || !content.starts_with(MAGIC) {
        return Err(Error::damaged(file));
    }
    let mut version = [0; 4];
    version.copy_from_slice(&content[MAGIC.len()..header]);
    let version = u32::from_le_bytes(version);
    if version != VERSION {
        return Err(Error::Version {
            file: Box::new(file.to_path_buf()),
            version,
        });
    }
    let digest_start = content.len() - DIGEST_LENGTH;
    if blake3::hash(&content[..digest_start]).as_bytes() != &content[digest_start..] {
        return Err(Error::damaged(file));
    }
    Ok(Some(Body {
        content,
        range: header..digest_start,
    }))
}

/// What a cache file holds within its frame.
#[derive(Debug)]
pub(crate) struct Body {
    content: Vec<u8>,
    range: std::ops::Range<usize>,
}

impl std::ops::Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.content[self.range.clone()]
    }
}

/// Writes a cache file, whole or not at all, and makes its directory if need be.
pub(crate) fn write(file: &Path, body: &[u8]) -> Result<(), Error> {
    let framed = [&MAGIC[..], &VERSION.to_le_bytes(), body].concat();
    let digest = blake3::hash(&framed);
    replace(file, &[&framed[..], digest.as_bytes()]).map_err(|source| Error::Io {
        file: Box::new(file.to_path_buf()),
        source,
    })
}

fn replace(file: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let directory = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    files::check_length(parts.iter().map(|part| part.len()).sum())?;
    let mut temporary = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempfile_in(directory)?;
    for part in parts {
        temporary.write_all(part)?;
    }
    temporary.persist(file).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_back_and_a_damaged_or_newer_one_does_not() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("deep/x");
        assert!(read(&file).expect("no file is no error").is_none());
        write(&file, b"body").expect("writable");
        assert_eq!(
            read(&file).expect("readable").as_deref(),
            Some(&b"body"[..])
        );

        let whole = std::fs::read(&file).expect("readable");
        for position in [0, 13, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[position] ^= 1;
            std::fs::write(&file, &damaged).expect("writable");
            assert!(
                matches!(read(&file), Err(Error::Damaged { .. })),
                "{position}"
            );
        }
        std::fs::write(&file, &whole[..20]).expect("writable");
        assert!(matches!(read(&file), Err(Error::Damaged { .. })));

        let mut newer = whole;
        newer[MAGIC.len()] = VERSION as u8 + 1;
        std::fs::write(&file, &newer).expect("writable");
        let error = read(&file).expect_err("another version");
        assert_eq!(
            error.to_string(),
            format!(
                "cache file `{}` has version {}, not {VERSION}",
                file.display(),
                VERSION + 1
            )
        );
        assert!(size_of::<Error>() <= 64);
    }
}
