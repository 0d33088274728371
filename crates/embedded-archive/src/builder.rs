//! Packing files into an archive.
mod pack;
mod weave;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::format::{MAX_FILES, MAX_TOTAL};
use crate::group::Group;
use crate::name::{self, NameError, NameProblem};

/// The error returned when something is added to a [`Builder`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// The name cannot name a file of an archive.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is a file of this name already.
    #[error("the archive has two files named `{name}`")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// One file would have to be in the other.
    #[error("`{directory}` would be both a file and the directory of `{name}`")]
    FileAndDirectory {
        /// The shorter name.
        directory: String,
        /// The longer name.
        name: String,
    },
    /// Something on disk cannot be read.
    #[error("could not read `{path}`")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A directory holds something that is neither file, directory nor a symbolic link to a file.
    #[error("`{path}` is neither a file nor a directory")]
    Kind {
        /// The thing.
        path: PathBuf,
    },
    /// The metadata cannot become JSON.
    #[error("the metadata cannot be written as JSON")]
    Metadata(#[source] serde_json::Error),
}

/// The error returned when an archive is built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// More files, or more bytes, than a reader takes.
    #[error("too much for one archive: {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
    },
    /// The encoder failed.
    #[error("could not compress the files at level {level}")]
    Compress {
        /// The level.
        level: i32,
        /// What the encoder said.
        source: io::Error,
    },
    /// The archive cannot be written.
    #[error("could not write the archive{}", path.as_ref().map(|path| format!(" `{}`", path.display())).unwrap_or_default())]
    Write {
        /// The file, if it is one.
        path: Option<PathBuf>,
        /// What the system said.
        source: io::Error,
    },
}

/// How hard the packer tries: a zstd level from 1 to 22.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(i32);

impl Level {
    /// Small: some seconds for 24 MB.
    pub const RELEASE: Self = Self(19);
    /// Quick: half a second for 24 MB, a tenth larger.
    pub const DEVELOPMENT: Self = Self(9);

    /// The level of this number, moved into 1 to 22.
    #[must_use]
    pub fn new(level: i32) -> Self {
        Self(level.clamp(1, 22))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl Default for Level {
    /// [`Level::RELEASE`].
    fn default() -> Self {
        Self::RELEASE
    }
}

/// How far packing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the files that are packed.
    pub done: u64,
    /// Bytes of all files; those of equal files count once.
    pub total: u64,
}

/// Collects files and packs them.
///
/// The result depends on the files, the metadata and the level alone: neither on the order of adding, nor on times,
/// owners, threads or the machine.
///
/// ```
/// use embedded_archive::{Archive, Builder, Group, Level};
///
/// const TOOLS: Group = Group(1);
/// let mut builder = Builder::new();
/// builder.level(Level::DEVELOPMENT).group(TOOLS).executable(true);
/// builder.bytes("bin/tool", "#!/bin/sh\n")?;
/// builder.group(Group::default()).executable(false);
/// builder.bytes("README", "text")?;
///
/// let archive = Archive::from_bytes(builder.build()?)?;
/// let tool = archive.entry("bin/tool").unwrap();
/// assert!(tool.is_executable() && tool.group() == TOOLS);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Builder {
    files: BTreeMap<String, Pending>,
    metadata: Option<(u32, Vec<u8>)>,
    level: Level,
    threads: Option<NonZeroUsize>,
    group: Group,
    executable: bool,
    read: Vec<PathBuf>,
}

#[derive(Debug, Clone)]
struct Pending {
    contents: Vec<u8>,
    executable: bool,
    group: u8,
}

impl Builder {
    /// A builder with no files, at the release level.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How hard to compress; [`Level::RELEASE`] without a call.
    pub fn level(&mut self, level: Level) -> &mut Self {
        self.level = level;
        self
    }

    /// How many threads compress; as many as the machine has without a call. The result is the same.
    pub fn threads(&mut self, threads: NonZeroUsize) -> &mut Self {
        self.threads = Some(threads);
        self
    }

    /// The group of the files added from now on; `Group(0)` without a call.
    pub fn group(&mut self, group: Group) -> &mut Self {
        self.group = group;
        self
    }

    /// Whether the bytes added from now on are executable; not without a call. Files from disk keep their own bit.
    pub fn executable(&mut self, executable: bool) -> &mut Self {
        self.executable = executable;
        self
    }

    /// Adds a file whose contents are in memory.
    ///
    /// # Errors
    /// [`AddError::Name`], [`AddError::Duplicate`], [`AddError::FileAndDirectory`].
    pub fn bytes(
        &mut self,
        name: &str,
        contents: impl Into<Vec<u8>>,
    ) -> Result<&mut Self, AddError> {
        self.add(name, contents.into(), self.executable)?;
        Ok(self)
    }

    /// Adds the file at `path`, read now; executable if its owner may execute it.
    ///
    /// # Errors
    /// [`AddError`].
    pub fn file(&mut self, name: &str, path: impl AsRef<Path>) -> Result<&mut Self, AddError> {
        self.add_file(name, path.as_ref())?;
        Ok(self)
    }

    /// Adds the files below `directory`, read now, as `prefix/...`, or under their own names with an empty prefix.
    ///
    /// Symbolic links to files are followed: an archive has none. Links to directories are refused, they may be loops.
    ///
    /// # Errors
    /// [`AddError`].
    pub fn directory(
        &mut self,
        prefix: &str,
        directory: impl AsRef<Path>,
    ) -> Result<&mut Self, AddError> {
        self.add_directory(prefix, directory.as_ref())?;
        Ok(self)
    }

    /// Sets the metadata, and the version of their shape, which the caller counts.
    ///
    /// # Errors
    /// [`AddError::Metadata`].
    pub fn metadata<T: Serialize + ?Sized>(
        &mut self,
        version: u32,
        value: &T,
    ) -> Result<&mut Self, AddError> {
        self.metadata = Some((
            version,
            serde_json::to_vec(value).map_err(AddError::Metadata)?,
        ));
        Ok(self)
    }

    /// The archive's bytes.
    ///
    /// # Errors
    /// [`BuildError::Limit`], [`BuildError::Compress`].
    pub fn build(&self) -> Result<Vec<u8>, BuildError> {
        self.build_with(&mut |_| {})
    }

    /// The archive's bytes; `progress` is called from this thread, at least once.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn build_with(&self, progress: &mut dyn FnMut(Progress)) -> Result<Vec<u8>, BuildError> {
        if self.files.len() > MAX_FILES as usize {
            return Err(BuildError::Limit { what: "files" });
        }
        if self
            .files
            .values()
            .map(|file| file.contents.len() as u64)
            .sum::<u64>()
            > MAX_TOTAL
        {
            return Err(BuildError::Limit { what: "bytes" });
        }
        pack::pack(self, progress)
    }

    /// Writes the archive.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn write_to(&self, writer: &mut dyn Write) -> Result<(), BuildError> {
        let bytes = self.build()?;
        writer
            .write_all(&bytes)
            .map_err(|source| BuildError::Write { path: None, source })
    }

    /// Writes the archive as a file of its own, which appears whole or not at all and replaces one of that name.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn write_file(&self, path: impl AsRef<Path>) -> Result<(), BuildError> {
        let path = path.as_ref();
        let bytes = self.build()?;
        crate::atomic::write(path, 0o644, |file: &mut File| {
            crate::atomic::check_length(bytes.len() as u64)?;
            file.write_all(&bytes)
        })
        .map_err(|source| BuildError::Write {
            path: Some(path.to_owned()),
            source,
        })
    }

    /// The files and directories that were read from disk, for a build script to watch.
    #[must_use]
    pub fn read_paths(&self) -> &[PathBuf] {
        &self.read
    }

    fn add(&mut self, name: &str, contents: Vec<u8>, executable: bool) -> Result<(), AddError> {
        name::check(name).map_err(|problem| NameError {
            name: name.to_owned(),
            problem,
        })?;
        if self.files.contains_key(name) {
            return Err(AddError::Duplicate {
                name: name.to_owned(),
            });
        }
        let above = name::parents(name).find(|directory| self.files.contains_key(*directory));
        if let Some(directory) = above {
            return Err(AddError::FileAndDirectory {
                directory: directory.to_owned(),
                name: name.to_owned(),
            });
        }
        let prefix = format!("{name}/");
        if let Some((below, _)) = self
            .files
            .range(prefix.clone()..)
            .next()
            .filter(|(below, _)| below.starts_with(&prefix))
        {
            return Err(AddError::FileAndDirectory {
                directory: name.to_owned(),
                name: below.clone(),
            });
        }
        self.files.insert(
            name.to_owned(),
            Pending {
                contents,
                executable,
                group: self.group.0,
            },
        );
        Ok(())
    }

    fn add_file(&mut self, name: &str, path: &Path) -> Result<(), AddError> {
        let io = |source| AddError::Io {
            path: path.to_owned(),
            source,
        };
        let file_type = fs::metadata(path).map_err(io)?;
        if !file_type.is_file() {
            // Before opening: a FIFO would make the packer wait for ever.
            return Err(AddError::Kind {
                path: path.to_owned(),
            });
        }
        let executable = file_type.permissions().mode() & 0o100 != 0;
        self.read.push(path.to_owned());
        self.add(name, fs::read(path).map_err(io)?, executable)
    }

    fn add_directory(&mut self, prefix: &str, directory: &Path) -> Result<(), AddError> {
        let io = |source| AddError::Io {
            path: directory.to_owned(),
            source,
        };
        let mut children = fs::read_dir(directory)
            .map_err(io)?
            .collect::<Result<Vec<_>, _>>()
            .map_err(io)?;
        children.sort_by_key(fs::DirEntry::file_name);
        self.read.push(directory.to_owned());
        for child in children {
            let path = child.path();
            let file_name = child.file_name();
            let part = file_name.to_str().ok_or_else(|| {
                AddError::Name(NameError {
                    name: path.to_string_lossy().into_owned(),
                    problem: NameProblem::NotUtf8,
                })
            })?;
            let name = if prefix.is_empty() {
                part.to_owned()
            } else {
                format!("{prefix}/{part}")
            };
            let kind = child.file_type().map_err(|source| AddError::Io {
                path: path.clone(),
                source,
            })?;
            if kind.is_dir() {
                self.add_directory(&name, &path)?;
            } else {
                self.add_file(&name, &path)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
