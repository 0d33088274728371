//! Long commands: their output in a file, a line of progress on the terminal.

use crate::shell;
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(15);

/// How many of the last lines a failure shows.
const SHOWN: usize = 20;

/// Runs `command` with its output in the file `log`. Tells what runs, how far it is, and when it fails the end of the
/// log.
pub(super) fn run(command: &mut Command, log: &Path) -> Result<(), Box<dyn Error>> {
    let cannot = |error: std::io::Error| format!("cannot write `{}`: {error}", log.display());
    let file = File::create(log).map_err(cannot)?;
    let start = Instant::now();
    print!("$ {}", shell::line(command));
    let _ = std::io::stdout().flush();
    let child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone().map_err(cannot)?)
        .stderr(file)
        .spawn();
    let mut child =
        child.map_err(|error| format!("`{}` does not start: {error}", shell::line(command)))?;
    let (mut told, mut pause) = (Instant::now(), Duration::from_millis(5));
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(200));
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            print!(
                "\n  {:.0} s, {} lines of output",
                start.elapsed().as_secs_f64(),
                lines(log)
            );
            let _ = std::io::stdout().flush();
        }
    };
    println!("\n  {:.1} s", start.elapsed().as_secs_f64());
    if status.success() {
        return Ok(());
    }
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    let end = all[all.len().saturating_sub(SHOWN)..].join("\n    ");
    Err(format!(
        "`{}` ended with {status}; the end of `{}`:\n    {end}",
        shell::line(command),
        log.display()
    )
    .into())
}

fn lines(log: &Path) -> usize {
    std::fs::read(log).map_or(0, |bytes| {
        bytes.iter().filter(|byte| **byte == b'\n').count()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_the_end_of_what_was_printed() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "seq 1 30; echo broken >&2; exit 3"]);
        let error = run(&mut command, &log).unwrap_err().to_string();
        assert!(
            error.contains("exit status: 3") && error.ends_with("30\n    broken"),
            "{error}"
        );
        assert!(!error.contains("\n    11\n"), "{error}");
        assert_eq!(lines(&log), 31);
    }
}
