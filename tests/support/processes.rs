//! Other processes, as `/proc` shows them.

use std::fs;
use std::time::{Duration, Instant};

/// How long is waited for what has to happen.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// Waits until there is no process with `text` in its command line or environment.
///
/// What a program kills when it ends may take longer to go than the program: on a busy machine it waits for its turn.
///
/// # Panics
/// When there is one after a minute: then nobody ends it.
#[track_caller]
pub fn await_none_mentioning(text: &str) {
    let given_up = Instant::now() + PATIENCE;
    loop {
        let processes = processes_mentioning(text);
        if processes.is_empty() {
            return;
        }
        assert!(Instant::now() < given_up, "not ended: {processes:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until `look` finds something.
///
/// # Panics
/// When it finds nothing for a minute: then what is waited for does not happen.
#[track_caller]
pub fn await_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let given_up = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < given_up, "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}
