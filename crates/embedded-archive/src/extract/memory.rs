//! Files in memory that have paths: the last resort where no directory may hold executables.
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, Mode, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;

use crate::archive::Archive;
use crate::decode::{Place, Sink};
use crate::format::index::NO_RUN;
use crate::group::Selection;
use crate::read::ReadError;
use crate::uninterrupted::fchmod;

/// The error returned by [`Memory::load`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The archive cannot be read, or is damaged.
    #[error("could not extract from the archive")]
    Read(#[source] Box<ReadError>),
    /// The system makes no such file: it is old, or `vm.memfd_noexec` forbids it, or there are too many open files.
    #[error("could not make a file in memory for `{name}`")]
    Create {
        /// The file of the archive.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Without `/proc` a file in memory has no path.
    #[error("files in memory have no paths, because there is no `/proc/self/fd`")]
    NoProc,
}

impl From<ReadError> for MemoryError {
    fn from(error: ReadError) -> Self {
        Self::Read(Box::new(error))
    }
}

/// Files of an archive in memory (memfd_create(2)), sealed, each with a path `/proc/PID/fd/N`.
///
/// Other processes of the user can open and start them as long as this value lives. They work where every directory is
/// read-only or `noexec`, but share no memory with other processes' copies, and a file's neighbours are not beside it:
/// [`Memory::link`] makes a directory of links.
///
/// ```
/// use embedded_archive::{Archive, Builder, Memory, Selection};
///
/// let mut builder = Builder::new();
/// builder.bytes("data/file", "text")?;
/// let memory = Memory::load(&Archive::from_bytes(builder.build()?)?, Selection::all())?;
/// assert_eq!(std::fs::read(memory.path("data/file").unwrap())?, b"text");
/// assert_eq!(memory.path("other"), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it removes the files"]
pub struct Memory {
    /// By name, sorted.
    files: Vec<(String, File)>,
    /// The process's directory of descriptors.
    descriptors: PathBuf,
}

impl Memory {
    /// Unpacks the selected files into memory.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn load(archive: &Archive, selection: Selection) -> Result<Self, MemoryError> {
        // The number by which `/proc` knows this process, if it does: it may be that of another namespace, in which our
        // number is that of another process.
        let process = fs::read_link("/proc/self").map_err(|_| MemoryError::NoProc)?;
        let descriptors = Path::new("/proc").join(process).join("fd");
        let inner = &archive.0;
        let wanted: Vec<bool> = archive
            .entries()
            .map(|entry| selection.has(entry.group()))
            .collect();
        let mut sink = Files {
            archive,
            open: Vec::new(),
            done: Vec::new(),
        };
        for record in inner
            .selected(selection)
            .filter(|&record| inner.index.records[record].run == NO_RUN)
        {
            sink.create(record)?;
            sink.end()?;
        }
        let (mut decoder, threads) = (inner.decoder(), super::default_threads().get());
        for part in inner.parts(|record| wanted[record]) {
            decoder.part_with_threads(&part, threads, &mut sink)?;
        }
        let mut files = sink.done;
        files.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(Self { files, descriptors })
    }

    /// The path of a file, for this process and others.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let place = self
            .files
            .binary_search_by(|(known, _)| known.as_str().cmp(name))
            .ok()?;
        Some(self.path_of(&self.files[place].1))
    }

    /// Makes links to the files below `directory`, under their names. They dangle when this value is dropped.
    ///
    /// # Errors
    /// What making a directory or a link gave.
    pub fn link(&self, directory: impl AsRef<Path>) -> io::Result<()> {
        for (name, file) in &self.files {
            let link = directory.as_ref().join(name);
            if let Some(parent) = link.parent() {
                fs::create_dir_all(parent)?;
            }
            symlink(self.path_of(file), link)?;
        }
        Ok(())
    }

    fn path_of(&self, file: &File) -> PathBuf {
        self.descriptors.join(file.as_raw_fd().to_string())
    }
}

struct Files<'a> {
    archive: &'a Archive,
    open: Vec<(usize, File)>,
    done: Vec<(String, File)>,
}

impl Files<'_> {
    fn name(&self, record: usize) -> String {
        self.archive.0.record_name(record).to_owned()
    }

    fn create(&mut self, record: usize) -> Result<(), MemoryError> {
        let failed = |source: Errno| MemoryError::Create {
            name: self.archive.0.record_name(record).to_owned(),
            source: source.into(),
        };
        let executable = self.archive.0.index.records[record].executable;
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // Linux 6.3 wants to be told whether a file may be executed; older ones do not know the flags.
        let wanted = flags
            | if executable {
                MemfdFlags::EXEC
            } else {
                MemfdFlags::NOEXEC_SEAL
            };
        let file = match memfd_create("embedded-archive", wanted) {
            Err(Errno::INVAL) => memfd_create("embedded-archive", flags),
            made => made,
        }
        .map_err(failed)?;
        if executable {
            fchmod(&file, Mode::from_raw_mode(0o555)).map_err(failed)?;
        }
        self.open.push((record, File::from(file)));
        Ok(())
    }
}

impl Sink for Files<'_> {
    type Error = MemoryError;

    fn begin(&mut self, place: &Place) -> Result<(), MemoryError> {
        place
            .records
            .iter()
            .try_for_each(|&record| self.create(record))
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), MemoryError> {
        for (record, file) in &mut self.open {
            if let Err(source) = file.write_all(bytes) {
                let name = self.archive.0.record_name(*record).to_owned();
                return Err(MemoryError::Create { name, source });
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), MemoryError> {
        for (record, file) in std::mem::take(&mut self.open) {
            let name = self.name(record);
            let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
            fcntl_add_seals(&file, seals).map_err(|source| MemoryError::Create {
                name: name.clone(),
                source: source.into(),
            })?;
            self.done.push((name, file));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "the tests start what was extracted"
    )]
    use std::process::Command;

    use super::*;
    use crate::extract::tests::sample;

    #[test]
    fn files_in_memory_are_complete_sealed_and_can_be_started_from_a_directory_of_links() {
        assert!(size_of::<MemoryError>() <= 64);
        let archive = sample();
        let memory = Memory::load(&archive, Selection::all()).unwrap();
        for entry in archive.entries() {
            assert_eq!(
                fs::read(memory.path(entry.name()).unwrap()).unwrap(),
                archive.read(entry.name()).unwrap()
            );
        }
        assert!(
            fs::OpenOptions::new()
                .append(true)
                .open(memory.path("same/one").unwrap())
                .map(|mut file| file.write_all(b"x").is_err())
                .unwrap_or(true)
        );
        let directory = tempfile::tempdir().unwrap();
        memory.link(directory.path()).unwrap();
        assert_eq!(
            fs::read(directory.path().join("same/two")).unwrap(),
            b"equal"
        );
        assert_eq!(
            Command::new(directory.path().join("bin/script"))
                .status()
                .unwrap()
                .code(),
            Some(7)
        );
        drop(memory);
        assert!(fs::read(directory.path().join("same/two")).is_err());
    }
}
