//! What a call reports when the OCaml code does not return.

use std::time::{Duration, Instant};

use ocaml_runtime::{CancelToken, Function, Interface, Module, call, load};

use crate::support::{self, Image};

type Int = Function<(i64,), i64>;

const BODY: &str = r#"
exception My of string * int
let fail n = match n with
  | 0 -> failwith "boom"
  | 1 -> raise Not_found
  | 2 -> raise (My ("x", 7))
  | 3 -> [|1|].(Sys.opaque_identity 9)
  | 4 -> 1 / Sys.opaque_identity 0
  | 5 -> raise Exit
  | _ -> n
let rec deep n = if n = 0 then 0 else 1 + deep (n - 1)
let rec deep_allocating n =
  if n = 0 then 0 else let l = List.init 3 (fun i -> i + n) in List.length (Sys.opaque_identity l) + deep_allocating (n - 1)
let spin n = let i = ref 0 in while Sys.opaque_identity !i >= 0 do i := (!i + 1) land 0xffff done; n
let spin_allocating n = while true do ignore (Sys.opaque_identity [n]) done; n
let quit n = exit n
let huge n = Bytes.length (Bytes.create n)
let caught n =
  for _ = 1 to n do (try ignore (int_of_string (Sys.opaque_identity "zz")) with Failure _ -> ()) done;
  Gc.full_major (); n
"#;

fn interface() -> Interface {
    let mut builder = Interface::builder("Fault");
    for name in [
        "fail",
        "deep",
        "deep_allocating",
        "spin",
        "spin_allocating",
        "quit",
        "huge",
        "caught",
    ] {
        builder = builder.function::<(i64,), i64>(name);
    }
    builder.build().unwrap()
}

fn faults(image: &Image) -> Module {
    image.plugin(&interface(), BODY)
}

fn int(module: &Module, name: &str) -> Int {
    module.function(name).unwrap()
}

/// Runs `body` on a thread of the default size, as applications do.
fn on_a_thread(body: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new()
        .stack_size(8 << 20)
        .spawn(body)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn an_exception_comes_with_name_message_and_backtrace() {
    for image in support::images() {
        let fail = int(&faults(image), "fail");
        let exception = |n: i64| match fail.call((n,)).unwrap_err().into_kind() {
            call::Kind::Exception(exception) => exception,
            other => panic!("{other:?}"),
        };
        assert_eq!(exception(0).message(), "Failure(\"boom\")");
        assert_eq!(exception(0).name(), "Failure");
        assert_eq!(exception(1).message(), "Not_found");
        // An exception of a functor's body has no module path.
        assert_eq!(exception(2).name(), "My");
        assert_eq!(exception(2).message(), "My(\"x\", 7)");
        assert_eq!(
            exception(3).message(),
            "Invalid_argument(\"index out of bounds\")"
        );
        assert_eq!(exception(4).message(), "Division_by_zero");
        assert_eq!(exception(5).name(), "Stdlib.Exit");
        let backtrace = exception(1).backtrace().to_owned();
        assert!(backtrace.contains("\"plugin.ml\", line 5"), "{backtrace}");
        assert_eq!(fail.call((9,)).unwrap(), 9);
    }
}

#[test]
fn a_stack_overflow_is_an_error_on_any_thread_and_repeats() {
    // With two native images: each has to catch its own.
    for image in support::images()
        .into_iter()
        .chain(support::second_native())
    {
        let module = faults(image);
        on_a_thread(move || {
            for name in ["deep", "deep_allocating", "deep"] {
                let start = Instant::now();
                let error = int(&module, name).call((1 << 40,)).unwrap_err();
                assert!(
                    matches!(error.kind(), call::Kind::StackOverflow),
                    "{error:?}"
                );
                // With the runtime's own limit of OCaml 5 this takes minutes.
                assert!(start.elapsed() < Duration::from_secs(30));
                assert_eq!(int(&module, "deep").call((10,)).unwrap(), 10);
            }
            image.runtime.compact().unwrap();
        });
    }
}

#[test]
fn exit_is_an_error_with_its_code_and_repeats() {
    for image in support::images() {
        let module = faults(image);
        for code in [3, 0, 3] {
            let error = int(&module, "quit").call((code,)).unwrap_err();
            let call::Kind::Exit { code: found } = *error.kind() else {
                panic!("{error:?}")
            };
            assert_eq!(i64::from(found), code);
        }
        assert_eq!(int(&module, "deep").call((10,)).unwrap(), 10);
    }
}

#[test]
fn exit_and_exceptions_at_the_top_level_are_errors_of_the_load() {
    for image in support::images() {
        for (source, expected) in [
            ("let () = exit 4", "the OCaml code called `exit 4`"),
            (
                "let () = failwith \"at the top\"",
                "exception Failure(\"at the top\")",
            ),
        ] {
            let compiled = image.compile("top_level", source);
            let error = image.runtime.load(&compiled.path).unwrap_err();
            let load::Error::Raised { source, .. } = error else {
                panic!("{error:?}")
            };
            assert_eq!(source.to_string(), expected);
        }
    }
}

#[test]
fn too_large_an_allocation_is_an_error_of_the_call() {
    for image in support::images() {
        let huge = int(&faults(image), "huge");
        let error = huge.call((1 << 40,)).unwrap_err();
        assert!(matches!(error.kind(), call::Kind::OutOfMemory), "{error:?}");
        let error = huge.call((1 << 60,)).unwrap_err();
        assert!(
            matches!(error.kind(), call::Kind::Exception(_)),
            "{error:?}"
        );
        assert_eq!(huge.call((10,)).unwrap(), 10);
    }
}

#[test]
fn a_call_that_loops_is_stopped_by_a_deadline_or_a_token() {
    for image in support::images() {
        let module = faults(image);
        for name in ["spin", "spin_allocating"] {
            let spin = int(&module, name);
            let token = CancelToken::after(Duration::from_millis(30));
            let error = image
                .runtime
                .cancellable(&token, || spin.call((1,)))
                .unwrap_err();
            assert!(
                matches!(error.kind(), call::Kind::DeadlineExceeded),
                "{error:?}"
            );
            let token = CancelToken::new();
            let elsewhere = token.clone();
            let canceller = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(30));
                elsewhere.cancel();
            });
            let error = image
                .runtime
                .cancellable(&token, || spin.call((1,)))
                .unwrap_err();
            assert!(matches!(error.kind(), call::Kind::Cancelled), "{error:?}");
            canceller.join().unwrap();
        }
        assert_eq!(int(&module, "deep").call((10,)).unwrap(), 10);
    }
}

#[test]
fn only_the_cancelled_call_is_stopped() {
    let Some(image) = support::native() else {
        return;
    };
    let module = faults(image);
    let start = |token: CancelToken| {
        let spin = int(&module, "spin");
        std::thread::spawn(move || {
            image
                .runtime
                .cancellable(&token, || spin.call((1,)))
                .unwrap_err()
        })
    };
    let (first, second) = (CancelToken::new(), CancelToken::new());
    let (one, two) = (start(first.clone()), start(second.clone()));
    std::thread::sleep(Duration::from_millis(50));
    first.cancel();
    assert!(matches!(one.join().unwrap().kind(), call::Kind::Cancelled));
    std::thread::sleep(Duration::from_millis(50));
    assert!(!two.is_finished(), "the other call goes on");
    second.cancel();
    assert!(matches!(two.join().unwrap().kind(), call::Kind::Cancelled));
}

#[test]
fn a_call_that_loops_lets_others_have_their_turn() {
    let Some(image) = support::native() else {
        return;
    };
    let module = faults(image);
    let token = CancelToken::new();
    let (spin, stop) = (int(&module, "spin"), token.clone());
    let spinner = std::thread::spawn(move || image.runtime.cancellable(&stop, || spin.call((1,))));
    let deep = int(&module, "deep");
    for _ in 0..20 {
        assert_eq!(deep.call((3,)).unwrap(), 3);
    }
    assert!(!spinner.is_finished());
    token.cancel();
    assert!(spinner.join().unwrap().is_err());
}

#[test]
fn arguments_survive_exceptions_that_ocaml_catches_itself() {
    for image in support::images() {
        let caught = int(&faults(image), "caught");
        for _ in 0..3 {
            assert_eq!(caught.call((1000,)).unwrap(), 1000);
        }
    }
}

#[test]
fn what_ocaml_prints_keeps_its_place_and_is_never_lost() {
    if support::is_child() {
        let Some(image) = support::native() else {
            return;
        };
        let interface = Interface::builder("Print")
            .function::<(String,), ()>("say")
            .function::<(String,), ()>("format")
            .build()
            .unwrap();
        let body = "let say s = print_string s let format s = Format.printf \"%s\" s";
        let module = image.plugin(&interface, body);
        let say: Function<(String,), ()> = module.function("say").unwrap();
        let format: Function<(String,), ()> = module.function("format").unwrap();
        say.call(("<one>",)).unwrap();
        println!("<two>");
        say.call(("<three>",)).unwrap();
        println!("<four>");
        format.call(("<five>",)).unwrap();
        image.runtime.flush();
        println!("<six>");
        // The lock is still held when the thread and the process end.
        let lock = image.runtime.lock();
        say.call(("<seven>",)).unwrap();
        std::mem::forget(lock);
        return;
    }
    if support::native().is_none() {
        return;
    }
    let (code, output, errors) =
        support::child("failures::what_ocaml_prints_keeps_its_place_and_is_never_lost");
    assert_eq!(code, Some(0), "{errors}");
    let marks: String = output.chars().filter(|c| !c.is_whitespace()).collect();
    assert!(
        marks.contains("<one><two><three><four><five><six>"),
        "{output}"
    );
    assert!(marks.contains("<seven>"), "{output}");
}

#[test]
fn the_process_ends_while_threads_are_inside_ocaml() {
    if support::is_child() {
        let Some(image) = support::native() else {
            return;
        };
        let module = faults(image);
        for _ in 0..4 {
            let caught = int(&module, "caught");
            std::thread::spawn(move || {
                loop {
                    caught.call((10,)).unwrap();
                }
            });
        }
        std::thread::sleep(Duration::from_millis(50));
        return;
    }
    if support::native().is_none() {
        return;
    }
    let (code, _, errors) =
        support::child("failures::the_process_ends_while_threads_are_inside_ocaml");
    assert_eq!(code, Some(0), "{errors}");
}

#[test]
fn rust_still_reports_its_own_stack_overflow_on_its_threads() {
    fn descend(n: u64) -> u64 {
        let padding = std::hint::black_box([n; 100]);
        if n == 0 {
            0
        } else {
            descend(n - 1) + padding[3]
        }
    }
    if support::is_child() {
        let Some(_) = support::native() else { return };
        std::thread::spawn(|| descend(1 << 40)).join().unwrap();
        return;
    }
    if support::native().is_none() {
        return;
    }
    let (code, _, errors) =
        support::child("failures::rust_still_reports_its_own_stack_overflow_on_its_threads");
    assert_eq!(code, None, "killed by a signal");
    assert!(errors.contains("has overflowed its stack"), "{errors}");
}
