//! The format: superblock, frames, index. Little endian; every offset counts from the start of the archive.
//!
//! ```text
//! superblock 128 | frames ... | index: header 64, chunk table, run table, file records, names
//! ```
//! The archive may be a whole file, the tail of one, a section or a static: nothing in it depends on where it lies.
pub(crate) mod branch;
pub(crate) mod codec;
pub(crate) mod index;
pub(crate) mod superblock;

/// The first major version. A reader refuses major versions that it does not know and ignores what a newer minor one adds.
pub(crate) const MAJOR: u16 = 1;
/// The major version in which a frame may have several chunks. What has none is written as version [`MAJOR`], for older
/// programs.
pub(crate) const WOVEN: u16 = 2;
/// See [`MAJOR`].
pub(crate) const MINOR: u16 = 0;

/// The largest index a reader takes.
pub(crate) const MAX_INDEX: u64 = 64 << 20;
/// The largest number of files a reader takes.
pub(crate) const MAX_FILES: u32 = 1 << 18;
/// The largest total of file lengths a reader takes: what an extraction may write.
pub(crate) const MAX_TOTAL: u64 = 16 << 30;

/// What is wrong with the bytes of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The bytes end before the archive does.
    #[error("it is truncated")]
    Truncated,
    /// The superblock's checksum does not fit its contents.
    #[error("the checksum of its first block is wrong")]
    Superblock,
    /// The index's digest does not fit its contents.
    #[error("the digest of its index is wrong")]
    IndexDigest,
    /// The index breaks a rule of the format.
    #[error("its index is wrong: {0}")]
    Index(&'static str),
    /// A size goes beyond what any reader takes.
    #[error("it asks for more than is allowed: {0}")]
    Limit(&'static str),
}

/// Reads fixed-size integers off a slice; `None` at its end.
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}
