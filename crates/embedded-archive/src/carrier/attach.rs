//! Attaching an archive to a built executable, and taking it off.
//!
//! ```text
//! executable | padding | archive | section names | section headers, old + 1 | record 64 | trailer 128
//! ```
//! Of the old bytes only the place and the length of the section table in the ELF header change. No byte moves and no
//! program header is touched: tools that do so break executables that were stripped, patched or packed before.
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::SECTION;
use super::elf::{ENTRY, Table};
use super::locate::{self, Finding};
use super::record::{self, Record};
use crate::archive::{Archive, OpenError};
use crate::format::superblock::{self, Superblock};
use crate::source::Source as _;

/// Where an attached archive starts: a multiple of this.
const ALIGN: u64 = 16;

/// More than what names an archive takes: the section table and the names of the sections, the record, the trailer.
const MARGIN: u64 = 64 << 10;

/// The error returned by [`attach`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The executable cannot be read.
    #[error("could not read the executable `{path}`")]
    Read {
        /// The executable.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The archive cannot be read.
    #[error("could not read the archive to attach")]
    Archive {
        /// What the system said.
        source: io::Error,
    },
    /// The result cannot be written.
    #[error("could not write `{path}`")]
    Write {
        /// The result.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The error returned by [`detach`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DetachError {
    /// The executable cannot be read.
    #[error("could not read the executable `{path}`")]
    Read {
        /// The executable.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The executable carries no archive.
    #[error("no archive to take off")]
    NotFound(#[source] Box<OpenError>),
    /// The archive was linked into the executable.
    #[error("the archive of `{path}` was linked into it and cannot be taken off")]
    Linked {
        /// The executable.
        path: PathBuf,
    },
    /// The result cannot be written.
    #[error("could not write `{path}`")]
    Write {
        /// The result.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What [`attach`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attached {
    /// Whether an archive was there before and has been replaced.
    pub replaced: bool,
    /// Whether a section names the archive, so that strip and its like keep it. Not so for a file that is no 64-bit
    /// little-endian ELF file, or that has no section table: there only the trailer does.
    pub section: bool,
    /// Where in the file the archive starts.
    pub offset: u64,
    /// The length of the file.
    pub length: u64,
}

/// Writes `output`: `executable` carrying `archive` in place of any attached before.
///
/// The output appears whole or not at all, with the permissions of the executable (set-user-ID and the like left out).
/// It may be the executable itself, and that may be running.
///
/// ```
/// use embedded_archive::{Archive, Builder, Level, attach};
///
/// let directory = tempfile::tempdir()?;
/// let executable = std::env::current_exe()?;
/// let output = directory.path().join("carrier");
///
/// let mut builder = Builder::new();
/// builder.level(Level::DEVELOPMENT).bytes("hello", "from inside")?;
/// let attached = attach(&executable, &Archive::from_bytes(builder.build()?)?, &output)?;
/// assert!(attached.section && !attached.replaced);
/// assert_eq!(Archive::of_executable(&output)?.read("hello")?, b"from inside");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AttachError`].
pub fn attach(
    executable: impl AsRef<Path>,
    archive: &Archive,
    output: impl AsRef<Path>,
) -> Result<Attached, AttachError> {
    let (executable, output) = (executable.as_ref(), output.as_ref());
    let read = |source| AttachError::Read {
        path: executable.to_owned(),
        source,
    };
    let file = File::open(executable).map_err(read)?;
    let mode = mode(&file).map_err(read)?;
    let body = Body::of(&file).map_err(read)?;
    let mut attached = None;
    let mut unreadable = None;
    crate::atomic::write(output, mode, |out| {
        let added = archive.packed_len().saturating_add(MARGIN);
        crate::atomic::check_length(body.most().saturating_add(added))?;
        let length = body.write(&file, out)?;
        attached = Some(append(
            out,
            length,
            archive,
            body.replaced(),
            &mut unreadable,
        )?);
        Ok(())
    })
    .map_err(|source| match unreadable {
        Some(source) => AttachError::Archive { source },
        None => AttachError::Write {
            path: output.to_owned(),
            source,
        },
    })?;
    attached.ok_or_else(|| AttachError::Write {
        path: output.to_owned(),
        source: io::Error::other("nothing was written"),
    })
}

/// Writes `output`: `executable` without the archive that [`attach`] gave it.
///
/// As long as no tool changed the file in between, the result is the file of before, byte for byte.
///
/// # Errors
/// [`DetachError`].
pub fn detach(executable: impl AsRef<Path>, output: impl AsRef<Path>) -> Result<(), DetachError> {
    let (executable, output) = (executable.as_ref(), output.as_ref());
    let read = |source| DetachError::Read {
        path: executable.to_owned(),
        source,
    };
    let file = File::open(executable).map_err(read)?;
    let mode = mode(&file).map_err(read)?;
    let body = Body::of(&file).map_err(read)?;
    if !body.replaced() {
        return Err(match Archive::of_executable(executable) {
            Err(error) => DetachError::NotFound(Box::new(error)),
            Ok(_) => DetachError::Linked {
                path: executable.to_owned(),
            },
        });
    }
    crate::atomic::write(output, mode, |out| {
        crate::atomic::check_length(body.most())?;
        body.write(&file, out).map(drop)
    })
    .map_err(|source| DetachError::Write {
        path: output.to_owned(),
        source,
    })
}

fn mode(file: &File) -> io::Result<u32> {
    Ok(file.metadata()?.permissions().mode() & 0o777)
}

/// The executable without the archive it may carry.
enum Body {
    /// It carries none.
    Clean { length: u64 },
    /// The record says how the file was.
    Recorded(Record),
    /// A tool has rewritten the file, and kept the section.
    Section {
        table: Box<Table>,
        section: usize,
        length: u64,
    },
    /// Only the trailer knows of the archive.
    Trailer { length: u64 },
}

impl Body {
    fn of(file: &File) -> io::Result<Self> {
        let length = file.size()?;
        if let Some(record) = Self::record(file, length)? {
            return Ok(Self::Recorded(record));
        }
        if let Ok(table) = Table::read(file)?
            && let Some(section) = table.find(SECTION)
        {
            return Ok(Self::Section {
                table: Box::new(table),
                section,
                length,
            });
        }
        Ok(match locate::trailer(file)? {
            Finding::At(base) => Self::Trailer { length: base },
            Finding::Nothing | Finding::Refused(_) => Self::Clean { length },
        })
    }

    fn record(file: &File, length: u64) -> io::Result<Option<Record>> {
        let Some(start) = length.checked_sub((record::LENGTH + superblock::LENGTH) as u64) else {
            return Ok(None);
        };
        let mut tail = Vec::new();
        let tail = file.bytes_at(start, record::LENGTH + superblock::LENGTH, &mut tail)?;
        let (record, trailer) = tail.split_at(record::LENGTH);
        let record = trailer
            .starts_with(&superblock::magic())
            .then(|| Record::parse(record))
            .flatten();
        Ok(record.filter(|record| record.length <= start))
    }

    /// At most how many bytes it has.
    fn most(&self) -> u64 {
        match self {
            Self::Clean { length } | Self::Trailer { length } | Self::Section { length, .. } => {
                *length
            }
            Self::Recorded(record) => record.length,
        }
    }

    fn replaced(&self) -> bool {
        !matches!(self, Self::Clean { .. })
    }

    /// Writes the body at the start of `out` and returns its length.
    fn write(&self, file: &File, out: &mut File) -> io::Result<u64> {
        match self {
            Self::Clean { length } | Self::Trailer { length } => copy(file, 0, *length, out),
            Self::Recorded(record) => {
                copy(file, 0, record.length, out)?;
                if let Some((offset, sections)) = record.table {
                    patch(out, offset, sections)?;
                }
                Ok(record.length)
            }
            Self::Section {
                table,
                section,
                length,
            } => {
                let mut table = table.clone();
                let place = table.sections[*section];
                if !table.is_movable_from(*section) {
                    // Somebody put loaded bytes behind the archive: its own stay, unnamed.
                    copy(file, 0, *length, out)?;
                    table.clear(*section);
                    return append_table(out, *length, &table);
                }
                let mut end = copy(file, 0, place.offset, out)?;
                for number in table.after(place.offset) {
                    if number == *section {
                        continue;
                    }
                    let from = table.sections[number];
                    let at = table.relocate(number, end);
                    pad(out, &mut end, at)?;
                    copy(file, from.offset, from.size, out)?;
                    end += from.size;
                }
                table.clear(*section);
                append_table(out, end, &table)
            }
        }
    }
}

/// Appends the archive and what names it to a body of `length` bytes.
fn append(
    out: &mut File,
    length: u64,
    archive: &Archive,
    replaced: bool,
    unreadable: &mut Option<io::Error>,
) -> io::Result<Attached> {
    let table = Table::read(out)?.ok();
    let mut end = length;
    pad(out, &mut end, length.next_multiple_of(ALIGN))?;
    let offset = end;
    let inner = &archive.0;
    let mut buffer = Vec::new();
    let archive_length = inner.superblock.archive_length;
    while end - offset < archive_length {
        let piece = (archive_length - (end - offset)).min(1 << 20);
        match inner.location.source.bytes_at(
            inner.location.base + (end - offset),
            piece as usize,
            &mut buffer,
        ) {
            Ok(bytes) => out.write_all(bytes)?,
            Err(error) => {
                *unreadable = Some(error);
                return Err(io::ErrorKind::Other.into());
            }
        }
        end += piece;
    }
    let mut record = Record {
        length,
        table: None,
    };
    if let Some(mut table) = table {
        let before = (table.offset, table.sections.len() as u16);
        let names_at = end;
        if table
            .add(SECTION, (offset, archive_length), names_at)
            .is_some()
        {
            out.write_all(table.names())?;
            end += table.names().len() as u64;
            end = append_table(out, end, &table)?;
            record.table = Some(before);
        }
    }
    out.write_all(&record.encode())?;
    end += record::LENGTH as u64;
    out.write_all(
        &Superblock {
            distance: end - offset,
            ..inner.superblock
        }
        .encode(),
    )?;
    Ok(Attached {
        replaced,
        section: record.table.is_some(),
        offset,
        length: end + superblock::LENGTH as u64,
    })
}

/// Appends the section table at the first place from `end` on, makes the header name it, and returns the new end.
fn append_table(out: &mut File, mut end: u64, table: &Table) -> io::Result<u64> {
    let aligned = end.next_multiple_of(8);
    pad(out, &mut end, aligned)?;
    out.write_all(&table.encode())?;
    patch(out, end, table.sections.len() as u16)?;
    Ok(end + (table.sections.len() * ENTRY) as u64)
}

fn patch(out: &File, offset: u64, sections: u16) -> io::Result<()> {
    for (at, bytes) in Table::header_patches(offset, sections) {
        out.write_all_at(&bytes, at)?;
    }
    Ok(())
}

fn pad(out: &mut File, end: &mut u64, to: u64) -> io::Result<()> {
    io::copy(&mut io::repeat(0).take(to - *end), out)?;
    *end = to;
    Ok(())
}

fn copy(mut file: &File, offset: u64, length: u64, out: &mut File) -> io::Result<u64> {
    file.seek(io::SeekFrom::Start(offset))?;
    match io::copy(&mut file.take(length), out)? {
        copied if copied == length => Ok(copied),
        _ => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the executable became shorter",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_errors_are_small() {
        assert!(size_of::<AttachError>() <= 64);
        assert!(size_of::<DetachError>() <= 64);
    }
}
