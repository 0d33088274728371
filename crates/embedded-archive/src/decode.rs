//! From packed frames to the contents of files: which runs to read, and the walk through one.

mod lane;

use std::io;
use std::ops::ControlFlow;
use std::thread;

use crate::archive::Inner;
use crate::format::branch::Unfilter;
use crate::format::codec::Unpacker;
use crate::format::index::NO_RUN;
use crate::group::Selection;
use crate::read::{Contents, ReadError};
use crate::{Digest, Group};
use lane::{Lane, Pieces, Plan};

/// The name that errors give to metadata.
pub(crate) const METADATA: &str = "(metadata)";

/// From this length on a run is worth threads of its own.
const LONG: u64 = 4 << 20;

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
            spare: Vec::new(),
        }
    }
}

/// Unpacks runs, from their start to the last place that is wanted.
pub(crate) struct Decoder<'a> {
    archive: &'a Inner,
    /// Of runs that are done, for their buffers.
    spare: Vec<Unpacker>,
}

impl Decoder<'_> {
    /// Unpacks what is wanted of a run.
    pub(crate) fn part<S: Sink>(&mut self, part: &Part, sink: &mut S) -> Result<(), S::Error> {
        let plan = Plan::new(self.archive, part);
        let mut lanes: Vec<_> = plan
            .lanes
            .iter()
            .map(|frames| {
                let unpacker = self.spare.pop().unwrap_or_default();
                Lane::new(self.archive, unpacker, frames).buffered()
            })
            .collect();
        let done = self.walk(part, &plan, &mut lanes, sink);
        let unpackers = lanes.into_iter().map(lane::Buffered::into_unpacker);
        self.spare.extend(unpackers);
        done
    }

    /// As [`Decoder::part`]; if there may be several threads and the run is long, one for each of its lanes unpacks, while
    /// this one digests and writes.
    ///
    /// The longest run decides how long an extraction takes.
    pub(crate) fn part_with_threads<S: Sink>(
        &mut self,
        part: &Part,
        threads: usize,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        if threads < 2 || self.archive.index.runs[part.run].raw < LONG {
            return self.part(part, sink);
        }
        let plan = Plan::new(self.archive, part);
        thread::scope(|scope| {
            let mut lanes: Vec<_> = plan
                .lanes
                .iter()
                .map(|frames| lane::in_thread(scope, self.archive, frames))
                .collect();
            self.walk(part, &plan, &mut lanes, sink)
        })
    }

    /// Puts a run together from its lanes.
    fn walk<S: Sink>(
        &self,
        part: &Part,
        plan: &Plan,
        lanes: &mut [impl Pieces],
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let failed = |source| self.archive.read_failed(part, source);
        let mut walk = Walk::new(self.archive, part);
        for step in &plan.steps {
            let Some(lane) = step.lane else {
                walk.at += step.length;
                continue;
            };
            let mut left = step.length;
            while left > 0 {
                let bytes = lanes[lane].next(left).map_err(failed)?;
                if bytes.is_empty() {
                    return Err(failed(io::ErrorKind::UnexpectedEof.into()).into());
                }
                left -= bytes.len() as u64;
                if walk.piece(bytes, sink)?.is_break() {
                    return Ok(());
                }
            }
        }
        // `Index::parse` has checked that every place lies in its run.
        Err(failed(io::ErrorKind::UnexpectedEof.into()).into())
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

    fn piece<S: Sink>(
        &mut self,
        piece: &mut [u8],
        sink: &mut S,
    ) -> Result<ControlFlow<()>, S::Error> {
        let start = self.at;
        let end = start + piece.len() as u64;
        self.at = end;
        while let Some(place) = self.place.filter(|place| place.offset < end) {
            if self.open.is_none() {
                sink.begin(place)?;
            }
            let place_end = place.offset + place.length;
            // Both are at most the piece's length, which is a usize.
            let bytes = &mut piece
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
