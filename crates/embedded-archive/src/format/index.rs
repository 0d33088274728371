//! The index: which frames there are, which runs their bytes form, which files lie in which run.
mod chunks;

use std::collections::HashSet;

use super::superblock::Superblock;
use super::{Cursor, Damage, MAX_FILES, MAX_TOTAL, MINOR, WOVEN, branch};
use crate::digest::{Digest, TreeHasher};
use crate::name;

pub(crate) use chunks::{Chunk, Frame, Run, lanes};

/// The length of a file record.
pub(crate) const RECORD: u16 = 64;
const HEADER: usize = 64;
const CHUNK_ENTRY: usize = 24;
const RUN_ENTRY: usize = 8;
/// The number of no run: of an empty file, and of metadata that are not there.
pub(crate) const NO_RUN: u32 = u32::MAX;

/// A file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) digest: Digest,
    /// Where the file starts in its run.
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) run: u32,
    pub(crate) name_offset: u32,
    pub(crate) name_length: u16,
    pub(crate) executable: bool,
    /// Whether the bytes went through [`branch::filter`].
    pub(crate) filtered: bool,
    pub(crate) group: u8,
}

impl Record {
    /// A file of no bytes, in no run, without a name.
    pub(crate) const EMPTY: Self = Self {
        digest: Digest::from_bytes([0; 32]),
        offset: 0,
        length: 0,
        run: NO_RUN,
        name_offset: 0,
        name_length: 0,
        executable: false,
        filtered: false,
        group: 0,
    };
}

/// Where the metadata are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MetadataRecord {
    /// The version that the packer gave them.
    pub(crate) version: u32,
    pub(crate) run: u32,
    pub(crate) length: u64,
    pub(crate) digest: Digest,
}

/// A checked index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Index {
    pub(crate) frames: Vec<Frame>,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) runs: Vec<Run>,
    pub(crate) records: Vec<Record>,
    pub(crate) metadata: Option<MetadataRecord>,
    names: String,
}

impl Index {
    pub(crate) fn name(&self, record: &Record) -> &str {
        &self.names[record.name_offset as usize..][..record.name_length as usize]
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Record> {
        let place = self
            .records
            .binary_search_by(|record| self.name(record).cmp(name))
            .ok()?;
        self.records.get(place)
    }

    /// Adds a file; the packer adds in the order of names. The record's name is set here.
    pub(crate) fn push(&mut self, name: &str, record: Record) {
        // The packer's limits (MAX_FILES names of MAX_NAME bytes) keep both within their types.
        let (name_offset, name_length) = (self.names.len() as u32, name.len() as u16);
        self.names.push_str(name);
        self.records.push(Record {
            name_offset,
            name_length,
            ..record
        });
    }

    pub(crate) fn tree_hash(&self) -> TreeHasher {
        let mut hasher = TreeHasher::new();
        for record in &self.records {
            hasher.file(
                self.name(record),
                record.executable,
                record.group,
                record.length,
                &record.digest,
            );
        }
        hasher
    }

    /// Whether a frame has several chunks, which needs version [`WOVEN`].
    pub(crate) fn is_woven(&self) -> bool {
        self.frames.len() < self.chunks.len()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend((self.records.len() as u32).to_le_bytes());
        bytes.extend((self.runs.len() as u32).to_le_bytes());
        bytes.extend((self.chunks.len() as u32).to_le_bytes());
        bytes.extend((self.names.len() as u32).to_le_bytes());
        let (version, run, length, digest) =
            self.metadata.map_or((0, NO_RUN, 0, [0; 32]), |metadata| {
                (
                    metadata.version,
                    metadata.run,
                    metadata.length,
                    *metadata.digest.as_bytes(),
                )
            });
        bytes.extend(version.to_le_bytes());
        bytes.extend(run.to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes.extend(digest);
        let mut begun = 0;
        for chunk in &self.chunks {
            let (offset, packed, codec) = if chunk.frame == begun {
                begun += 1;
                let frame = &self.frames[chunk.frame];
                (frame.offset, frame.packed, frame.codec as u8)
            } else {
                (chunk.frame as u64, 0, chunks::CONTINUED)
            };
            bytes.extend(offset.to_le_bytes());
            bytes.extend(packed.to_le_bytes());
            bytes.extend(chunk.raw.to_le_bytes());
            bytes.extend([codec, 0, 0, 0, 0, 0, 0, 0]);
        }
        for run in &self.runs {
            bytes.extend((run.chunks.start as u32).to_le_bytes());
            bytes.extend((run.chunks.len() as u32).to_le_bytes());
        }
        for record in &self.records {
            bytes.extend(record.digest.as_bytes());
            bytes.extend(record.offset.to_le_bytes());
            bytes.extend(record.length.to_le_bytes());
            bytes.extend(record.run.to_le_bytes());
            bytes.extend(record.name_offset.to_le_bytes());
            bytes.extend(record.name_length.to_le_bytes());
            bytes.extend([
                u8::from(record.executable) | u8::from(record.filtered) << 1,
                record.group,
                0,
                0,
                0,
                0,
            ]);
        }
        bytes.extend(self.names.as_bytes());
        bytes
    }

    /// Reads and checks an index; `superblock` is the checked one that it belongs to.
    pub(crate) fn parse(bytes: &[u8], superblock: &Superblock) -> Result<Self, Damage> {
        if blake3::hash(bytes).as_bytes() != &superblock.index_digest {
            return Err(Damage::IndexDigest);
        }
        let index = Self::parse_parts(bytes, superblock)?;
        index.check_runs(superblock.index_offset)?;
        index.check_names()?;
        index.check_places()?;
        if index.tree_hash().finish() != superblock.tree {
            return Err(Damage::Index("the identity of the tree"));
        }
        Ok(index)
    }

    fn parse_parts(bytes: &[u8], superblock: &Superblock) -> Result<Self, Damage> {
        const SHORT: Damage = Damage::Index("it is too short");
        let mut header = Cursor(bytes.get(..HEADER).ok_or(SHORT)?);
        let mut count = || header.u32().ok_or(SHORT);
        let (files, runs, chunks, names) = (count()?, count()?, count()?, count()?);
        let (version, run) = (count()?, count()?);
        let length = header.u64().ok_or(SHORT)?;
        let digest = Digest::from_bytes(header.array().ok_or(SHORT)?);
        if files > MAX_FILES {
            return Err(Damage::Limit("the number of files"));
        }
        // In u64 no product of two u32 overflows, and the sum is compared before anything is allocated.
        let record_size = u64::from(superblock.record_size);
        let wanted = HEADER as u64
            + u64::from(chunks) * CHUNK_ENTRY as u64
            + u64::from(runs) * RUN_ENTRY as u64
            + u64::from(files) * record_size
            + u64::from(names);
        let fits = if superblock.minor > MINOR {
            wanted <= bytes.len() as u64
        } else {
            wanted == bytes.len() as u64
        };
        if !fits {
            return Err(Damage::Index("its counts do not fit its length"));
        }
        let mut body = Cursor(&bytes[HEADER..]);
        let (frames, chunks) = chunks::parse(&mut body, chunks, superblock.major >= WOVEN)?;
        let runs = chunks::parse_runs(&mut body, runs, &chunks)?;
        let records = (0..files)
            .map(|_| {
                parse_record(Cursor(
                    body.bytes(usize::from(superblock.record_size))
                        .ok_or(SHORT)?,
                ))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let names = body.bytes(names as usize).ok_or(SHORT)?;
        let names = std::str::from_utf8(names)
            .map_err(|_| Damage::Index("a name is not UTF-8"))?
            .to_owned();
        // Metadata are JSON, which has no empty text: a length of 0 says that there are none.
        let metadata = (length != 0).then_some(MetadataRecord {
            version,
            run,
            length,
            digest,
        });
        Ok(Self {
            frames,
            chunks,
            runs,
            records,
            metadata,
            names,
        })
    }

    fn check_runs(&self, end: u64) -> Result<(), Damage> {
        let mut free = super::superblock::LENGTH as u64;
        for frame in &self.frames {
            if frame.offset < free {
                return Err(Damage::Index("frames overlap"));
            }
            free = frame
                .offset
                .checked_add(u64::from(frame.packed))
                .ok_or(Damage::Index("a frame's place"))?;
            if free > end {
                return Err(Damage::Index("a frame lies outside the archive"));
            }
        }
        let mut total = 0_u64;
        for record in &self.records {
            total = total
                .checked_add(record.length)
                .filter(|total| *total <= MAX_TOTAL)
                .ok_or(Damage::Limit("the total of file lengths"))?;
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), Damage> {
        let mut previous = "";
        let mut files = HashSet::with_capacity(self.records.len());
        for record in &self.records {
            let start = record.name_offset as usize;
            let name = self
                .names
                .get(start..start + usize::from(record.name_length))
                .ok_or(Damage::Index("a name's place"))?;
            name::check(name).map_err(|_| {
                Damage::Index("a name that leads out of the directory or is malformed")
            })?;
            if name <= previous {
                return Err(Damage::Index(
                    "names are not sorted, or there are two of one",
                ));
            }
            files.insert(name);
            previous = name;
        }
        if files
            .iter()
            .any(|name| name::parents(name).any(|directory| files.contains(directory)))
        {
            return Err(Damage::Index("a name is both a file and a directory"));
        }
        Ok(())
    }

    /// Files lie inside their runs; two overlap only if they are the same bytes, kept once.
    fn check_places(&self) -> Result<(), Damage> {
        let empty = Digest::of(b"");
        let mut places = Vec::with_capacity(self.records.len() + 1);
        let metadata = self
            .metadata
            .iter()
            .map(|metadata| ((metadata.run, 0, metadata.length), (metadata.digest, false)));
        for ((run, offset, length), contents) in self
            .records
            .iter()
            .map(|record| {
                (
                    (record.run, record.offset, record.length),
                    (record.digest, record.filtered),
                )
            })
            .chain(metadata)
        {
            if length == 0 || run == NO_RUN {
                if length != 0 || run != NO_RUN || offset != 0 {
                    return Err(Damage::Index("the place of an empty file"));
                }
                // Nothing is read that would show it later.
                if contents.0 != empty {
                    return Err(Damage::Index("the digest of an empty file"));
                }
                continue;
            }
            let space = self
                .runs
                .get(run as usize)
                .ok_or(Damage::Index("a file's run"))?
                .raw;
            if offset.checked_add(length).is_none_or(|end| end > space) {
                return Err(Damage::Index("a file lies outside its run"));
            }
            if contents.1 && !branch::is_possible(length) {
                return Err(Damage::Index("a long file is filtered"));
            }
            places.push(((run, offset, length), contents));
        }
        places.sort_unstable_by_key(|&(place, _)| place);
        for pair in places.windows(2) {
            let [((run, offset, length), _), ((next_run, next_offset, _), _)] = [pair[0], pair[1]];
            if run == next_run && next_offset < offset + length && pair[0] != pair[1] {
                return Err(Damage::Index("files overlap"));
            }
        }
        Ok(())
    }
}

fn parse_record(mut cursor: Cursor<'_>) -> Result<Record, Damage> {
    (|| {
        let mut record = Record {
            digest: Digest::from_bytes(cursor.array()?),
            offset: cursor.u64()?,
            length: cursor.u64()?,
            run: cursor.u32()?,
            name_offset: cursor.u32()?,
            name_length: cursor.u16()?,
            ..Record::EMPTY
        };
        let flags = cursor.u8()?;
        (record.executable, record.filtered) = (flags & 1 != 0, flags & 2 != 0);
        record.group = cursor.u8()?;
        Some(record)
    })()
    .ok_or(Damage::Index("it is too short"))
}

#[cfg(test)]
mod tests;
