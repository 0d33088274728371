//! Many threads at once, with a small minor heap and compactions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ocaml_runtime::types::{Array, Rooted};
use ocaml_runtime::{Function, Host, HostError, Interface, Module, OcamlValue, call};

use crate::support::{self, Image};

#[derive(Debug, Clone, PartialEq, OcamlValue)]
enum Kind {
    Plain,
    Coded(i64),
    Named(String, f64),
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
struct Record {
    id: i64,
    name: String,
    score: f64,
    kind: Kind,
    tag: Option<String>,
}

fn record(id: i64) -> Record {
    Record {
        id,
        name: format!("record number {id}"),
        score: id as f64 * 0.5,
        kind: match id % 3 {
            0 => Kind::Plain,
            1 => Kind::Coded(id),
            _ => Kind::Named(format!("k{id}"), id as f64),
        },
        tag: (id % 2 == 1).then(|| format!("t{id}")),
    }
}

const BODY: &str = r#"
let next n = n + 1
let reverse s = let n = String.length s in String.init n (fun i -> s.[n - 1 - i])
let sum = Array.fold_left (+.) 0.
let records l = List.map (fun r -> { r with id = r.id + 1; score = r.score *. 2. }) l
let add n = fun x -> x + n
let back n = Stress.next n + String.length (Stress.reverse (string_of_int n))
let fail s = ignore (int_of_string s); 0
let pressure n = let l = ref [] in for i = 1 to n do l := string_of_int i :: !l done; List.length !l
"#;

type Adder = Function<(i64,), i64>;

struct Calls {
    next: Function<(i64,), i64>,
    reverse: Function<(String,), String>,
    sum: Function<(Array<f64>,), f64>,
    records: Function<(Vec<Record>,), Vec<Record>>,
    kept: Function<(Vec<Record>,), Rooted<Vec<Record>>>,
    add: Function<(i64,), Adder>,
    back: Function<(i64,), i64>,
    fail: Function<(String,), i64>,
    pressure: Function<(i64,), i64>,
}

fn calls(image: &Image) -> Calls {
    let host = Host::new("Stress")
        .function("next", |(n,): (i64,)| n + 1)
        .fallible("reverse", |(s,): (String,)| -> Result<String, HostError> {
            Ok(s.chars().rev().collect())
        });
    image.runtime.offer(&host);
    let interface = Interface::builder("Stressed")
        .host(host.signature())
        .function::<(i64,), i64>("next")
        .function::<(String,), String>("reverse")
        .function::<(Array<f64>,), f64>("sum")
        .function::<(Vec<Record>,), Vec<Record>>("records")
        .function::<(i64,), Adder>("add")
        .function::<(i64,), i64>("back")
        .function::<(String,), i64>("fail")
        .function::<(i64,), i64>("pressure")
        .build()
        .unwrap();
    let module: Module = image.plugin(&interface, BODY);
    Calls {
        next: module.function("next").unwrap(),
        reverse: module.function("reverse").unwrap(),
        sum: module.function("sum").unwrap(),
        records: module.function("records").unwrap(),
        kept: module.function("records").unwrap(),
        add: module.function("add").unwrap(),
        back: module.function("back").unwrap(),
        fail: module.function("fail").unwrap(),
        pressure: module.function("pressure").unwrap(),
    }
}

fn mixed(calls: &Calls, seed: i64, count: i64, image: &Image) {
    for n in 0..count {
        match (n + seed) % 9 {
            0 => assert_eq!(calls.next.call((n,)).unwrap(), n + 1),
            1 => assert_eq!(
                calls.reverse.call((format!("ab{n}"),)).unwrap(),
                rev(&format!("ab{n}"))
            ),
            2 => assert_eq!(
                calls
                    .sum
                    .call((Array(vec![0.5; (n % 300) as usize]),))
                    .unwrap(),
                (n % 300) as f64 / 2.0
            ),
            3 => {
                let sent: Vec<Record> = (0..n % 20).map(record).collect();
                let got = calls.records.call((&sent,)).unwrap();
                assert_eq!(got.len(), sent.len());
                for (got, sent) in got.iter().zip(&sent) {
                    assert_eq!(
                        (got.id, &got.name, &got.kind, &got.tag),
                        (sent.id + 1, &sent.name, &sent.kind, &sent.tag)
                    );
                }
            }
            4 => {
                // A closure lives on the heap and moves while its argument is made.
                let add = calls.add.call((n,)).unwrap();
                assert_eq!(calls.pressure.call((50,)).unwrap(), 50);
                assert_eq!(add.call((1,)).unwrap(), n + 1);
            }
            5 => assert_eq!(
                calls.back.call((n,)).unwrap(),
                n + 1 + n.to_string().len() as i64
            ),
            6 => {
                let error = calls.fail.call(("zz",)).unwrap_err();
                assert!(matches!(error.kind(), call::Kind::Exception(_)));
            }
            7 => {
                let kept = calls.kept.call((vec![record(n)],)).unwrap();
                assert_eq!(calls.pressure.call((20,)).unwrap(), 20);
                assert_eq!(kept.get().unwrap()[0].name, record(n).name);
            }
            _ => {
                let _scope = image.runtime.lock();
                for m in 0..5 {
                    assert_eq!(calls.next.call((m,)).unwrap(), m + 1);
                }
            }
        }
    }
}

fn rev(text: &str) -> String {
    text.chars().rev().collect()
}

/// In a process of its own, for its settings. `RUNTIME_STRESS` is the number of calls of each thread.
#[test]
fn eight_threads_call_while_the_heap_is_compacted() {
    if !support::is_child() {
        if support::native().is_some() {
            let name = "stress::eight_threads_call_while_the_heap_is_compacted";
            let (code, _, errors) = support::child_with(name, "s=4k");
            assert_eq!(code, Some(0), "{errors}");
        }
        return;
    }
    let count = std::env::var("RUNTIME_STRESS")
        .ok()
        .and_then(|count| count.parse().ok());
    let count: i64 = count.unwrap_or(5000);
    for image in support::images() {
        let calls = Arc::new(calls(image));
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let compactor = scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    image.runtime.compact().unwrap();
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
            let callers: Vec<_> = (0..8)
                .map(|seed| {
                    let calls = Arc::clone(&calls);
                    scope.spawn(move || mixed(&calls, seed, count, image))
                })
                .collect();
            for caller in callers {
                caller.join().unwrap();
            }
            stop.store(true, Ordering::Relaxed);
            compactor.join().unwrap();
        });
    }
}

#[test]
fn short_lived_threads_register_and_leave() {
    for image in support::images() {
        let calls = Arc::new(calls(image));
        for n in 0..500 {
            let calls = Arc::clone(&calls);
            std::thread::spawn(move || assert_eq!(calls.next.call((n,)).unwrap(), n + 1))
                .join()
                .unwrap();
        }
    }
}
