//! Builds host images and plugins with the installed OCaml.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use ocaml_runtime::host_image::{self, Compiler, Recipe, Step};
use ocaml_runtime::open::{Options, StartOn};
use ocaml_runtime::{Interface, LoadedUnit, Module, PluginInterface, Runtime};

/// A host image with what plugins are compiled against.
pub(crate) struct Image {
    pub(crate) compiler: Compiler,
    pub(crate) runtime: Runtime,
    pub(crate) directory: PathBuf,
    recipe: Recipe,
}

#[expect(clippy::disallowed_methods, reason = "tests run the real compiler")]
fn command(program: &str) -> Command {
    Command::new(program)
}

/// A compiler of the prefix that `SADDLEBAG_OCAML` names, else the one in `PATH`. Not through `ocamlfind`, which takes
/// `+threads` for a directory of the OCaml that it was built with.
fn ocaml(tool: &str) -> Command {
    match std::env::var_os("SADDLEBAG_OCAML") {
        Some(prefix) => command(Path::new(&prefix).join("bin").join(tool).to_str().unwrap()),
        None => command(tool),
    }
}

fn has_ocaml() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let found = ocaml("ocamlopt").arg("-version").output();
        let found = found.is_ok_and(|output| output.status.success());
        assert!(
            found || std::env::var_os("CI").is_none(),
            "these tests need OCaml"
        );
        found
    })
}

/// Both images, or none where there is no OCaml (which is a failure when `CI` is set).
pub(crate) fn images() -> Vec<&'static Image> {
    [native(), byte()].into_iter().flatten().collect()
}

pub(crate) fn native() -> Option<&'static Image> {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    image(&IMAGE, Compiler::Native, 1)
}

pub(crate) fn byte() -> Option<&'static Image> {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    image(&IMAGE, Compiler::Byte, 1)
}

/// A second native image: another file, with a runtime and a heap of its own.
pub(crate) fn second_native() -> Option<&'static Image> {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    image(&IMAGE, Compiler::Native, 2)
}

/// A native image whose sources changed since the plugins were compiled that it loads.
pub(crate) fn native_built_again() -> Image {
    let change = |file: &str, text: &str| match file {
        "saddlebag_host.ml" => format!("let changed = Sys.opaque_identity 3\n{text}"),
        _ => text.to_owned(),
    };
    let (before, recipe) = prepare(Compiler::Native, 1, "", |_, text| text.to_owned());
    let (after, _) = prepare(Compiler::Native, 1, "changed-", change);
    Image {
        compiler: Compiler::Native,
        runtime: open(&after, &recipe),
        directory: before,
        recipe,
    }
}

fn image(
    cell: &'static OnceLock<Image>,
    compiler: Compiler,
    number: u32,
) -> Option<&'static Image> {
    if !has_ocaml() {
        skip();
        return None;
    }
    Some(cell.get_or_init(|| build(compiler, number)))
}

#[expect(clippy::print_stdout, reason = "a test that did not run must say so")]
fn skip() {
    println!("SKIP: no OCaml here");
}

/// Whether images are to have OCaml's debug runtime (`RUNTIME_DEBUG` is set), which looks at its own state and fills
/// memory that is not in use; where it can be had.
fn with_debug_runtime() -> bool {
    std::env::var_os("RUNTIME_DEBUG").is_some() && has_debug_runtime()
}

/// Whether images can have it. The state of OCaml 5 is in thread-local variables, and its debug runtime is compiled for
/// those of programs.
pub(crate) fn has_debug_runtime() -> bool {
    is_version_4()
}

/// Whether native images have Dynlink in a file of its own.
pub(crate) fn is_version_4() -> bool {
    let version = ocaml("ocamlopt").arg("-version").output().unwrap().stdout;
    version.starts_with(b"4.")
}

/// The debug runtime is not compiled for shared objects, and takes the streams of C for its own.
const STREAMS: &str = r#"#define _GNU_SOURCE
#include <dlfcn.h>
void *stdin, *stdout, *stderr;
__attribute__((constructor)) static void find_streams(void)
{
  stdin = *(void **)dlsym(RTLD_NEXT, "stdin");
  stdout = *(void **)dlsym(RTLD_NEXT, "stdout");
  stderr = *(void **)dlsym(RTLD_NEXT, "stderr");
}
"#;

/// The recipe with the debug runtime in it.
fn debug(mut recipe: Recipe) -> Recipe {
    let mut streams = recipe.steps[0].clone();
    for step in &mut recipe.steps {
        for argument in &mut step.arguments {
            if argument == "_pic" {
                *argument = "d".to_owned();
            }
        }
    }
    let links = |step: &&mut Step| step.arguments.iter().any(|argument| argument == "-linkall");
    let link = recipe.steps.iter_mut().find(links).unwrap();
    link.arguments.push("streams.o".to_owned());
    for argument in &mut streams.arguments {
        *argument = argument.replace("saddlebag_stubs", "streams");
    }
    recipe.steps.insert(0, streams);
    recipe
}

/// A digest of the sources and of the compiler, so that an old image is never used.
fn key() -> u64 {
    let mut hasher = DefaultHasher::new();
    host_image::SOURCES.hash(&mut hasher);
    let output = ocaml("ocamlopt").arg("-config").output().unwrap();
    output.stdout.hash(&mut hasher);
    hasher.finish()
}

fn build(compiler: Compiler, number: u32) -> Image {
    let (directory, recipe) = prepare(compiler, number, "", |_, text| text.to_owned());
    Image {
        compiler,
        runtime: open(&directory, &recipe),
        directory,
        recipe,
    }
}

fn open(directory: &Path, recipe: &Recipe) -> Runtime {
    let mut options = Options::default()
        .argument("test-program")
        .argument("first");
    if std::env::var_os("RUNTIME_TEST_CHILD").is_some_and(|how| how == "here") {
        options = options.start_on(StartOn::CallingThread);
    }
    Runtime::open(directory.join(&recipe.output), &options).unwrap()
}

/// The directory of an image of the sources as `change` leaves them, built if it is not there.
fn prepare(
    compiler: Compiler,
    number: u32,
    prefix: &str,
    change: impl Fn(&str, &str) -> String,
) -> (PathBuf, Recipe) {
    let kind = match compiler {
        Compiler::Native => "native",
        Compiler::Byte => "byte",
    };
    let soname = format!("libhost_{kind}_{number}.so");
    let recipe = match compiler {
        Compiler::Native if is_version_4() => Recipe::native(&soname).dynlink_apart(),
        Compiler::Native => Recipe::native(&soname),
        Compiler::Byte => Recipe::byte(&soname),
    };
    let (recipe, variant) = match with_debug_runtime() {
        true => (debug(recipe), "debug-"),
        false => (recipe, ""),
    };
    let name = format!("{variant}{prefix}{kind}-{number}-{:016x}", key());
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if !directory.join(&soname).exists() {
        // Built aside and renamed: other test processes may do the same now.
        let aside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for (file, text) in host_image::SOURCES {
            fs::write(aside.path().join(file), change(file, text)).unwrap();
        }
        fs::write(aside.path().join("streams.c"), STREAMS).unwrap();
        for step in &recipe.steps {
            run(step.compiler, &step.arguments, aside.path());
        }
        let _ = fs::remove_file(aside.path().join("saddlebag_host.cmx"));
        let _ = fs::rename(aside.keep(), &directory);
    }
    (directory, recipe)
}

fn run(compiler: Compiler, arguments: &[String], directory: &Path) {
    let (success, text) = try_run(compiler, arguments, directory);
    assert!(success, "{arguments:?}: {text}");
}

fn try_run(compiler: Compiler, arguments: &[String], directory: &Path) -> (bool, String) {
    let tool = match compiler {
        Compiler::Native => "ocamlopt",
        Compiler::Byte => "ocamlc",
    };
    let output = ocaml(tool)
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), text)
}

/// A compiled unit in a directory of its own, which goes with it.
pub(crate) struct Compiled {
    _directory: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

impl Image {
    pub(crate) fn is_native(&self) -> bool {
        self.compiler == Compiler::Native
    }

    /// Compiles one unit as it is.
    pub(crate) fn compile(&self, name: &str, source: &str) -> Compiled {
        match self.try_compile(name, source) {
            Ok(compiled) => compiled,
            Err(text) => panic!("{text}\n{source}"),
        }
    }

    pub(crate) fn try_compile(&self, name: &str, source: &str) -> Result<Compiled, String> {
        let directory = tempfile::tempdir().unwrap();
        let file = format!("{name}.ml");
        fs::write(directory.path().join(&file), source).unwrap();
        let include = self.directory.display().to_string();
        let mut arguments: Vec<String> = ["-g", "-w", "-a", "-I"].map(String::from).to_vec();
        arguments.push(include.clone());
        arguments.extend(["-I", "+threads", "-I", "+unix"].map(String::from));
        let output = match self.compiler {
            Compiler::Native => {
                arguments.push("-shared".into());
                arguments.extend(self.recipe.plugin_link_arguments(&include));
                format!("{name}.cmxs")
            }
            Compiler::Byte => {
                arguments.push("-c".into());
                format!("{name}.cmo")
            }
        };
        arguments.extend(["-o".into(), output.clone(), file]);
        let (success, text) = try_run(self.compiler, &arguments, directory.path());
        if !success {
            return Err(text);
        }
        let path = directory.path().join(output);
        Ok(Compiled {
            _directory: directory,
            path,
        })
    }

    /// Runs the compiler in `directory`, and gives what it complains about.
    pub(crate) fn compile_in(&self, directory: &Path, arguments: &[&str]) -> Result<(), String> {
        let arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
        let (success, text) = try_run(self.compiler, &arguments, directory);
        if success { Ok(()) } else { Err(text) }
    }

    /// Loads one unit as it is.
    pub(crate) fn load(&self, name: &str, source: &str) -> LoadedUnit {
        let compiled = self.compile(name, source);
        self.runtime.load(&compiled.path).unwrap()
    }

    /// Compiles a plugin of `interface` from the body of its module.
    pub(crate) fn compile_plugin(&self, interface: &Interface, body: &str) -> Compiled {
        match self.try_compile_plugin(interface, body) {
            Ok(compiled) => compiled,
            Err(text) => panic!("{text}\n{}\n{body}", interface.prelude()),
        }
    }

    pub(crate) fn try_compile_plugin(
        &self,
        interface: &Interface,
        body: &str,
    ) -> Result<Compiled, String> {
        let source = format!(
            "{}module F () = struct module Plugin = struct\n# 1 \"plugin.ml\"\n{body}\nend end\n\
             let () = Saddlebag_host.register \"{}\" (Obj.repr (fun () -> \
             let module M = F () in Obj.repr (module M.Plugin : S)))\n",
            interface.prelude(),
            interface.registered_name(),
        );
        // A name of its own: byte code keeps the names of the units it loaded.
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.try_compile(&format!("plugin_{number}"), &source)
    }

    /// Compiles, loads and instantiates a plugin.
    pub(crate) fn plugin(&self, interface: &Interface, body: &str) -> Module {
        let compiled = self.compile_plugin(interface, body);
        let unit = self.runtime.load(&compiled.path).unwrap();
        Module::instantiate(interface, &unit).unwrap()
    }
}

/// Compiles and loads a plugin of a trait.
pub(crate) fn load<T: PluginInterface + ?Sized>(image: &Image, body: &str) -> T::Plugin {
    T::bind(image.plugin(T::interface(), body)).unwrap()
}

/// What this process has in memory.
pub(crate) fn resident_megabytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let resident: Option<usize> = pages.split(' ').nth(1).and_then(|n| n.parse().ok());
    resident.unwrap_or(0) * 4 / 1024
}

/// Runs the test `name` of this program in a process of its own, with `RUNTIME_TEST_CHILD` set, and returns
/// its exit code with what it printed.
pub(crate) fn child(name: &str) -> (Option<i32>, String, String) {
    child_with(name, "")
}

/// As [`child`], with settings for the OCaml runtime.
pub(crate) fn child_with(name: &str, settings: &str) -> (Option<i32>, String, String) {
    child_as(name, settings, "1")
}

/// As [`child`], with OCaml started on the thread of the test.
pub(crate) fn child_started_here(name: &str) -> (Option<i32>, String, String) {
    child_as(name, "", "here")
}

/// Runs these tests of this program in a process of their own, with images of the debug runtime.
pub(crate) fn on_debug_runtime(names: &[&str]) -> (Option<i32>, String, String) {
    outcome(tests(names).env("RUNTIME_DEBUG", "1"))
}

fn child_as(name: &str, settings: &str, how: &str) -> (Option<i32>, String, String) {
    outcome(
        tests(&[name])
            .env("RUNTIME_TEST_CHILD", how)
            .env("OCAMLRUNPARAM", settings),
    )
}

fn tests(names: &[&str]) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = command(program.to_str().unwrap());
    command
        .args(names)
        .args(["--exact", "--nocapture", "--test-threads=1"]);
    command
}

fn outcome(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

pub(crate) fn is_child() -> bool {
    std::env::var_os("RUNTIME_TEST_CHILD").is_some()
}
