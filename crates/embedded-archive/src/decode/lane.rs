//! The lanes of a run: frames one after the other, unpacked where they are asked for or in a thread of their own.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::{self, Scope};

use super::Part;
use crate::archive::Inner;
use crate::format::codec::{PIECE, Unpacker};
use crate::format::index;

/// How many pieces of a lane may wait for the thread that takes them.
const WAITING: usize = 12;

/// A frame, and how many of its raw bytes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    frame: usize,
    wanted: u64,
}

/// How the wanted bytes of a run come out of its frames.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) lanes: Vec<Spans>,
}

/// What a lane unpacks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Spans(Vec<Span>);

impl Spans {
    /// How large a buffer to unpack to is worth while.
    fn piece(&self) -> usize {
        let wanted: u64 = self.0.iter().map(|span| span.wanted).sum();
        usize::try_from(wanted).unwrap_or(PIECE).min(PIECE)
    }
}

/// The next bytes of a run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) length: u64,
    /// Where they come from; `None` when nobody wants them.
    pub(super) lane: Option<usize>,
}

impl Plan {
    /// Leaves out the frames that hold nothing of the wanted places, and ends after the last of these.
    pub(super) fn new(archive: &Inner, part: &Part) -> Self {
        let chunks = &archive.index.chunks[archive.index.runs[part.run].chunks.clone()];
        let start = part.ranges.first().map_or(0, |place| place.offset);
        let end = part
            .ranges
            .last()
            .map_or(0, |place| place.offset + place.length);
        let mut at = 0;
        let mut spans: HashMap<usize, (u64, bool)> = HashMap::new();
        for chunk in chunks {
            if at >= end {
                break;
            }
            at += u64::from(chunk.raw);
            let (length, wanted) = spans.entry(chunk.frame).or_default();
            *length += u64::from(chunk.raw);
            *wanted |= at > start;
        }
        let mut plan = Self {
            steps: Vec::new(),
            lanes: Vec::new(),
        };
        // `Index::parse` has counted the lanes.
        let numbers = index::lanes(chunks).unwrap_or_default();
        for (chunk, lane) in chunks.iter().zip(numbers) {
            let Some((length, wanted)) = spans.get_mut(&chunk.frame) else {
                break;
            };
            if *wanted && *length > 0 {
                if plan.lanes.len() <= lane {
                    plan.lanes.resize_with(lane + 1, Spans::default);
                }
                plan.lanes[lane].0.push(Span {
                    frame: chunk.frame,
                    wanted: std::mem::take(length),
                });
            }
            plan.steps.push(Step {
                length: chunk.raw.into(),
                lane: wanted.then_some(lane),
            });
        }
        plan
    }
}

/// Unpacks the frames of a lane.
pub(super) struct Lane<'a> {
    archive: &'a Inner,
    pub(super) unpacker: Unpacker,
    piece: usize,
    spans: std::slice::Iter<'a, Span>,
}

impl<'a> Lane<'a> {
    pub(super) fn new(archive: &'a Inner, mut unpacker: Unpacker, spans: &'a Spans) -> Self {
        unpacker.stop();
        Self {
            archive,
            unpacker,
            piece: spans.piece(),
            spans: spans.0.iter(),
        }
    }

    /// With a buffer that is no longer than what there is: a page that is not touched costs nothing.
    pub(super) fn buffered(self) -> Buffered<'a> {
        Buffered {
            buffer: Vec::new(),
            lane: self,
            left: 0..0,
        }
    }

    /// Replaces what is in `raw` by what comes next, or the start of it with the end of a frame; by nothing at the end.
    fn read(&mut self, raw: &mut Vec<u8>) -> io::Result<()> {
        let location = &self.archive.location;
        loop {
            self.unpacker
                .read((&*location.source, location.base), raw)?;
            if !raw.is_empty() {
                return Ok(());
            }
            let Some(span) = self.spans.next() else {
                return Ok(());
            };
            let frame = &self.archive.index.frames[span.frame];
            self.unpacker.start(frame, span.wanted)?;
        }
    }
}

/// The raw bytes of a lane, one piece after the other.
pub(super) trait Pieces {
    /// The next bytes, at most `most` of them; nothing only at the end. Whoever takes them may change them.
    fn next(&mut self, most: u64) -> io::Result<&mut [u8]>;
}

impl<P: Pieces + ?Sized> Pieces for Box<P> {
    fn next(&mut self, most: u64) -> io::Result<&mut [u8]> {
        (**self).next(most)
    }
}

/// A lane that is unpacked where it is asked for.
pub(super) struct Buffered<'a> {
    lane: Lane<'a>,
    buffer: Vec<u8>,
    /// Where in the buffer the bytes are that nobody has taken yet.
    left: Range<usize>,
}

impl Buffered<'_> {
    /// The unpacker, for another lane.
    pub(super) fn into_unpacker(self) -> Unpacker {
        self.lane.unpacker
    }
}

impl Pieces for Buffered<'_> {
    fn next(&mut self, most: u64) -> io::Result<&mut [u8]> {
        if self.left.is_empty() {
            // Nothing but the first time.
            self.buffer.clear();
            self.buffer.try_reserve_exact(self.lane.piece)?;
            self.lane.read(&mut self.buffer)?;
            self.left = 0..self.buffer.len();
        }
        Ok(take(&mut self.buffer, &mut self.left, most))
    }
}

/// What the thread of a lane unpacks.
struct Received {
    filled: Receiver<io::Result<Vec<u8>>>,
    /// Takes the pieces back, for their memory.
    empty: Sender<Vec<u8>>,
    piece: Vec<u8>,
    /// Where in the piece the bytes are that nobody has taken yet.
    left: Range<usize>,
}

impl Pieces for Received {
    fn next(&mut self, most: u64) -> io::Result<&mut [u8]> {
        if self.left.is_empty() {
            let ended = |_| io::Error::from(io::ErrorKind::UnexpectedEof);
            let piece = self.filled.recv().map_err(ended)??;
            self.left = 0..piece.len();
            let _ = self.empty.send(std::mem::replace(&mut self.piece, piece));
        }
        Ok(take(&mut self.piece, &mut self.left, most))
    }
}

/// Takes at most `most` bytes from the start of those that are left.
fn take<'a>(buffer: &'a mut [u8], left: &mut Range<usize>, most: u64) -> &'a mut [u8] {
    let length = left.len().min(usize::try_from(most).unwrap_or(usize::MAX));
    let start = left.start;
    left.start += length;
    &mut buffer[start..][..length]
}

/// A lane with a thread of its own; without one, where the system refuses a thread.
pub(super) fn in_thread<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    archive: &'env Inner,
    spans: &'env Spans,
) -> Box<dyn Pieces + 'env> {
    let (full, filled) = sync_channel::<io::Result<Vec<u8>>>(WAITING);
    let (empty, emptied) = channel::<Vec<u8>>();
    let work = move || {
        let mut lane = Lane::new(archive, Unpacker::default(), spans);
        loop {
            let mut piece = emptied.try_recv().unwrap_or_default();
            // The first piece that comes back is the empty one that `Received` begins with.
            piece.clear();
            let room = piece.try_reserve_exact(PIECE).map_err(io::Error::from);
            let read = room.and_then(|()| lane.read(&mut piece));
            let ended = read.is_err() || piece.is_empty();
            // Whoever takes the pieces stops when it has all, or has failed.
            let sent = full.send(read.map(|()| piece));
            if ended || sent.is_err() {
                return;
            }
        }
    };
    let started = thread::Builder::new()
        .name("embedded-archive".into())
        .spawn_scoped(scope, work);
    match started {
        Ok(_) => Box::new(Received {
            filled,
            empty,
            piece: Vec::new(),
            left: 0..0,
        }),
        Err(_) => Box::new(Lane::new(archive, Unpacker::default(), spans).buffered()),
    }
}
