//! The block of 128 bytes that opens an archive, and closes an executable that carries one.
use super::{Cursor, Damage, MAJOR, MAX_INDEX, MINOR, WOVEN};
use crate::digest::TreeId;

/// The length of the block.
pub(crate) const LENGTH: usize = 128;
const CHECKSUM_AT: usize = 60;

/// The magic number: a byte above 127, a name, CR LF, ^Z and NUL, as in PNG, to show transfers that change bytes.
///
/// It is kept scrambled, so that a program with this code in it holds no copy of the magic that a scan could take for
/// an archive (pyinstaller/pyinstaller#5762).
pub(crate) fn magic() -> [u8; 16] {
    const SCRAMBLED: [u8; 16] = [
        0x89 ^ 0x5a,
        b'E' ^ 0x5a,
        b'M' ^ 0x5a,
        b'B' ^ 0x5a,
        b'A' ^ 0x5a,
        b'R' ^ 0x5a,
        b'C' ^ 0x5a,
        b'\r' ^ 0x5a,
        b'\n' ^ 0x5a,
        0x1a ^ 0x5a,
        0x5a,
        0xf0 ^ 0x5a,
        0x9f ^ 0x5a,
        0x93 ^ 0x5a,
        0xa6 ^ 0x5a,
        b'\n' ^ 0x5a,
    ];
    std::hint::black_box(SCRAMBLED).map(|byte| byte ^ 0x5a)
}

/// The contents of the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Superblock {
    pub(crate) major: u16,
    pub(crate) minor: u16,
    /// The length of a file record; a newer minor version may lengthen it.
    pub(crate) record_size: u16,
    /// The length of the archive, this block included, a trailer not.
    pub(crate) archive_length: u64,
    pub(crate) index_offset: u64,
    pub(crate) index_length: u64,
    /// In a trailer: how far before it the archive starts. In the first block: 0.
    pub(crate) distance: u64,
    pub(crate) tree: TreeId,
    pub(crate) index_digest: [u8; 32],
}

/// Why a block is no superblock that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It does not begin with the magic number.
    Foreign,
    /// Its major version is not known.
    Version(u16, u16),
    /// It was one once.
    Damaged(Damage),
}

impl Superblock {
    pub(crate) fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend(magic());
        bytes.extend(self.major.to_le_bytes());
        bytes.extend(self.minor.to_le_bytes());
        bytes.extend(self.record_size.to_le_bytes());
        bytes.extend([0; 2]);
        bytes.extend(self.archive_length.to_le_bytes());
        bytes.extend(self.index_offset.to_le_bytes());
        bytes.extend(self.index_length.to_le_bytes());
        bytes.extend(self.distance.to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(self.tree.as_bytes());
        bytes.extend(self.index_digest);
        let mut block = [0; LENGTH];
        block.copy_from_slice(&bytes);
        let checksum = crc32fast::hash(&block);
        block[CHECKSUM_AT..][..4].copy_from_slice(&checksum.to_le_bytes());
        block
    }

    pub(crate) fn parse(block: &[u8]) -> Result<Self, Refusal> {
        if !block.starts_with(&magic()) {
            return Err(Refusal::Foreign);
        }
        let block: &[u8; LENGTH] = block
            .get(..LENGTH)
            .and_then(|block| block.try_into().ok())
            .ok_or(Refusal::Damaged(Damage::Truncated))?;
        // The version comes before the checksum: another major version may keep its checksum elsewhere.
        let mut cursor = Cursor(&block[16..]);
        let (Some(major), Some(minor)) = (cursor.u16(), cursor.u16()) else {
            return Err(Refusal::Damaged(Damage::Truncated));
        };
        if !(MAJOR..=WOVEN).contains(&major) {
            return Err(Refusal::Version(major, minor));
        }
        let mut unsigned = *block;
        unsigned[CHECKSUM_AT..][..4].fill(0);
        if block[CHECKSUM_AT..][..4] != crc32fast::hash(&unsigned).to_le_bytes() {
            return Err(Refusal::Damaged(Damage::Superblock));
        }
        let superblock = (|| {
            let record_size = cursor.u16()?;
            cursor.bytes(2)?;
            let (archive_length, index_offset, index_length, distance) =
                (cursor.u64()?, cursor.u64()?, cursor.u64()?, cursor.u64()?);
            cursor.bytes(8)?;
            let (tree, index_digest) = (TreeId::from_bytes(cursor.array()?), cursor.array()?);
            Some(Self {
                major,
                minor,
                record_size,
                archive_length,
                index_offset,
                index_length,
                distance,
                tree,
                index_digest,
            })
        })()
        .ok_or(Refusal::Damaged(Damage::Truncated))?;
        superblock.check().map_err(Refusal::Damaged)?;
        Ok(superblock)
    }

    fn check(&self) -> Result<(), Damage> {
        if self.index_length > MAX_INDEX {
            return Err(Damage::Limit("the length of the index"));
        }
        // The index is the last part, so that the length of the whole follows from it.
        if self.index_offset < LENGTH as u64
            || self.index_offset.checked_add(self.index_length) != Some(self.archive_length)
        {
            return Err(Damage::Index(
                "its place does not fit the length of the archive",
            ));
        }
        if self.record_size < super::index::RECORD
            || (self.minor == MINOR && self.record_size != super::index::RECORD)
        {
            return Err(Damage::Index("the length of a record"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::index::RECORD;

    fn sample() -> Superblock {
        Superblock {
            major: MAJOR,
            minor: MINOR,
            record_size: RECORD,
            archive_length: 1128,
            index_offset: 1000,
            index_length: 128,
            distance: 0,
            tree: TreeId::from_bytes([7; 32]),
            index_digest: [9; 32],
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(Superblock::parse(&sample().encode()), Ok(sample()));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let block = sample().encode();
        for bit in 0..LENGTH * 8 {
            let mut flipped = block;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Superblock::parse(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn every_shorter_block_is_refused() {
        let block = sample().encode();
        for length in 0..LENGTH {
            assert!(
                Superblock::parse(&block[..length]).is_err(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn a_newer_major_version_is_named_and_a_newer_minor_one_is_read() {
        let major = Superblock {
            major: WOVEN + 1,
            ..sample()
        };
        assert_eq!(
            Superblock::parse(&major.encode()),
            Err(Refusal::Version(WOVEN + 1, MINOR))
        );
        let minor = Superblock {
            minor: MINOR + 1,
            record_size: RECORD + 16,
            ..sample()
        };
        assert_eq!(Superblock::parse(&minor.encode()), Ok(minor));
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused_without_overflow() {
        for wrong in [
            Superblock {
                index_offset: 0,
                index_length: 1128,
                ..sample()
            },
            Superblock {
                index_offset: u64::MAX,
                ..sample()
            },
            Superblock {
                index_length: u64::MAX,
                ..sample()
            },
            Superblock {
                archive_length: 1127,
                ..sample()
            },
            Superblock {
                record_size: RECORD - 1,
                ..sample()
            },
            Superblock {
                record_size: RECORD + 1,
                ..sample()
            },
        ] {
            assert!(
                matches!(Superblock::parse(&wrong.encode()), Err(Refusal::Damaged(_))),
                "{wrong:?}"
            );
        }
    }
}
