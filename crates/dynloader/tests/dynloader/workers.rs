//! Compile workers, as a loader's user meets them.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use dynloader::{Loader, Options, SideEffect, Source, compile};
use futures_lite::future::{block_on, or, poll_once};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::support::{Succeed, folder, kit, write};

/// The compile workers of the loader that works in the directory; other tests of this process have their own.
fn workers(directory: &Path) -> Vec<Pid> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let children = tasks.flat_map(|task| {
        let path = task.unwrap().path().join("children");
        let list = fs::read_to_string(path).unwrap_or_default();
        list.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    let is_worker = |process: &String| {
        let works_in = fs::read_link(format!("/proc/{process}/cwd"));
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        works_in.is_ok_and(|path| path.starts_with(directory))
            && environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == b"SADDLEBAG_ROLE=work")
    };
    children
        .filter(is_worker)
        .filter_map(|process| Pid::from_raw(process.parse().ok()?))
        .collect()
}

/// A loader with a worker, where the installed OCaml allows one.
fn loader(options: Options) -> Option<Loader> {
    let kit = kit()?;
    if let Some(reason) = &kit.manifest().no_worker {
        let is_broken = reason.starts_with("it cannot be built");
        assert!(!is_broken || std::env::var_os("CI").is_none(), "{reason}");
        println!("SKIP: no compile worker: {reason}");
        return None;
    }
    Some(Loader::new(kit, options).unwrap())
}

fn compile(loader: &Loader, text: &str) -> Result<(), compile::Error> {
    let source = Source::text("small.ml", text);
    block_on(loader.compile_sources::<SideEffect>([source], dynloader::Evaluation::AtLoad))
        .map(|_| ())
}

#[test]
fn requests_are_answered_whenever_workers_are_killed() {
    let Some(loader) = loader(Options::program()) else {
        return;
    };
    let kills = std::env::var("COMPILE_WORKER_KILLS").map_or(4, |text| text.parse().unwrap());
    let (killed, done) = (AtomicU32::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        // However the test ends, so does the thread.
        let _end = End(&done);
        scope.spawn(|| {
            let mut pause = 1;
            while !done.load(Ordering::Relaxed) {
                // Times that have nothing to do with those of a compilation.
                pause = (pause * 7919 + 13) % 50021;
                std::thread::sleep(Duration::from_micros(pause));
                let directory = loader.directory();
                for worker in directory.iter().flat_map(|path| workers(path)) {
                    if kill_process(worker, Signal::KILL).is_ok() {
                        killed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
        let mut round = 0;
        while killed.load(Ordering::Relaxed) < kills {
            let text = format!("let () = print_int (List.length [{round}])");
            compile(&loader, &text).succeed();
            let wrong = format!("let () = print_string {round}");
            let error = compile(&loader, &wrong).unwrap_err();
            assert!(
                matches!(error, compile::Error::Rejected(_)),
                "{error:?} in round {round}"
            );
            round += 1;
        }
    });
}

/// Says that it is over when it is dropped.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_cancelled_compilation_ends_its_worker_and_the_next_one_has_another() {
    let Some(loader) = loader(Options::program()) else {
        return;
    };
    compile(&loader, "let x = 1").succeed();
    let directory = loader.directory().unwrap();
    let workers = || workers(&directory);
    assert_eq!(workers().len(), 1);
    let large: String = (0..4000)
        .map(|number| format!("let f{number} x = Printf.sprintf \"%d %s\" {number} x\n"))
        .collect();
    let source = Source::text("large.ml", large);
    let compiling = loader.compile_sources::<SideEffect>([source], dynloader::Evaluation::AtLoad);
    let interrupted = block_on(or(async { Some(compiling.await) }, async {
        ocaml_toolchain::threads::unblock(|| std::thread::sleep(Duration::from_millis(60))).await;
        None
    }));
    assert!(interrupted.is_none(), "it is compiled in no time");
    // Killed; it is there until it has given its memory back.
    let gone = || workers().is_empty();
    for _ in 0..6000 {
        if gone() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(gone());
    compile(&loader, "let x = 2").succeed();
    assert_eq!(workers().len(), 1);
    // A future that was never asked for anything starts nothing.
    let idle = loader.check_sources::<SideEffect>([Source::text("a.ml", "")]);
    drop(idle);
    assert!(block_on(poll_once(async { workers().len() })) == Some(1));
    drop(loader);
    for _ in 0..6000 {
        if gone() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("a worker outlives its loader");
}

#[test]
fn a_worker_that_the_application_waits_for_is_replaced() {
    let Some(loader) = loader(Options::program()) else {
        return;
    };
    compile(&loader, "let x = 1").succeed();
    let directory = loader.directory().unwrap();
    let [worker] = workers(&directory)[..] else {
        panic!("not one worker")
    };
    kill_process(worker, Signal::KILL).unwrap();
    // As an application does that waits for every child it has. The loader may have been there before.
    let _ = waitpid(Some(worker), WaitOptions::empty());
    compile(&loader, "let x = 2").succeed();
    assert_eq!(workers(&directory).len(), 1);
}

#[test]
fn an_interface_that_changes_is_read_again() {
    let Some(kit) = kit() else { return };
    let library = folder(&[]);
    let publish = |interface: &str| {
        write(library.path(), "lib.mli", interface);
        let compiler = kit.ocamlopt().unwrap();
        let compiler = compiler.args(["-c", "lib.mli"]).current_dir(library.path());
        compiler.run_blocking().unwrap();
    };
    let options = Options::program().include_directory(library.path());
    let Some(loader) = loader(options) else {
        return;
    };
    let check = |text: &str| {
        let source = Source::text("small.ml", text);
        block_on(loader.check_sources::<SideEffect>([source])).is_ok()
    };
    let (number, text) = ("let _ = Lib.x + 1", "let _ = Lib.x ^ \"\"");
    assert!(!check(number));
    publish("val x : int");
    assert!(check(number) && !check(text));
    publish("val x : string");
    assert!(!check(number) && check(text));
    fs::remove_file(library.path().join("lib.cmi")).unwrap();
    assert!(!check(number) && !check(text));
}

#[test]
fn a_worker_gives_the_file_that_a_compiler_of_its_own_gives() {
    let Some(kit) = kit() else { return };
    let compiled = |options: Options, text: &str| {
        let loader = Loader::new(kit.clone(), options).unwrap();
        let folder = folder(&[]);
        let output = folder.path().join("small.cmxs");
        let source = Source::text("small.ml", text);
        let said =
            block_on(loader.compile_sources_to_file::<SideEffect>([source], &output)).succeed();
        (fs::read(output).unwrap(), said)
    };
    let text = "let unused = lazy 3\nlet rec f = function lazy 0 -> [] | lazy n -> n :: f (lazy (n - 1))\n\
                let () = List.iter print_int (f unused)\nlet _ = function true -> f\n";
    for options in [Options::program(), Options::program().strict_sequence(true)] {
        // A flag that changes nothing here, and that is not among those that workers take.
        let alone = options.clone().cmx_flag("-keep-locs");
        let (by_worker, alone) = (compiled(options, text), compiled(alone, text));
        assert!(by_worker.0 == alone.0, "the files differ");
        assert_eq!(by_worker.1, alone.1);
    }
}
