//! Keeping a directory of cache files within bounds.

use std::fs::{self, File, FileTimes, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::TEMPORARY;

/// What the files of a directory may amount to.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) files: usize,
    pub(crate) bytes: u64,
    /// For how long a file that nobody uses stays.
    pub(crate) age: Duration,
}

/// Use is noted once a day at most, so that a hit costs no write.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Notes that a file was used, by its time of modification. That this fails, for instance on a disk that is read-only, harms nothing.
pub(crate) fn mark_used(file: &Path) {
    let age = fs::metadata(file).map(|metadata| age(&metadata));
    if age.is_ok_and(|age| age > DAY)
        && let Ok(file) = File::options().append(true).open(file)
    {
        drop(file.set_times(FileTimes::new().set_modified(SystemTime::now())));
    }
}

/// Removes the files of a directory whose names begin with `prefix` that are too old, and of the others the least recently used until
/// the limits hold; `latest` stays. Files that a process left half written are removed after a day.
///
/// Other processes may do the same at once: a file that is gone already is no fault, and one that is open stays readable.
pub(crate) fn prune(directory: &Path, prefix: &str, limits: &Limits, latest: &Path) {
    let mut kept: Vec<(Duration, PathBuf, u64)> = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let begins = |prefix: &str| name.as_encoded_bytes().starts_with(prefix.as_bytes());
        let (ours, temporary) = (begins(prefix), begins(TEMPORARY));
        let Some(metadata) = entry.metadata().ok().filter(|_| ours || temporary) else {
            continue;
        };
        let (path, age) = (entry.path(), age(&metadata));
        let limit = if temporary { DAY } else { limits.age };
        if path == latest {
            kept.push((Duration::ZERO, path, metadata.len()));
        } else if age > limit {
            remove(&path);
        } else if ours {
            kept.push((age, path, metadata.len()));
        }
    }
    kept.sort_unstable();
    let mut bytes = 0;
    for (count, (_, path, length)) in kept.iter().enumerate() {
        bytes += length;
        if (count >= limits.files || bytes > limits.bytes) && path != latest {
            remove(path);
        }
    }
}

/// A time in the future is that of a file used now.
fn age(metadata: &Metadata) -> Duration {
    let modified = metadata.modified().ok();
    let age = modified.and_then(|time| SystemTime::now().duration_since(time).ok());
    age.unwrap_or_default()
}

fn remove(file: &Path) {
    // Gone already, or not to be removed: either way there is nothing to do.
    drop(fs::remove_file(file));
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Directory(tempfile::TempDir);

    impl Directory {
        /// Files by name, with their ages in days and their lengths.
        fn new(files: &[(&str, u64, usize)]) -> Directory {
            let directory = Directory(tempfile::tempdir().expect("a temporary directory"));
            for (name, days, length) in files {
                let path = directory.path(name);
                fs::write(&path, vec![0; *length]).expect("writable");
                directory.set_age(name, *days);
            }
            directory
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn set_age(&self, name: &str, days: u64) {
            let file = File::options().append(true).open(self.path(name));
            let time = SystemTime::now() - Duration::from_secs(days * 86_400 + 60);
            let set = file.and_then(|file| file.set_modified(time));
            set.expect("the time can be set");
        }

        fn prune(&self, files: usize, bytes: u64) -> Vec<String> {
            let limits = Limits {
                files,
                bytes,
                age: 30 * DAY,
            };
            prune(self.0.path(), "run-", &limits, &self.path("run-latest"));
            let entries = fs::read_dir(self.0.path()).expect("readable").flatten();
            let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
            let mut names: Vec<String> = names.collect();
            names.sort();
            names
        }
    }

    #[test]
    fn old_files_go_and_what_is_not_a_result_stays() {
        let directory = Directory::new(&[
            ("run-old", 31, 1),
            ("run-young", 29, 1),
            ("ocamlpath", 99, 1),
            (".lib-resolve-half", 2, 1),
            (".lib-resolve-now", 0, 1),
            ("run-latest", 99, 1),
        ]);
        let left = directory.prune(10, 10);
        assert_eq!(
            left,
            [".lib-resolve-now", "ocamlpath", "run-latest", "run-young"]
        );
    }

    #[test]
    fn the_least_recently_used_go_first_and_use_is_noted() {
        let files = [
            ("run-a", 3, 4),
            ("run-b", 2, 4),
            ("run-c", 1, 4),
            ("run-latest", 9, 4),
        ];
        let directory = Directory::new(&files);
        mark_used(&directory.path("run-a"));
        assert_eq!(directory.prune(3, 100), ["run-a", "run-c", "run-latest"]);
        assert_eq!(directory.prune(3, 8), ["run-a", "run-latest"]);
        // The latest stays, however large it is.
        assert_eq!(directory.prune(0, 0), ["run-latest"]);
    }

    #[test]
    fn many_threads_that_prune_at_once_leave_the_same_files() {
        let names: Vec<String> = (0..60).map(|number| format!("run-{number:02}")).collect();
        let files: Vec<(&str, u64, usize)> = names
            .iter()
            .zip(1..)
            .map(|(name, days)| (name.as_str(), days % 25, 1))
            .collect();
        let directory = Directory::new(&files);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| directory.prune(20, 100));
            }
        });
        assert_eq!(directory.prune(20, 100).len(), 20);
    }
}
