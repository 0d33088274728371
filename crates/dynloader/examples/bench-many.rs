//! Many plugins compiled by one loader, against as many runs of `ocamlopt.opt -shared` with as many at once, alternately.

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dynloader::kit::{Kit, SystemOptions, default_cache_directory};
use dynloader::{Evaluation, Loader, Options, SideEffect, Source};
use futures::future::try_join_all;
use futures_lite::future::block_on;

const PLUGINS: usize = 100;
const ROUNDS: usize = 5;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn plugin(round: usize, number: usize) -> String {
    format!(
        "let table = Hashtbl.create 16\n\
         let () = List.iter (fun word -> Hashtbl.replace table word (String.length word)) [ \"a\"; \"{round}\"; \"{number}\" ]\n\
         let total = Hashtbl.fold (fun _ length sum -> length + sum) table 0\n\
         let () = ignore (Printf.sprintf \"%d\" total)\n"
    )
}

#[expect(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Outcome {
    let cache = default_cache_directory().ok_or("no cache directory")?;
    let kit = block_on(Kit::system(SystemOptions::new(cache)))?;
    let jobs = std::thread::available_parallelism()?;
    let directory = tempfile::tempdir()?;
    let (mut our_times, mut anchor_times) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let started = Instant::now();
        ours(&kit, jobs, round)?;
        let between = Instant::now();
        anchor(directory.path(), jobs, round)?;
        // The first round warms up.
        if round > 0 {
            our_times.push(between - started);
            anchor_times.push(between.elapsed());
        }
    }
    let per_plugin = |times: Vec<Duration>| median(times) / PLUGINS as u32;
    let (ours, anchor) = (per_plugin(our_times), per_plugin(anchor_times));
    println!(
        "{PLUGINS} plugins by one loader / ocamlopt.opt -shared, {jobs} at once, per plugin: {ours:.2?} against \
         {anchor:.2?}, ratio {:.3}",
        ours.as_secs_f64() / anchor.as_secs_f64()
    );
    Ok(())
}

/// One loader from its creation on.
fn ours(kit: &Kit, jobs: NonZeroUsize, round: usize) -> Outcome {
    let loader = Loader::new(kit.clone(), Options::program().jobs(jobs))?;
    let compilations = (0..PLUGINS).map(|number| {
        let source = Source::text("small.ml", plugin(round, number));
        loader.compile_sources::<SideEffect>([source], Evaluation::AtLoad)
    });
    let compiled = block_on(try_join_all(compilations))?;
    drop(compiled);
    loader.clean_blocking()?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the anchor is another program")]
fn anchor(directory: &Path, jobs: NonZeroUsize, round: usize) -> Outcome {
    let next = AtomicUsize::new(0);
    let work = || -> std::io::Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= PLUGINS {
                return Ok(());
            }
            let folder = directory.join(number.to_string());
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join("small.ml"), plugin(round, number))?;
            let status = Command::new("ocamlopt.opt")
                .args(["-shared", "-o", "small.cmxs", "small.ml"])
                .current_dir(&folder)
                .stdin(Stdio::null())
                .status()?;
            if !status.success() {
                return Err(std::io::Error::other("ocamlopt.opt failed"));
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.get()).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| match thread.join() {
                Ok(result) => result,
                Err(_) => Err(std::io::Error::other("a thread panicked")),
            })
    })?;
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
