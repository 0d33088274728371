//! OCaml started on a thread of the application, which is its main thread then.

use ocaml_runtime::{Function, Interface, Module, call};

use crate::support;

fn interface() -> Interface {
    let mut builder = Interface::builder("Threads");
    for name in ["id", "leave", "deep", "leave_in_thread"] {
        builder = builder.function::<(i64,), i64>(name);
    }
    builder.build().unwrap()
}

const BODY: &str = r#"
let id _ = Thread.id (Thread.self ())
let leave n = Thread.exit (); n
let rec deep n = if n = 0 then 0 else 1 + deep (n - 1)
let leave_in_thread n =
  let reached = ref 0 in
  Thread.join (Thread.create (fun () -> reached := 1; Thread.exit (); reached := 2) ());
  !reached + n
"#;

fn function(module: &Module, name: &str) -> Function<(i64,), i64> {
    module.function(name).unwrap()
}

/// Ends the call, and nothing else.
fn assert_leaves(module: &Module) {
    let error = function(module, "leave").call((1,)).unwrap_err();
    match error.kind() {
        call::Kind::Exit { code: 0 } => {}
        // From OCaml 4.14 on.
        call::Kind::Exception(exception) => assert_eq!(exception.name(), "Thread.Exit"),
        kind => panic!("{kind:?}"),
    }
    assert_eq!(function(module, "leave_in_thread").call((10,)).unwrap(), 11);
}

#[test]
fn leaving_a_thread_of_the_application_ends_the_call_alone() {
    for image in support::images() {
        let module = image.plugin(&interface(), BODY);
        assert_leaves(&module);
        assert_leaves(&module);
        std::thread::spawn(move || assert_leaves(&module))
            .join()
            .unwrap();
    }
}

#[test]
fn the_calling_thread_is_the_main_thread_of_an_ocaml_started_on_it() {
    if !support::is_child() {
        let name = "main_thread::the_calling_thread_is_the_main_thread_of_an_ocaml_started_on_it";
        let (code, out, err) = support::child_started_here(name);
        assert_eq!(code, Some(0), "{out}{err}");
        return;
    }
    for image in support::images() {
        let module = image.plugin(&interface(), BODY);
        assert_eq!(function(&module, "id").call((0,)).unwrap(), 0);
        assert_leaves(&module);
        let deep = function(&module, "deep");
        for _ in 0..2 {
            let error = deep.call((100_000_000,)).unwrap_err();
            assert!(
                matches!(error.kind(), call::Kind::StackOverflow),
                "{error:?}"
            );
        }
        std::thread::spawn(move || {
            assert_ne!(function(&module, "id").call((0,)).unwrap(), 0);
            assert_leaves(&module);
        })
        .join()
        .unwrap();
        image.runtime.compact().unwrap();
    }
}

#[test]
fn an_uncaught_exception_is_given_to_the_handler_of_the_plugin() {
    let interface = Interface::builder("Handled")
        .function::<(i64,), i64>("fail")
        .function::<(), ()>("install")
        .function::<(), String>("told")
        .build()
        .unwrap();
    let body = r#"
exception E of int
let fail n = raise (E n)
let told = ref ""
let handle e backtrace =
  let slots = Array.length (Option.value (Printexc.backtrace_slots backtrace) ~default:[||]) in
  told := Printf.sprintf "%b %d" (slots > 0) (match e with E n -> n | _ -> 0)
let install () = Printexc.set_uncaught_exception_handler handle
let told () = !told
"#;
    for image in support::images() {
        let module = image.plugin(&interface, body);
        let fail: Function<(i64,), i64> = module.function("fail").unwrap();
        let install: Function<(), ()> = module.function("install").unwrap();
        let told: Function<(), String> = module.function("told").unwrap();
        let error = fail.call((4,)).unwrap_err();
        assert!(!image.runtime.handle_uncaught(&error).unwrap());
        install.call(()).unwrap();
        let error = fail.call((5,)).unwrap_err();
        assert!(image.runtime.handle_uncaught(&error).unwrap());
        assert_eq!(told.call(()).unwrap(), "true 5");
    }
}
