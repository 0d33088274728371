//! What a result was made from: that it is still so is what makes a cached result right.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Reader, Writer};
use crate::stamp::Stamp;
use crate::sys;

/// A path and what was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    path: PathBuf,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Nothing; that a file is absent is evidence too.
    Absent,
    Present {
        stamp: Stamp,
        /// Whether the file had been left alone for so long when it was looked at that its stamp tells all later changes.
        settled: bool,
        /// Of the content of a file, or of the sorted names in a directory; of nothing for what cannot be read.
        digest: [u8; blake3::OUT_LEN],
    },
}

impl Evidence {
    /// Looks at a path.
    pub(crate) fn of(path: &Path) -> Evidence {
        let state = match std::fs::metadata(path) {
            Err(_) => State::Absent,
            Ok(metadata) => {
                let stamp = Stamp::of(&metadata);
                let settled = stamp.is_settled(SystemTime::now());
                State::Present {
                    stamp,
                    settled,
                    digest: digest(path, metadata.is_dir()),
                }
            }
        };
        Evidence {
            path: path.to_path_buf(),
            state,
        }
    }

    /// Whether what is there is what was there.
    pub(crate) fn holds(&self) -> bool {
        match (&self.state, std::fs::metadata(&self.path)) {
            (State::Absent, metadata) => metadata.is_err(),
            (State::Present { .. }, Err(_)) => false,
            (
                State::Present {
                    stamp,
                    settled,
                    digest: known,
                },
                Ok(metadata),
            ) => {
                (*settled && *stamp == Stamp::of(&metadata))
                    || *known == digest(&self.path, metadata.is_dir())
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.text(&sys::path_bytes(&self.path));
        match &self.state {
            State::Absent => writer.flag(false),
            State::Present {
                stamp,
                settled,
                digest,
            } => {
                writer.flag(true);
                stamp.write(writer);
                writer.flag(*settled);
                writer.text(digest);
            }
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Evidence> {
        let path = sys::path_buf(reader.text()?);
        let state = if reader.flag()? {
            let stamp = Stamp::read(reader)?;
            let settled = reader.flag()?;
            State::Present {
                stamp,
                settled,
                digest: reader.text()?.try_into().ok()?,
            }
        } else {
            State::Absent
        };
        Some(Evidence { path, state })
    }
}

fn digest(path: &Path, is_directory: bool) -> [u8; blake3::OUT_LEN] {
    let mut hasher = blake3::Hasher::new();
    // A directory and a file never have one digest.
    hasher.update(&[u8::from(is_directory)]);
    if is_directory {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut names: Vec<Vec<u8>> = entries.map(|entry| sys::bytes(entry.file_name())).collect();
        names.sort_unstable();
        for name in names {
            hasher.update(&name);
            hasher.update(b"\0");
        }
    } else if let Ok(content) = std::fs::read(path) {
        hasher.update(&content);
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_absence_and_listings_are_evidence_and_touching_is_not() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("f");
        let absent = Evidence::of(&file);
        let listing = Evidence::of(directory.path());
        assert!(absent.holds() && listing.holds());
        std::fs::write(&file, "a").expect("writable");
        assert!(!absent.holds() && !listing.holds());
        let present = Evidence::of(&file);
        std::fs::write(&file, "a").expect("writable");
        assert!(present.holds(), "the content is the same");
        std::fs::write(&file, "b").expect("writable");
        assert!(
            !present.holds(),
            "the length is the same, the content is not"
        );

        let mut writer = Writer::default();
        present.write(&mut writer);
        let bytes = writer.into_bytes();
        assert_eq!(Evidence::read(&mut Reader::new(&bytes)), Some(present));
    }
}
