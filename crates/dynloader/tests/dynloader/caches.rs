//! The cache of plugins, with a compiler behind it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dynloader::cache::CacheConfig;
use dynloader::{Evaluation, Loader, Options, SideEffect, Source};
use futures_lite::future::block_on;

use crate::support::{folder, loader};

fn cached(directory: &Path) -> Option<Loader> {
    loader(Options::default().use_cache(CacheConfig::new(directory.join("cache"))))
}

fn source(text: &str) -> Source {
    Source::text(
        "x.ml",
        format!("let () = ignore (Sys.opaque_identity {text})"),
    )
}

/// Compiles and loads; says whether the cache had it.
fn hit(loader: &Loader, source: Source) -> bool {
    let compiled =
        block_on(loader.compile_sources::<SideEffect>([source], Evaluation::AtLoad)).unwrap();
    let hit = compiled.is_from_cache();
    loader
        .load_compiled_blocking::<SideEffect>(compiled)
        .unwrap();
    hit
}

fn plugins(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory.join("cache/plugins")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "plugin")
        })
        .collect()
}

#[test]
fn a_plugin_is_compiled_once_for_all_loaders() {
    let folder = folder(&[]);
    let Some(first) = cached(folder.path()) else {
        return;
    };
    assert!(!hit(&first, source("1")));
    assert!(hit(&first, source("1")));
    let second = cached(folder.path()).unwrap();
    assert!(hit(&second, source("1")));
    assert!(!hit(&second, source("2")));
    assert!(!hit(
        &second,
        Source::text("y.ml", "let () = ignore (Sys.opaque_identity 1)")
    ));
    let other_flags = Options::program().use_cache(CacheConfig::new(folder.path().join("cache")));
    assert!(!hit(&loader(other_flags).unwrap(), source("1")));
}

#[test]
fn the_warnings_of_a_plugin_are_told_whenever_it_is_loaded() {
    let folder = folder(&[]);
    let options = Options::program().use_cache(CacheConfig::new(folder.path().join("cache")));
    let Some(loader) = loader(options) else {
        return;
    };
    let text = "let f = function Some x -> x\nlet () = f (Some ())";
    let load = |path: &str| {
        let mut told = Vec::new();
        let sources = [Source::text(path, text)];
        loader
            .load_sources_blocking::<SideEffect>(sources, |found| told = found.to_vec())
            .unwrap();
        let warning = told.pop().unwrap();
        assert!(told.is_empty() && warning.message.contains("not exhaustive"));
        warning.location.unwrap()
    };
    let first = load("first/x.ml");
    assert_eq!(first.file, Path::new("first/x.ml"));
    assert_eq!(load("first/x.ml"), first);
    // The same sources in another place: so are the warnings.
    let elsewhere = load("second/x.ml");
    assert_eq!(elsewhere.file, Path::new("second/x.ml"));
    assert_eq!((elsewhere.line, elsewhere.columns), (1, first.columns));
    let sources = [Source::text("x.ml", text)];
    let compiled = block_on(loader.compile_sources::<SideEffect>(sources, Evaluation::AtLoad));
    let compiled = compiled.unwrap();
    assert!(compiled.is_from_cache());
    assert_eq!(compiled.diagnostics().len(), 1);
    assert_eq!(plugins(folder.path()).len(), 1);
}

#[test]
fn damaged_swapped_and_foreign_entries_are_compiled_again() {
    let folder = folder(&[]);
    let Some(loader) = cached(folder.path()) else {
        return;
    };
    hit(&loader, source("1"));
    let entry = plugins(folder.path()).remove(0);
    let good = std::fs::read(&entry).unwrap();
    for at in (0..good.len())
        .step_by(good.len() / 40)
        .chain([good.len() - 1])
    {
        let mut damaged = good.clone();
        damaged[at] ^= 0x40;
        std::fs::write(&entry, damaged).unwrap();
        assert!(!hit(&loader, source("1")), "byte {at} of {}", good.len());
        assert!(hit(&loader, source("1")));
    }
    std::fs::write(&entry, &good[..good.len() / 2]).unwrap();
    assert!(!hit(&loader, source("1")));
    hit(&loader, source("2"));
    let other = plugins(folder.path())
        .into_iter()
        .find(|path| *path != entry)
        .unwrap();
    std::fs::copy(&other, &entry).unwrap();
    assert!(!hit(&loader, source("1")), "an entry under another's name");
    std::fs::remove_file(&entry).unwrap();
    assert!(!hit(&loader, source("1")));
}

#[test]
fn a_damaged_index_is_a_new_start() {
    let folder = folder(&[]);
    let Some(loader) = cached(folder.path()) else {
        return;
    };
    hit(&loader, source("1"));
    let index = folder.path().join("cache/plugins/index");
    let good = std::fs::read(&index).unwrap();
    for at in 0..good.len() {
        let mut damaged = good.clone();
        damaged[at] ^= 1;
        std::fs::write(&index, damaged).unwrap();
        let compiled =
            block_on(loader.compile_sources::<SideEffect>([source("1")], Evaluation::AtLoad))
                .unwrap();
        assert!(!compiled.is_from_cache(), "byte {at}");
        if at > 20 {
            break; // every further byte is under one digest, see the index's own tests
        }
    }
}

#[test]
fn the_hook_runs_before_the_first_compilation_only() {
    let folder = folder(&[]);
    let runs = Arc::new(AtomicUsize::new(0));
    let with_hook = || {
        let runs = runs.clone();
        let options = Options::default().use_cache(CacheConfig::new(folder.path().join("cache")));
        loader(options.initialize(move |directory| {
            let runs = runs.clone();
            async move {
                assert!(directory.is_dir());
                runs.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        }))
    };
    let Some(first) = with_hook() else { return };
    hit(&first, source("1"));
    hit(&first, source("2"));
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    hit(&with_hook().unwrap(), source("1"));
    assert_eq!(runs.load(Ordering::Relaxed), 1, "the cache had the answer");
}

#[test]
fn a_cache_that_is_only_read_answers_and_does_not_grow() {
    let folder = folder(&[]);
    let Some(writer) = cached(folder.path()) else {
        return;
    };
    hit(&writer, source("1"));
    let reader =
        Options::default().use_cache(CacheConfig::new(folder.path().join("cache")).readonly(true));
    let reader = loader(reader).unwrap();
    assert!(hit(&reader, source("1")));
    assert!(!hit(&reader, source("2")));
    assert!(!hit(&reader, source("2")));
    assert_eq!(plugins(folder.path()).len(), 1);
}

#[test]
fn many_loaders_at_once_share_a_cache() {
    let folder = folder(&[]);
    if cached(folder.path()).is_none() {
        return;
    }
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let directory = folder.path();
            scope.spawn(move || {
                let loader = cached(directory).unwrap();
                for number in 0..3 {
                    hit(&loader, source(&((thread + number) % 3).to_string()));
                }
            });
        }
    });
    let loader = cached(folder.path()).unwrap();
    assert!((0..3).all(|number| hit(&loader, source(&number.to_string()))));
}

/// Set for the processes that tests start; the directory of the cache.
const CHILD: &str = "DYNLOADER_TEST_CACHE";

/// What a child process does: compile and load six plugins, twice.
#[test]
fn work_of_a_child_process() {
    let Some(directory) = std::env::var_os(CHILD) else {
        return;
    };
    let loader = cached(Path::new(&directory)).unwrap();
    for number in (0..6).chain(0..6) {
        hit(&loader, source(&number.to_string()));
    }
}

#[expect(clippy::disallowed_methods, reason = "a test of several processes")]
fn child(directory: &Path) -> std::process::Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "caches::work_of_a_child_process"])
        .env(CHILD, directory)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn processes_share_a_cache_and_may_be_killed() {
    let folder = folder(&[]);
    if cached(folder.path()).is_none() {
        return;
    }
    let mut children: Vec<_> = (0..4).map(|_| child(folder.path())).collect();
    for round in 1u64..12 {
        let mut killed = child(folder.path());
        // Spread over start, compilation, storing and loading.
        std::thread::sleep(std::time::Duration::from_millis(round * 17 % 120));
        killed.kill().unwrap();
        killed.wait().unwrap();
    }
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let loader = cached(folder.path()).unwrap();
    assert!((0..6).all(|number| hit(&loader, source(&number.to_string()))));
    hit(&loader, source("7"));
    let names = std::fs::read_dir(folder.path().join("cache/plugins")).unwrap();
    assert_eq!(
        names.count(),
        7 + 2,
        "seven plugins, the index and the lock"
    );
}
