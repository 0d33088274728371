//! How a frame's bytes are packed.
use std::io;
use std::ops::Range;

use zstd::bulk::Compressor;
use zstd::stream::raw::{CParameter, DParameter, Decoder, InBuffer, Operation as _, OutBuffer};
use zstd::zstd_safe::Strategy;

use super::index::Frame;
use crate::source::Source;

/// The logarithm of the longest distance that a frame may refer back: 16 MiB, the memory a decoder needs.
const WINDOW_LOG: u32 = 24;
/// How much is unpacked before it is handed on: it then still lies in the processor's cache.
pub(crate) const PIECE: usize = 256 << 10;
/// How many packed bytes are read at a time. What a piece leaves of them is read again.
const PACKED: usize = 64 << 10;

/// How a frame is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Codec {
    /// As it is.
    Stored = 0,
    /// One frame of zstd (RFC 8878) with a window of at most 16 MiB.
    Zstd = 1,
}

impl Codec {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Stored, Self::Zstd]
            .into_iter()
            .find(|codec| *codec as u8 == byte)
    }
}

/// From this level on zstd's encoder looks for matches of three bytes.
const SHORT_MATCHES: i32 = 18;
/// The least length of a match in the packing that is unpacked faster.
const LONG_MATCH: u32 = 5;
/// That packing is taken if it is at most this part of the other one longer.
const FASTER_MAY_COST: usize = 40;

/// Packs frames; one for each thread.
pub(crate) struct Packer {
    shortest: Compressor<'static>,
    /// Finds fewer and longer matches. Unpacking takes a time for each of them, whatever their length.
    faster: Option<Compressor<'static>>,
}

impl Packer {
    pub(crate) fn new(level: i32) -> io::Result<Self> {
        let compressor = || {
            let mut compressor = Compressor::new(level)?;
            compressor.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
            if level >= SHORT_MATCHES {
                // The level's own strategy makes frames shorter by less than a hundredth; this one also counts what far
                // and many matches cost those who unpack (zstd's `ZSTD_getMatchPrice`).
                compressor.set_parameter(CParameter::Strategy(Strategy::ZSTD_btopt))?;
            }
            // The index holds a digest already.
            compressor.include_checksum(false)?;
            compressor.include_dictid(false)?;
            Ok::<_, io::Error>(compressor)
        };
        let mut faster = None;
        if level >= SHORT_MATCHES {
            let compressor = faster.insert(compressor()?);
            compressor.set_parameter(CParameter::MinMatch(LONG_MATCH))?;
        }
        Ok(Self {
            shortest: compressor()?,
            faster,
        })
    }

    /// The packing of `raw`, which is not empty, that is shortest, or nearly so and unpacked faster.
    pub(crate) fn pack(&mut self, raw: &[u8]) -> io::Result<(Codec, Vec<u8>)> {
        let mut packed = self.shortest.compress(raw)?;
        if let Some(faster) = &mut self.faster {
            let other = faster.compress(raw)?;
            if other.len() <= packed.len() + packed.len() / FASTER_MAY_COST {
                packed = other;
            }
        }
        Ok(if packed.len() < raw.len() {
            (Codec::Zstd, packed)
        } else {
            (Codec::Stored, raw.to_vec())
        })
    }
}

/// Unpacks frames, one after the other. It keeps its buffers: fresh pages cost a fifth of the time.
#[derive(Default)]
pub(crate) struct Unpacker {
    /// Made when the first frame needs it.
    decoder: Option<Decoder<'static>>,
    packed: Vec<u8>,
    /// The frame that is unpacked; `None` before the first one.
    frame: Option<Open>,
}

/// How far a frame is unpacked.
struct Open {
    codec: Codec,
    /// The packed bytes that are left, counted from the start of the archive.
    packed: Range<u64>,
    /// How many raw bytes are still asked for.
    wanted: u64,
    /// Whether all of the frame is asked for, so that it must end with the last of them.
    whole: bool,
    /// Whether the decoder has seen the end.
    ended: bool,
}

impl Unpacker {
    /// Goes to the start of a frame of which `wanted` raw bytes are asked for.
    pub(crate) fn start(&mut self, frame: &Frame, wanted: u64) -> io::Result<()> {
        if let Some(decoder) = &mut self.decoder {
            decoder.reinit()?;
        }
        self.frame = Some(Open {
            codec: frame.codec,
            packed: frame.offset..frame.offset + u64::from(frame.packed),
            wanted,
            whole: wanted == frame.raw,
            ended: false,
        });
        Ok(())
    }

    /// Forgets the frame and keeps the buffers.
    pub(crate) fn stop(&mut self) {
        self.frame = None;
    }

    /// Replaces what is in `raw` by what comes next: as much as it has memory for, or less at the end of what is wanted,
    /// then nothing.
    ///
    /// A frame that yields another length than the index says is an error, found before a byte too many is handed on.
    pub(crate) fn read(&mut self, source: (&dyn Source, u64), raw: &mut Vec<u8>) -> io::Result<()> {
        raw.clear();
        let Some(open) = &self.frame else {
            return Ok(());
        };
        let (wanted, whole) = (
            usize::try_from(open.wanted).unwrap_or(usize::MAX),
            open.whole,
        );
        while raw.len() < raw.capacity().min(wanted) {
            if self.step(source, raw)? == 0 {
                return Err(wrong_length());
            }
        }
        let last = raw.len() >= wanted && !raw.is_empty();
        if last
            && whole
            && (raw.len() > wanted || self.step(source, &mut Vec::with_capacity(1))? > 0)
        {
            return Err(wrong_length());
        }
        raw.truncate(wanted);
        if let Some(open) = &mut self.frame {
            open.wanted -= raw.len() as u64;
            if last && whole && !(open.ended && open.packed.is_empty()) {
                return Err(wrong_length());
            }
        }
        Ok(())
    }

    /// Unpacks some bytes to the memory behind those in `raw`; none only at the end, or where the frame has none any more.
    fn step(&mut self, (source, base): (&dyn Source, u64), raw: &mut Vec<u8>) -> io::Result<usize> {
        let Some(open) = &mut self.frame else {
            return Ok(0);
        };
        let before = raw.len();
        while !open.ended {
            // At most PACKED, so it fits a usize.
            let length = (open.packed.end - open.packed.start).min(PACKED as u64) as usize;
            let place = base + open.packed.start;
            let packed = source.bytes_at(place, length, &mut self.packed)?;
            let consumed = match open.codec {
                Codec::Stored => {
                    let produced = length.min(raw.capacity() - before);
                    raw.extend_from_slice(&packed[..produced]);
                    open.ended =
                        length == produced && open.packed.end == open.packed.start + length as u64;
                    produced
                }
                Codec::Zstd => {
                    let decoder = match &mut self.decoder {
                        Some(decoder) => decoder,
                        none => none.insert(decoder()?),
                    };
                    let mut input = InBuffer::around(packed);
                    let mut output = OutBuffer::around_pos(raw, before);
                    open.ended = decoder.run(&mut input, &mut output)? == 0;
                    input.pos()
                }
            };
            open.packed.start += consumed as u64;
            if raw.len() > before {
                return Ok(raw.len() - before);
            }
            if consumed == 0 && !open.ended {
                return Err(wrong_length());
            }
        }
        Ok(0)
    }
}

fn decoder() -> io::Result<Decoder<'static>> {
    let mut decoder = Decoder::new()?;
    decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
    Ok(decoder)
}

fn wrong_length() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "a frame of another length than the index says",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(codec: Codec, packed: &[u8], raw: usize) -> io::Result<Vec<u8>> {
        let frame = Frame {
            offset: 3,
            packed: packed.len() as u32,
            raw: raw as u64,
            codec,
        };
        let source = [b"abc", packed, b"trailing"].concat();
        let mut unpacker = Unpacker::default();
        unpacker.start(&frame, frame.raw)?;
        let (mut bytes, mut piece) = (Vec::new(), Vec::with_capacity(PIECE));
        loop {
            unpacker.read((&source, 0), &mut piece)?;
            if piece.is_empty() {
                return Ok(bytes);
            }
            bytes.extend_from_slice(&piece);
        }
    }

    #[test]
    fn frames_come_back_whatever_is_in_them() {
        let noise: Vec<u8> = (0..5000_u32)
            .flat_map(|n| blake3::hash(&n.to_le_bytes()).as_bytes()[..3].to_vec())
            .collect();
        let text: Vec<u8> = (0..2_000_000_u32)
            .map(|n| (n.isqrt() % 251) as u8)
            .collect();
        let cases = [
            (vec![7; 10_000], Codec::Zstd),
            (b"x".to_vec(), Codec::Stored),
            (noise, Codec::Stored),
        ];
        let pieces =
            [PIECE - 1, PIECE, PIECE + 1, 4 * PIECE].map(|length| (vec![1; length], Codec::Zstd));
        for (raw, codec) in cases.into_iter().chain(pieces).chain([(text, Codec::Zstd)]) {
            let (chosen, packed) = Packer::new(9).unwrap().pack(&raw).unwrap();
            assert_eq!(chosen, codec);
            assert!(unpack(chosen, &packed, raw.len()).unwrap() == raw);
        }
    }

    #[test]
    fn a_frame_that_is_no_longer_for_it_is_packed_with_long_matches() {
        let digest = |n: u32| *blake3::hash(&n.to_le_bytes()).as_bytes();
        let repeated: Vec<[u8; 32]> = (0..40).map(digest).collect();
        let any = |n: u32| repeated[usize::from(digest(n)[0]) % 40];
        let lines = (0..4000).flat_map(any);
        // Words of three bytes between bytes that do not repeat.
        let words = |count| (0..count).flat_map(|n| [&any(n)[..3], &digest(n)[1..3]].concat());
        let cases = [
            (lines.chain(words(100)).collect::<Vec<u8>>(), true),
            (words(9000).collect(), false),
        ];
        for (raw, wanted) in cases {
            let mut packer = Packer::new(19).unwrap();
            let (codec, packed) = packer.pack(&raw).unwrap();
            assert!(unpack(codec, &packed, raw.len()).unwrap() == raw);
            let faster = packer.faster.as_mut().unwrap().compress(&raw).unwrap();
            let shortest = packer.shortest.compress(&raw).unwrap();
            assert!(faster != shortest);
            assert_eq!((packed == faster, packed == shortest), (wanted, !wanted));
        }
        assert!(Packer::new(9).unwrap().faster.is_none());
    }

    #[test]
    fn a_frame_of_another_length_is_an_error() {
        for raw in [1000, 2 * PIECE, 2 * PIECE + 17] {
            let (codec, packed) = Packer::new(3).unwrap().pack(&vec![7; raw]).unwrap();
            for length in [1, raw - 1, raw + 1, raw * 2] {
                assert!(unpack(codec, &packed, length).is_err(), "{raw} as {length}");
            }
            assert!(unpack(codec, &packed[..packed.len() - 1], raw).is_err());
            assert!(unpack(codec, &[&packed[..], &packed].concat(), raw).is_err());
        }
    }

    #[test]
    fn a_frame_that_asks_for_a_larger_window_is_refused() {
        let mut compressor = zstd::bulk::Compressor::new(1).unwrap();
        compressor.set_parameter(CParameter::WindowLog(27)).unwrap();
        compressor.include_contentsize(false).unwrap();
        let raw: Vec<u8> = (0..20_000_000_u32).map(|n| (n >> 12) as u8).collect();
        let packed = compressor.compress(&raw).unwrap();
        assert!(unpack(Codec::Zstd, &packed, raw.len()).is_err());
    }
}
