//! Stand-alone programs behave as those that the compiler makes: output, exceptions, names, order.

use dynloader::{Options, SideEffect, Source, load};
use futures_lite::future::block_on;
use ocaml_runtime::call::Kind;

use crate::support::{Succeed, folder, loader};

/// How a program ends, and what it wrote to the file named by its first line's `out`.
fn run(name: &str, text: &str) -> Option<(String, String)> {
    let loader = loader(Options::program())?;
    let folder = folder(&[]);
    let log = folder.path().join("log");
    std::fs::write(&log, "").succeed();
    let text = format!(
        "let out = open_out {:?};; let () = at_exit (fun () -> flush out)\n# 1 \"{name}\"\n{text}\n;; flush out",
        log
    );
    let end = match block_on(loader.load_sources::<SideEffect>([Source::text(name, text)])) {
        Ok(()) => String::new(),
        Err(load::Error::Raised(error)) => match error.kind() {
            Kind::Exit { code } => format!("exit {code}"),
            Kind::Exception(exception) => exception.message().to_owned(),
            kind => format!("{kind:?}"),
        },
        Err(error) => panic!("{error:?}"),
    };
    Some((end, std::fs::read_to_string(log).succeed()))
}

#[track_caller]
fn assert_run(name: &str, text: &str, end: &str, written: &str) {
    let Some(ran) = run(name, text) else { return };
    assert_eq!(ran, (end.to_owned(), written.to_owned()));
}

#[test]
fn effects_happen_in_order_and_once() {
    assert_run(
        "order.ml",
        "let () = output_string out \"a\"\nlet _ = output_string out \"b\"\nlet () = output_string out \"c\"",
        "",
        "abc",
    );
}

#[test]
fn exit_runs_what_was_registered_and_keeps_its_number() {
    let text = "let () = at_exit (fun () -> output_string out \"bye\")\nlet () = if true then exit 7\nlet () = output_string out \"no\"";
    assert_run("exits.ml", text, "exit 7", "bye");
}

#[test]
fn an_exception_is_called_as_in_a_program_of_its_own() {
    assert_run(
        "boom.ml",
        "exception Boom of int * string\nlet () = raise (Boom (1, \"x\"))",
        "Boom.Boom(1, \"x\")",
        "",
    );
    assert_run(
        "inner.ml",
        "module M = struct exception E end\nlet () = flush out; raise M.E",
        "Inner.M.E",
        "",
    );
    assert_run(
        "fails.ml",
        "let () = flush out; failwith \"sorry\"",
        "Failure(\"sorry\")",
        "",
    );
    assert_run(
        "asserts.ml",
        "\n  let () = assert (Sys.opaque_identity 1 = 2)",
        "File \"asserts.ml\", line 2, characters 11-17: Assertion failed",
        "",
    );
}

#[test]
fn names_of_the_program_are_those_of_its_file() {
    assert_run(
        "names.ml",
        "let () = output_string out (__MODULE__ ^ __FILE__)",
        "",
        "Namesnames.ml",
    );
}

#[test]
fn a_program_may_be_called_as_a_module_of_the_host() {
    for name in [
        "unix.ml",
        "thread.ml",
        "dynlink.ml",
        "stdlib.ml",
        "list.ml",
        "saddlebag_host.ml",
        "plugin.ml",
        "event.ml",
    ] {
        assert_run(name, "let () = output_string out \"fine\"", "", "fine");
    }
}

#[test]
fn a_module_of_a_plugin_may_be_called_as_one_of_the_standard_library() {
    let Some(loader) = loader(Options::program()) else {
        return;
    };
    let sources = ["obj", "stdlib", "saddlebag_host", "list"].map(|name| {
        Source::text(
            format!("{name}.ml"),
            "let x = 1\nlet () = ignore (Sys.opaque_identity x)",
        )
    });
    block_on(loader.load_sources::<SideEffect>(&sources)).succeed();
    block_on(loader.load_sources_without_running::<SideEffect>(&sources))
        .succeed()
        .run()
        .succeed();
}

#[test]
fn what_the_type_checker_allows_in_a_program_is_allowed() {
    let text = "let r = ref []\nlet () = r := [1]\n\
                module type T = sig val x : int end\nlet m = (module struct let x = 1 end : T)\nmodule M = (val m)\n\
                type _ g = I : int g | S : string g\nlet show : type a. a g -> a -> string = fun g x -> match g with I -> string_of_int x | S -> x\n\
                type ext = ..\ntype ext += A | B of int\nclass c = object method m = 1 end\n\
                module rec X : sig val f : int -> int end = struct let f n = if n = 0 then 0 else Y.f (n - 1) end\n\
                and Y : sig val f : int -> int end = struct let f n = X.f n end\n\
                external id : 'a -> 'a = \"%identity\"\n\
                let () = output_string out (show I (M.x + (new c)#m + X.f 3 + id 1 + List.length !r) ^ show S \"!\")";
    assert_run("types.ml", text, "", "4!");
}

#[test]
fn deep_recursion_has_the_stack_of_a_program() {
    let text = "let rec f n = if n = 0 then 0 else 1 + f (n - 1)\nlet () = output_string out (string_of_int (f 200_000))\n\
                let rec g n = 1 + g (n + 1)\nlet () = try ignore (g 0) with Stack_overflow -> output_string out \" overflow\"";
    assert_run("deep.ml", text, "", "200000 overflow");
}

#[test]
fn overflows_are_caught_whatever_is_pending() {
    // The tick thread marks a signal as pending every 50 ms, and this recursion never polls for it.
    let text = "let rec g n = 1 + g (n + 1)\nlet caught = ref 0\n\
                let () = for _ = 1 to 300 do try ignore (g 0) with Stack_overflow -> incr caught done\n\
                let () = Gc.full_major (); output_string out (string_of_int !caught)";
    assert_run("overflows.ml", text, "", "300");
}
