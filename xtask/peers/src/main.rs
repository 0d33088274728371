//! What a call, a kernel and a load cost, beside other engines that a Rust program could embed.
//!
//! Every engine is measured in turns with the others, so that a slow moment of the machine meets all alike; the figures
//! are medians. Loads are timed by the wall clock, since OCaml's compiler is a process of its own.
//!
//! An argument is part of the names of the rows to be measured; without one, all are.

mod engine;
mod luau;
mod ocaml;
mod rhai;
mod roto;
mod wasm;

use std::hint::black_box;
use std::time::{Duration, Instant};

use engine::{BODY_STEPS, Engine, FIB, FIB_RESULT, NORM, Result, TEXT, TEXT_RESULT};

const ROUNDS: usize = 15;
/// How often a work runs in a turn at least: the first run of a turn finds memory that the others have used.
const RUNS: u32 = 8;
/// An engine that has taken this long for a row has no further rounds of it.
const ENOUGH: Duration = Duration::from_secs(2);
const TEXT_TO_ECHO: &str = "sixteen letters!";

type Engines = Vec<Box<dyn Engine>>;
/// Runs once; `None` where the engine cannot.
type Work = fn(&mut dyn Engine) -> Option<Result<()>>;

/// Whom we want to be as fast as.
enum Goal {
    Engine(&'static str),
    All,
}

fn main() -> Result<()> {
    let ocaml = ocaml::Ocaml::new()?;
    let runtime = ocaml.runtime;
    let mut engines: Engines = vec![
        Box::new(ocaml),
        Box::new(luau::Luau::new()?),
        Box::new(rhai::Script::new()?),
        Box::new(roto::Script::new()?),
        Box::new(wasm::Wasm::new()?),
    ];
    check(&mut engines)?;
    print!("{:<32}", "");
    for engine in &engines {
        print!("{:>12}", engine.name());
    }
    println!("   goal");
    let successor: Work = |engine| Some(engine.successor(black_box(1)).map(drop));
    let echo: Work = |engine| Some(engine.echo(black_box(TEXT_TO_ECHO)).map(drop));
    let luau = || Goal::Engine(luau::NAME);
    row("int -> int, any thread", &mut engines, luau(), successor)?;
    row("string -> string, any thread", &mut engines, luau(), echo)?;
    let scope = runtime.lock();
    let wasm = || Goal::Engine(wasm::NAME);
    row("int -> int, in a scope", &mut engines, wasm(), successor)?;
    row("string -> string, in a scope", &mut engines, wasm(), echo)?;
    row(&format!("fib {FIB}"), &mut engines, Goal::All, |engine| {
        Some(engine.fib().map(drop))
    })?;
    let name = format!("n-body, {BODY_STEPS} steps");
    row(&name, &mut engines, Goal::All, |engine| {
        Some(engine.n_body()?.map(drop))
    })?;
    let name = format!("spectral norm {NORM}");
    row(&name, &mut engines, Goal::All, |engine| {
        Some(engine.spectral_norm()?.map(drop))
    })?;
    let name = format!("string building, {TEXT} parts");
    row(&name, &mut engines, Goal::All, |engine| {
        Some(engine.text()?.map(drop))
    })?;
    drop(scope);
    let roto = || Goal::Engine(roto::NAME);
    row(
        "one function, source to call",
        &mut engines,
        roto(),
        |engine| Some(engine.load()),
    )?;
    row(
        "four functions, source to call",
        &mut engines,
        roto(),
        |engine| engine.load_four(),
    )
}

/// All engines compute the same.
fn check(engines: &mut Engines) -> Result<()> {
    let (mut bodies, mut norms) = (Vec::new(), Vec::new());
    for engine in engines {
        let name = engine.name();
        assert_eq!(engine.successor(41)?, 42, "{name}");
        assert_eq!(engine.echo(TEXT_TO_ECHO)?, TEXT_TO_ECHO, "{name}");
        assert_eq!(engine.fib()?, FIB_RESULT, "{name}");
        let text = engine.text().unwrap_or(Ok(TEXT_RESULT))?;
        assert_eq!(text, TEXT_RESULT, "{name}");
        bodies.extend(engine.n_body().transpose()?);
        norms.extend(engine.spectral_norm().transpose()?);
    }
    for results in [bodies, norms] {
        let spread = results.iter().map(|result| (result - results[0]).abs());
        assert!(spread.fold(0.0, f64::max) < 1e-9, "{results:?}");
    }
    Ok(())
}

/// Ours is the first engine.
fn row(name: &str, engines: &mut Engines, goal: Goal, work: Work) -> Result<()> {
    if std::env::args().nth(1).is_some_and(|part| !name.contains(&part)) {
        return Ok(());
    }
    let mut times = vec![Vec::new(); engines.len()];
    for _ in 0..ROUNDS {
        for (engine, times) in engines.iter_mut().zip(&mut times) {
            if times.iter().sum::<f64>() > ENOUGH.as_nanos() as f64 {
                continue;
            }
            times.extend(time(&mut **engine, work)?);
        }
    }
    let medians: Vec<Option<f64>> = times.into_iter().map(median).collect();
    print!("{name:<32}");
    for median in &medians {
        match median {
            None => print!("{:>12}", "-"),
            Some(median) => print!("{:>12}", human(*median)),
        }
    }
    let rivals = engines.iter().zip(&medians).skip(1);
    let rivals = rivals.filter_map(|(engine, median)| Some((engine.name(), (*median)?)));
    let rival = rivals
        .filter(|(name, _)| match goal {
            Goal::Engine(wanted) => *name == wanted,
            Goal::All => true,
        })
        .min_by(|(_, one), (_, other)| one.total_cmp(other));
    if let (Some(ours), Some((name, theirs))) = (medians[0], rival) {
        let ratio = ours / theirs;
        let verdict = if ratio <= 1.0 { "met" } else { "MISSED" };
        print!("   x {ratio:.2} of {name} {verdict}");
    }
    println!();
    Ok(())
}

fn median(mut times: Vec<f64>) -> Option<f64> {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied()
}

/// Nanoseconds of one run, of [`RUNS`] or as many as fit in a few milliseconds.
fn time(engine: &mut dyn Engine, work: Work) -> Result<Option<f64>> {
    let start = Instant::now();
    let mut runs = 0u32;
    while runs < RUNS || start.elapsed() < Duration::from_millis(4) {
        for _ in 0..if runs < 100 { 1 } else { 100 } {
            match work(engine) {
                None => return Ok(None),
                Some(result) => result?,
            }
            runs += 1;
        }
    }
    Ok(Some(start.elapsed().as_nanos() as f64 / f64::from(runs)))
}

fn human(nanoseconds: f64) -> String {
    match nanoseconds {
        0.0..1e3 => format!("{nanoseconds:.1} ns"),
        1e3..1e6 => format!("{:.1} us", nanoseconds / 1e3),
        _ => format!("{:.2} ms", nanoseconds / 1e6),
    }
}
