//! Other processes, as `/proc` shows them.

use std::fs;
use std::time::{Duration, Instant};

/// The command lines of the processes whose command line or environment has `text` in it; zombies have neither.
///
/// A test's own directory in `text` makes it a question about the children of that test.
#[must_use]
pub fn processes_mentioning(text: &str) -> Vec<String> {
    let own = std::process::id().to_string();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbered = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.bytes().all(|byte| byte.is_ascii_digit()) && name != own
    });
    numbered
        .filter_map(|entry| {
            let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
            let line = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
            let environment = read("environ");
            let mentioned =
                line.contains(text) || String::from_utf8_lossy(&environment).contains(text);
            mentioned.then(|| format!("{}: {line}", entry.file_name().display()))
        })
        .collect()
}

/// Waits until `look` finds something.
///
/// # Panics
/// When it finds nothing for a minute: then what is waited for does not happen.
#[track_caller]
pub fn await_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let given_up = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < given_up, "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}
