//! One worker against compilers that have just started.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use futures_lite::future::block_on;
use ocaml_toolchain::{Invocation, Toolchain, find};

use super::programs::program;
use super::*;
use crate::compile::Goal;
use crate::kit::{Kit, SystemOptions};
use crate::options::WorkspaceOptions;

/// How many programs the test compiles, and how many units the test of memory: more in `cargo xtask torture`.
pub(super) fn count(variable: &str, default: u32) -> u32 {
    match std::env::var(variable) {
        Ok(number) => number.parse().expect("a number"),
        Err(_) => default,
    }
}

pub(super) struct Bench {
    toolchain: Toolchain,
    driver: Invocation,
    workspace: Workspace,
    workers: CompileWorkers,
    directory: tempfile::TempDir,
}

pub(super) const FLAGS: &[&str] = &["-g", "-error-style", "short", "-color", "never"];

/// A worker of the installed OCaml. Without one the test fails where `CI` is set, and is skipped elsewhere.
pub(super) fn bench(flags: &[&str]) -> Option<Bench> {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tmp/unit-tests");
    std::fs::create_dir_all(cache.parent().unwrap()).unwrap();
    let kit = block_on(Kit::system(SystemOptions::new(cache)));
    let kit = match kit {
        Ok(kit) => kit,
        Err(error) if std::env::var_os("CI").is_some() => panic!("no OCaml: {error:?}"),
        Err(error) => {
            println!("SKIP: no OCaml: {error}");
            return None;
        }
    };
    if let Some(reason) = &kit.manifest().no_worker {
        let is_broken = reason.starts_with("it cannot be built");
        assert!(!is_broken || std::env::var_os("CI").is_none(), "{reason}");
        println!("SKIP: no compile worker: {reason}");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let options = WorkspaceOptions {
        in_dirs: vec![directory.path().to_owned()],
        permissions: 0o700,
    };
    Some(Bench {
        toolchain: Toolchain::find_blocking(&find::Options::from_environment()).unwrap(),
        driver: kit.compile_worker().unwrap().args(flags),
        workspace: Workspace::create(&options).unwrap(),
        workers: CompileWorkers::default(),
        directory,
    })
}

impl Bench {
    pub(super) fn ask(
        &self,
        goal: Goal,
        name: &str,
        text: &str,
        interface: Option<&str>,
    ) -> Option<Answer> {
        let request = Request {
            goal,
            name,
            implementation: text.as_bytes(),
            declarations: 0,
            interface: interface.map(str::as_bytes),
        };
        self.answer_to(request)
    }

    pub(super) fn answer_to(&self, request: Request<'_>) -> Option<Answer> {
        let asked = self
            .workers
            .ask(|| Some(self.driver.clone()), &self.workspace, request, None);
        block_on(asked).map(|(answer, _)| answer)
    }

    /// Leaves the next request to another worker.
    pub(super) fn start_anew(&self) {
        self.workers.clear();
    }

    /// The process of the worker that has nothing to do.
    pub(super) fn process(&self) -> u32 {
        let idle = self.workers.idle();
        assert_eq!(idle.len(), 1, "one worker does it all");
        idle[0].session.id()
    }

    /// Always the same, because assemblers may write the name of the directory into objects.
    fn empty_folder(&self) -> PathBuf {
        let folder = self.directory.path().join("folder");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    /// The object that the installed ocamlopt makes of the program, and what it says.
    pub(super) fn stock(
        &self,
        flags: &[&str],
        name: &str,
        text: &str,
        interface: Option<&str>,
    ) -> (Option<Vec<u8>>, Vec<u8>) {
        let folder = self.empty_folder();
        let path = |extension: &str| folder.join(format!("{name}.{extension}"));
        std::fs::write(path("ml"), text).unwrap();
        let mut compiler = Invocation::new(self.toolchain.ocamlopt().unwrap());
        compiler = compiler.args(flags).arg("-c").current_dir(&folder);
        if let Some(interface) = interface {
            std::fs::write(path("mli"), interface).unwrap();
            compiler = compiler.arg(format!("{name}.mli"));
        }
        let output = compiler
            .arg(format!("{name}.ml"))
            .output_blocking()
            .unwrap();
        let object = output
            .status
            .success()
            .then(|| std::fs::read(path("o")).unwrap());
        (object, output.stderr)
    }

    /// The object that the toolchain's assembler makes of a text.
    pub(super) fn assemble(&self, text: &str) -> Vec<u8> {
        let folder = self.empty_folder();
        let object = folder.join("a.o");
        std::fs::write(folder.join("a.s"), text).unwrap();
        let assembler = self.toolchain.assembler().unwrap();
        let invocation = Invocation::new(&assembler.program).args(&assembler.args);
        let invocation = invocation.args(["-o", "a.o", "a.s"]).current_dir(folder);
        invocation.run_blocking().unwrap();
        std::fs::read(object).unwrap()
    }
}

fn compare(flags: &[&str], first: u32, programs: u32) {
    let flags: Vec<&str> = FLAGS.iter().chain(flags).copied().collect();
    let Some(bench) = bench(&flags) else { return };
    let (mut compiled, mut refused) = (0, 0);
    for number in first..first + programs {
        let text = program(number);
        let name = ["Alpha", "Beta", "List", "Plugin"][number as usize % 4];
        let interface =
            [None, Some(""), Some(""), Some("val nothing : unit\n")][number as usize % 16 / 4];
        let text = format!("let nothing = ()\n{text}");
        let Some(answer) = bench.ask(Goal::Load, name, &text, interface) else {
            // Only a compiler that starts knows what it would say, or the code generator refused it.
            assert!(
                bench.stock(&flags, name, &text, interface).0.is_none(),
                "{text}"
            );
            refused += 1;
            continue;
        };
        let (object, said) = bench.stock(&flags, name, &text, interface);
        let messages = String::from_utf8_lossy(&answer.messages);
        assert_eq!(
            messages,
            String::from_utf8_lossy(&said),
            "program {number}:\n{text}"
        );
        match object {
            Some(object) => {
                assert_eq!(
                    answer.outcome,
                    Outcome::Compiled,
                    "program {number}:\n{text}"
                );
                let same = bench.assemble(&answer.assembly[0]) == object;
                assert!(same, "the objects of program {number} differ:\n{text}");
                compiled += 1;
            }
            None => {
                assert_eq!(
                    answer.outcome,
                    Outcome::Refused,
                    "program {number}:\n{text}"
                );
                refused += 1;
            }
        }
    }
    println!("{compiled} objects are equal, {refused} programs were refused");
    assert!(
        compiled * 2 > programs && refused > 0,
        "{compiled} {refused}"
    );
}

#[test]
fn one_worker_gives_the_objects_of_as_many_compilers() {
    compare(&[], 0, count("COMPILE_WORKER_PROGRAMS", 40));
}

#[test]
fn flags_give_the_objects_that_they_give_a_compiler() {
    let programs = count("COMPILE_WORKER_PROGRAMS", 80) / 8;
    compare(
        &["-inline", "200", "-unsafe", "-function-sections"],
        5000,
        programs,
    );
}

#[test]
fn a_check_says_what_a_compiler_says() {
    let Some(bench) = bench(FLAGS) else { return };
    for number in 0..count("COMPILE_WORKER_PROGRAMS", 24) {
        let text = program(number);
        let name = ["Alpha", "Alpha", "Plugin"][number as usize % 3];
        if number % 5 == 0 {
            bench.ask(Goal::Load, name, "let between = ref []", None);
        }
        let Some(answer) = bench.ask(Goal::Check, name, &text, None) else {
            continue;
        };
        let (object, said) = bench.stock(FLAGS, name, &text, None);
        let messages = String::from_utf8_lossy(&answer.messages);
        assert_eq!(
            messages,
            String::from_utf8_lossy(&said),
            "program {number}:\n{text}"
        );
        assert_eq!(
            answer.outcome == Outcome::Compiled,
            object.is_some(),
            "{text}"
        );
    }
}

/// Numbers of identifiers, counted from the first of a text, and of labels, counted from the first of a function.
#[derive(Default)]
struct Numbers {
    names: HashMap<String, usize>,
    labels: HashMap<String, usize>,
}

impl Numbers {
    fn renumber(&mut self, word: &str) -> String {
        let (stem, known) = match word.strip_prefix(".L") {
            Some(_) => (".L", &mut self.labels),
            // Those of the runtime's generic functions are numbers of arguments.
            None if word.starts_with("caml_") => return word.to_owned(),
            None => match word.rsplit_once('_') {
                Some((stem, number)) if number.parse::<u32>().is_ok() => (stem, &mut self.names),
                _ => return word.to_owned(),
            },
        };
        let next = known.len();
        format!("{stem}_{}", known.entry(word.to_owned()).or_insert(next))
    }
}

/// The functions of an assembly text by name.
pub(super) fn functions(text: &str) -> BTreeMap<String, Vec<String>> {
    let is_of_word = |c: char| c.is_alphanumeric() || "_.$".contains(c);
    let mut numbers = Numbers::default();
    let mut found = BTreeMap::new();
    let mut function: Option<(String, Vec<String>)> = None;
    for line in text.lines() {
        let pieces = line.split_inclusive(|c| !is_of_word(c)).map(|piece| {
            let word = piece.trim_end_matches(|c| !is_of_word(c));
            numbers.renumber(word) + &piece[word.len()..]
        });
        let line: String = pieces.collect();
        if let Some(name) = line
            .strip_suffix(':')
            .filter(|name| name.starts_with("caml"))
        {
            function = Some((name.to_owned(), Vec::new()));
            numbers.labels.clear();
        } else if line.starts_with("\t.type") {
            // From OCaml 5.4 on data have a type too: the tables of frames.
            let ended = function.take();
            found.extend(ended.filter(|_| line.ends_with("@function")));
        } else if let Some((_, lines)) = &mut function
            && !line.trim_start().starts_with(".file")
        {
            lines.push(line);
        }
    }
    found
}

#[test]
fn code_for_this_process_alone_is_what_a_compiler_makes() {
    let Some(bench) = bench(FLAGS) else { return };
    let stock = self::bench(FLAGS).unwrap();
    let (mut compiled, mut most) = (0, 0);
    for number in 0..count("COMPILE_WORKER_PROGRAMS", 40) {
        let text = program(number);
        let (name, interface) = match number % 7 {
            0 => ("Alpha", None),
            _ => ("Plugin", Some("")),
        };
        if number % 5 == 0 {
            bench.ask(
                Goal::Check,
                name,
                "let between = List.map succ [1]",
                interface,
            );
        }
        let here = bench.ask(Goal::LoadHere, name, &text, interface);
        let lasting = stock.ask(Goal::Load, name, &text, interface);
        let (Some(here), Some(lasting)) = (here, lasting) else {
            continue;
        };
        assert_eq!(here.outcome, lasting.outcome, "{text}");
        let said = [&here, &lasting].map(|answer| String::from_utf8_lossy(&answer.messages));
        assert_eq!(said[0], said[1], "program {number}:\n{text}");
        if here.outcome != Outcome::Compiled {
            continue;
        }
        let expected: BTreeMap<_, _> = lasting
            .assembly
            .iter()
            .flat_map(|text| functions(text))
            .collect();
        let found = functions(&here.assembly[0]);
        let names = |of: &BTreeMap<String, Vec<String>>| of.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), names(&expected), "program {number}:\n{text}");
        assert_eq!(found, expected, "program {number}:\n{text}");
        assert!(here.assembly[0].contains("\ncaml_plugin_header:\n"));
        (compiled, most) = (compiled + 1, most.max(found.len()));
    }
    assert!(compiled > 10 && most > 5, "{compiled} {most}");
}

#[test]
fn memory_does_not_grow_with_the_number_of_units() {
    let Some(bench) = bench(FLAGS) else { return };
    let units = count("COMPILE_WORKER_UNITS", 500).min(MAX_UNITS - 1);
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", bench.process())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let mut early = 0;
    for unit in 0..units {
        let goal = match unit % 16 {
            0..2 => Goal::Load,
            2..9 => Goal::LoadHere,
            _ => Goal::Check,
        };
        bench.ask(goal, "Plugin", &program(unit % 40), Some(""));
        if unit == 100 {
            early = resident();
        }
    }
    let late = resident();
    println!("{early} KiB after 100 units, {late} KiB after {units}");
    assert!(late < early + (12 << 10), "{early} KiB became {late} KiB");
}

#[test]
fn a_module_of_an_earlier_unit_is_not_there_for_a_later_one() {
    let Some(bench) = bench(FLAGS) else { return };
    let outcome =
        |goal, name, text, interface| bench.ask(goal, name, text, interface).unwrap().outcome;
    for goal in [Goal::Load, Goal::LoadHere, Goal::Check] {
        assert_eq!(outcome(goal, "First", "let x = 1", None), Outcome::Compiled);
        assert_eq!(
            outcome(goal, "Second", "let y = First.x", None),
            Outcome::Refused
        );
        assert_eq!(
            outcome(goal, "First", "let x = 1", Some("val x : int")),
            Outcome::Compiled
        );
        assert_eq!(
            outcome(goal, "First", "let x = 1", Some("val x : string")),
            Outcome::Refused
        );
        assert_eq!(
            outcome(goal, "Second", "let y = First.x", Some("")),
            Outcome::Refused
        );
        assert_eq!(outcome(goal, "List", "let x = 1", None), Outcome::Compiled);
        assert_eq!(
            outcome(goal, "Third", "let y = List.length []", None),
            Outcome::Compiled
        );
    }
}

#[test]
fn a_worker_that_was_killed_is_replaced() {
    let Some(bench) = bench(FLAGS) else { return };
    let compile = || bench.ask(Goal::Load, "Alpha", "let x = 1", None).unwrap();
    let before = (compile().assembly, bench.process());
    let process = rustix::process::Pid::from_raw(before.1.cast_signed()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    assert_eq!(compile().assembly, before.0);
    assert_ne!(bench.process(), before.1);
}

#[test]
fn a_worker_whose_code_generator_failed_is_replaced() {
    let Some(bench) = bench(FLAGS) else { return };
    let compile = |text| bench.ask(Goal::Load, "Alpha", text, None);
    let before = (compile("let x = 1").unwrap().assembly, bench.process());
    // Found after typing, where the compiler leaves tables of the unit behind.
    let unsafe_modules = "module rec A : sig val x : int end = struct let x = B.y end\n\
        and B : sig val y : int end = struct let y = A.x end";
    assert!(compile(unsafe_modules).is_none());
    assert!(bench.workers.idle().is_empty());
    assert_eq!(compile("let x = 1").unwrap().assembly, before.0);
    assert_ne!(bench.process(), before.1);
}

#[test]
fn a_worker_that_has_compiled_its_share_makes_room_for_another() {
    let Some(bench) = bench(FLAGS) else { return };
    let compile = || bench.ask(Goal::Load, "Alpha", "let x = 1", None).unwrap();
    let before = (compile().assembly, bench.process());
    bench.workers.idle()[0].units = MAX_UNITS - 2;
    assert_eq!(compile().assembly, before.0);
    assert_eq!(bench.process(), before.1);
    // The last one of its share.
    assert_eq!(compile().assembly, before.0);
    assert!(bench.workers.idle().is_empty());
    assert_eq!(compile().assembly, before.0);
    assert_ne!(bench.process(), before.1);
}

#[test]
fn a_worker_with_a_large_heap_makes_room_for_another() {
    let Some(mut bench) = bench(FLAGS) else {
        return;
    };
    let compile = |bench: &Bench| bench.ask(Goal::Load, "Alpha", "let x = 1", None).unwrap();
    // OCaml 5 knows the size from its first collection on, which is after the first answer.
    compile(&bench);
    let before = (compile(&bench), bench.process());
    assert!(before.0.heap_kib > 1 && before.0.heap_kib < MAX_HEAP_KIB);
    bench.workers.max_heap_kib = 1;
    assert_eq!(compile(&bench).assembly, before.0.assembly);
    assert!(bench.workers.idle().is_empty());
    bench.workers.max_heap_kib = MAX_HEAP_KIB;
    assert_eq!(compile(&bench).assembly, before.0.assembly);
    assert_ne!(bench.process(), before.1);
}

#[test]
fn a_worker_that_was_started_ahead_answers_the_first_request() {
    let Some(bench) = bench(FLAGS) else { return };
    let start = || block_on(bench.workers.start_ahead(&bench.driver, &bench.workspace));
    start();
    let process = bench.process();
    // One is enough.
    start();
    assert_eq!(bench.process(), process);
    let answer = bench.ask(Goal::Load, "Alpha", "let x = 1", None).unwrap();
    assert_eq!(answer.outcome, Outcome::Compiled);
    assert_eq!(bench.process(), process);
}

#[test]
fn workers_that_do_not_start_are_tried_now_and_then_only() {
    let Some(mut bench) = bench(FLAGS) else {
        return;
    };
    let driver = std::mem::replace(&mut bench.driver, Invocation::new("true"));
    let ask = |bench: &Bench| bench.ask(Goal::Load, "Alpha", "let x = 1", None).is_some();
    for _ in 0..MAX_FAILURES {
        assert!(!ask(&bench));
    }
    bench.driver = driver;
    let without = (0..2 * PAUSE).take_while(|_| !ask(&bench)).count();
    assert_eq!(without, (PAUSE - MAX_FAILURES) as usize);
    assert!(ask(&bench));
}
