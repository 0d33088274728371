//! Where an archive's bytes come from.
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// Bytes that can be read at any place: a file, a slice, or something of the caller's.
///
/// Positioned reads rather than a mapping: a mapping costs ten times as much when the file is not in the page cache,
/// and a file that shrinks under a mapping kills the process with SIGBUS (mmap(2)).
///
/// ```
/// use embedded_archive::Source;
///
/// let mut buffer = Vec::new();
/// assert_eq!(b"abcdef"[..].bytes_at(2, 3, &mut buffer).unwrap(), b"cde");
/// assert!(b"abc"[..].bytes_at(2, 3, &mut buffer).is_err());
/// ```
pub trait Source: Send + Sync + UnwindSafe + RefUnwindSafe {
    /// How many bytes there are.
    fn size(&self) -> io::Result<u64>;

    /// Reads exactly `length` bytes at `offset`, into `buffer` or from where they lie already.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when there are fewer bytes, and what reading gives.
    fn bytes_at<'a>(
        &'a self,
        offset: u64,
        length: usize,
        buffer: &'a mut Vec<u8>,
    ) -> io::Result<&'a [u8]>;
}

impl Source for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn bytes_at<'a>(
        &'a self,
        offset: u64,
        length: usize,
        buffer: &'a mut Vec<u8>,
    ) -> io::Result<&'a [u8]> {
        // The buffer only grows: clearing it for every chunk would write each byte twice.
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        let bytes = &mut buffer[..length];
        self.read_exact_at(bytes, offset)?;
        Ok(bytes)
    }
}

impl Source for [u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn bytes_at<'a>(
        &'a self,
        offset: u64,
        length: usize,
        _: &'a mut Vec<u8>,
    ) -> io::Result<&'a [u8]> {
        usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(length)?))
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Source for Vec<u8> {
    fn size(&self) -> io::Result<u64> {
        self[..].size()
    }

    fn bytes_at<'a>(
        &'a self,
        offset: u64,
        length: usize,
        buffer: &'a mut Vec<u8>,
    ) -> io::Result<&'a [u8]> {
        self[..].bytes_at(offset, length, buffer)
    }
}

impl Source for &'static [u8] {
    fn size(&self) -> io::Result<u64> {
        (**self).size()
    }

    fn bytes_at<'a>(
        &'a self,
        offset: u64,
        length: usize,
        buffer: &'a mut Vec<u8>,
    ) -> io::Result<&'a [u8]> {
        (**self).bytes_at(offset, length, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn files_and_slices_read_alike() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let mut buffer = vec![1; 20];
        let slice: &'static [u8] = b"0123456789";
        for (offset, length) in [(0, 0), (0, 10), (3, 4), (10, 0)] {
            assert_eq!(
                file.bytes_at(offset, length, &mut buffer).unwrap().to_vec(),
                slice.bytes_at(offset, length, &mut Vec::new()).unwrap()
            );
        }
        for (offset, length) in [(0, 11), (11, 1), (u64::MAX, 1)] {
            assert!(file.bytes_at(offset, length, &mut buffer).is_err());
            assert!(slice.bytes_at(offset, length, &mut Vec::new()).is_err());
        }
    }
}
