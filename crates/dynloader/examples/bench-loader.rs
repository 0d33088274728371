//! Source to callable in a running loader, against `ocamlopt.opt -shared` of the same source, alternately.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dynloader::kit::{Kit, SystemOptions, default_cache_directory};
use dynloader::{Loader, Options, SideEffect, Source};
use futures_lite::future::block_on;

const ROUNDS: usize = 60;

/// How many functions the large plugin has, of three lines each.
const FUNCTIONS: usize = 1000;

/// A plugin of three thousand lines.
fn large(round: usize) -> String {
    (0..FUNCTIONS)
        .map(|number| {
            format!(
                "let rec f{number} n acc =\n  if n = 0 then acc + {round}\n  \
                 else f{number} (n - 1) (List.length (string_of_int n :: [ \"{number}\" ]) + acc)\n"
            )
        })
        .collect()
}

fn plugin(round: usize) -> String {
    format!(
        "let table = Hashtbl.create 16\n\
         let () = List.iter (fun word -> Hashtbl.replace table word (String.length word)) [ \"a\"; \"bc\"; \"{round}\" ]\n\
         let total = Hashtbl.fold (fun _ length sum -> length + sum) table 0\n\
         let () = ignore (Printf.sprintf \"%d\" total)\n"
    )
}

#[expect(clippy::print_stdout, reason = "an example shows its result")]
#[expect(clippy::disallowed_methods, reason = "the anchor is another program")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cache = default_cache_directory().ok_or("no cache directory")?;
    let kit = block_on(Kit::system(SystemOptions::new(cache)))?;
    let loader = Loader::new(kit, Options::program())?;
    let directory = tempfile::tempdir()?;
    let load = |text: String| -> Result<(), Box<dyn std::error::Error>> {
        let source = Source::text("small.ml", text);
        Ok(block_on(loader.load_sources::<SideEffect>([source]))?)
    };
    let mut check = |round| -> Result<(), Box<dyn std::error::Error>> {
        block_on(loader.check_sources::<SideEffect>([Source::text("small.ml", plugin(round))]))?;
        Ok(())
    };
    let ocamlopt = |arguments: &[&str], text: String| -> Result<(), Box<dyn std::error::Error>> {
        std::fs::write(directory.path().join("small.ml"), text)?;
        let mut command = Command::new("ocamlopt.opt");
        let status = command
            .args(arguments)
            .arg("small.ml")
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err("ocamlopt failed".into())
        }
    };
    type Work<'a> = &'a mut dyn FnMut(usize) -> Result<(), Box<dyn std::error::Error>>;
    let row = |name: &str,
               goal: f64,
               rounds: usize,
               ours: Work<'_>,
               anchor: Work<'_>|
     -> Result<(), Box<dyn std::error::Error>> {
        let (mut our_times, mut anchor_times) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            let started = Instant::now();
            ours(round)?;
            let between = Instant::now();
            anchor(round)?;
            if round > 2 {
                our_times.push(between - started);
                anchor_times.push(between.elapsed());
            }
        }
        let (ours, anchor) = (median(our_times), median(anchor_times));
        let ratio = ours.as_secs_f64() / anchor.as_secs_f64();
        let verdict = if ratio <= goal { "met" } else { "MISSED" };
        println!(
            "{name}: {ours:.2?} against {anchor:.2?}, ratio {ratio:.3}, goal <= {goal} {verdict}"
        );
        Ok(())
    };
    let shared = ["-shared", "-o", "small.cmxs"];
    row(
        "source to ran, running loader / ocamlopt.opt -shared",
        0.15,
        ROUNDS,
        &mut |round| load(plugin(round)),
        &mut |round| ocamlopt(&shared, plugin(round)),
    )?;
    row(
        "the same, 3,000 lines",
        0.85,
        ROUNDS / 6,
        &mut |round| load(large(round)),
        &mut |round| ocamlopt(&shared, large(round)),
    )?;
    row(
        "check, running loader / ocamlopt.opt -stop-after typing",
        0.1,
        ROUNDS,
        &mut check,
        &mut |round| ocamlopt(&["-c", "-stop-after", "typing"], plugin(round)),
    )
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
