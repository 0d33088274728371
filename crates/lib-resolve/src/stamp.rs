//! What the file system tells of a file without reading it.

use std::fs::Metadata;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::cache::{Reader, Writer};

/// Tells whether a file is still the one that was read, once it is [settled](Stamp::is_settled).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: u64,
    /// Time of the last change of the inode; it moves even when the modification time is set back.
    changed: u64,
    length: u64,
    inode: u64,
    device: u64,
}

/// File systems keep time in ticks, of up to two seconds on FAT. A file that changed within the tick in which it was read has the
/// same stamp after the change.
const TICK: Duration = Duration::from_secs(2);

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Stamp {
        let since = |time: SystemTime| {
            time.duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_nanos() as u64
        };
        let modified = metadata.modified().map(since).unwrap_or_default();
        #[cfg(unix)]
        let (changed, inode, device) = {
            use std::os::unix::fs::MetadataExt as _;
            let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
            let nanoseconds = u64::try_from(metadata.ctime_nsec()).unwrap_or_default();
            (
                seconds
                    .wrapping_mul(1_000_000_000)
                    .wrapping_add(nanoseconds),
                metadata.ino(),
                metadata.dev(),
            )
        };
        #[cfg(not(unix))]
        let (changed, inode, device) = (modified, 0, 0);
        Stamp {
            modified,
            changed,
            length: metadata.len(),
            inode,
            device,
        }
    }

    /// Whether a file with this stamp that was read at `time` cannot have changed since without a change of its stamp.
    pub(crate) fn is_settled(&self, time: SystemTime) -> bool {
        let last = UNIX_EPOCH + Duration::from_nanos(self.modified.max(self.changed));
        // A time in the future tells nothing.
        time.duration_since(last).is_ok_and(|age| age > TICK)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        for number in [
            self.modified,
            self.changed,
            self.length,
            self.inode,
            self.device,
        ] {
            writer.number(number);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Stamp> {
        Some(Stamp {
            modified: reader.number()?,
            changed: reader.number()?,
            length: reader.number()?,
            inode: reader.number()?,
            device: reader.number()?,
        })
    }
}
