//! What a call costs, beside the same call written by hand against the C API, in one run.
//!
//! `bench-calls --source` prints the OCaml plugin; compile it with `ocamlopt -shared`, then run
//! `bench-calls IMAGE PLUGIN [--json]`.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use ocaml_runtime::open::Options;
use ocaml_runtime::types::Array;
use ocaml_runtime::{Function, Interface, Module, Runtime};

use crate::by_hand::ByHand;
use crate::clock::processor_time;
use crate::records::Record;

mod by_hand;
mod clock;
mod records;

/// Measured in turns, so that a slow moment of the machine meets all alike.
const ROUNDS: usize = 31;
const ROUND: Duration = Duration::from_millis(4);

struct Row {
    name: &'static str,
    ours: f64,
    by_hand: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let interface = interface()?;
    if arguments.iter().any(|argument| argument == "--source") {
        print_line(&source(&interface));
        return Ok(());
    }
    let [image, plugin, rest @ ..] = arguments.as_slice() else {
        return Err("usage: bench-calls --source | IMAGE PLUGIN [--json]".into());
    };
    let rows = measure(Path::new(image), Path::new(plugin), &interface)?;
    for row in &rows {
        let Row {
            name,
            ours,
            by_hand,
        } = row;
        let ratio = ours / by_hand;
        print_line(&if rest.iter().any(|argument| argument == "--json") {
            format!(
                r#"{{"name":"{name}","ours_ns":{ours:.1},"by_hand_ns":{by_hand:.1},"ratio":{ratio:.2}}}"#
            )
        } else {
            format!("{name:<40} {ours:>9.1} ns {by_hand:>9.1} ns by hand   x {ratio:.2}")
        });
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the result of the program")]
fn print_line(line: &str) {
    println!("{line}");
}

fn interface() -> Result<Interface, Box<dyn Error>> {
    let builder = Interface::builder("Bench")
        .function::<(i64,), i64>("successor")
        .function::<(String,), String>("echo")
        .function::<(Array<f64>,), f64>("sum")
        .function::<(Vec<Record>,), i64>("weigh")
        .function::<(Vec<Record>,), Vec<Record>>("double");
    Ok(builder.build()?)
}

fn source(interface: &Interface) -> String {
    let name = interface.registered_name();
    format!(
        "{}{}let () = Saddlebag_host.register \"{name}\" (Obj.repr (fun () -> Obj.repr (module Plugin : S)))\n",
        include_str!("bench.ml"),
        interface.signature()
    )
}

fn measure(image: &Path, plugin: &Path, interface: &Interface) -> Result<Vec<Row>, Box<dyn Error>> {
    let runtime = Runtime::open(image, &Options::default())?;
    let module = Module::instantiate(interface, &runtime.load(plugin)?)?;
    let successor: Function<(i64,), i64> = module.function("successor")?;
    let echo: Function<(String,), String> = module.function("echo")?;
    let sum: Function<(Array<f64>,), f64> = module.function("sum")?;
    let weigh: Function<(Vec<Record>,), i64> = module.function("weigh")?;
    let double: Function<(Vec<Record>,), Vec<Record>> = module.function("double")?;
    let hand = ByHand::open(image)?;
    let successor_closure = hand.named(c"bench.successor");
    let echo_closure = hand.named(c"bench.echo");
    let sum_closure = hand.named(c"bench.sum");
    let weigh_closure = hand.named(c"bench.weigh");
    let text = "sixteen letters!";
    let numbers = Array(vec![0.5; 1000]);
    let (few, many) = (records::sample(3), records::sample(100));
    assert_eq!(hand.int(successor_closure, 1), successor.call((1,))?);
    assert_eq!(double.call((&many,))?.len(), 100);

    let mut rows = Vec::new();
    rows.push(row(
        "int -> int, any thread",
        || successor.call((black_box(1),)).is_ok(),
        || hand.with_lock(|| hand.int(successor_closure, black_box(1))) == 2,
    ));
    rows.push(row(
        "string -> string, any thread",
        || echo.call((black_box(text),)).is_ok(),
        || {
            hand.with_lock(|| hand.echo(echo_closure, black_box(text)))
                .len()
                == 16
        },
    ));
    let lock = runtime.lock();
    assert_eq!(hand.weigh(weigh_closure, &many), weigh.call((&many,))?);
    rows.push(row(
        "int -> int, in a scope",
        || successor.call((black_box(1),)).is_ok(),
        || hand.int(successor_closure, black_box(1)) == 2,
    ));
    rows.push(row(
        "string -> string, in a scope",
        || echo.call((black_box(text),)).is_ok(),
        || hand.echo(echo_closure, black_box(text)).len() == 16,
    ));
    rows.push(row(
        "1000 floats -> float, in a scope",
        || sum.call((black_box(&numbers),)).is_ok(),
        || hand.sum(sum_closure, black_box(&numbers.0)) == 500.0,
    ));
    rows.push(row(
        "3 records -> int, in a scope",
        || weigh.call((black_box(&few),)).is_ok(),
        || hand.weigh(weigh_closure, black_box(&few)) > 0,
    ));
    rows.push(row(
        "100 records -> int, in a scope",
        || weigh.call((black_box(&many),)).is_ok(),
        || hand.weigh(weigh_closure, black_box(&many)) > 0,
    ));
    drop(lock);
    Ok(rows)
}

fn row(name: &'static str, ours: impl Fn() -> bool, by_hand: impl Fn() -> bool) -> Row {
    let (mut ours_times, mut hand_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours_times.push(nanoseconds(&ours));
        hand_times.push(nanoseconds(&by_hand));
    }
    Row {
        name,
        ours: median(ours_times),
        by_hand: median(hand_times),
    }
}

/// Of one call, from as many as fit in a round.
fn nanoseconds(call: &impl Fn() -> bool) -> f64 {
    let start = processor_time();
    let mut calls = 0u32;
    loop {
        for _ in 0..200 {
            assert!(black_box(call()), "a call failed");
        }
        calls += 200;
        let spent = processor_time() - start;
        if spent >= ROUND {
            return spent.as_nanos() as f64 / f64::from(calls);
        }
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
