//! The parts of a run that are packed together: code with code, data with data.
//!
//! Two programs of one compiler share code and share data, but little of the one looks like the other. Packed apart, both
//! are as short as together, and several threads unpack them.
use std::borrow::Cow;
use std::ops::Range;

use crate::format::Cursor;

/// Runs from this length on are woven: below it, starting threads takes as long as unpacking.
const FROM: usize = 4 << 20;
/// The longest raw frame.
const FRAME: usize = 64 << 20;
/// How many kinds of bytes there are; the last one is what is neither code nor data.
const KINDS: usize = 3;

const PT_LOAD: u32 = 1;
const PF_X: u32 = 1;
const PF_W: u32 = 2;
/// A program header of 64-bit ELF.
const PROGRAM_HEADER: usize = 56;

/// The raw bytes of the frames of a run, and the frame and length of each of its chunks.
pub(super) type Woven<'a> = (Vec<Cow<'a, [u8]>>, Vec<(usize, u32)>);

/// Cuts a run, in which `files` are the places of machine code, into frames.
pub(super) fn weave<'a>(run: &'a [u8], files: &[Range<usize>]) -> Woven<'a> {
    if run.len() < FROM || files.is_empty() {
        return plain(run);
    }
    let mut streams: [Vec<u8>; KINDS] = Default::default();
    let mut frames: Vec<(usize, usize)> = Vec::new();
    let mut chunks: Vec<(usize, u32)> = Vec::new();
    for (kind, mut piece) in pieces(run, files) {
        while !piece.is_empty() {
            let stream = &mut streams[kind];
            let frame = (kind, stream.len() / FRAME);
            let length = piece.len().min(FRAME - stream.len() % FRAME);
            stream.extend_from_slice(&run[piece.start..][..length]);
            piece.start += length;
            let known = frames.iter().position(|known| *known == frame);
            let number = known.unwrap_or(frames.len());
            if known.is_none() {
                frames.push(frame);
            }
            match chunks.last_mut() {
                // Both are in one frame, so that the sum fits too.
                Some((last, sum)) if *last == number => *sum += length as u32,
                _ => chunks.push((number, length as u32)),
            }
        }
    }
    let raw = |(kind, part): &(usize, usize)| {
        let stream: &Vec<u8> = &streams[*kind];
        let end = stream.len().min((part + 1) * FRAME);
        Cow::Owned(stream[part * FRAME..end].to_vec())
    };
    (frames.iter().map(raw).collect(), chunks)
}

fn plain(run: &[u8]) -> Woven<'_> {
    let frames: Vec<Cow<'_, [u8]>> = run.chunks(FRAME).map(Cow::Borrowed).collect();
    let chunks = frames.iter().map(|frame| frame.len() as u32).enumerate();
    let chunks = chunks.collect();
    (frames, chunks)
}

/// The run's bytes in order, each piece with its kind.
fn pieces(run: &[u8], files: &[Range<usize>]) -> Vec<(usize, Range<usize>)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for file in files {
        for (kind, segment) in segments(&run[file.clone()]) {
            let segment = file.start + segment.start..file.start + segment.end;
            if segment.start >= at && segment.end <= file.end && !segment.is_empty() {
                pieces.push((KINDS - 1, at..segment.start));
                at = segment.end;
                pieces.push((kind, segment));
            }
        }
    }
    pieces.push((KINDS - 1, at..run.len()));
    pieces
}

/// Where in an ELF file what is executed and what is written to is loaded from (elf(5)); nothing if that makes no sense.
fn segments(file: &[u8]) -> Vec<(usize, Range<usize>)> {
    let headers = || {
        let offset = usize::try_from(Cursor(file.get(0x20..)?).u64()?).ok()?;
        let count = usize::from(Cursor(file.get(0x38..)?).u16()?);
        let table = file.get(offset..)?.get(..count * PROGRAM_HEADER)?;
        Some(table.chunks_exact(PROGRAM_HEADER))
    };
    let segment = |header: &[u8]| {
        let mut cursor = Cursor(header);
        let (kind, flags, offset) = (cursor.u32()?, cursor.u32()?, cursor.u64()?);
        cursor.bytes(16)?;
        let length = cursor.u64()?;
        let kind = match (kind, flags & PF_X, flags & PF_W) {
            (PT_LOAD, PF_X, _) => 0,
            (PT_LOAD, 0, PF_W) => 1,
            _ => return None,
        };
        let end = offset.checked_add(length)?;
        Some((
            kind,
            usize::try_from(offset).ok()?..usize::try_from(end).ok()?,
        ))
    };
    let mut segments: Vec<_> = headers()
        .into_iter()
        .flatten()
        .filter_map(segment)
        .collect();
    segments.sort_by_key(|(_, place)| place.start);
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF header and two program headers, then bytes up to `length`.
    fn program(length: usize, code: Range<u64>, data: Range<u64>) -> Vec<u8> {
        let mut file = vec![0; 64];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[0x20] = 64;
        file[0x38] = 2;
        for (flags, place) in [(PF_X, code), (PF_W, data)] {
            let mut header = [PT_LOAD.to_le_bytes(), (flags | 4).to_le_bytes()].concat();
            header.extend(place.start.to_le_bytes());
            header.extend([0; 16]);
            header.extend((place.end - place.start).to_le_bytes());
            header.resize(PROGRAM_HEADER, 0);
            file.extend(header);
        }
        file.resize(length, 7);
        file
    }

    fn unwoven(run: &[u8], files: &[Range<usize>]) -> (usize, Vec<u8>) {
        let (frames, chunks) = weave(run, files);
        let mut rest: Vec<&[u8]> = frames.iter().map(|frame| &frame[..]).collect();
        let mut back = Vec::new();
        for (frame, length) in chunks {
            let (head, tail) = rest[frame].split_at(length as usize);
            back.extend_from_slice(head);
            rest[frame] = tail;
        }
        assert!(rest.iter().all(|frame| frame.is_empty()));
        (frames.len(), back)
    }

    #[test]
    fn code_and_data_of_two_programs_come_apart_and_together_again() {
        let one = program(FROM, 1000..5000, 6000..9000);
        let two = program(50_000, 300..20_000, 20_000..30_000);
        let mut run = [&one[..], b"text between", &two].concat();
        for (number, byte) in run.iter_mut().enumerate().skip(2 * FROM / 3) {
            *byte ^= (number % 251) as u8;
        }
        let second = one.len() + 12;
        run[second..].copy_from_slice(&two);
        let files = [0..one.len(), second..second + two.len()];
        let (frames, back) = unwoven(&run, &files);
        assert_eq!(frames, 3);
        assert!(back == run);
        let (code, data) = (4000 + 19_700, 3000 + 10_000);
        let lengths: Vec<usize> = weave(&run, &files)
            .0
            .iter()
            .map(|frame| frame.len())
            .collect();
        assert_eq!(lengths, [run.len() - code - data, code, data]);
    }

    #[test]
    fn headers_that_make_no_sense_lose_nothing() {
        for (code, data) in [
            (0..u64::MAX, 1..2),
            (u64::MAX - 1..u64::MAX, 0..0),
            (1000..9000, 2000..3000),
            (FROM as u64 - 5..FROM as u64 + 5, 200..300),
        ] {
            let run = program(FROM + 100, code, data);
            assert!(unwoven(&run, std::slice::from_ref(&(0..FROM))).1 == run);
            let short = &run[..100];
            assert!(segments(short).is_empty());
        }
    }

    #[test]
    fn short_runs_and_runs_without_code_are_one_frame() {
        let run = program(FROM, 1000..5000, 6000..9000);
        assert_eq!(unwoven(&run, &[]).0, 1);
        assert_eq!(
            unwoven(&run[1..], std::slice::from_ref(&(0..FROM - 1))).0,
            1
        );
    }
}
