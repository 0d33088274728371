//! Running commands where the user sees them.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The `cargo` that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory(root: &std::path::Path) -> std::path::PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |target| root.join(target))
}

/// The command as it would be typed.
pub(crate) fn line(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let program = program
        .file_name()
        .unwrap_or(command.get_program())
        .to_string_lossy();
    let variables = command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        let quote = if value.contains(' ') { "'" } else { "" };
        Some(format!("{}={quote}{value}{quote}", name.to_string_lossy()))
    });
    let arguments = command
        .get_args()
        .map(|argument| argument.to_string_lossy().into_owned());
    variables
        .chain([program.into_owned()])
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Run a command with its output on ours, between the command line and the time it took.
pub(crate) fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let start = announce(command);
    let status = command
        .status()
        .map_err(|error| format!("`{}` does not start: {error}", line(command)))?;
    finish(command, start, status)
}

/// As [`run`], and give every line that the command prints to `each` too.
pub(crate) fn run_and_read(
    command: &mut Command,
    each: impl Fn(&str) + Sync,
) -> Result<(), Box<dyn Error>> {
    let start = announce(command);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("`{}` does not start: {error}", line(command)))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| copy(stdout, |text| println!("{text}"), &each));
        scope.spawn(|| copy(stderr, |text| eprintln!("{text}"), &each));
    });
    let status = child.wait()?;
    finish(command, start, status)
}

fn announce(command: &Command) -> Instant {
    println!("\n$ {}", line(command));
    let _ = std::io::stdout().flush();
    Instant::now()
}

fn finish(
    command: &Command,
    start: Instant,
    status: std::process::ExitStatus,
) -> Result<(), Box<dyn Error>> {
    println!("  {:.1} s", start.elapsed().as_secs_f64());
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` ended with {status}", line(command)).into())
    }
}

fn copy(from: Option<impl Read>, print: fn(&str), each: &impl Fn(&str)) {
    let Some(from) = from else { return };
    for bytes in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let text = String::from_utf8_lossy(&bytes);
        each(&text);
        print(&text);
    }
}
