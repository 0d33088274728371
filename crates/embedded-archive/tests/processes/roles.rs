//! What this executable does when a test starts it again.
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use embedded_archive::{Archive, Fresh, FreshOptions, Places, Shared, SharedOptions};

use crate::support;

/// The system takes no filter of system calls.
pub(crate) const NO_FILTER: u8 = 77;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

pub(crate) fn play(role: &str, arguments: &[String]) -> ExitCode {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let played = match (role, &arguments[..]) {
        ("read", [name]) => read(name),
        ("read late", [name]) => read_late(name),
        ("fresh", [parent, ending]) => fresh(Places::only(parent), ending),
        ("fresh", [ending]) => fresh(Places::standard(), ending),
        ("shared", [archive, root]) => shared(Path::new(archive), Path::new(root)),
        ("attach", [output]) => attach(Path::new(output)),
        ("mounted", [what, directory]) => crate::mounts::mounted(what, Path::new(directory)),
        ("forking", [what, parent]) => crate::forks::forking(what, Path::new(parent)),
        ("refusing", [call, role, arguments @ ..]) => {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            return match crate::refusals::refuse(call) {
                Ok(()) => play(role, &arguments),
                Err(error) => {
                    eprintln!("no filter: {error}");
                    ExitCode::from(NO_FILTER)
                }
            };
        }
        _ => Err(format!("no role {role} with {arguments:?}").into()),
    };
    match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut error: Option<&dyn std::error::Error> = Some(&*error);
            while let Some(cause) = error {
                eprintln!("{cause}");
                error = cause.source();
            }
            ExitCode::from(3)
        }
    }
}

/// Prints a file of the own archive.
fn read(name: &str) -> Result<()> {
    Ok(std::io::stdout().write_all(&Archive::of_current_exe()?.read(name)?)?)
}

/// The same, after a line on the standard input.
fn read_late(name: &str) -> Result<()> {
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    read(name)
}

/// Extracts, prints where, and ends in the way that is asked for.
fn fresh(places: Places, ending: &str) -> Result<()> {
    #[cfg(feature = "signals")]
    if ending == "signals" {
        embedded_archive::remove_on_signals()?;
    }
    let archive = support::sample("");
    let fresh = Fresh::extract(
        &archive,
        &FreshOptions::new()
            .places(places)
            .memory(ending == "memory"),
    )?;
    let status = Command::new(fresh.path().join("bin/script")).status()?;
    if status.code() != Some(7) {
        return Err(format!("BAD START: {status}").into());
    }
    println!("{}", fresh.path().display());
    std::io::stdout().flush()?;
    match ending {
        "return" | "memory" => Ok(()),
        "exit" => std::process::exit(5),
        "exit in a thread" => {
            std::thread::spawn(|| std::process::exit(5))
                .join()
                .map_err(|_| "a thread panicked")?;
            Ok(())
        }
        "panic" => panic!("on purpose"),
        "abort" => std::process::abort(),
        _ => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
    }
}

/// Writes this executable with an archive, and without it again.
fn attach(output: &Path) -> Result<()> {
    let executable = std::env::current_exe()?;
    embedded_archive::attach(executable, &support::sample(""), output)?;
    Ok(embedded_archive::detach(output, output)?)
}

/// Opens the shared tree, checks every file of it and starts one.
fn shared(archive: &Path, root: &Path) -> Result<()> {
    let archive = Archive::open(archive)?;
    let shared = Shared::open(
        &archive,
        root,
        &SharedOptions::new().patience(Duration::from_millis(400)),
    )?;
    for entry in archive.entries() {
        let found = std::fs::read(shared.path().join(entry.name()))?;
        if embedded_archive::Digest::of(&found) != entry.digest() {
            return Err(format!("BAD TREE: {} after {:?}", entry.name(), shared.outcome()).into());
        }
    }
    let status = Command::new(shared.path().join("bin/script")).status()?;
    if status.code() != Some(7) {
        return Err(format!("BAD START: {status}").into());
    }
    println!("{:?}", shared.outcome());
    Ok(())
}
