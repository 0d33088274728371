//! Finding the archive that a file carries, without scanning it.
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::elf::{Lack, Table};
use super::{LINKED_SECTION, SECTION};
use crate::archive::{Archive, Carrier, Location, OpenError};
use crate::format::superblock::{self, Refusal, Superblock};
use crate::source::Source;

/// What the end of a file says of an archive.
pub(super) enum Finding {
    /// It starts here.
    At(u64),
    /// There is no trailer.
    Nothing,
    /// There is one that cannot be used.
    Refused(Refusal),
}

/// Reads the trailer.
pub(super) fn trailer(source: &dyn Source) -> io::Result<Finding> {
    let Some(start) = source.size()?.checked_sub(superblock::LENGTH as u64) else {
        return Ok(Finding::Nothing);
    };
    let mut block = Vec::new();
    let block = source.bytes_at(start, superblock::LENGTH, &mut block)?;
    Ok(match Superblock::parse(block) {
        Ok(superblock) => match start.checked_sub(superblock.distance) {
            Some(base) if superblock.distance >= superblock.archive_length => Finding::At(base),
            _ => Finding::Refused(Refusal::Damaged(crate::Damage::Superblock)),
        },
        Err(Refusal::Foreign) => Finding::Nothing,
        Err(refusal) => Finding::Refused(refusal),
    })
}

impl Archive {
    /// Opens the archive that the file at `path` is or carries: by its first bytes, its trailer, or its section.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::NotFound`] says what was looked for.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let io = |source| OpenError::Io {
            path: path.to_owned(),
            source,
        };
        // A FIFO or a terminal would make the reader wait for ever.
        if !std::fs::metadata(path).map_err(io)?.is_file() {
            return Err(io(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file",
            )));
        }
        let file = File::open(path).map_err(io)?;
        let mut block = Vec::new();
        let length = file.size().map_err(io)?.min(superblock::LENGTH as u64);
        let is_archive = file
            .bytes_at(0, length as usize, &mut block)
            .map_err(io)?
            .starts_with(&superblock::magic());
        if is_archive {
            return Self::at(Location {
                source: Arc::new(file),
                base: 0,
                carrier: Carrier::File,
                path: path.to_owned(),
            });
        }
        carried(file, path.to_owned(), "no archive at its start, ")
    }

    /// Opens the archive that the executable at `path` carries: attached to it or linked into it.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::NotFound`] says what was looked for.
    pub fn of_executable(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| OpenError::Io {
            path: path.to_owned(),
            source,
        })?;
        carried(file, path.to_owned(), "")
    }

    /// Opens the archive that the running executable carries.
    ///
    /// It reads `/proc/self/exe`, which works after the file was unlinked or replaced. If there is none, it reads the
    /// file that this code was mapped from, which differs when the program was started through the dynamic loader or
    /// is a shared library. Without `/proc`, it reads the path that the kernel started (`AT_EXECFN`, getauxval(3)).
    ///
    /// A program that must find its archive even when its own file cannot be read links it in: [`embed!`](crate::embed).
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::NotFound`] names each file that was looked at.
    pub fn of_current_exe() -> Result<Self, OpenError> {
        let shown = || std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
        let first = match File::open("/proc/self/exe") {
            Ok(file) => carried(file, shown(), ""),
            Err(source) => Err(OpenError::Io {
                path: PathBuf::from("/proc/self/exe"),
                source,
            }),
        };
        let first = match first {
            Err(error @ (OpenError::NotFound { .. } | OpenError::Io { .. })) => error,
            decided => return decided,
        };
        let mut looked_for = match &first {
            OpenError::NotFound { looked_for, .. } => looked_for.clone(),
            other => describe(other),
        };
        for (file, path) in other_files_of_this_program() {
            match carried(file, path.clone(), "") {
                Err(OpenError::NotFound {
                    looked_for: more, ..
                }) => looked_for.push_str(&format!("; in `{}`: {more}", path.display())),
                decided => return decided,
            }
        }
        match first {
            // Why the file cannot be read matters more than that another one was empty.
            OpenError::Io { .. } if !looked_for.contains("; in `") => Err(first),
            _ => Err(OpenError::NotFound {
                path: shown(),
                looked_for,
            }),
        }
    }
}

fn describe(error: &OpenError) -> String {
    match error {
        OpenError::Io { source, .. } => format!("{error}: {source}"),
        _ => error.to_string(),
    }
}

/// The file that this code is mapped from, and the path that was started without `/proc`.
fn other_files_of_this_program() -> Vec<(File, PathBuf)> {
    let mut files: Vec<(File, PathBuf)> = mapped_file().into_iter().collect();
    if !Path::new("/proc/self/exe").exists() {
        // The loader's own path when the program was started through it; it carries nothing then.
        let name = rustix::param::linux_execfn();
        let path = PathBuf::from(
            <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name.to_bytes()),
        );
        files.extend(File::open(&path).ok().map(|file| (file, path)));
    }
    files
}

/// The file that holds this function, by `/proc/self/maps` (proc_pid_maps(5)); `None` if it is `/proc/self/exe`.
fn mapped_file() -> Option<(File, PathBuf)> {
    let maps = std::fs::read("/proc/self/maps").ok()?;
    let here = mapped_file as *const () as u64;
    let (path, inode) = mapping(&String::from_utf8_lossy(&maps), here)?;
    let file = File::open(&path).ok()?;
    let found = file.metadata().ok()?;
    let own = std::fs::metadata("/proc/self/exe").ok();
    let is_own = own.is_some_and(|own| (own.dev(), own.ino()) == (found.dev(), found.ino()));
    // Another file may have taken the path since.
    (found.ino() == inode && !is_own).then_some((file, path))
}

/// Path and inode of the mapping that holds `address`.
fn mapping(maps: &str, address: u64) -> Option<(PathBuf, u64)> {
    maps.lines().find_map(|line| {
        let mut fields = line.splitn(6, ' ');
        let (start, end) = fields.next()?.split_once('-')?;
        let range = u64::from_str_radix(start, 16).ok()?..u64::from_str_radix(end, 16).ok()?;
        let inode = fields.nth(3)?.parse().ok()?;
        let path = fields.next()?.trim_start();
        (range.contains(&address) && path.starts_with('/')).then(|| (PathBuf::from(path), inode))
    })
}

/// Opens what `file` carries; `looked_for` begins the message that there is nothing.
fn carried(file: File, path: PathBuf, looked_for: &str) -> Result<Archive, OpenError> {
    let io = |source| OpenError::Io {
        path: path.clone(),
        source,
    };
    let refused = |refusal| match refusal {
        Refusal::Version(major, minor) => OpenError::Version {
            path: path.clone(),
            major,
            minor,
        },
        Refusal::Damaged(damage) => OpenError::Damaged {
            path: path.clone(),
            damage,
        },
        Refusal::Foreign => OpenError::Damaged {
            path: path.clone(),
            damage: crate::Damage::Superblock,
        },
    };
    let source: Arc<dyn Source> = Arc::new(file);
    let at = |base, carrier| {
        Archive::at(Location {
            source: Arc::clone(&source),
            base,
            carrier,
            path: path.clone(),
        })
    };
    let damaged = match trailer(&*source).map_err(io)? {
        Finding::At(base) => match at(base, Carrier::Trailer) {
            // The trailer is sound, so there was an archive where it points.
            Err(OpenError::NotFound { .. }) => return Err(refused(Refusal::Foreign)),
            decided => return decided,
        },
        Finding::Refused(refusal @ Refusal::Version(..)) => return Err(refused(refusal)),
        Finding::Refused(refusal) => Some(refusal),
        Finding::Nothing => None,
    };
    let lack = match Table::read(&*source).map_err(io)? {
        Ok(table) => match table.find(SECTION).or_else(|| table.find(LINKED_SECTION)) {
            Some(section) => return at(table.sections[section].offset, Carrier::Section),
            None => format!("no section `{SECTION}` or `{LINKED_SECTION}`"),
        },
        Err(Lack::Foreign) => {
            "it is not a 64-bit little-endian ELF file that could have a section with one".into()
        }
        Err(Lack::NoTable) => "no section table".into(),
        // The table of a file with an archive lies behind the archive: an executable cut short has lost its own.
        Err(Lack::Truncated) => {
            return Err(refused(Refusal::Damaged(crate::Damage::Truncated)));
        }
        Err(Lack::Malformed) => "its section table is malformed".into(),
    };
    Err(match damaged {
        Some(refusal) => refused(refusal),
        None => OpenError::NotFound {
            path: path.clone(),
            looked_for: format!("{looked_for}no trailer at its end, {lack}"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_found_by_address_and_paths_may_hold_spaces() {
        let maps = "55d0-55e0 r--p 00000000 fe:00 12 /usr/bin/a b\n7f00-7f10 r-xp 00000000 00:00 0 \n8000-8001 r-xp 0 0:0 0 [vdso]\n";
        assert_eq!(
            mapping(maps, 0x55d5),
            Some((PathBuf::from("/usr/bin/a b"), 12))
        );
        for address in [0x55e0, 0x7f01, 0x8000, 0] {
            assert_eq!(mapping(maps, address), None);
        }
    }

    #[test]
    fn a_test_executable_carries_nothing_and_the_error_says_what_was_looked_for() {
        let error = Archive::of_current_exe().unwrap_err();
        assert!(matches!(error, OpenError::NotFound { .. }));
        let text = error.to_string();
        for part in ["trailer", SECTION, LINKED_SECTION] {
            assert!(text.contains(part), "{text}");
        }
    }
}
