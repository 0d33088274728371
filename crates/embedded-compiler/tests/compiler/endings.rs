//! However a program ends, its compiler leaves nothing: what was extracted and where it was compiled goes.
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use dynloader::{Preprocessor, SideEffect, Source, load};
#[cfg(feature = "signals")]
use embedded_compiler::shut_down_on_signals;
use embedded_compiler::{Compiler, WithError};
use futures_lite::future::{block_on, poll_once, yield_now};
use ocaml_runtime::open;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Outcome, Place, Role, Running, Test, embedded, fine, shown, temporary};

pub(crate) const TESTS: &[Test] = &[
    (
        "with_compiler_leaves_nothing_when_its_function_ends_in_any_way",
        with_compiler_leaves_nothing_when_its_function_ends_in_any_way,
    ),
    (
        "a_process_that_exits_leaves_nothing",
        a_process_that_exits_leaves_nothing,
    ),
    #[cfg(feature = "signals")]
    (
        "a_signal_removes_everything_and_ends_the_process_as_it_would",
        a_signal_removes_everything_and_ends_the_process_as_it_would,
    ),
    (
        "what_a_killed_process_left_is_removed_by_the_next",
        what_a_killed_process_left_is_removed_by_the_next,
    ),
    (
        "a_forked_child_that_exits_takes_nothing_away",
        a_forked_child_that_exits_takes_nothing_away,
    ),
];

pub(crate) const ROLES: &[(&str, Role)] = &[("end", end), ("fork", fork)];

fn with_compiler_leaves_nothing_when_its_function_ends_in_any_way() {
    let Some(place) = Place::new() else { return };
    for ending in [
        "return",
        "error",
        "panic",
        "panic in a task",
        "cancel",
        "cancel a compilation",
    ] {
        place.succeed("end", &[ending]);
        assert_eq!(place.left(), [""; 0], "{ending}");
    }
}

#[cfg(not(feature = "signals"))]
fn shut_down_on_signals() -> std::io::Result<()> {
    Err(std::io::Error::other("the feature `signals` is off"))
}

fn a_process_that_exits_leaves_nothing() {
    let Some(place) = Place::new() else { return };
    for ending in ["exit", "exit in a thread", "exit during a compilation"] {
        let output = place.play("end", &[ending]);
        assert_eq!(
            output.status.code(),
            Some(5),
            "{ending}: {}",
            shown(&output)
        );
        assert_eq!(place.left(), [""; 0], "{ending}");
    }
}

#[cfg(feature = "signals")]
fn a_signal_removes_everything_and_ends_the_process_as_it_would() {
    let Some(place) = Place::new() else { return };
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        for ending in ["signal", "signal during a compilation"] {
            let status = signalled(place.role("end", &[ending]), signal);
            assert_eq!(status.signal(), Some(signal.as_raw()), "{ending}");
            assert_eq!(place.left(), [""; 0], "{signal:?}, {ending}");
        }
    }
}

fn signalled(role: Command, signal: Signal) -> ExitStatus {
    let mut running = Running::start(role);
    kill_process(Pid::from_child(&running.0), signal).unwrap();
    running.0.wait().unwrap()
}

fn what_a_killed_process_left_is_removed_by_the_next() {
    let Some(place) = Place::new() else { return };
    let alive = Running::start(place.role("end", &["wait"]));
    let kept = place.left();
    assert_eq!(kept.len(), 3, "{kept:?}");
    let status = signalled(place.role("end", &["wait"]), Signal::KILL);
    assert_eq!(status.signal(), Some(Signal::KILL.as_raw()));
    assert_eq!(place.left().len(), 6);
    let aborted = place.play("end", &["abort"]);
    assert_eq!(aborted.status.signal(), Some(Signal::ABORT.as_raw()));
    assert_eq!(place.left().len(), 6);
    place.succeed("end", &["return among others"]);
    // Only those of the process that lives are still there.
    assert_eq!(place.left(), kept);
    drop(alive);
}

fn a_forked_child_that_exits_takes_nothing_away() {
    let Some(place) = Place::new() else { return };
    place.succeed("fork", &[]);
    assert_eq!(place.left(), [""; 0]);
}

/// Uses a compiler, and ends in the way that is asked for.
fn end(arguments: &[String]) -> Outcome {
    let ending = arguments[0].as_str();
    let slow = dynloader::Options::default()
        .preprocessor(Preprocessor::Ppx(std::env::var_os("SLOW").unwrap().into()));
    match ending {
        "return" | "return among others" => {
            block_on(Compiler::with_compiler(embedded(), async |compiler| {
                used(compiler).await
            }))?
        }
        "error" => {
            let result = block_on(Compiler::with_compiler(embedded(), async |compiler| {
                used(compiler).await.unwrap();
                Err::<(), &str>("on purpose")
            }));
            assert!(
                matches!(result, Err(WithError::Function("on purpose", None))),
                "{result:?}"
            );
        }
        "panic" => {
            let result = std::panic::catch_unwind(|| block_on(panicking()));
            assert!(result.is_err());
        }
        "panic in a task" => {
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            let local = tokio::task::LocalSet::new();
            let task = async { tokio::task::spawn_local(panicking()).await };
            let result = local.block_on(&runtime, task);
            assert!(result.is_err_and(|error| error.is_panic()));
        }
        "cancel" => block_on(async {
            let mut with = Box::pin(Compiler::with_compiler(embedded(), async |compiler| {
                used(compiler).await.unwrap();
                std::future::pending::<Result<(), &str>>().await
            }));
            while temporary().len() < 2 {
                assert!(poll_once(&mut with).await.is_none());
                pause().await;
            }
        }),
        "cancel a compilation" => block_on(async {
            let options = embedded().loader(slow);
            let mut with = Box::pin(Compiler::with_compiler(options, async |compiler| {
                compiler.check::<SideEffect>([fine()]).await
            }));
            while temporary().len() < 2 {
                assert!(poll_once(&mut with).await.is_none());
                pause().await;
            }
        }),
        "exit" => block_on(Compiler::with_compiler(embedded(), async |compiler| {
            used(compiler).await.unwrap();
            exit()
        }))?,
        "exit in a thread" => block_on(Compiler::with_compiler(embedded(), async |compiler| {
            used(compiler).await.unwrap();
            std::thread::spawn(exit).join().unwrap()
        }))?,
        "exit during a compilation" => {
            let options = embedded().loader(slow);
            block_on(Compiler::with_compiler(options, async |compiler| {
                let mut check = Box::pin(compiler.check::<SideEffect>([fine()]));
                while temporary().len() < 2 {
                    assert!(poll_once(&mut check).await.is_none());
                    pause().await;
                }
                exit()
            }))?
        }
        "wait" | "signal" | "abort" => {
            if ending == "signal" {
                shut_down_on_signals()?;
                // Once is enough, and twice is as good.
                shut_down_on_signals()?;
            }
            block_on(Compiler::with_compiler(embedded(), async |compiler| {
                used(compiler).await.unwrap();
                if ending == "abort" {
                    std::process::abort();
                }
                println!("ready");
                std::future::pending::<Result<(), &str>>().await
            }))
            .unwrap();
        }
        "signal during a compilation" => {
            shut_down_on_signals()?;
            let options = embedded().loader(slow);
            block_on(Compiler::with_compiler(options, async |compiler| {
                let mut check = Box::pin(compiler.check::<SideEffect>([fine()]));
                while temporary().len() < 2 {
                    assert!(poll_once(&mut check).await.is_none());
                    pause().await;
                }
                println!("ready");
                // The compilation is over when the signal has ended the preprocessor, and then so is the process.
                let _ = check.await;
                std::future::pending::<Result<(), &str>>().await
            }))
            .unwrap();
        }
        _ => return Err(format!("no ending {ending}").into()),
    }
    // What was being extracted for a future that was dropped goes when its thread is done with it.
    let given_up = Instant::now() + Duration::from_secs(30);
    while ending.starts_with("cancel") && !temporary().is_empty() && Instant::now() < given_up {
        std::thread::sleep(Duration::from_millis(5));
    }
    // Not at the end of the process, but before.
    if ending != "return among others" {
        assert_eq!(temporary(), [""; 0]);
    }
    Ok(())
}

/// Compiles and loads, after which a directory of the loader and one of the archive are there.
async fn used(compiler: &Compiler) -> Result<(), load::Error> {
    compiler.load::<SideEffect>([fine()]).await?;
    let directories = temporary();
    assert!(
        directories
            .iter()
            .any(|name| name.starts_with("saddlebag-loader-"))
            && directories
                .iter()
                .any(|name| name.starts_with("embedded-archive.")),
        "{directories:?}"
    );
    Ok(())
}

async fn panicking() {
    let result: Result<(), WithError<std::io::Error>> =
        Compiler::with_compiler(embedded(), async |compiler| {
            used(compiler).await.unwrap();
            panic!("on purpose")
        })
        .await;
    unreachable!("{result:?}");
}

async fn pause() {
    std::thread::sleep(Duration::from_millis(5));
    yield_now().await;
}

/// Ends the process without destructors.
fn exit() -> Result<(), std::io::Error> {
    std::process::exit(5)
}

/// A plugin forks, and its child exits in the ordinary way.
fn fork(_: &[String]) -> Outcome {
    let source = Source::text(
        "forks.ml",
        "let () =\n  flush_all ();\n  match Unix.fork () with\n  | 0 -> exit 0\n  | child -> ignore (Unix.waitpid [] child)\n",
    );
    let runtime = open::Options::default().exit(open::Exit::EndsProcess);
    // A loader with a hook keeps its directory while programs run.
    let loader = dynloader::Options::program()
        .runtime(runtime)
        .initialize(|_| std::future::ready(Ok(())));
    let options = embedded().loader(loader);
    block_on(Compiler::with_compiler(options, async |compiler| {
        used(compiler).await?;
        let before = temporary();
        compiler.load::<SideEffect>([source]).await?;
        assert_eq!(temporary(), before);
        used(compiler).await
    }))?;
    Ok(())
}
