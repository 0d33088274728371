//! Whole files: what ocamlopt prints for real sources.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::compare::difference;
use crate::tools::{ocamlopt, require, standard_library};

/// How many sources the short run takes: those of the standard library with each set of flags, others with one of them.
const SAMPLE: usize = 12;
const SAMPLE_OF_OTHERS: usize = 32;

/// The flags that change what ocamlopt prints; `-O3` does with flambda.
const FLAGS: [&[&str]; 5] = [
    &[],
    &["-g"],
    &["-g", "-O3", "-inline", "200", "-unsafe"],
    &["-function-sections", "-g"],
    &["-nodynlink"],
];

/// Seconds after which a compilation is given up: some sources are there to take long.
const LIMIT: &str = "60";

/// The directories of OCaml's source tree that hold its compilers.
const COMPILERS: [&str; 9] = [
    "asmcomp",
    "bytecomp",
    "driver",
    "file_formats",
    "lambda",
    "middle_end",
    "parsing",
    "typing",
    "utils",
];

/// Everything, not a sample.
fn all() -> bool {
    std::env::var_os("OCAML_ASSEMBLER_ALL").is_some()
}

/// OCaml's source tree, which `OCAML_SOURCES` names; `cargo xtask` fetches those of the versions that it tests.
fn source_tree() -> Option<PathBuf> {
    let tree = std::env::var_os("OCAML_SOURCES").map(PathBuf::from);
    match &tree {
        Some(tree) => assert!(tree.join("testsuite/tests").is_dir(), "{}", tree.display()),
        None => println!("SKIP: OCAML_SOURCES names no source tree of OCaml"),
    }
    tree
}

/// The implementations in `directory`, and below it when `deep`, in a fixed order.
fn sources(directory: &Path, deep: bool) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if deep && path.is_dir() {
            sources.extend(self::sources(&path, deep));
        } else if path.extension().is_some_and(|extension| extension == "ml") {
            sources.push(path);
        }
    }
    sources.sort();
    sources
}

/// A source in a directory of its own, its interface compiled.
struct Unit {
    directory: tempfile::TempDir,
    copy: PathBuf,
}

impl Unit {
    /// Nothing when ocamlopt refuses the interface.
    fn new(source: &Path) -> Option<Unit> {
        let directory = tempfile::tempdir().expect("a directory");
        let copy = directory.path().join(source.file_name()?);
        std::fs::copy(source, &copy).expect("a copy");
        let unit = Unit { directory, copy };
        // Units of the standard library see one another by their short names through `Stdlib`, and
        // are compiled without it themselves; as programs they only need their own interface gone.
        let interface = source.with_extension("mli");
        let is_own = !source.starts_with(standard_library());
        if is_own && interface.exists() {
            let copy = unit.copy.with_extension("mli");
            std::fs::copy(&interface, &copy).expect("a copy");
            if !unit.compile(&copy, &[]) {
                return None;
            }
        }
        Some(unit)
    }

    fn compile(&self, file: &Path, flags: &[&str]) -> bool {
        let status = Command::new("timeout")
            .arg(LIMIT)
            .arg(ocamlopt())
            .args(["-S", "-c", "-w", "-a", "-nolabels", "-I", "+compiler-libs"])
            .args(flags)
            .arg(file)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    }

    /// The assembly, and the object that ocamlopt has GNU as make of it; nothing when ocamlopt refuses the source.
    fn assembly(&self, flags: &[&str]) -> Option<(String, Vec<u8>)> {
        if !self.compile(&self.copy, flags) {
            return None;
        }
        let bytes = std::fs::read(self.copy.with_extension("s")).expect("assembly");
        let text = String::from_utf8(bytes).expect("what ocamlopt prints is ASCII and escapes");
        let object = std::fs::read(self.copy.with_extension("o")).expect("an object");
        Some((text, object))
    }
}

/// A source, and the sets of flags that it is compiled with.
type Work = (PathBuf, Vec<&'static [&'static str]>);

/// Compares the objects of each source with each of its sets of flags; at least `expected` must be compared.
fn compare(work: &[Work], expected: usize) {
    let (next, units) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let compared = FLAGS.map(|_| AtomicUsize::new(0));
    let failures = Mutex::new(Vec::new());
    let compare_next = || {
        while let Some((source, sets)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Some(unit) = Unit::new(source) else {
                continue;
            };
            // What is refused without flags is refused with them.
            for (number, flags) in sets.iter().enumerate() {
                let Some((text, theirs)) = unit.assembly(flags) else {
                    if number == 0 {
                        break;
                    }
                    println!(
                        "{} {flags:?}: refused, or not within {LIMIT} s",
                        source.display()
                    );
                    continue;
                };
                units.fetch_add(usize::from(number == 0), Ordering::Relaxed);
                if let Some(set) = FLAGS.iter().position(|set| set == flags) {
                    compared[set].fetch_add(1, Ordering::Relaxed);
                }
                let failure = match ocaml_assembler::assemble(&text) {
                    Err(error) => Some(error.to_string()),
                    Ok(ours) => difference(&ours.to_elf(), &theirs),
                };
                if let Some(failure) = failure {
                    let failure = format!("{} {flags:?}: {failure}", source.display());
                    failures.lock().expect("no panic").push(failure);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(compare_next);
        }
    });
    let units = units.into_inner();
    let failures = failures.into_inner().expect("no panic");
    println!("{units} of {} sources compared", work.len());
    for (flags, compared) in FLAGS.iter().zip(compared) {
        println!("  {} with {flags:?}", compared.into_inner());
    }
    assert!(
        failures.is_empty(),
        "{}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(units >= expected, "only {units} units could be compared");
}

/// Each source with all flags, or a sample of them with one set each.
fn compare_sources(sources: Vec<PathBuf>) {
    let step = match all() {
        true => 1,
        false => sources.len().div_ceil(SAMPLE_OF_OTHERS).max(1),
    };
    let chosen = sources.into_iter().step_by(step);
    let sets = |number| match all() {
        true => FLAGS.to_vec(),
        false => vec![FLAGS[number % FLAGS.len()]],
    };
    let work: Vec<Work> = chosen
        .enumerate()
        .map(|(number, source)| (source, sets(number)))
        .collect();
    let expected = work.len() / 4;
    compare(&work, expected);
}

#[test]
fn the_standard_library_assembles_to_the_objects_of_gnu_as() {
    let (Some(_), Some(_)) = (require("ocamlopt"), require("as")) else {
        return;
    };
    let sources = sources(standard_library(), false);
    // Another sample for each set of flags, so that the short run sees more units.
    let step = match all() {
        true => 1,
        false => sources.len().div_ceil(SAMPLE).max(1),
    };
    let sets = |number: usize| {
        FLAGS
            .iter()
            .enumerate()
            .filter(move |(set, _)| all() || number % step == set % step)
    };
    let work: Vec<Work> = sources
        .into_iter()
        .enumerate()
        .map(|(number, source)| (source, sets(number).map(|(_, flags)| *flags).collect()))
        .filter(|(_, sets): &Work| !sets.is_empty())
        .collect();
    compare(&work, 30);
}

#[test]
fn the_compilers_own_sources_assemble_to_the_objects_of_gnu_as() {
    let (Some(_), Some(_), Some(tree)) = (require("ocamlopt"), require("as"), source_tree()) else {
        return;
    };
    let directories = COMPILERS.iter().map(|directory| tree.join(directory));
    compare_sources(
        directories
            .flat_map(|directory| sources(&directory, true))
            .collect(),
    );
}

#[test]
fn ocamls_test_suite_assembles_to_the_objects_of_gnu_as() {
    let (Some(_), Some(_), Some(tree)) = (require("ocamlopt"), require("as"), source_tree()) else {
        return;
    };
    compare_sources(sources(&tree.join("testsuite/tests"), true));
}
