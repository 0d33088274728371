//! Prints the figures of an archive of a directory beside those of `tar` and `zstd`, in one run.
//!
//! `cargo run --release -p embedded-archive --example bench-archive -- DIRECTORY [ROUNDS]`
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark starts the tools that it compares with"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use embedded_archive::{
    Archive, Builder, Fresh, FreshOptions, Level, Places, Shared, SharedOptions, attach,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let directory = PathBuf::from(
        arguments
            .next()
            .ok_or("usage: bench-archive DIRECTORY [ROUNDS]")?,
    );
    let rounds = arguments
        .next()
        .and_then(|rounds| rounds.to_str()?.parse().ok())
        .unwrap_or(15);
    let work = tempfile::tempdir()?;

    let mut builder = Builder::new();
    builder.level(Level::RELEASE).directory("", &directory)?;
    let start = Instant::now();
    let packed = builder.build()?;
    let packing = start.elapsed();
    let archive = Archive::from_bytes(packed.clone())?;
    let start = Instant::now();
    let development = builder.level(Level::DEVELOPMENT).build()?;
    let quick_packing = start.elapsed();

    let tar = work.path().join("files.tar.zst");
    shell(
        "tar -C \"$1\" -cf - . | zstd -q -19 --long=27 -o \"$2\"",
        &[&directory, &tar],
    )?;
    let tar_size = std::fs::metadata(&tar)?.len();
    println!(
        "files {}, bytes {}",
        archive.entries().len(),
        archive.unpacked_len(Default::default())
    );
    row(
        "packed size, level 19 (bytes; anchor tar | zstd -19 --long=27)",
        packed.len() as f64,
        tar_size as f64,
    );
    println!(
        "  packing {packing:.2?}; level 9: {} bytes, {quick_packing:.2?}",
        development.len()
    );

    let carrier = work.path().join("carrier");
    attach(std::env::current_exe()?, &archive, &carrier)?;
    let archive = Archive::of_executable(&carrier)?;
    for place in [work.path(), Path::new("/dev/shm")] {
        extraction(&archive, place, &tar, rounds)?;
    }
    println!(
        "locate and read the index: {:.1?} (goal 100 us)",
        median(rounds * 20, || Ok(
            Archive::of_executable(&carrier).map(drop)?
        ))?
    );

    let root = work.path().join("shared");
    let options = SharedOptions::new();
    drop(Shared::open(&archive, &root, &options)?);
    std::thread::sleep(Duration::from_millis(50));
    drop(Shared::open(&archive, &root, &options)?);
    println!(
        "persistent hit: {:.1?} (goal 1 ms)",
        median(rounds * 20, || Ok(
            Shared::open(&archive, &root, &options).map(drop)?
        ))?
    );
    embedded_archive::clean_shared(&root, &[])?;
    Ok(())
}

/// Fresh extraction against `tar --zstd -x`, alternating; both without removing.
///
/// What they make is removed after the last round: an ext4 without a journal passes over the inodes of files that were
/// removed a short while ago, one after the other, for every new file.
fn extraction(archive: &Archive, place: &Path, tar: &Path, rounds: usize) -> Result<()> {
    let options = FreshOptions::new().places(Places::only(place));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut kept = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        let fresh = Fresh::extract(archive, &options)?;
        ours.push(start.elapsed());
        let target = tempfile::tempdir_in(place)?;
        let start = Instant::now();
        run(Command::new("tar")
            .arg("--use-compress-program=zstd -d --long=27")
            .arg("-xf")
            .arg(tar)
            .arg("-C")
            .arg(target.path()))?;
        theirs.push(start.elapsed());
        kept.push((fresh, target));
    }
    drop(kept);
    ours.sort();
    theirs.sort();
    let (ours, theirs) = (ours[rounds / 2], theirs[rounds / 2]);
    row(
        &format!(
            "fresh extraction in {} (ms; anchor tar --zstd -x)",
            place.display()
        ),
        milliseconds(ours),
        milliseconds(theirs),
    );
    Ok(())
}

fn row(what: &str, ours: f64, anchor: f64) {
    println!(
        "{what}: {ours:.1} against {anchor:.1}, ratio {:.3}",
        ours / anchor
    );
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median(rounds: usize, mut run: impl FnMut() -> Result<()>) -> Result<Duration> {
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed());
    }
    times.sort();
    Ok(times[rounds / 2])
}

fn shell(script: &str, arguments: &[&Path]) -> Result<()> {
    run(Command::new("sh")
        .arg("-c")
        .arg(script)
        .arg("sh")
        .args(arguments))
}

fn run(command: &mut Command) -> Result<()> {
    match command.stdin(Stdio::null()).status()? {
        status if status.success() => Ok(()),
        status => Err(format!("{command:?}: {status}").into()),
    }
}
