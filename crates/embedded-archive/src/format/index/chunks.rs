//! Frames, their chunks, and the runs that these form.

use std::collections::HashMap;
use std::ops::Range;

use super::super::codec::Codec;
use super::super::{Cursor, Damage};

/// In the place of a codec: the chunk goes on with a frame that an earlier one began.
pub(super) const CONTINUED: u8 = 2;
/// How many frames of a run may be begun and not ended at one place; each takes memory while the run is unpacked.
const MAX_LANES: usize = 4;

/// Packed bytes, unpacked from their start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) offset: u64,
    pub(crate) packed: u32,
    /// The lengths of its chunks, added up.
    pub(crate) raw: u64,
    pub(crate) codec: Codec,
}

/// Consecutive raw bytes of a run: a whole frame, or what comes next of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// The frame's number. Frames are numbered in the order of their first chunks.
    pub(crate) frame: usize,
    pub(crate) raw: u32,
}

/// Consecutive chunks whose raw bytes, joined, hold one large file or several small ones.
///
/// Chunks of several frames may alternate, so that the like parts of several files are packed together, and several
/// threads can unpack one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) chunks: Range<usize>,
    pub(crate) raw: u64,
}

/// Reads the chunk table; only in a woven archive may a frame have several chunks.
pub(super) fn parse(
    body: &mut Cursor<'_>,
    count: u32,
    woven: bool,
) -> Result<(Vec<Frame>, Vec<Chunk>), Damage> {
    let mut frames: Vec<Frame> = Vec::with_capacity(count as usize);
    let mut chunks = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let (Some(offset), Some(packed), Some(raw), Some(codec), Some(_)) =
            (body.u64(), body.u32(), body.u32(), body.u8(), body.bytes(7))
        else {
            return Err(Damage::Index("it is too short"));
        };
        let frame = match Codec::from_byte(codec) {
            Some(codec) => {
                frames.push(Frame {
                    offset,
                    packed,
                    raw: 0,
                    codec,
                });
                frames.len() - 1
            }
            None if woven && codec == CONTINUED && packed == 0 => {
                usize::try_from(offset).map_err(|_| Damage::Index("a chunk's frame"))?
            }
            None => return Err(Damage::Index("a chunk's codec")),
        };
        let known = frames
            .get_mut(frame)
            .ok_or(Damage::Index("a chunk's frame"))?;
        known.raw += u64::from(raw);
        if raw == 0 {
            return Err(Damage::Index("a chunk's length"));
        }
        chunks.push(Chunk { frame, raw });
    }
    for frame in &frames {
        let packed = u64::from(frame.packed);
        if packed == 0 || packed > frame.raw {
            return Err(Damage::Index("a frame's lengths"));
        }
        if frame.codec == Codec::Stored && packed != frame.raw {
            return Err(Damage::Index("a stored frame's lengths"));
        }
    }
    Ok((frames, chunks))
}

/// The lane of each chunk of a run: frames that are open at once have lanes of their own, others share one. `None` when
/// there are too many.
pub(crate) fn lanes(chunks: &[Chunk]) -> Option<Vec<usize>> {
    let last: HashMap<usize, usize> = chunks
        .iter()
        .enumerate()
        .map(|(number, chunk)| (chunk.frame, number))
        .collect();
    let mut open = [None; MAX_LANES];
    let lane = |(number, chunk): (usize, &Chunk)| {
        let own = open.iter().position(|frame| *frame == Some(chunk.frame));
        let lane = own.or_else(|| open.iter().position(Option::is_none))?;
        open[lane] = (last.get(&chunk.frame) != Some(&number)).then_some(chunk.frame);
        Some(lane)
    };
    chunks.iter().enumerate().map(lane).collect()
}

/// Runs partition the chunks in order.
pub(super) fn parse_runs(
    body: &mut Cursor<'_>,
    count: u32,
    chunks: &[Chunk],
) -> Result<Vec<Run>, Damage> {
    let mut runs = Vec::with_capacity(count as usize);
    let mut next = 0;
    // How many frames the runs so far have begun.
    let mut begun = 0;
    for _ in 0..count {
        let (Some(first), Some(length)) = (body.u32(), body.u32()) else {
            return Err(Damage::Index("it is too short"));
        };
        let (first, length) = (first as usize, length as usize);
        let part = chunks.get(first..).and_then(|rest| rest.get(..length));
        let Some(part) = part.filter(|part| first == next && !part.is_empty()) else {
            return Err(Damage::Index("a run's chunks"));
        };
        next = first + length;
        let before = begun;
        for chunk in part {
            if chunk.frame < before {
                return Err(Damage::Index("a frame of two runs"));
            }
            begun = begun.max(chunk.frame + 1);
        }
        if lanes(part).is_none() {
            return Err(Damage::Limit("the number of frames that are open at once"));
        }
        runs.push(Run {
            chunks: first..next,
            raw: part.iter().map(|chunk| u64::from(chunk.raw)).sum(),
        });
    }
    if next != chunks.len() {
        return Err(Damage::Index("a chunk belongs to no run"));
    }
    Ok(runs)
}
