//! What a compiled archive says of itself.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::marshal::{Tree, Value};

/// What is in an archive of byte code (`.cma`) or of native code (`.cmxa`), by the table that the compiler has written into it
/// (`file_formats/cmo_format.mli`, `file_formats/cmx_format.mli` of OCaml).
///
/// ```no_run
/// # use lib_resolve::ArchiveContents;
/// let contents = ArchiveContents::read("/usr/lib/ocaml/unix.cma".as_ref())?;
/// assert_eq!(contents.units, ["Unix", "UnixLabels"]);
/// assert_eq!(contents.shared_libraries, ["-lunix"]);
/// # Ok::<(), lib_resolve::archive_contents::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchiveContents {
    /// The compilation units, in linking order.
    pub units: Vec<String>,
    /// The shared libraries with the C functions of a byte code archive, as `ocamlc -dllib` takes them: `-lunix` is `dllunix.so`. A native
    /// archive names none.
    pub shared_libraries: Vec<String>,
    /// Whether a byte code archive can only be linked into a runtime of its own (`ocamlc -custom`), because it names no shared library.
    pub custom: bool,
}

/// The error returned by [`ArchiveContents::read`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("could not read archive `{}`", file.display())]
    Read {
        /// The file.
        file: Box<PathBuf>,
        /// The cause.
        source: io::Error,
    },
    /// The file is no archive, or one in a form that is not known.
    #[error("`{}` is no archive of OCaml that can be understood", file.display())]
    Format {
        /// The file.
        file: Box<PathBuf>,
    },
}

/// `Caml1999A029`: what it is, and the version of the form.
const MAGIC_LENGTH: usize = 12;

impl ArchiveContents {
    /// Reads the table of an archive; the code of a `.cma` is passed over.
    ///
    /// # Errors
    /// The file cannot be read, or is not an archive that is understood.
    pub fn read(file: &Path) -> Result<ArchiveContents, Error> {
        let contents = read(file).map_err(|source| Error::Read {
            file: Box::new(file.to_path_buf()),
            source,
        })?;
        contents.ok_or_else(|| Error::Format {
            file: Box::new(file.to_path_buf()),
        })
    }

    /// As [`ArchiveContents::read`], for the bytes of an archive; `None` if they are not understood.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<ArchiveContents> {
        let kind = kind(bytes)?;
        let start = match kind {
            Kind::Native => MAGIC_LENGTH,
            Kind::ByteCode => {
                let position = bytes[MAGIC_LENGTH..].first_chunk()?;
                usize::try_from(u32::from_be_bytes(*position)).ok()?
            }
        };
        of_table(kind, bytes.get(start..)?)
    }
}

/// What the magic number says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    ByteCode,
    Native,
}

fn kind(magic: &[u8]) -> Option<Kind> {
    match magic {
        _ if magic.len() < MAGIC_LENGTH => None,
        _ if magic.starts_with(b"Caml1999A") => Some(Kind::ByteCode),
        _ if magic.starts_with(b"Caml1999Z") => Some(Kind::Native),
        _ => None,
    }
}

fn read(file: &Path) -> io::Result<Option<ArchiveContents>> {
    let mut opened = File::open(file)?;
    let mut head = Vec::new();
    (&mut opened)
        .take(MAGIC_LENGTH as u64 + 4)
        .read_to_end(&mut head)?;
    let Some(kind) = kind(&head) else {
        return Ok(None);
    };
    // The table of a native archive begins behind the magic number, that of byte code where the next four bytes say.
    let start = match (kind, head[MAGIC_LENGTH..].first_chunk()) {
        (Kind::Native, _) => MAGIC_LENGTH as u64,
        (Kind::ByteCode, Some(position)) => u32::from_be_bytes(*position).into(),
        (Kind::ByteCode, None) => return Ok(None),
    };
    opened.seek(SeekFrom::Start(start))?;
    let mut table = Vec::new();
    opened.read_to_end(&mut table)?;
    Ok(of_table(kind, &table))
}

fn of_table(kind: Kind, table: &[u8]) -> Option<ArchiveContents> {
    let tree = Tree::parse(table)?;
    match kind {
        Kind::ByteCode => of_cma(&tree),
        Kind::Native => of_cmxa(&tree),
    }
}

/// `Cmo_format.library`.
fn of_cma(tree: &Tree<'_>) -> Option<ArchiveContents> {
    let units = tree.list(tree.field(tree.root(), 0)?)?;
    let name = |unit: Value| tree.string(tree.field(unit, 0)?);
    // Since OCaml 5.5 a name goes with whether it has a suffix of the runtime's.
    let name_of_stubs = |item: Value| {
        tree.string(item)
            .or_else(|| tree.string(tree.field(item, 1)?))
    };
    let strings = |list: Value| {
        let items = tree.list(list)?;
        items
            .into_iter()
            .map(name_of_stubs)
            .collect::<Option<Vec<_>>>()
    };
    Some(ArchiveContents {
        units: units.into_iter().map(name).collect::<Option<_>>()?,
        custom: tree.field(tree.root(), 1)? != Value::Int(0),
        shared_libraries: strings(tree.field(tree.root(), 4)?)?,
    })
}

/// `Cmx_format.library_infos`: pairs of a unit and a digest.
fn of_cmxa(tree: &Tree<'_>) -> Option<ArchiveContents> {
    let units = tree.list(tree.field(tree.root(), 0)?)?;
    let name = |unit: Value| tree.string(tree.field(tree.field(unit, 0)?, 0)?);
    Some(ArchiveContents {
        units: units.into_iter().map(name).collect::<Option<_>>()?,
        ..ArchiveContents::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_archive_is_told_apart_from_what_cannot_be_read() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("x.cma");
        let read = || ArchiveContents::read(&file).expect_err("no archive");
        assert!(matches!(read(), Error::Read { .. }));
        for content in [
            &b""[..],
            b"Caml1999A029",
            b"Caml1999A029\0\0\0\x10ab",
            b"Caml1999Z029",
        ] {
            std::fs::write(&file, content).expect("writable");
            assert!(matches!(read(), Error::Format { .. }));
        }
        assert!(size_of::<Error>() <= 64);
    }
}
