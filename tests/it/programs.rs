//! Stand-alone programs: what they print and how they end is what `ocamlopt` makes them print and end.
//!
//! `programs/NAME.ml` is the program, `NAME.stdin` its input and `NAME.args` its arguments, one a line. One thing is
//! different by contract: an exception that nobody catches is status 1 here, and 2 there.

use std::fs;
use std::path::{Path, PathBuf};

use saddlebag_tests::{Command, Jail, Outcome, Sandbox, ocaml};

/// What a program did.
#[derive(Debug, PartialEq, Eq)]
struct Behaviour {
    output: String,
    status: Option<i32>,
}

struct Program {
    source: PathBuf,
    input: Vec<u8>,
    arguments: Vec<String>,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")
}

impl Program {
    fn read(name: &str) -> Program {
        let file = |extension| directory().join(name).with_extension(extension);
        let arguments = fs::read_to_string(file("args")).unwrap_or_default();
        Program {
            source: file("ml"),
            input: fs::read(file("stdin")).unwrap_or_default(),
            arguments: arguments.lines().map(str::to_owned).collect(),
        }
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.source).expect("a program")
    }

    /// As a program of its own. `status` of an uncaught exception is the contract's.
    fn native(&self, sandbox: &Sandbox) -> Behaviour {
        sandbox.write("native/program.ml", self.text());
        let libraries = ["-I", "+unix", "-I", "+threads", "unix.cmxa", "threads.cmxa"];
        let compile = sandbox.ocamlopt(["-w", "-a", "-g"]).args(libraries);
        let compile = compile.args(["program.ml", "-o", "program"]);
        compile.current_dir(sandbox.path("native")).run().code(0);
        let program = sandbox.command(sandbox.path("native/program"));
        let outcome = program
            .args(&self.arguments)
            .input(self.input.clone())
            .run();
        let uncaught =
            outcome.status() == Some(2) && outcome.stderr().contains("Fatal error: exception ");
        Behaviour {
            output: outcome.stdout().into_owned(),
            status: if uncaught { Some(1) } else { outcome.status() },
        }
    }

    fn run(&self, command: Command) -> (Behaviour, Outcome) {
        let outcome = command
            .arg("--")
            .args(&self.arguments)
            .input(self.input.clone())
            .run();
        (
            Behaviour {
                output: outcome.stdout().into_owned(),
                status: outcome.status(),
            },
            outcome,
        )
    }
}

/// Compiles the program natively, runs it with the system's toolchain and with the carried one in an empty root.
fn compare(name: &str) {
    if !ocaml() {
        return;
    }
    let (program, sandbox) = (Program::read(name), Sandbox::new());
    let expected = program.native(&sandbox);
    let (system, outcome) = program.run(sandbox.saddlebag(["run"]).arg(&program.source));
    assert_eq!(system, expected, "{outcome}");
    let Some(jail) = Jail::new() else { return };
    fs::write(jail.path("program.ml"), program.text()).expect("the program");
    let (carried, outcome) = program.run(jail.saddlebag(["run", "/program.ml"]));
    // A root without a shell has no `Sys.command`.
    let expected = if name == "system_values" {
        system_values_without_a_shell(expected)
    } else {
        expected
    };
    assert_eq!(carried, expected, "{outcome}");
}

fn system_values_without_a_shell(mut expected: Behaviour) -> Behaviour {
    expected.output = expected.output.replace("\n3\n", "\n127\n");
    expected
}

macro_rules! programs {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                compare(stringify!($name));
            }
        )*
    };
}

programs! {
    arguments
    arrays
    backtraces
    bigarrays
    broken_pipe
    closures
    comments_and_documentation
    effects_of_evaluation_order
    empty
    event_channels
    exceptions
    exit_at_exit
    exit_from_a_thread
    exit_in_at_exit
    exit_inside_try
    extensible_types
    files_and_channels
    first_class_modules
    floats
    forked_child
    format_boxes
    functors
    gadts
    game_of_life
    garbage_collection
    hash_tables
    integers
    interpreter
    interrupted_read
    labels_and_options
    lazy_values
    lists
    maps_and_sets
    marshalling
    module_named_like_the_standard_librarys
    mutable_state
    mutual_modules
    objects
    operators
    out_of_memory
    pattern_matching
    phantom_and_private_types
    physical_and_structural_equality
    polymorphic_variants
    printed_backtraces
    printf_formats
    random_with_a_seed
    records_and_variants
    recursion
    scanf_parsing
    sequences
    signals
    stack_overflow_caught
    stack_overflow_uncaught
    standard_input_lines
    standard_input_numbers
    strings_and_bytes
    system_values
    ten_megabytes
    threads
    type_classes_by_records
    uncaught_custom_printer
    uncaught_failure
    uncaught_in_a_thread
    uncaught_in_at_exit
    unix_calls
    waiting_for_all_children
    weak_hash_and_ephemerons
    weak_polymorphism
    wrong_arguments
}

#[test]
fn every_program_is_compared() {
    let mut files: Vec<String> = fs::read_dir(directory())
        .expect("the programs")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ml"))
        .map(|path| {
            path.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    files.sort();
    assert_eq!(files, NAMES);
}
