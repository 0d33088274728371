//! `cargo xtask bench`: figures as ratios against an anchor timed in the same run.
//!
//! Machines are noisy, so a figure alone says little: every row times our way and its anchor alternately and gives the
//! medians and their ratio.

mod libraries;
mod members;
mod peers;
mod report;
mod scripts;
mod start;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::shell;
pub(crate) use report::{Report, Row};

/// How often each side of a row is timed, after one round that is not counted.
const ROUNDS: usize = 21;

/// What rows need to know.
pub(crate) struct Bench {
    /// The release build of the command.
    pub(crate) saddlebag: PathBuf,
    /// The installed compiler.
    pub(crate) ocamlopt: PathBuf,
    /// An empty directory.
    pub(crate) scratch: PathBuf,
    pub(crate) report: Report,
}

/// Builds, measures, prints a table, writes `target/bench.json`.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Outcome {
    let json = match arguments {
        [] => false,
        [flag] if flag == "--json" => true,
        [flag] if flag == "--peers" => return peers::run(root),
        _ => return Err("usage: cargo xtask bench [--json | --peers]".into()),
    };
    crate::setup::run()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    shell::run(Command::new(cargo).current_dir(root).args([
        "build",
        "--release",
        "-p",
        "saddlebag-cli",
    ]))?;
    let target = shell::target_directory(root);
    let toolchain = ocaml_toolchain::Toolchain::find_blocking(
        &ocaml_toolchain::find::Options::from_environment(),
    )?;
    let scratch = target.join("bench");
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir_all(&scratch)?;
    let mut bench = Bench {
        saddlebag: target.join("release/saddlebag"),
        ocamlopt: toolchain.require_native()?.to_owned(),
        scratch,
        report: Report::default(),
    };
    let image = start::rows(&mut bench, root)?;
    scripts::rows(&mut bench)?;
    libraries::rows(&mut bench, root)?;
    let path = target.join("bench.json");
    std::fs::write(&path, bench.report.to_json())?;
    if json {
        print!("{}", bench.report.to_json());
    } else {
        print!("{}", bench.report.to_table());
        println!("written to {}", path.display());
        members::rows(&bench, root, &image)?;
    }
    Ok(())
}

impl Bench {
    /// The command with a compiler in it, packed as for a release; made when it is first asked for.
    pub(crate) fn carrier(&self) -> Result<PathBuf, Box<dyn std::error::Error>> {
        let carrier = self.scratch.join("carrier");
        if !carrier.exists() {
            quiet(
                Command::new(&self.saddlebag)
                    .arg("embed")
                    .arg(&self.saddlebag)
                    .arg("-o")
                    .arg(&carrier),
            )?;
        }
        Ok(carrier)
    }

    /// Times `ours` against `anchor`, alternately.
    pub(crate) fn row(
        &mut self,
        name: &str,
        goal: Option<f64>,
        (our_name, mut ours): (&str, impl FnMut() -> Outcome),
        (anchor_name, mut anchor): (&str, impl FnMut() -> Outcome),
    ) -> Outcome {
        eprintln!("   timing: {name}");
        let (mut our_times, mut anchor_times) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let (our_time, anchor_time) = (time(&mut ours)?, time(&mut anchor)?);
            if round > 0 {
                our_times.push(our_time);
                anchor_times.push(anchor_time);
            }
        }
        let (ours, anchor) = (median(our_times), median(anchor_times));
        self.report
            .add(Row::new(name, our_name, anchor_name, ours, anchor, goal));
        Ok(())
    }
}

fn time(work: &mut impl FnMut() -> Outcome) -> Result<Duration, Box<dyn std::error::Error>> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Runs a command whose output is not wanted; it must succeed.
pub(crate) fn quiet(command: &mut Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{command:?} ended with {}:\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    )
    .into())
}
