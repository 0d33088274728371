//! Whether a shared object is all there: the loader maps a truncated one and dies of SIGBUS later.

/// Why a file is no shared object that can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// It does not begin as a 64-bit ELF file.
    #[error("it is not a shared object")]
    NotShared,
    /// A segment reaches beyond the end of the file.
    #[error("it is cut short: {missing} bytes are missing")]
    Truncated {
        /// How many bytes at least.
        missing: u64,
    },
}

const PROGRAM_HEADER: usize = 56;
const LOAD: u32 = 1;

/// Looks at the program headers of `file`, as elf(5) lays them out. On systems whose shared objects are not
/// ELF, every file passes.
pub(crate) fn check(file: &[u8]) -> Result<(), Damage> {
    check_head(file, file.len() as u64)
}

/// How much of a file [`check_head`] has to see: linkers put the program headers right behind the first one.
pub(crate) const HEAD: u64 = 4 * 1024;

/// As [`check`], for a file of `file_length` bytes that begins with `file`: reading megabytes of which a few
/// hundred bytes matter would take longer than opening them.
pub(crate) fn check_head(file: &[u8], file_length: u64) -> Result<(), Damage> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    if file.len() < 64 || &file[..5] != b"\x7fELF\x02" {
        return Err(Damage::NotShared);
    }
    let offset = word(file, 32).ok_or(Damage::NotShared)?;
    let size = half(file, 54).ok_or(Damage::NotShared)?;
    let count = half(file, 56).ok_or(Damage::NotShared)?;
    if usize::from(size) < PROGRAM_HEADER {
        return Err(Damage::NotShared);
    }
    let mut end = 0;
    for index in 0..u64::from(count) {
        let header = offset
            .checked_add(index * u64::from(size))
            .ok_or(Damage::NotShared)?;
        end = end.max(header.saturating_add(u64::from(size)));
        let Some(header) = usize::try_from(header).ok().and_then(|at| file.get(at..)) else {
            break;
        };
        if quarter(header, 0) != Some(LOAD) {
            continue;
        }
        let (Some(start), Some(length)) = (word(header, 8), word(header, 32)) else {
            break;
        };
        end = end.max(start.saturating_add(length));
    }
    let missing = end.saturating_sub(file_length);
    if missing > 0 {
        return Err(Damage::Truncated { missing });
    }
    Ok(())
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn quarter(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn this_program() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn a_whole_file_passes() {
        assert_eq!(check(&this_program()), Ok(()));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_without_its_last_segment_is_truncated() {
        let whole = this_program();
        let missing = match check(&whole[..whole.len() / 8]) {
            Err(Damage::Truncated { missing }) => missing,
            other => panic!("{other:?}"),
        };
        assert!(missing > 0);
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut file = b"\x7fELF\x02".to_vec();
            file.extend(bytes);
            let _ = check(&file);
        }
    }
}
