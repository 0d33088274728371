//! How a chunk's bytes are packed.
use std::io;
use std::ops::ControlFlow;

use zstd::stream::raw::{CParameter, DParameter, Decoder, InBuffer, Operation as _, OutBuffer};

use super::index::Chunk;
use crate::source::Source;

/// The logarithm of the longest distance that a chunk may refer back: 16 MiB, the memory a decoder needs.
const WINDOW_LOG: u32 = 24;
/// How much is unpacked before it is handed on: it then still lies in the processor's cache.
const PIECE: usize = 256 << 10;

/// How a chunk is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Codec {
    /// As it is.
    Stored = 0,
    /// One zstd frame (RFC 8878) with a window of at most 16 MiB.
    Zstd = 1,
}

impl Codec {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Stored, Self::Zstd]
            .into_iter()
            .find(|codec| *codec as u8 == byte)
    }
}

/// Packs chunks; one for each thread.
pub(crate) struct Packer(zstd::bulk::Compressor<'static>);

impl Packer {
    pub(crate) fn new(level: i32) -> io::Result<Self> {
        let mut compressor = zstd::bulk::Compressor::new(level)?;
        compressor.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
        // The index holds a digest already.
        compressor.include_checksum(false)?;
        compressor.include_dictid(false)?;
        Ok(Self(compressor))
    }

    /// The shortest packing of `raw`, which is not empty.
    pub(crate) fn pack(&mut self, raw: &[u8]) -> io::Result<(Codec, Vec<u8>)> {
        let packed = self.0.compress(raw)?;
        Ok(if packed.len() < raw.len() {
            (Codec::Zstd, packed)
        } else {
            (Codec::Stored, raw.to_vec())
        })
    }
}

/// Takes the next piece of raw bytes.
type Take<'a, E> = dyn FnMut(&[u8]) -> Result<ControlFlow<()>, E> + 'a;

/// Unpacks chunks; one for each thread. It keeps its buffers: fresh pages cost a fifth of the time.
#[derive(Default)]
pub(crate) struct Unpacker {
    /// Made when the first chunk needs it.
    decoder: Option<Decoder<'static>>,
    packed: Vec<u8>,
    raw: Vec<u8>,
}

impl Unpacker {
    /// Hands the raw bytes of a chunk to `each`, piece by piece, until that breaks off.
    ///
    /// A frame that yields another length than the index says is an error, found before a byte too many is handed on.
    pub(crate) fn unpack<E>(
        &mut self,
        (source, base): (&dyn Source, u64),
        chunk: &Chunk,
        failed: &dyn Fn(io::Error) -> E,
        each: &mut Take<'_, E>,
    ) -> Result<ControlFlow<()>, E> {
        let (mut place, end) = (
            base + chunk.offset,
            base + chunk.offset + u64::from(chunk.packed),
        );
        let mut left = chunk.raw as usize;
        let mut decoder = match chunk.codec {
            Codec::Stored => None,
            Codec::Zstd => {
                self.raw.resize(PIECE, 0);
                Some(begin(&mut self.decoder).map_err(failed)?)
            }
        };
        let mut ended = false;
        while place < end {
            // At most PIECE, so it fits a usize.
            let length = (end - place).min(PIECE as u64) as usize;
            let packed = source
                .bytes_at(place, length, &mut self.packed)
                .map_err(failed)?;
            place += length as u64;
            let Some(decoder) = &mut decoder else {
                left -= length;
                if each(packed)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                continue;
            };
            let mut input = InBuffer::around(packed);
            loop {
                let mut output = OutBuffer::around(&mut self.raw[..]);
                if ended {
                    return Err(failed(wrong_length()));
                }
                ended = decoder.run(&mut input, &mut output).map_err(failed)? == 0;
                let produced = output.pos();
                left = left
                    .checked_sub(produced)
                    .ok_or_else(|| failed(wrong_length()))?;
                if produced > 0 && each(&self.raw[..produced])?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                // A full output may hide more; otherwise the input is used up.
                if input.pos() == packed.len() && (produced < PIECE || ended) {
                    break;
                }
            }
        }
        if left != 0 || (decoder.is_some() && !ended) {
            return Err(failed(wrong_length()));
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// A decoder at the start of a frame.
fn begin<'a>(kept: &'a mut Option<Decoder<'static>>) -> io::Result<&'a mut Decoder<'static>> {
    match kept {
        Some(decoder) => {
            decoder.reinit()?;
            Ok(decoder)
        }
        none => {
            let mut decoder = Decoder::new()?;
            decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
            Ok(none.insert(decoder))
        }
    }
}

fn wrong_length() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "a chunk of another length than its index says",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(codec: Codec, packed: &[u8], raw: usize) -> io::Result<Vec<u8>> {
        let chunk = Chunk {
            offset: 3,
            packed: packed.len() as u32,
            raw: raw as u32,
            codec,
        };
        let source = [b"abc", packed, b"trailing"].concat();
        let mut bytes = Vec::new();
        let done =
            Unpacker::default().unpack((&source, 0), &chunk, &|error| error, &mut |piece| {
                bytes.extend_from_slice(piece);
                Ok(ControlFlow::Continue(()))
            })?;
        assert_eq!(done, ControlFlow::Continue(()));
        Ok(bytes)
    }

    #[test]
    fn chunks_come_back_whatever_is_in_them() {
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
