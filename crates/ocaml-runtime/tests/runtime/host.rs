//! Functions of the application, called by plugins.

use std::cell::RefCell;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use ocaml_runtime::{Function, Host, HostError, Interface, Lock, Module, call};

use crate::support;

#[test]
fn a_plugin_calls_functions_of_the_application() {
    let total = Arc::new(AtomicI64::new(0));
    let counted = Arc::clone(&total);
    let host = Host::new("Bank")
        .fallible("rate", |(currency,): (String,)| match currency.as_str() {
            "EUR" => Ok(1.5),
            other => Err(format!("no rate for {other}")),
        })
        .function("add", move |(n, _why): (i64, String)| {
            counted.fetch_add(n, Ordering::Relaxed);
        })
        .function("today", |()| "2026-11-21".to_owned())
        .function("half", |(n,): (i64,)| {
            if n % 2 == 0 {
                Ok(n / 2)
            } else {
                Err("odd".to_owned())
            }
        });
    let interface = Interface::builder("Pricing")
        .host(host.signature())
        .function::<(String, f64), f64>("price")
        .function::<(String,), String>("safe")
        .function::<(i64,), Result<i64, String>>("half")
        .build()
        .unwrap();
    for image in support::images() {
        image.runtime.offer(&host);
        let module = image.plugin(
            &interface,
            "let price c x = Bank.add 2 (Bank.today ()); x *. Bank.rate c
             let safe c = try string_of_float (Bank.rate c) with Saddlebag_host.Host_error m -> \"caught: \" ^ m
             let half = Bank.half",
        );
        let price: Function<(String, f64), f64> = module.function("price").unwrap();
        assert_eq!(price.call(("EUR", 2.0)).unwrap(), 3.0);
        let error = price.call(("XXX", 2.0)).unwrap_err();
        let call::Kind::HostError { message } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(message, "no rate for XXX");
        let safe: Function<(String,), String> = module.function("safe").unwrap();
        assert_eq!(safe.call(("XXX",)).unwrap(), "caught: no rate for XXX");
        let half: Function<(i64,), Result<i64, String>> = module.function("half").unwrap();
        assert_eq!(half.call((4,)).unwrap(), Ok(2));
        assert_eq!(half.call((5,)).unwrap(), Err("odd".to_owned()));
    }
    assert_eq!(total.load(Ordering::Relaxed) % 4, 0);
}

#[test]
fn a_panic_becomes_an_exception_and_unwinds_no_further() {
    let host =
        Host::new("Panicky").function("boom", |(n,): (i64,)| -> i64 { panic!("no luck with {n}") });
    let interface = Interface::builder("Panics")
        .host(host.signature())
        .function::<(i64,), i64>("boom")
        .function::<(i64,), String>("caught")
        .build()
        .unwrap();
    for image in support::images() {
        image.runtime.offer(&host);
        let module = image.plugin(
            &interface,
            "let boom = Panicky.boom
             let caught n = try string_of_int (Panicky.boom n) with Saddlebag_host.Host_panic m -> m",
        );
        let boom: Function<(i64,), i64> = module.function("boom").unwrap();
        for _ in 0..3 {
            let error = boom.call((7,)).unwrap_err();
            let call::Kind::HostPanic { message } = error.kind() else {
                panic!("{error:?}")
            };
            assert_eq!(message, "no luck with 7");
        }
        let caught: Function<(i64,), String> = module.function("caught").unwrap();
        assert_eq!(caught.call((1,)).unwrap(), "no luck with 1");
    }
}

#[test]
fn an_exception_goes_through_nested_calls_as_it_is() {
    static BACK: OnceLock<Function<(i64,), i64>> = OnceLock::new();
    let Some(image) = support::native() else {
        return;
    };
    let host = Host::new("Nest").fallible("back", |(n,): (i64,)| match BACK.get() {
        Some(back) => back.call((n,)).map_err(HostError::from),
        None => Err(HostError::new("not ready")),
    });
    let interface = Interface::builder("Nested")
        .host(host.signature())
        .function::<(i64,), i64>("inner")
        .function::<(i64,), String>("outer")
        .function::<(i64,), i64>("recursive")
        .build()
        .unwrap();
    image.runtime.offer(&host);
    let module = image.plugin(
        &interface,
        "exception Mine of int
         let inner n = if n > 1000 then 1 + Nest.back (n + 1) else if n = 3 then exit 3 else raise (Mine n)
         let outer n = try string_of_int (Nest.back n) with Mine n -> Printf.sprintf \"Mine %d\" n
         let recursive = inner",
    );
    let inner: Function<(i64,), i64> = module.function("inner").unwrap();
    BACK.set(inner.clone()).unwrap();
    let outer: Function<(i64,), String> = module.function("outer").unwrap();
    assert_eq!(outer.call((7,)).unwrap(), "Mine 7");
    let error = outer.call((3,)).unwrap_err();
    assert!(
        matches!(error.kind(), call::Kind::Exit { code: 3 }),
        "{error:?}"
    );
    // OCaml -> Rust -> OCaml without end: refused while there is stack left, on any thread.
    let recursive: Function<(i64,), i64> = module.function("recursive").unwrap();
    for stack in [512 << 10, 8 << 20] {
        let recursive = recursive.clone();
        let thread = std::thread::Builder::new().stack_size(stack);
        let thread = thread
            .spawn(move || recursive.call((1001,)).unwrap_err())
            .unwrap();
        let error = thread.join().unwrap();
        let known = matches!(
            error.kind(),
            call::Kind::HostError { .. } | call::Kind::StackOverflow
        );
        assert!(known, "{error:?}");
    }
    assert_eq!(outer.call((8,)).unwrap(), "Mine 8");
}

#[test]
fn a_function_that_is_not_offered_is_named() {
    let missing = Host::new("Absent").function("gone", |(n,): (i64,)| n);
    let other = Host::new("Absent2").function("gone", |(n,): (String,)| n);
    let same_name = Host::new("Absent2").function("gone", |(n,): (i64,)| n);
    for image in support::images() {
        image.runtime.offer(&other);
        for (host, expected) in [
            (&missing, "no function `Absent.gone : int -> int`"),
            (
                &same_name,
                "offers `Absent2.gone : string -> string`, the plugin expects",
            ),
        ] {
            let interface = Interface::builder("Lacks")
                .host(host.signature())
                .build()
                .unwrap();
            let compiled = image.compile_plugin(&interface, "");
            let message = match image.runtime.load(&compiled.path) {
                Ok(unit) => Module::instantiate(&interface, &unit)
                    .map(|_| ())
                    .unwrap_err()
                    .to_string(),
                Err(error) => format!("{:?}", error),
            };
            assert!(message.contains(expected), "{message}");
        }
    }
}

#[test]
fn a_blocking_section_lets_others_call() {
    let Some(image) = support::native() else {
        return;
    };
    let runtime = image.runtime;
    let (asked, question) = std::sync::mpsc::channel::<()>();
    let (answer, answered) = std::sync::mpsc::channel::<()>();
    let answered = std::sync::Mutex::new(answered);
    let host = Host::new("Waiting").function("wait", move |()| {
        runtime.blocking(|| {
            asked.send(()).unwrap();
            answered.lock().unwrap().recv().unwrap();
        });
    });
    let interface = Interface::builder("Waits")
        .host(host.signature())
        .function::<(String,), String>("wait")
        .function::<(i64,), i64>("add")
        .build()
        .unwrap();
    runtime.offer(&host);
    let body = "let wait s = let t = s ^ s in Waiting.wait (); t let add n = n + 1";
    let module = image.plugin(&interface, body);
    let wait: Function<(String,), String> = module.function("wait").unwrap();
    let waiter = std::thread::spawn(move || wait.call(("ab",)).unwrap());
    question.recv().unwrap();
    // The other thread is inside its call; this one calls and collects meanwhile.
    let add: Function<(i64,), i64> = module.function("add").unwrap();
    assert_eq!(add.call((1,)).unwrap(), 2);
    runtime.compact().unwrap();
    answer.send(()).unwrap();
    assert_eq!(waiter.join().unwrap(), "abab");
}

#[test]
fn a_thread_of_ocaml_calls_the_application_and_back() {
    static BACK: OnceLock<Function<(i64,), i64>> = OnceLock::new();
    let Some(image) = support::native() else {
        return;
    };
    let host = Host::new("Threaded").fallible("back", |(n,): (i64,)| match BACK.get() {
        Some(back) => back.call((n,)).map_err(HostError::from),
        None => Err(HostError::new("not ready")),
    });
    let interface = Interface::builder("Threads")
        .host(host.signature())
        .function::<(i64,), i64>("double")
        .function::<(i64,), i64>("run")
        .build()
        .unwrap();
    image.runtime.offer(&host);
    let module = image.plugin(
        &interface,
        "let double n = Gc.minor (); 2 * n
         let run n =
           let sum = ref 0 in
           let threads = List.init n (fun i -> Thread.create (fun () -> sum := !sum + Threaded.back i) ()) in
           List.iter Thread.join threads; !sum",
    );
    BACK.set(module.function("double").unwrap()).unwrap();
    let run: Function<(i64,), i64> = module.function("run").unwrap();
    assert_eq!(run.call((20,)).unwrap(), 380);
}

#[test]
fn a_scope_may_end_while_a_call_in_it_is_under_way() {
    thread_local! {
        static SCOPE: RefCell<Option<Lock>> = const { RefCell::new(None) };
    }
    let host = Host::new("Scope").function("end_it", |()| SCOPE.set(None));
    let interface = Interface::builder("Scoped")
        .host(host.signature())
        .function::<(i64,), i64>("next")
        .function::<(i64,), i64>("ended")
        .function::<(i64,), i64>("ended_and_failed")
        .build()
        .unwrap();
    for image in support::images() {
        image.runtime.offer(&host);
        let module = image.plugin(
            &interface,
            "let next n = n + 1
             let ended n = Scope.end_it (); Scope.end_it (); Gc.full_major (); n + 1
             let ended_and_failed n = Scope.end_it (); failwith (string_of_int n)",
        );
        let function = |name| -> Function<(i64,), i64> { module.function(name).unwrap() };
        let next = function("next");
        for name in ["ended", "ended_and_failed"] {
            let ending = function(name);
            SCOPE.set(Some(image.runtime.lock()));
            assert_eq!(next.call((1,)).unwrap(), 2);
            assert_eq!(ending.call((1,)).is_ok(), name == "ended");
            // The lock is given back, so that others can have it.
            let (done, wait) = mpsc::channel();
            let elsewhere = next.clone();
            thread::spawn(move || done.send(elsewhere.call((2,)).unwrap()));
            assert_eq!(wait.recv_timeout(Duration::from_secs(30)), Ok(3));
            // And counted from the start again.
            let _scope = image.runtime.lock();
            assert_eq!(next.call((3,)).unwrap(), 4);
        }
    }
}

#[test]
fn calls_into_two_runtimes_may_be_nested() {
    static OTHER: OnceLock<Function<(i64,), i64>> = OnceLock::new();
    let (Some(first), Some(second)) = (support::native(), support::second_native()) else {
        return;
    };
    let host = Host::new("Other").fallible("next", |(n,): (i64,)| match OTHER.get() {
        Some(next) => next.call((n,)).map_err(HostError::from),
        None => Err(HostError::new("not ready")),
    });
    let interface = Interface::builder("Two_runtimes")
        .host(host.signature())
        .function::<(i64,), i64>("next")
        .function::<(i64,), i64>("there_and_here")
        .build()
        .unwrap();
    first.runtime.offer(&host);
    second.runtime.offer(&host);
    let body = "let next n = n + 1
                let there_and_here n = let there = Other.next n in Gc.minor (); there + 10";
    let (here, there) = (
        first.plugin(&interface, body),
        second.plugin(&interface, body),
    );
    let _ = OTHER.set(there.function("next").unwrap());
    let nested: Function<(i64,), i64> = here.function("there_and_here").unwrap();
    let next: Function<(i64,), i64> = here.function("next").unwrap();
    {
        let _scope = first.runtime.lock();
        for n in 0..1000 {
            assert_eq!(nested.call((n,)).unwrap(), n + 11);
            assert_eq!(next.call((n,)).unwrap(), n + 1);
        }
    }
    let elsewhere = thread::spawn(move || nested.call((1,)).unwrap());
    assert_eq!(elsewhere.join().unwrap(), 12);
}
