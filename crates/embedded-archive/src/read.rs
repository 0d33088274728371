//! Reading contents: one file, all files, the metadata.
use std::io;

use serde::de::DeserializeOwned;

use crate::archive::Archive;
use crate::decode::{Part, Place, Sink};

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
            if self.0.decoder().part(&part, &mut Nowhere).is_err() {
                for range in &part.ranges {
                    let alone = Part {
                        run: part.run,
                        ranges: vec![range.clone()],
                    };
                    if let Err(error) = self.0.decoder().part(&alone, &mut Nowhere) {
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
        self.0.decoder().part(
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

pub(crate) struct Contents(pub(crate) Vec<u8>);

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
