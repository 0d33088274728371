//! Whole files: what ocamlopt prints for real sources.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::compare::difference;
use crate::tools::{gnu_as, ocamlopt, require, standard_library};

/// How many sources the short run takes: those of the standard library with each set of flags, others with one of them.
const SAMPLE: usize = 12;
const SAMPLE_OF_OTHERS: usize = 32;

/// The flags that change what ocamlopt prints.
const FLAGS: [&[&str]; 5] = [
    &[],
    &["-g"],
    &["-g", "-inline", "200", "-unsafe"],
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

/// The assembly of one source file; nothing when ocamlopt refuses it.
fn assembly(source: &Path, directory: &Path, flags: &[&str]) -> Option<String> {
    let copy = directory.join(source.file_name()?);
    std::fs::copy(source, &copy).expect("a copy");
    let compile = |file: &Path| {
        // Units of the standard library see one another by their short names through `Stdlib`, and
        // are compiled without it themselves; as programs they only need their own interface gone.
        let status = Command::new("timeout")
            .arg(LIMIT)
            .arg(ocamlopt())
            .args(["-S", "-c", "-w", "-a", "-nolabels", "-I", "+compiler-libs"])
            .args(flags)
            .arg(file)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    let interface = source.with_extension("mli");
    let is_own = !source.starts_with(standard_library());
    if is_own && interface.exists() {
        let copy = copy.with_extension("mli");
        std::fs::copy(&interface, &copy).expect("a copy");
        if !compile(&copy) {
            return None;
        }
    }
    compile(&copy).then(|| read(&copy.with_extension("s")))
}

/// The assembly of a file; the names in it may be in another encoding than UTF-8.
fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).expect("assembly");
    String::from_utf8(bytes).expect("what ocamlopt prints is ASCII and escapes")
}

/// Compares the objects of each source with each of its sets of flags; at least `expected` must be compared.
fn compare(work: &[(PathBuf, &[&str])], expected: usize) {
    let (next, compared) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures = Mutex::new(Vec::new());
    let compare_next = || {
        while let Some((source, flags)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            let directory = tempfile::tempdir().expect("a directory");
            let Some(text) = assembly(source, directory.path(), flags) else {
                continue;
            };
            let theirs =
                gnu_as(directory.path(), &text).expect("GNU as assembles what ocamlopt prints");
            compared.fetch_add(1, Ordering::Relaxed);
            let failure = match ocaml_assembler::assemble(&text) {
                Err(error) => Some(error.to_string()),
                Ok(ours) => difference(&ours.to_elf(), &theirs),
            };
            if let Some(failure) = failure {
                let failure = format!("{} {flags:?}: {failure}", source.display());
                failures.lock().expect("no panic").push(failure);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(compare_next);
        }
    });
    let (compared, failures) = (compared.into_inner(), failures.into_inner());
    let failures = failures.expect("no panic");
    println!("{compared} of {} compared", work.len());
    assert!(
        failures.is_empty(),
        "{} of {compared}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(
        compared >= expected,
        "only {compared} units could be compared"
    );
}

/// Each source with all flags, or a sample of them with one set each.
fn compare_sources(sources: Vec<PathBuf>) {
    let step = match all() {
        true => 1,
        false => sources.len().div_ceil(SAMPLE_OF_OTHERS).max(1),
    };
    let chosen = sources.into_iter().step_by(step);
    let work: Vec<(PathBuf, &[&str])> = match all() {
        true => chosen
            .flat_map(|source| FLAGS.map(|flags| (source.clone(), flags)))
            .collect(),
        false => chosen
            .enumerate()
            .map(|(number, source)| (source, FLAGS[number % FLAGS.len()]))
            .collect(),
    };
    let expected = work.len() / 4;
    compare(&work, expected);
}

#[test]
fn the_standard_library_assembles_to_the_objects_of_gnu_as() {
    let (Some(_), Some(_)) = (require("ocamlopt"), require("as")) else {
        return;
    };
    let sources = sources(&standard_library(), false);
    let step = if all() {
        1
    } else {
        sources.len().div_ceil(SAMPLE).max(1)
    };
    // Another sample for each set of flags, so that the short run sees more units.
    let work: Vec<(PathBuf, &[&str])> = FLAGS
        .iter()
        .enumerate()
        .flat_map(|(number, flags)| {
            let first = if all() { 0 } else { number % step };
            let chosen = sources.iter().skip(first).step_by(step);
            chosen.map(|source| (source.clone(), *flags))
        })
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
