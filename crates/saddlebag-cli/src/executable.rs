//! Whether `embed` can use the files that it is given, told before it spends seconds on packing.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::failure::Failure;

/// The length of the header of a 64-bit ELF file (elf(5)).
const HEADER: usize = 64;

/// The class, byte order and machine of this program, and so of the compiler that it packs: `EI_CLASS`, `EI_DATA` and
/// `e_machine` of elf(5).
const MACHINE: Option<([u8; 2], [u8; 2])> = if cfg!(target_arch = "x86_64") {
    Some(([2, 1], [62, 0]))
} else if cfg!(target_arch = "aarch64") {
    Some(([2, 1], [183, 0]))
} else {
    None
};

/// What `embed` knows of an executable before it packs.
pub(crate) struct Executable {
    /// Its length in bytes.
    pub(crate) length: u64,
    /// Whether it is for another machine than the compiler.
    pub(crate) is_foreign: bool,
}

/// Looks at the executable at `path`, and refuses what is none.
pub(crate) fn examine(path: &Path) -> Result<Executable, Failure> {
    let shown = path.display();
    let unreadable = |error| failure(format!("cannot read the executable `{shown}`: {error}"));
    let metadata = path.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Failure::Usage(format!("`{shown}` is not a file")));
    }
    let length = metadata.len();
    let mut header = Vec::with_capacity(HEADER);
    let file = File::open(path).map_err(unreadable)?;
    file.take(HEADER as u64)
        .read_to_end(&mut header)
        .map_err(unreadable)?;
    match flaw(&header, length) {
        Some(flaw) => Err(failure(format!("cannot use `{shown}`: {flaw}"))),
        None => Ok(Executable {
            length,
            is_foreign: is_foreign(&header),
        }),
    }
}

fn is_foreign(header: &[u8]) -> bool {
    MACHINE.is_some_and(|(class, machine)| {
        header.get(4..6) != Some(&class) || header.get(18..20) != Some(&machine)
    })
}

/// What is wrong with a program whose file begins with `header`.
fn flaw(header: &[u8], length: u64) -> Option<String> {
    if !header.starts_with(b"\x7fELF") {
        return Some("it is no ELF executable".to_owned());
    }
    // Other programs than 64-bit little-endian ones are not looked into.
    let Some(header) = header
        .first_chunk::<HEADER>()
        .filter(|header| header[4..6] == [2, 1])
    else {
        return (header.len() < HEADER).then(|| "it is truncated".to_owned());
    };
    let half = |at: usize| u64::from(u16::from_le_bytes([header[at], header[at + 1]]));
    let word = |at: usize| {
        let bytes = header[at..].first_chunk::<8>();
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    };
    match half(16) {
        // ET_EXEC and ET_DYN.
        2 | 3 => {}
        1 => return Some("it is an object file, which has not been linked".to_owned()),
        _ => return Some("it is no ELF executable".to_owned()),
    }
    let table = |offset: u64, size: u64, count: u64| offset.saturating_add(size * count);
    let end = table(word(32), half(54), half(56)).max(table(word(40), half(58), half(60)));
    (end > length).then(|| {
        format!("it is truncated: it has {length} bytes, and its headers end at byte {end}")
    })
}

/// Whether a file can be made at `path`, as far as its directory tells.
pub(crate) fn check_output(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    if path.is_dir() {
        return Err(Failure::Usage(format!(
            "`{shown}` is a directory; -o names the file to make"
        )));
    }
    if path
        .symlink_metadata()
        .is_ok_and(|there| !there.is_file() && !there.is_symlink())
    {
        return Err(Failure::Usage(format!(
            "`{shown}` is no regular file, which -o could replace"
        )));
    }
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    match parent.map(|parent| (parent, parent.metadata())) {
        Some((parent, Err(error))) => Err(failure(format!(
            "cannot write `{shown}`: cannot use the directory `{}`: {error}",
            parent.display()
        ))),
        Some((parent, Ok(metadata))) if !metadata.is_dir() => Err(failure(format!(
            "cannot write `{shown}`: `{}` is not a directory",
            parent.display()
        ))),
        _ => Ok(()),
    }
}

fn failure(message: String) -> Failure {
    Failure::Error(message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_has_no_flaw_and_its_parts_have() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let length = program.len() as u64;
        let header = &program[..HEADER];
        assert_eq!(flaw(header, length), None);
        assert!(!is_foreign(header));
        let told = |header: &[u8], length| flaw(header, length).unwrap_or_default();
        assert!(told(header, length - 1).contains("truncated: it has"));
        assert!(told(&header[..20], 20).contains("truncated"));
        for other in [&b""[..], b"#!/bin/sh\nexit 0\n", b"MZ"] {
            assert!(told(other, other.len() as u64).contains("no ELF"));
        }
        for (kind, what) in [(1, "object file"), (4, "no ELF executable")] {
            let mut other = header.to_vec();
            other[16] = kind;
            assert!(told(&other, length).contains(what));
        }
        // One of 32 bits has another header.
        let mut other = header.to_vec();
        other[4] = 1;
        assert_eq!(flaw(&other, 64), None);
        assert!(is_foreign(&other));
        // A SPARC runs others.
        let mut other = header.to_vec();
        other[18] = 43;
        assert_eq!(flaw(&other, length), None);
        assert!(is_foreign(&other));
    }
}
