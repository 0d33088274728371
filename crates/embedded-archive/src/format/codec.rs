//! How a chunk's bytes are packed.
use std::io;

/// How a chunk is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Codec {
    /// As it is.
    Stored = 0,
    /// One zstd frame (RFC 8878).
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
        // The index holds length and digest already.
        compressor.include_checksum(false)?;
        compressor.include_contentsize(false)?;
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

/// Unpacks chunks; one for each thread.
pub(crate) struct Unpacker(zstd::bulk::Decompressor<'static>);

impl Unpacker {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(zstd::bulk::Decompressor::new()?))
    }

    /// Fills `raw` from `packed`. A frame of any other length is an error: nothing is allocated, so a frame that lies
    /// about its size costs no memory.
    pub(crate) fn unpack(&mut self, codec: Codec, packed: &[u8], raw: &mut [u8]) -> io::Result<()> {
        let length = match codec {
            Codec::Stored => {
                if packed.len() == raw.len() {
                    raw.copy_from_slice(packed);
                }
                packed.len()
            }
            Codec::Zstd => self.0.decompress_to_buffer(packed, raw)?,
        };
        if length == raw.len() {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a chunk of another length than its index says",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_back_whatever_is_in_them() {
        let noise: Vec<u8> = (0..5000_u32)
            .flat_map(|n| blake3::hash(&n.to_le_bytes()).as_bytes()[..3].to_vec())
            .collect();
        for (raw, codec) in [
            (vec![7; 10_000], Codec::Zstd),
            (b"x".to_vec(), Codec::Stored),
            (noise, Codec::Stored),
        ] {
            let (chosen, packed) = Packer::new(9).unwrap().pack(&raw).unwrap();
            assert_eq!(chosen, codec);
            let mut back = vec![0; raw.len()];
            Unpacker::new()
                .unwrap()
                .unpack(chosen, &packed, &mut back)
                .unwrap();
            assert_eq!(back, raw);
        }
    }

    #[test]
    fn a_frame_of_another_length_is_an_error() {
        let (codec, packed) = Packer::new(3).unwrap().pack(&[7; 1000]).unwrap();
        for length in [0, 1, 999, 1001] {
            assert!(
                Unpacker::new()
                    .unwrap()
                    .unpack(codec, &packed, &mut vec![0; length])
                    .is_err(),
                "{length}"
            );
        }
    }
}
