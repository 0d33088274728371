//! What [`attach`](super::attach) notes before the trailer, so that taking the archive off gives the file back as it was.
use crate::format::Cursor;

/// The length of the record.
pub(super) const LENGTH: usize = 64;
const VERSION: u16 = 1;
const CHECKSUM_AT: usize = 60;
const MAGIC: [u8; 8] = *b"\x8aEMBATT\n";

/// The file before an archive was attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    /// How long it was.
    pub(super) length: u64,
    /// Where its section table was, and of how many entries; `None` when it was left alone.
    pub(super) table: Option<(u64, u16)>,
}

impl Record {
    pub(super) fn encode(&self) -> [u8; LENGTH] {
        let (offset, sections) = self.table.unwrap_or((0, 0));
        let mut record = [0; LENGTH];
        record[..8].copy_from_slice(&MAGIC);
        record[8..10].copy_from_slice(&VERSION.to_le_bytes());
        record[10] = u8::from(self.table.is_some());
        record[12..14].copy_from_slice(&sections.to_le_bytes());
        record[16..24].copy_from_slice(&self.length.to_le_bytes());
        record[24..32].copy_from_slice(&offset.to_le_bytes());
        let checksum = crc32fast::hash(&record);
        record[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        record
    }

    /// The record, if these bytes are one of this version: without it the file can still be taken apart less exactly.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut record: [u8; LENGTH] = bytes.try_into().ok()?;
        let checksum: [u8; 4] = record[CHECKSUM_AT..].try_into().ok()?;
        record[CHECKSUM_AT..].fill(0);
        if crc32fast::hash(&record).to_le_bytes() != checksum {
            return None;
        }
        let mut cursor = Cursor(&record);
        if cursor.array()? != MAGIC || cursor.u16()? != VERSION {
            return None;
        }
        let has_table = cursor.u8()? == 1;
        cursor.bytes(1)?;
        let sections = cursor.u16()?;
        cursor.bytes(2)?;
        let (length, offset) = (cursor.u64()?, cursor.u64()?);
        Some(Self {
            length,
            table: has_table.then_some((offset, sections)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_every_flipped_bit_is_noticed() {
        for record in [
            Record {
                length: 12_345,
                table: Some((99, 31)),
            },
            Record {
                length: u64::MAX,
                table: None,
            },
        ] {
            let bytes = record.encode();
            assert_eq!(Record::parse(&bytes), Some(record));
            for bit in 0..LENGTH * 8 {
                let mut flipped = bytes;
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Record::parse(&flipped), None, "bit {bit}");
            }
        }
    }
}
