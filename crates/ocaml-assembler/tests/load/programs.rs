//! Programs that nobody wrote for this crate: OCaml's test suite, and OCaml's compiler itself. What they print is the same
//! whoever linked them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ocaml_assembler::{Archive, Object, assemble, link_shared};

use crate::fixture::{Fixture, PLUGIN, options, run};

/// How many programs of the test suite the short run takes.
const SAMPLE: usize = 40;

/// The flags that change what there is to link. Without `-g` no backtrace is printed; `-unsafe` is not among them, because
/// what a program reads outside of its arrays is not the same twice.
const FLAGS: [&[&str]; 4] = [
    &["-g"],
    &["-g", "-function-sections"],
    &["-g", "-O3", "-inline", "200"],
    &[],
];

/// Seconds after which a program is given up: some wait for what does not come.
const LIMIT: &str = "30";

/// The sources in `directory` and below, in a fixed order.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources.extend(self::sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "ml") {
            sources.push(path);
        }
    }
    sources.sort();
    sources
}

/// A program with a limit of time and no input.
fn limited(program: &std::ffi::OsStr, directory: &Path) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after", "1", LIMIT])
        .arg(program)
        .current_dir(directory)
        .stdin(Stdio::null());
    command
}

/// What came of one program.
enum Outcome {
    /// The compiler does not take the source alone.
    NotCompiled,
    Same,
    /// It is not even the same twice.
    Chance,
    Different(String),
}

impl Fixture {
    /// Makes a plugin of `source` with ocamlopt and ld, and one with this crate; loads both.
    fn compare(&self, source: &Path, flags: &[&str]) -> Outcome {
        let directory = tempfile::tempdir().expect("a directory");
        let directory = directory.path();
        let name = source.file_name().expect("a name");
        let plugin = Path::new(name).with_extension("cmxs");
        let compile = |arguments: &[&std::ffi::OsStr]| {
            let output = limited(&self.ocamlopt, directory)
                .args(["-w", "-a"])
                .args(flags)
                .args(arguments)
                .output();
            output.expect("ocamlopt starts").status.success()
        };
        let interface = source.with_extension("mli");
        if interface.exists() {
            let copy = Path::new(name).with_extension("mli");
            std::fs::copy(&interface, directory.join(&copy)).expect("a copy");
            if !compile(&["-c".as_ref(), copy.as_os_str()]) {
                return Outcome::NotCompiled;
            }
        }
        std::fs::copy(source, directory.join(name)).expect("a copy");
        let words = ["-shared", "-S", "-dstartup", "-o"].map(std::ffi::OsStr::new);
        if !compile(&[&words[..], &[plugin.as_os_str(), name]].concat()) {
            return Outcome::NotCompiled;
        }
        let startup = plugin.with_extension("cmxs.startup.s");
        let texts = [startup, Path::new(name).with_extension("s")];
        let objects: Vec<Object> = texts
            .iter()
            .map(|text| {
                let text = std::fs::read_to_string(directory.join(text)).expect("assembly");
                assemble(&text).expect("the language of ocamlopt")
            })
            .collect();
        let own = link_shared(&objects, &options()).expect("a plugin");
        let load = || {
            let output = limited(self.path("host").as_os_str(), directory)
                .arg("private")
                .arg(Path::new(".").join(&plugin))
                .output()
                .expect("the host starts");
            let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (output.status, said(&output.stdout), said(&output.stderr))
        };
        let expected = load();
        // Which of several missing C functions is named first is the linker's choice.
        let misses = |said: &str| said.contains("undefined symbol");
        let again = load();
        if again != expected {
            return Outcome::Chance;
        }
        std::fs::remove_file(directory.join(&plugin)).expect("a file");
        std::fs::write(directory.join(&plugin), own).expect("a file");
        let mut found = load();
        // A busy machine may keep one of them beyond its time.
        if found != expected {
            found = load();
        }
        if found == expected || (misses(&found.1) && misses(&expected.1)) {
            return Outcome::Same;
        }
        Outcome::Different(format!(
            "{} {flags:?}: {found:?}, expected {expected:?}",
            source.display()
        ))
    }
}

#[test]
fn programs_of_ocamls_test_suite_print_the_same_whoever_linked_them() {
    let Some(tree) = std::env::var_os("OCAML_SOURCES").map(PathBuf::from) else {
        println!("SKIP: OCAML_SOURCES names no source tree of OCaml");
        return;
    };
    let Some(fixture) = Fixture::new() else {
        return;
    };
    let sources = sources(&tree.join("testsuite/tests"));
    let all = std::env::var_os("OCAML_ASSEMBLER_ALL").is_some();
    let step = match all {
        true => 1,
        false => sources.len().div_ceil(SAMPLE).max(1),
    };
    let sources: Vec<(usize, PathBuf)> = sources.into_iter().step_by(step).enumerate().collect();
    let next = AtomicUsize::new(0);
    let counts = Mutex::new((0, 0, Vec::new()));
    let work = || {
        while let Some((number, source)) = sources.get(next.fetch_add(1, Ordering::Relaxed)) {
            let sets = match all {
                true => &FLAGS[..],
                false => std::slice::from_ref(&FLAGS[number % FLAGS.len()]),
            };
            for flags in sets {
                let outcome = fixture.compare(source, flags);
                let mut counts = counts.lock().expect("no panic");
                match outcome {
                    // What is refused with one set of flags is refused with all.
                    Outcome::NotCompiled => break,
                    Outcome::Same => counts.0 += 1,
                    Outcome::Chance => counts.1 += 1,
                    Outcome::Different(difference) => counts.2.push(difference),
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let (same, chance, different) = counts.into_inner().expect("no panic");
    println!("{same} the same, {chance} never the same");
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(same * 4 >= sources.len(), "only {same} could be compared");
}

/// The compiler as a plugin: some hundred units that this crate links from the archives of `compiler-libs`.
const COMPILER: &str = "
let () =
  let status = Optmaindriver.main [| \"ocamlopt\"; \"-S\"; \"-c\"; \"-g\"; \"input.ml\" |] Format.std_formatter in
  Printf.printf \"%d %s\\n%!\" status (Digest.to_hex (Digest.file \"input.s\"))
";

#[test]
fn programs_as_large_as_the_compiler_work_as_plugins() {
    let Some(fixture) = Fixture::new() else {
        return;
    };
    let library = PathBuf::from(fixture.compile(&["-where"]).trim());
    let libraries = ["ocamlcommon", "ocamloptcomp"];
    let mut arguments = vec!["-I", "+compiler-libs"];
    let names = libraries.map(|name| format!("{name}.cmxa"));
    arguments.extend(names.iter().map(String::as_str));
    let mut objects = fixture.plugin("compiler", COMPILER, &arguments);
    let own = objects.len();
    // Those that use others first.
    for name in libraries.into_iter().rev() {
        let path = library.join("compiler-libs").join(format!("{name}.a"));
        let bytes = std::fs::read(&path).expect("an archive");
        let archive = Archive::parse(&bytes).expect("an archive");
        objects.extend(archive.needed_by(&objects).expect("objects"));
    }
    assert!(objects.len() - own > 100, "{} units", objects.len());
    // Since OCaml 5.1 the compilers compress what they write, where there is zstd.
    let mut options = options();
    if let Ok(bytes) = std::fs::read(library.join("libcomprmarsh.a")) {
        let archive = Archive::parse(&bytes).expect("an archive");
        objects.extend(archive.needed_by(&objects).expect("objects"));
        if fixture.compile(&["-config"]).contains("-lzstd") {
            options = options.needed("libzstd.so.1");
        }
    }
    fixture.link("own.cmxs", &objects, &options);
    std::fs::write(fixture.path("input.ml"), PLUGIN).expect("a file");
    let expected = fixture.load(&["compiler.cmxs"]);
    assert!(expected.starts_with("0 "), "{expected}");
    let compiled = std::fs::read(fixture.path("input.s")).expect("assembly");
    assert_eq!(fixture.load(&["own.cmxs"]), expected);
    // And it is what the compiler makes by itself.
    run(
        fixture.directory.path(),
        &fixture.ocamlopt,
        &["-S", "-c", "-g", "input.ml"],
    );
    let alone = std::fs::read(fixture.path("input.s")).expect("assembly");
    assert!(alone == compiled, "the compiler compiles otherwise");
}
