//! What names a kit: digests over contents, and stamps that make sure of them cheaply.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A digest being fed with labelled parts, so that no two lists of parts give one input.
pub(super) struct Digest(blake3::Hasher);

impl Digest {
    pub(super) fn new(purpose: &str) -> Self {
        let mut digest = Digest(blake3::Hasher::new());
        digest.part("purpose", purpose.as_bytes());
        digest
    }

    pub(super) fn part(&mut self, label: &str, bytes: &[u8]) {
        for piece in [label.as_bytes(), bytes] {
            self.0.update(&(piece.len() as u64).to_le_bytes());
            self.0.update(piece);
        }
    }

    /// Adds the contents of a file. A missing file is a part too, different from an empty one.
    pub(super) fn file(&mut self, label: &str, path: &Path) -> io::Result<()> {
        match std::fs::read(path) {
            Ok(bytes) => self.part(label, blake3::hash(&bytes).as_bytes()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.part(label, b"missing"),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// 32 hex digits: enough to name things, short enough for a soname.
    pub(super) fn finish(self) -> String {
        self.0.finalize().to_hex()[..32].to_owned()
    }
}

/// What the file system says of a file; equal stamps mean that nobody has written to it since (`ctime` cannot be set
/// back by `utimes`): device, inode, length, and the seconds and nanoseconds of `mtime` and `ctime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileStamp([u64; 7]);

impl FileStamp {
    /// The stamp of `path`, following links: an installed compiler usually is one.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        Ok(FileStamp([
            metadata.dev(),
            metadata.ino(),
            metadata.len(),
            metadata.mtime().cast_unsigned(),
            metadata.mtime_nsec().cast_unsigned(),
            metadata.ctime().cast_unsigned(),
            metadata.ctime_nsec().cast_unsigned(),
        ]))
    }

    /// Whether the file is as it was.
    pub(super) fn holds(&self, path: &Path) -> bool {
        FileStamp::of(path).is_ok_and(|now| now == *self)
    }

    /// Adds the stamp to bytes.
    pub(super) fn push(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.0.iter().flat_map(|number| number.to_le_bytes()));
    }

    /// Takes a stamp from the beginning of bytes.
    pub(super) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let mut numbers = [0; 7];
        for number in &mut numbers {
            let (taken, rest) = bytes.split_first_chunk::<8>()?;
            (*number, *bytes) = (u64::from_le_bytes(*taken), rest);
        }
        Some(FileStamp(numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let digest = |parts: &[(&str, &str)]| {
            let mut digest = Digest::new("test");
            for (label, bytes) in parts {
                digest.part(label, bytes.as_bytes());
            }
            digest.finish()
        };
        assert_ne!(digest(&[("a", "bc")]), digest(&[("ab", "c")]));
        assert_ne!(digest(&[("a", ""), ("b", "")]), digest(&[("a", "b")]));
        assert_eq!(digest(&[("a", "b")]), digest(&[("a", "b")]));
    }

    #[test]
    fn a_stamp_holds_until_the_file_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "one").unwrap();
        let stamp = FileStamp::of(&path).unwrap();
        assert!(stamp.holds(&path));
        let other = directory.path().join("other");
        std::fs::write(&other, "two").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert!(!stamp.holds(&path));
    }
}
