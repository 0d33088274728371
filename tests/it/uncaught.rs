//! How a plugin ends that does not reach its end: exceptions that nobody catches, `Thread.exit`.

use saddlebag_tests::{Sandbox, ocaml};

#[test]
fn the_handler_of_a_plugin_is_given_what_nobody_caught() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let source = r#"
exception E of int
let () =
  Printexc.set_uncaught_exception_handler (fun e _ -> prerr_endline ("handled: " ^ Printexc.to_string e))
let () = at_exit (fun () -> print_string " at_exit")
let () = print_string "unflushed"
let () = raise (E 3)
"#;
    sandbox.write("main.ml", source);
    let outcome = sandbox.saddlebag(["run", "main.ml"]).run();
    outcome.code(1).prints("unflushed at_exit");
    assert_eq!(outcome.stderr(), "handled: Main.E(3)\n");
}

#[test]
fn a_handler_that_raises_is_told_of() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let source = "let () = Printexc.set_uncaught_exception_handler (fun _ _ -> failwith \"again\")\n\
                  let () = failwith \"first\"\n";
    sandbox.write("main.ml", source);
    let outcome = sandbox.saddlebag(["run", "main.ml"]).run();
    outcome.code(1).says(&[
        "Fatal error: exception Failure(\"first\")",
        "Fatal error in uncaught exception handler: exception Failure(\"again\")",
    ]);
}

#[test]
fn the_main_thread_may_leave() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let source = "[@@@alert \"-deprecated\"]\n\
                  let () = at_exit (fun () -> print_string \" at_exit\")\n\
                  let () = Thread.join (Thread.create (fun () -> print_string \"thread\"; Thread.exit ()) ())\n\
                  let () = (try Thread.exit () with e when Printexc.to_string e = \"Thread.Exit\" -> exit 0)\n\
                  let () = print_string \"not here\"\n";
    sandbox.write("main.ml", source);
    let outcome = sandbox.saddlebag(["run", "main.ml"]).run();
    outcome.code(0).prints("thread at_exit").is_quiet();
}

#[test]
fn a_main_thread_that_leaves_waits_for_the_others() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    // From OCaml 5.0 on `Thread.exit` raises an exception.
    let source = |last: &str| {
        format!(
            "[@@@alert \"-deprecated\"]\n\
             let rec threads n = Thread.create (fun () ->\n\
               Thread.delay 0.02; print_int n; if n > 0 then ignore (threads (n - 1)) else {last}) ()\n\
             let first = threads 3\n\
             let () = print_string \"leaving \"; ignore first\n\
             let () = try Thread.exit () with e when Printexc.to_string e = \"Thread.Exit\" -> Thread.delay 1.\n"
        )
    };
    sandbox.write("main.ml", source("()"));
    let outcome = sandbox.saddlebag(["run", "main.ml"]).run();
    outcome.code(0).prints("leaving 3210").is_quiet();
    sandbox.write("main.ml", source("exit 3"));
    let outcome = sandbox.saddlebag(["run", "main.ml"]).run();
    outcome.code(3).prints("leaving 3210").is_quiet();
}

#[test]
fn an_exception_of_a_memory_profile_is_described() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    // OCaml 5.0 to 5.2 have no profiles.
    let source = "let sampled _ = failwith \"from the profile\"\n\
                  let tracker = Gc.Memprof.{ null_tracker with alloc_minor = sampled; alloc_major = sampled }\n\
                  let () = try ignore (Gc.Memprof.start ~sampling_rate:1. tracker)\n\
                    with Failure m when m <> \"from the profile\" -> failwith \"from the profile\"\n\
                  let () = print_int (List.length (List.init 1000 string_of_int))\n";
    sandbox.write("main.ml", source);
    let outcome = sandbox.saddlebag(["run", "main.ml"]).run();
    outcome.code(1);
    assert_eq!(
        outcome.stderr(),
        "Fatal error: exception Failure(\"from the profile\")\n"
    );
}

#[test]
fn an_exception_is_named_by_its_file_however_many_there_are() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write(
        "util.ml",
        "exception Bad of int\nlet fail n = raise (Bad n)\n",
    );
    sandbox.write("main.ml", "exception E\nlet () = Util.fail 3\n");
    let run = |arguments: &[&str]| {
        let outcome = sandbox.saddlebag(arguments).env("OCAMLRUNPARAM", "b").run();
        outcome.code(1);
        outcome.stderr().into_owned()
    };
    let text = run(&["run", "util.ml", "main.ml"]);
    assert!(
        text.starts_with("Fatal error: exception Util.Bad(3)\n"),
        "{text}"
    );
    assert!(
        text.contains(" Util.fail in file \"util.ml\", line 2"),
        "{text}"
    );
    assert!(!text.contains("Plugin"), "{text}");
    let build = ["build", "util.ml", "main.ml", "-o", "out"];
    sandbox.saddlebag(build).run().code(0);
    assert_eq!(run(&["load", "out"]), text);
    // A file of that name keeps it.
    sandbox.write("plugin.ml", "exception E\nlet () = raise E\n");
    let text = run(&["run", "plugin.ml"]);
    assert!(
        text.starts_with("Fatal error: exception Plugin.E\n"),
        "{text}"
    );
}
