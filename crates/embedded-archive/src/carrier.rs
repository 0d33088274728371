//! How an executable carries an archive, and how the archive is found in it again.
pub(crate) mod attach;
mod elf;
pub(crate) mod locate;
mod record;

/// The section that names the archive's place in an ELF file.
///
/// elfutils' strip and llvm-strip drop sections that are not loaded, except those named `.gnu.warning.*`; GNU strip
/// keeps it because it does not know it.
pub(crate) const SECTION: &str = ".gnu.warning.embedded-archive";

/// The section of an archive that was linked into a program. It is loaded, so every strip keeps it.
pub(crate) const LINKED_SECTION: &str = ".embedded_archive";
