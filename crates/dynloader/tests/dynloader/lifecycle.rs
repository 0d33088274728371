//! Loaders from their creation to their end.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use dynloader::kit::{Kit, SystemOptions};
use dynloader::{Options, Preprocessor, SideEffect, Source, compile, dependencies, load, loader};
use futures_lite::future::{block_on, poll_once, yield_now};
use ocaml_toolchain::find;

use crate::support::{Succeed, chain, folder, kit, loader as new, write};

fn fine() -> Source {
    Source::text("fine.ml", "let () = ()")
}

fn entries(directory: &Path) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

#[test]
fn a_loader_makes_nothing_before_it_works_and_leaves_nothing() {
    let folder = folder(&[]);
    let Some(loader) = new(Options::default().in_dir(folder.path())) else {
        return;
    };
    assert_eq!((entries(folder.path()), loader.directory()), (0, None));
    block_on(loader.load_sources::<SideEffect>([fine()])).succeed();
    let directory = loader.directory().unwrap();
    assert!(directory.starts_with(folder.path()));
    assert!(
        entries(&directory) <= 2,
        "the lock and what a compile worker works in, and nothing of the load"
    );
    block_on(loader.clean()).succeed();
    block_on(loader.clean()).succeed();
    assert_eq!(entries(folder.path()), 0);
}

#[test]
fn a_cleaned_loader_refuses_work() {
    let Some(loader) = new(Options::default()) else {
        return;
    };
    let folder = folder(&[("a.ml", "")]);
    let output = folder.path().join("out");
    block_on(loader.compile_sources_to_file::<SideEffect>([fine()], &output)).succeed();
    block_on(loader.clean()).succeed();
    let checked = block_on(loader.check_sources::<SideEffect>([fine()]));
    assert!(matches!(checked, Err(compile::Error::Cleaned)));
    let loaded = block_on(loader.load_sources::<SideEffect>([fine()]));
    assert!(matches!(loaded, Err(load::Error::Cleaned)));
    let delayed = block_on(loader.load_sources_without_running::<SideEffect>([fine()]));
    assert!(matches!(delayed, Err(load::Error::Cleaned)));
    let loaded = loader.load_file_blocking::<SideEffect>(&output);
    assert!(matches!(loaded, Err(load::Error::Cleaned)));
    let found = block_on(loader.find_dependencies(folder.path().join("a.ml")));
    assert!(matches!(found, Err(dependencies::Error::Cleaned)));
}

#[test]
fn foreign_files_in_the_directory_stay() {
    let folder = folder(&[]);
    let Some(loader) = new(Options::default().in_dir(folder.path())) else {
        return;
    };
    block_on(loader.check_sources::<SideEffect>([fine()])).succeed();
    let directory = loader.directory().unwrap();
    std::fs::write(directory.join("foreign"), "").unwrap();
    block_on(loader.clean()).succeed();
    assert_eq!(entries(&directory), 1);
}

#[test]
fn dropping_a_future_ends_the_compiler_and_removes_its_files() {
    let folder = folder(&[]);
    let preprocessor = write(
        folder.path(),
        "slow",
        "#!/bin/sh\necho $$ > \"$(dirname \"$0\")/pid\"\nexec sleep 60\n",
    );
    std::fs::set_permissions(
        &preprocessor,
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    let work = folder.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let options = Options::default()
        .in_dir(&work)
        .preprocessor(Preprocessor::Ppx(preprocessor));
    let Some(loader) = new(options) else { return };
    let pid = folder.path().join("pid");
    block_on(async {
        let mut check = Box::pin(loader.check_sources::<SideEffect>([fine()]));
        while !std::fs::read_to_string(&pid).is_ok_and(|pid| pid.ends_with('\n')) {
            assert!(
                poll_once(&mut check).await.is_none(),
                "the preprocessor ended"
            );
            ocaml_toolchain::threads::unblock(|| std::thread::sleep(Duration::from_millis(5)))
                .await;
            yield_now().await;
        }
        drop(check);
    });
    let process = format!(
        "/proc/{}/stat",
        std::fs::read_to_string(&pid).unwrap().trim()
    );
    // Killed at once, reaped by whoever inherits it.
    while std::fs::read_to_string(&process).is_ok_and(|stat| !stat.contains(") Z ")) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let directory = loader.directory().unwrap();
    while entries(&directory) > 1 {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn one_loader_compiles_many_plugins_at_once() {
    let folder = folder(&[]);
    let options = Options::default()
        .in_dir(folder.path())
        .jobs(NonZeroUsize::new(2).unwrap());
    let Some(loader) = new(options) else { return };
    let sources = (0..6).map(|number| {
        Source::text(
            "n.ml",
            format!("let () = assert ({number} = Sys.opaque_identity {number})"),
        )
    });
    let loads = sources.map(|source| loader.load_sources::<SideEffect>([source]));
    let loaded = block_on(futures::future::join_all(loads));
    assert!(loaded.iter().all(Result::is_ok), "{loaded:?}");
}

#[test]
fn the_same_futures_work_under_tokio_and_smol() {
    let Some(loader) = new(Options::default()) else {
        return;
    };
    let load = || loader.load_sources::<SideEffect>([fine()]);
    block_on(load()).succeed();
    smol::block_on(load()).succeed();
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(load())
        .succeed();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let spawned = loader.clone();
    let load = async move { spawned.load_sources::<SideEffect>([fine()]).await };
    runtime.block_on(runtime.spawn(load)).unwrap().succeed();
}

#[test]
fn creating_a_loader_validates_its_options() {
    let Some(kit) = crate::support::kit() else {
        return;
    };
    let error =
        dynloader::Loader::new(kit.clone(), Options::default().in_dir("relative")).unwrap_err();
    assert!(matches!(error, loader::Error::InDir { .. }));
    let loader =
        dynloader::Loader::new(kit, Options::default().include_directory("some/dir")).succeed();
    let arguments = loader.options().compile_arguments();
    let include = arguments
        .iter()
        .position(|argument| argument == "-I")
        .unwrap();
    assert!(Path::new(&arguments[include + 1]).is_absolute());
}

#[test]
fn a_place_that_cannot_be_used_is_named() {
    let folder = folder(&[]);
    let missing = folder.path().join("missing");
    let Some(loader) = new(Options::default().in_dir(&missing)) else {
        return;
    };
    let error = block_on(loader.check_sources::<SideEffect>([fine()])).unwrap_err();
    assert!(
        chain(&error).contains(&missing.display().to_string()),
        "{}",
        chain(&error)
    );
    let loader = new(Options::default().in_dir(&missing).or_in_dir(folder.path())).unwrap();
    block_on(loader.load_sources::<SideEffect>([fine()])).succeed();
}

#[test]
fn a_preprocessor_sees_every_source() {
    let folder = folder(&[]);
    let text = "#!/bin/sh\ntest \"$1\" = -dump-ast && sed s/REPLACED/ignore/ \"$2\"\n";
    let preprocessor = write(folder.path(), "p p'x", text);
    std::fs::set_permissions(
        &preprocessor,
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    let Some(loader) = new(Options::default().preprocessor(Preprocessor::Ppx(preprocessor))) else {
        return;
    };
    let sources = [
        Source::text("a.ml", "let f x = REPLACED x"),
        Source::text("b.ml", "let () = REPLACED (A.f 1)"),
    ];
    block_on(loader.load_sources::<SideEffect>(sources)).succeed();
}

#[test]
fn a_toolchain_is_searched_for_once_while_nothing_changes() {
    let Some(kit) = kit() else { return };
    // The search has one place more than any before.
    let place = tempfile::tempdir().unwrap();
    let places = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&places).chain([place.path().to_owned()]);
    let places = find::Options::from_environment().path(std::env::join_paths(places).unwrap());
    let found = || {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
        let options = SystemOptions::new(cache).toolchain(places.clone());
        block_on(Kit::system(options)).succeed()
    };
    let first = found();
    let version = first
        .found_toolchain()
        .map(|toolchain| toolchain.conf().version());
    assert_eq!(version, Some(kit.conf().version()));
    let second = found();
    assert!(second.found_toolchain().is_none());
    assert_eq!(second.identity(), kit.identity());
}
