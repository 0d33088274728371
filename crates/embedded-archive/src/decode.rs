//! From packed chunks to the contents of files: which runs to read, and the walk through one.
use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc;
use std::thread;

use crate::archive::Inner;
use crate::format::branch::Unfilter;
use crate::format::codec::Unpacker;
use crate::format::index::NO_RUN;
use crate::group::Selection;
use crate::read::{Contents, ReadError};
use crate::{Digest, Group};

/// The name that errors give to metadata.
pub(crate) const METADATA: &str = "(metadata)";

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

    fn read_failed(&self, part: &Part, source: io::Error) -> ReadError {
        let name = part
            .ranges
            .first()
            .map_or(METADATA, |place| self.place_name(place))
            .to_owned();
        ReadError::Io { name, source }
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
            self.decoder().part(&part, &mut contents)?;
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

    pub(crate) fn decoder(&self) -> Decoder<'_> {
        Decoder {
            archive: self,
            unpacker: Unpacker::default(),
        }
    }
}

/// Unpacks runs, from their start to the last place that is wanted.
pub(crate) struct Decoder<'a> {
    archive: &'a Inner,
    unpacker: Unpacker,
}

/// How many pieces may wait between the two threads of [`Decoder::part_in_two`].
const WAITING: usize = 8;

impl Decoder<'_> {
    /// Unpacks what is wanted of a run.
    pub(crate) fn part<S: Sink>(&mut self, part: &Part, sink: &mut S) -> Result<(), S::Error> {
        let mut walk = Walk::new(self.archive, part);
        let wanted = part.ranges.first().map_or(0, |place| place.offset);
        self.pieces(part, wanted, &mut |piece| match piece {
            Piece::Bytes(bytes) => walk.piece(bytes, sink),
            Piece::Skipped(length) => {
                walk.at += length;
                Ok(ControlFlow::Continue(()))
            }
        })
    }

    /// As [`Decoder::part`], with one thread that unpacks and one that digests and writes.
    ///
    /// The longest run decides how long an extraction takes, and half of its work is not unpacking.
    pub(crate) fn part_in_two<S: Sink + Send>(
        &mut self,
        part: &Part,
        sink: &mut S,
    ) -> Result<(), S::Error>
    where
        S::Error: Send,
    {
        let (full, filled) = mpsc::sync_channel::<Vec<u8>>(WAITING);
        let (empty, emptied) = mpsc::channel::<Vec<u8>>();
        let mut walk = Walk::new(self.archive, part);
        thread::scope(|scope| {
            let walker = thread::Builder::new()
                .name("embedded-archive".into())
                .spawn_scoped(scope, move || {
                    for bytes in filled {
                        if walk.piece(&bytes, sink)?.is_break() {
                            break;
                        }
                        let _ = empty.send(bytes);
                    }
                    Ok(walk.place.is_none())
                });
            let walker = walker.map_err(|source| self.failed(part, source))?;
            let unpacked = self.pieces(part, 0, &mut |piece| {
                let Piece::Bytes(bytes) = piece else {
                    return Ok(ControlFlow::Continue(()));
                };
                let mut buffer = emptied.try_recv().unwrap_or_default();
                buffer.clear();
                buffer.extend_from_slice(bytes);
                // The walker stops taking pieces when it has all, or has failed.
                Ok(if full.send(buffer).is_ok() {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            });
            drop(full);
            match walker.join() {
                Ok(Ok(true)) => Ok(()),
                // The run ended early: why, the unpacking side knows.
                Ok(Ok(false)) => unpacked
                    .and_then(|()| Err(self.failed(part, io::ErrorKind::UnexpectedEof.into()))),
                Ok(Err(error)) => Err(error),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Hands on the raw bytes of a run until `each` breaks off; leaves out whole chunks before `wanted`.
    fn pieces<E: From<ReadError>>(
        &mut self,
        part: &Part,
        wanted: u64,
        each: &mut dyn FnMut(Piece<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let archive = self.archive;
        let failed = |source| archive.read_failed(part, source).into();
        let location = &archive.location;
        let mut end = 0;
        for chunk in &archive.index.chunks[archive.index.runs[part.run].chunks.clone()] {
            end += u64::from(chunk.raw);
            let done = if end <= wanted {
                each(Piece::Skipped(chunk.raw.into()))?
            } else {
                self.unpacker.unpack(
                    (&*location.source, location.base),
                    chunk,
                    &failed,
                    &mut |bytes| each(Piece::Bytes(bytes)),
                )?
            };
            if done.is_break() {
                return Ok(());
            }
        }
        // `Index::parse` has checked that every place lies in its run.
        Err(failed(io::ErrorKind::UnexpectedEof.into()))
    }

    fn failed<E: From<ReadError>>(&self, part: &Part, source: io::Error) -> E {
        self.archive.read_failed(part, source).into()
    }
}

/// What [`Decoder::pieces`] hands on.
enum Piece<'a> {
    Bytes(&'a [u8]),
    /// So many bytes were left out.
    Skipped(u64),
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

impl<'a> Walk<'a> {
    fn new(archive: &'a Inner, part: &'a Part) -> Self {
        let mut places = part.ranges.iter();
        let place = places.next();
        Self {
            archive,
            places,
            place,
            open: None,
            at: 0,
        }
    }

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
