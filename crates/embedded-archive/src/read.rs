//! Reading contents: one file, all files, the metadata.
use std::io;
use std::ops::ControlFlow;

use serde::de::DeserializeOwned;

use crate::archive::{Archive, Inner};
use crate::format::branch::Unfilter;
use crate::format::codec::Unpacker;
use crate::format::index::NO_RUN;
use crate::group::Selection;
use crate::{Digest, Group};

/// The error returned when a file of an archive is read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The archive has no file of this name.
    #[error("the archive has no file `{name}`")]
    NoSuchFile {
        /// The name.
        name: String,
    },
    /// The bytes of the archive cannot be read or unpacked.
    #[error("could not read `{name}` from the archive")]
    Io {
        /// The file of the archive.
        name: String,
        /// What the system or the decoder said.
        source: io::Error,
    },
    /// The unpacked bytes are not those that were packed.
    #[error("the contents of `{name}` in the archive are damaged: their digest is wrong")]
    Digest {
        /// The file of the archive.
        name: String,
    },
}

/// The error returned by [`Archive::metadata`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The archive has no metadata.
    #[error("the archive has no metadata")]
    Absent,
    /// The metadata have another version than the caller reads.
    #[error("the archive's metadata have version {found}; this program reads version {expected}")]
    Version {
        /// The version in the archive.
        found: u32,
        /// The version asked for.
        expected: u32,
    },
    /// The metadata cannot be read.
    #[error("could not read the archive's metadata")]
    Read(#[source] Box<ReadError>),
    /// The metadata are no JSON of the expected shape.
    #[error("the archive's metadata have an unexpected shape")]
    Shape(#[source] serde_json::Error),
}

/// The error returned by [`Archive::verify`]: every file that cannot be read as it was packed.
#[derive(Debug, thiserror::Error)]
#[error("{} of {total} files of the archive are damaged, the first is `{}`", failures.len(), failures[0].0)]
pub struct VerifyError {
    /// The damaged files and what is wrong with each; never empty.
    pub failures: Vec<(String, ReadError)>,
    /// How many files were checked.
    pub total: usize,
}

/// The name that errors give to metadata.
const METADATA: &str = "(metadata)";

impl Archive {
    /// The contents of a file, checked against their digest.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(&self, name: &str) -> Result<Vec<u8>, ReadError> {
        let place = self
            .0
            .index
            .records
            .binary_search_by(|record| self.0.index.name(record).cmp(name));
        let place = place.map_err(|_| ReadError::NoSuchFile {
            name: name.to_owned(),
        })?;
        self.0.contents(place)
    }

    /// Reads every file and checks its digest; goes on after a failure.
    ///
    /// # Errors
    /// [`VerifyError`] with all failures.
    pub fn verify(&self) -> Result<(), VerifyError> {
        let mut failures = Vec::new();
        for part in self.0.parts(|_| true) {
            // A failure ends a part, so that each file of it is tried alone then.
            if self
                .0
                .decoder("")
                .and_then(|mut decoder| decoder.part(&part, &mut Nowhere))
                .is_err()
            {
                for range in &part.ranges {
                    let alone = Part {
                        run: part.run,
                        ranges: vec![range.clone()],
                    };
                    if let Err(error) = self
                        .0
                        .decoder("")
                        .and_then(|mut decoder| decoder.part(&alone, &mut Nowhere))
                    {
                        let mut error = Some(error);
                        for &record in &range.records {
                            let name = self.0.record_name(record).to_owned();
                            let error = error
                                .take()
                                .unwrap_or_else(|| ReadError::Digest { name: name.clone() });
                            failures.push((name, error));
                        }
                    }
                }
            }
        }
        failures.sort_by(|one, other| one.0.cmp(&other.0));
        if failures.is_empty() {
            Ok(())
        } else {
            Err(VerifyError {
                failures,
                total: self.0.index.records.len(),
            })
        }
    }

    /// Writes the archive's own bytes, packed as they are: a file of its own, wherever the archive was found.
    ///
    /// ```
    /// use embedded_archive::{Archive, Builder};
    ///
    /// let packed = Builder::new().build()?;
    /// let mut copy = Vec::new();
    /// Archive::from_bytes(packed.clone())?.write_to(&mut copy)?;
    /// assert_eq!(copy, packed);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What reading or writing gave.
    pub fn write_to(&self, writer: &mut dyn io::Write) -> io::Result<()> {
        let (mut done, length) = (0, self.0.superblock.archive_length);
        let mut buffer = Vec::new();
        while done < length {
            let piece = (length - done).min(1 << 20);
            let location = &self.0.location;
            writer.write_all(location.source.bytes_at(
                location.base + done,
                piece as usize,
                &mut buffer,
            )?)?;
            done += piece;
        }
        Ok(())
    }

    /// The version of the metadata; `None` when there are none.
    #[must_use]
    pub fn metadata_version(&self) -> Option<u32> {
        self.0.index.metadata.map(|metadata| metadata.version)
    }

    /// The metadata as the JSON text they were packed as, whatever their version; `None` when there are none.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn metadata_json(&self) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(metadata) = self.0.index.metadata else {
            return Ok(None);
        };
        let range = Place {
            offset: 0,
            length: metadata.length,
            digest: metadata.digest,
            filtered: false,
            records: Vec::new(),
        };
        let mut contents = Contents(Vec::new());
        self.0.decoder(METADATA)?.part(
            &Part {
                run: metadata.run as usize,
                ranges: vec![range],
            },
            &mut contents,
        )?;
        Ok(Some(contents.0))
    }

    /// The metadata, which must have version `version`.
    ///
    /// ```
    /// use embedded_archive::{Archive, Builder, MetadataError};
    ///
    /// let mut builder = Builder::new();
    /// builder.metadata(2, &("name", 17))?;
    /// let archive = Archive::from_bytes(builder.build()?)?;
    /// assert_eq!(archive.metadata::<(String, u32)>(2)?, ("name".to_owned(), 17));
    /// assert!(matches!(archive.metadata::<(String, u32)>(3), Err(MetadataError::Version { found: 2, expected: 3 })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn metadata<T: DeserializeOwned>(&self, version: u32) -> Result<T, MetadataError> {
        match self.metadata_version() {
            None => return Err(MetadataError::Absent),
            Some(found) if found != version => {
                return Err(MetadataError::Version {
                    found,
                    expected: version,
                });
            }
            Some(_) => {}
        }
        let json = self
            .metadata_json()
            .map_err(|error| MetadataError::Read(Box::new(error)))?
            .ok_or(MetadataError::Absent)?;
        serde_json::from_slice(&json).map_err(MetadataError::Shape)
    }
}

/// Bytes of a run that are a file, or several equal ones.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) digest: Digest,
    pub(crate) filtered: bool,
    /// Their records' numbers; none for metadata.
    pub(crate) records: Vec<usize>,
}

/// What is wanted of one run: places in order. The unit of work of a thread.
pub(crate) struct Part {
    pub(crate) run: usize,
    pub(crate) ranges: Vec<Place>,
}

/// Takes the contents of places, one after the other.
pub(crate) trait Sink {
    type Error: From<ReadError>;
    fn begin(&mut self, place: &Place) -> Result<(), Self::Error>;
    fn data(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
    /// The digest fits.
    fn end(&mut self) -> Result<(), Self::Error>;
}

impl Inner {
    pub(crate) fn record_name(&self, record: usize) -> &str {
        self.index.name(&self.index.records[record])
    }

    fn place_name(&self, place: &Place) -> &str {
        place
            .records
            .first()
            .map_or(METADATA, |&record| self.record_name(record))
    }

    /// The contents of a record, checked.
    pub(crate) fn contents(&self, record: usize) -> Result<Vec<u8>, ReadError> {
        let mut contents = Contents(Vec::new());
        for part in self.parts(|number| number == record) {
            self.decoder(self.record_name(record))?
                .part(&part, &mut contents)?;
        }
        Ok(contents.0)
    }

    /// The numbers of the selected records.
    pub(crate) fn selected(&self, selection: Selection) -> impl Iterator<Item = usize> {
        let records = self.index.records.iter().enumerate();
        records
            .filter(move |(_, record)| selection.has(Group(record.group)))
            .map(|(number, _)| number)
    }

    /// The wanted non-empty records, by run; the longest run first, so that threads finish together.
    pub(crate) fn parts(&self, wanted: impl Fn(usize) -> bool) -> Vec<Part> {
        let mut records: Vec<usize> = (0..self.index.records.len())
            .filter(|&record| wanted(record) && self.index.records[record].run != NO_RUN)
            .collect();
        let place = |record: &usize| {
            (
                self.index.records[*record].run,
                self.index.records[*record].offset,
            )
        };
        records.sort_by_key(place);
        let mut parts: Vec<Part> = Vec::new();
        for number in records {
            let record = &self.index.records[number];
            let run = record.run as usize;
            if parts.last().is_none_or(|part| part.run != run) {
                parts.push(Part {
                    run,
                    ranges: Vec::new(),
                });
            }
            let Some(part) = parts.last_mut() else {
                continue;
            };
            match part.ranges.last_mut() {
                Some(range) if range.offset == record.offset => range.records.push(number),
                _ => part.ranges.push(Place {
                    offset: record.offset,
                    length: record.length,
                    digest: record.digest,
                    filtered: record.filtered,
                    records: vec![number],
                }),
            }
        }
        parts.sort_by_key(|part| std::cmp::Reverse(self.index.runs[part.run].raw));
        parts
    }

    pub(crate) fn decoder(&self, name: &str) -> Result<Decoder<'_>, ReadError> {
        let unpacker = Unpacker::new().map_err(|source| ReadError::Io {
            name: name.to_owned(),
            source,
        })?;
        Ok(Decoder {
            archive: self,
            unpacker,
        })
    }
}

/// Unpacks runs, from their start to the last place that is wanted.
pub(crate) struct Decoder<'a> {
    archive: &'a Inner,
    unpacker: Unpacker,
}

impl Decoder<'_> {
    pub(crate) fn part<S: Sink>(&mut self, part: &Part, sink: &mut S) -> Result<(), S::Error> {
        let archive = self.archive;
        let mut walk = Walk {
            archive,
            places: part.ranges.iter(),
            place: None,
            open: None,
            at: 0,
        };
        walk.place = walk.places.next();
        let last = part
            .ranges
            .first()
            .map_or(METADATA, |place| archive.place_name(place))
            .to_owned();
        let failed = |source| {
            S::Error::from(ReadError::Io {
                name: last.clone(),
                source,
            })
        };
        let location = &archive.location;
        for chunk in &archive.index.chunks[archive.index.runs[part.run].chunks.clone()] {
            let end = walk.at + u64::from(chunk.raw);
            if walk.place.is_some_and(|place| place.offset >= end) {
                walk.at = end;
                continue;
            }
            let unpacked = self.unpacker.unpack(
                (&*location.source, location.base),
                chunk,
                &failed,
                &mut |piece| walk.piece(piece, sink),
            )?;
            if unpacked.is_break() {
                return Ok(());
            }
        }
        // `Index::parse` has checked that every place lies in its run.
        Err(failed(io::ErrorKind::UnexpectedEof.into()))
    }
}

/// Goes through a run's raw bytes and hands the wanted places to a sink.
struct Walk<'a> {
    archive: &'a Inner,
    places: std::slice::Iter<'a, Place>,
    place: Option<&'a Place>,
    /// The state of the place whose bytes have begun.
    open: Option<(blake3::Hasher, Option<Unfilter>)>,
    /// Where in the run the next piece starts.
    at: u64,
}

impl Walk<'_> {
    fn piece<S: Sink>(&mut self, piece: &[u8], sink: &mut S) -> Result<ControlFlow<()>, S::Error> {
        let start = self.at;
        let end = start + piece.len() as u64;
        self.at = end;
        while let Some(place) = self.place.filter(|place| place.offset < end) {
            if self.open.is_none() {
                sink.begin(place)?;
            }
            let place_end = place.offset + place.length;
            // Both are at most the piece's length, which is a usize.
            let bytes = &piece
                [(place.offset.max(start) - start) as usize..(place_end.min(end) - start) as usize];
            let (digest, unfilter) = self.open.get_or_insert_with(|| {
                (
                    blake3::Hasher::new(),
                    place.filtered.then(|| Unfilter::new(place.length)),
                )
            });
            let mut take = |bytes: &[u8]| {
                digest.update(bytes);
                sink.data(bytes)
            };
            match unfilter {
                Some(unfilter) => unfilter.push(bytes, &mut take)?,
                None => take(bytes)?,
            }
            if place_end > end {
                break;
            }
            if let Some(unfilter) = unfilter.take() {
                unfilter.finish(&mut take)?;
            }
            if digest.finalize().as_bytes() != place.digest.as_bytes() {
                return Err(ReadError::Digest {
                    name: self.archive.place_name(place).to_owned(),
                }
                .into());
            }
            sink.end()?;
            self.open = None;
            self.place = self.places.next();
        }
        Ok(if self.place.is_none() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }
}

struct Contents(Vec<u8>);

impl Sink for Contents {
    type Error = ReadError;

    fn begin(&mut self, place: &Place) -> Result<(), ReadError> {
        // Only a hint: the length comes from the archive, and a lie must not allocate it.
        self.0
            .reserve(usize::try_from(place.length).unwrap_or(0).min(64 << 20));
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<(), ReadError> {
        Ok(())
    }
}

struct Nowhere;

impl Sink for Nowhere {
    type Error = ReadError;

    fn begin(&mut self, _: &Place) -> Result<(), ReadError> {
        Ok(())
    }

    fn data(&mut self, _: &[u8]) -> Result<(), ReadError> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), ReadError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_errors_are_small() {
        assert!(size_of::<ReadError>() <= 64);
        assert!(size_of::<MetadataError>() <= 64);
        assert!(size_of::<VerifyError>() <= 64);
    }
}
