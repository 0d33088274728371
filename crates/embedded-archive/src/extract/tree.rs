//! Writing a tree of files below an open directory, with several threads.
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, mkdirat, unlinkat};
use rustix::process::{Resource, getrlimit};

use super::ExtractError;
use crate::archive::{Archive, Inner};
use crate::decode::{Part, Place, Sink};
use crate::format::index::NO_RUN;
use crate::group::Selection;
use crate::name;
use crate::uninterrupted::{fchmod, flock, openat};

/// The modes that the caller chooses; files have 0444 or 0555.
#[derive(Clone, Copy)]
pub(crate) struct Modes {
    pub(crate) directory: u32,
}

/// How long a forked child's copy of a descriptor is waited for before the file is written again.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often a file is written again.
const ATTEMPTS: usize = 4;

pub(crate) fn open_directory(
    at: impl AsFd,
    path: impl rustix::path::Arg + Copy,
) -> io::Result<OwnedFd> {
    Ok(openat(
        at,
        path,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

/// The directories of the selected files, each after the one above it.
pub(crate) fn directories(archive: &Inner, selection: Selection) -> BTreeSet<&str> {
    archive
        .selected(selection)
        .flat_map(|record| name::parents(archive.record_name(record)))
        .collect()
}

/// Writes the selected files below `top`, which `path` names in errors.
pub(crate) fn write(
    archive: &Archive,
    selection: Selection,
    top: &OwnedFd,
    path: &Path,
    modes: Modes,
    threads: NonZeroUsize,
) -> Result<(), ExtractError> {
    let archive = &archive.0;
    check_size_limit(archive, selection)?;
    let directories = directories(archive, selection);
    for directory in &directories {
        match mkdirat(top, *directory, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => {
                return Err(ExtractError::Write {
                    path: path.join(directory),
                    source: error.into(),
                });
            }
        }
    }
    let writer = Writer { archive, top, path };
    let wanted: Vec<bool> = archive
        .index
        .records
        .iter()
        .map(|record| selection.has(crate::Group(record.group)))
        .collect();
    let parts = archive.parts(|record| wanted[record]);
    for record in archive
        .selected(selection)
        .filter(|&record| archive.index.records[record].run == NO_RUN)
    {
        writer
            .create(record)
            .and_then(|file| writer.finish(record, file, &mut |_| Ok(())))?;
    }
    writer.all(&parts, threads.get().min(parts.len()))?;
    // Last, for a directory's mode may forbid writing into it; the deepest first.
    for directory in directories.iter().rev() {
        let set = open_directory(top, *directory)
            .and_then(|opened| Ok(fchmod(&opened, Mode::from_raw_mode(modes.directory))?));
        set.map_err(|source| ExtractError::Write {
            path: path.join(directory),
            source,
        })?;
    }
    Ok(())
}

fn check_size_limit(archive: &Inner, selection: Selection) -> Result<(), ExtractError> {
    let Some(limit) = getrlimit(Resource::Fsize).current else {
        return Ok(());
    };
    match archive
        .selected(selection)
        .find(|&record| archive.index.records[record].length > limit)
    {
        Some(record) => {
            let (name, length) = (
                archive.record_name(record).to_owned(),
                archive.index.records[record].length,
            );
            Err(ExtractError::FileSizeLimit {
                name,
                length,
                limit,
            })
        }
        None => Ok(()),
    }
}

struct Writer<'a> {
    archive: &'a Inner,
    top: &'a OwnedFd,
    path: &'a Path,
}

impl Writer<'_> {
    /// Writes all parts; the calling thread works too, so that a refused thread only makes it slower.
    fn all(&self, parts: &[Part], threads: usize) -> Result<(), ExtractError> {
        let next = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        let failure: Mutex<Option<ExtractError>> = Mutex::new(None);
        let work = || {
            let mut decoder = self.archive.decoder();
            while let Some(part) = parts
                .get(next.fetch_add(1, Ordering::Relaxed))
                .filter(|_| !stop.load(Ordering::Relaxed))
            {
                let sink = &mut Files {
                    writer: self,
                    open: Vec::new(),
                };
                if let Err(error) = decoder.part_with_threads(part, threads, sink) {
                    stop.store(true, Ordering::Relaxed);
                    failure
                        .lock()
                        .unwrap_or_else(|poisoned| poisoned.into_inner())
                        .get_or_insert(error);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads {
                let _ = thread::Builder::new()
                    .name("embedded-archive".into())
                    .spawn_scoped(scope, work);
            }
            work();
        });
        failure
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .map_or(Ok(()), Err)
    }

    fn error(&self, record: usize, source: impl Into<io::Error>) -> ExtractError {
        ExtractError::Write {
            path: self.path.join(self.archive.record_name(record)),
            source: source.into(),
        }
    }

    fn create(&self, record: usize) -> Result<File, ExtractError> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(
            self.top,
            self.archive.record_name(record),
            flags,
            Mode::from_raw_mode(0o600),
        );
        file.map(File::from)
            .map_err(|error| self.error(record, error))
    }

    /// Sets the mode, and sees to it that an executable can be started at once. `rewrite` fills a new file.
    fn finish(
        &self,
        record: usize,
        file: File,
        rewrite: &mut dyn FnMut(&mut File) -> Result<(), ExtractError>,
    ) -> Result<(), ExtractError> {
        let executable = self.archive.index.records[record].executable;
        let mode = Mode::from_raw_mode(if executable { 0o555 } else { 0o444 });
        fchmod(&file, mode).map_err(|error| self.error(record, error))?;
        if !executable {
            return Ok(());
        }
        let mut file = file;
        for attempt in 0..ATTEMPTS {
            if self.close(record, file)? || attempt + 1 == ATTEMPTS {
                break;
            }
            // A forked child that never calls exec holds a copy of the descriptor: a new file has none.
            let name = self.archive.record_name(record);
            unlinkat(self.top, name, AtFlags::empty())
                .map_err(|error| self.error(record, error))?;
            file = self.create(record)?;
            rewrite(&mut file)?;
            fchmod(&file, mode).map_err(|error| self.error(record, error))?;
        }
        Ok(())
    }

    /// As [`crate::busy::close`], relative to the open directory.
    fn close(&self, record: usize, file: File) -> Result<bool, ExtractError> {
        let locked = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
        drop(file);
        if !locked {
            return Ok(true);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let reader = openat(
            self.top,
            self.archive.record_name(record),
            flags,
            Mode::empty(),
        )
        .map_err(|error| self.error(record, error))?;
        let end = Instant::now() + PATIENCE;
        loop {
            match flock(&reader, FlockOperation::NonBlockingLockShared) {
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < end => {
                    thread::sleep(Duration::from_micros(200))
                }
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(false),
                _ => return Ok(true),
            }
        }
    }
}

/// Writes what a thread decodes.
struct Files<'a> {
    writer: &'a Writer<'a>,
    open: Vec<(usize, File)>,
}

impl Sink for Files<'_> {
    type Error = ExtractError;

    fn begin(&mut self, place: &Place) -> Result<(), ExtractError> {
        for &record in &place.records {
            self.open.push((record, self.writer.create(record)?));
        }
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), ExtractError> {
        for (record, file) in &mut self.open {
            file.write_all(bytes)
                .map_err(|error| self.writer.error(*record, error))?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), ExtractError> {
        for (record, file) in self.open.drain(..) {
            let writer = self.writer;
            writer.finish(record, file, &mut |file| {
                // Rare, so that the file is simply unpacked again.
                let name = writer.archive.record_name(record);
                let contents = writer.archive.contents(record)?;
                file.write_all(&contents)
                    .map_err(|source| ExtractError::Write {
                        path: writer.path.join(name),
                        source,
                    })
            })?;
        }
        Ok(())
    }
}
