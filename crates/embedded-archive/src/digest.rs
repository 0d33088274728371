//! Digests of files and the identity of a tree of files.
use std::fmt;

/// The BLAKE3 digest of a file's contents.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `contents`.
    ///
    /// ```
    /// let digest = embedded_archive::Digest::of(b"");
    /// assert!(digest.to_string().starts_with("af1349b9f5f9a1a6"));
    /// ```
    #[must_use]
    pub fn of(contents: &[u8]) -> Self {
        Self(*blake3::hash(contents).as_bytes())
    }

    /// The digest whose bytes these are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The identity of a tree of files: what is extracted, however it was packed.
///
/// It is the BLAKE3 digest of names, executable bits, groups, lengths and digests of the files, in the order of names.
/// Level, chunk size and metadata are no part of it. It names the directory of a persistent extraction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeId([u8; 32]);

impl TreeId {
    /// The identity whose bytes these are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The name of the directory that holds such a tree: the first 128 bits in hexadecimal.
    #[must_use]
    pub fn directory_name(&self) -> String {
        hexadecimal(&self.0[..16])
    }
}

/// Digests a tree, file after file in the order of names.
pub(crate) struct TreeHasher(blake3::Hasher);

impl TreeHasher {
    pub(crate) fn new() -> Self {
        let mut hasher = blake3::Hasher::new();
        // A prefix of its own keeps a tree's identity apart from any file's digest.
        hasher.update(b"embedded-archive tree 1");
        Self(hasher)
    }

    pub(crate) fn file(
        &mut self,
        name: &str,
        executable: bool,
        group: u8,
        length: u64,
        digest: &Digest,
    ) {
        self.0.update(&(name.len() as u64).to_le_bytes());
        self.0.update(name.as_bytes());
        self.0.update(&[u8::from(executable), group]);
        self.0.update(&length.to_le_bytes());
        self.0.update(digest.as_bytes());
    }

    pub(crate) fn finish(self) -> TreeId {
        TreeId(*self.0.finalize().as_bytes())
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

macro_rules! hexadecimal_formatting {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hexadecimal(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}
hexadecimal_formatting!(Digest);
hexadecimal_formatting!(TreeId);

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, bool, u8)]) -> TreeId {
        let mut hasher = TreeHasher::new();
        for (name, executable, group) in files {
            hasher.file(name, *executable, *group, 0, &Digest::of(b""));
        }
        hasher.finish()
    }

    #[test]
    fn every_property_of_a_file_changes_the_identity_of_its_tree() {
        let one = tree(&[("a", false, 0)]);
        for other in [
            &[("b", false, 0)][..],
            &[("a", true, 0)],
            &[("a", false, 1)],
            &[("a", false, 0), ("b", false, 0)],
            &[],
        ] {
            assert_ne!(tree(other), one);
        }
        assert_eq!(tree(&[("a", false, 0)]), one);
    }

    #[test]
    fn directory_names_are_32_hexadecimal_digits() {
        let name = tree(&[]).directory_name();
        assert_eq!(name.len(), 32);
        assert!(name.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
