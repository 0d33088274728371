//! What debuggers and profilers see of a plugin: the user's files, lines and functions (docs/debugging.md).

use saddlebag_tests::{Sandbox, has, may_profile, ocaml, saddlebag};

const PROGRAM: &str = "\
let[@inline never] rec fib n =
  if n < 2 then n
  else fib (n - 1) + fib (n - 2)

let[@inline never] twice f n =
  let first = f n in
  first + f n

let () = print_int (twice fib 25)
";

/// What gdb prints when it follows `orders` with a run of the command; without files of the user's own, and no network.
fn debug(sandbox: &Sandbox, orders: &[&str], program: &str) -> String {
    // What is made once for all tests is not made below a debugger.
    let run = ["run", program];
    sandbox.saddlebag(run).run().code(0);
    let mut gdb = sandbox.command("gdb").args(["-batch", "-nx"]);
    let settings = [
        "set debuginfod enabled off",
        "set breakpoint pending on",
        // Whoever stops the tests for a while stops no debugger's program for good.
        "handle SIGSTOP SIGCONT nostop noprint",
    ];
    for order in settings.iter().chain(orders) {
        gdb = gdb.args(["-ex", order]);
    }
    let command = gdb.arg("--args").arg(saddlebag());
    // What is killed leaves its files.
    let outcome = command.args(run).leaving_files().run();
    outcome.to_string()
}

/// Whether these texts follow one another.
#[track_caller]
fn shows(printed: &str, expected: &[&str]) {
    let mut rest = printed;
    for text in expected {
        let found = rest.split_once(text);
        (_, rest) = found.unwrap_or_else(|| panic!("`{text}` is not next in\n{printed}"));
    }
}

#[test]
fn a_debugger_stops_at_a_line_of_a_plugin_and_shows_who_called_it() {
    if !ocaml() || !has("gdb") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("sources/sums.ml", PROGRAM);
    let orders = [
        "break sums.ml:7",
        "run",
        "backtrace 2",
        "info symbol $pc",
        "kill",
    ];
    let printed = debug(&sandbox, &orders, "sources/sums.ml");
    let expected = [
        "7\t  first + f n\n",
        "#0  camlSums",
        "twice_",
        " at sources/sums.ml:7\n",
        " in camlSums",
        " at sources/sums.ml:9\n",
        " in section .text of ",
    ];
    shows(&printed, &expected);
}

#[test]
fn a_debugger_steps_from_line_to_line_of_a_plugin() {
    if !ocaml() || !has("gdb") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("sums.ml", PROGRAM);
    let orders = ["tbreak sums.ml:9", "run", "step", "step", "step", "kill"];
    let expected = [
        "9\tlet () = print_int",
        "5\tlet[@inline never] twice f n",
        "6\t  let first = f n in",
        "1\tlet[@inline never] rec fib n",
    ];
    shows(&debug(&sandbox, &orders, "sums.ml"), &expected);
}

#[test]
fn a_profiler_names_the_functions_of_a_plugin_by_the_build_id_of_the_built_file() {
    if !ocaml() || !may_profile() {
        return;
    }
    let sandbox = Sandbox::new();
    // The first function is where the unit's code begins, which has a name too.
    let program = format!(
        "let first () = ()\n\n{}",
        PROGRAM.replace("fib 25", "fib 34")
    );
    sandbox.write("sums.ml", program);
    let known = sandbox.path("known");
    let perf = |arguments: &[&str]| {
        let perf = sandbox.command("perf").arg("--buildid-dir").arg(&known);
        perf.args(arguments)
    };
    let record = ["record", "-e", "cpu-clock", "--buildid-mmap", "-o"];
    perf(&record)
        .args(["perf.data", "--"])
        .arg(saddlebag())
        .args(["run", "sums.ml"])
        .run()
        .code(0);
    sandbox
        .saddlebag(["build", "sums.ml", "-o", "sums.cmxs"])
        .run()
        .code(0);
    perf(&["buildid-cache", "--add", "sums.cmxs"]).run().code(0);
    let report = ["report", "--stdio", "--no-demangle", "-i", "perf.data"];
    let report = perf(&report).run();
    let sampled = report.stdout();
    let line = sampled
        .lines()
        .find(|line| line.contains("camlSums") && line.contains("fib"));
    let line = line.unwrap_or_else(|| panic!("{report}"));
    // In memory, or, where there is no compile worker, the file that the compiler made.
    let files = ["saddlebag-plugin", "Sums.cmxs"];
    assert!(files.iter().any(|file| line.contains(file)), "{line}");
}
