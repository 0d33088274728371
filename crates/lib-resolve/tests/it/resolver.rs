//! Resolvers: scopes in order, one lookup a name, everything missing at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_lite::future::block_on;
use lib_resolve::memo::{LocalMemo, Memo};
use lib_resolve::scope::{self, BuildLib, Scope};
use lib_resolve::{Lib, LibName, Resolver, Suggestion, resolver};

use crate::support::{conf, name, names};

fn lib(own: &str, requires: &str) -> Lib {
    let mut lib = Lib::new(name(own), format!("/{own}"));
    lib.requires = names(requires);
    lib
}

fn build(libs: &[(&str, &str)]) -> Arc<dyn Scope> {
    Arc::new(scope::build(libs.iter().map(|(own, requires)| {
        BuildLib::ready(lib(own, requires), *own)
    })))
}

fn resolver_of(memo: &LocalMemo, scopes: Vec<Arc<dyn Scope>>) -> Resolver {
    Resolver::create(Arc::new(memo.clone()), conf("4.14.1"), scopes)
}

fn texts(libs: &[Arc<Lib>]) -> Vec<&str> {
    libs.iter().map(|lib| lib.name.as_str()).collect()
}

/// A scope that counts how often it is asked, and yields in between.
fn counting(counter: &Arc<AtomicUsize>) -> Arc<dyn Scope> {
    let counter = Arc::clone(counter);
    Arc::new(scope::from_functions(
        "counting",
        move |_, _, name: LibName| {
            let counter = Arc::clone(&counter);
            async move {
                counter.fetch_add(1, Ordering::SeqCst);
                for _ in 0..10 {
                    futures_lite::future::yield_now().await;
                }
                Ok(Some(Lib::new(name, "/counted")))
            }
        },
        |_, _, _| async { Vec::new() },
    ))
}

#[test]
fn a_name_is_looked_up_once_however_many_ask_at_once() {
    let counter = Arc::default();
    let resolver = Arc::new(resolver_of(&LocalMemo::new(1), vec![counting(&counter)]));
    block_on(async {
        let wanted = name("a");
        let asking = (0..50).map(|_| resolver.get(&wanted));
        let libs = futures::future::join_all(asking).await;
        assert!(libs.iter().all(Result::is_ok));
    });
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let resolver = Arc::clone(&resolver);
            std::thread::spawn(move || block_on(resolver.get(&name("b"))).is_ok())
        })
        .collect();
    assert!(
        threads
            .into_iter()
            .all(|thread| thread.join().expect("no panic"))
    );
    assert_eq!(counter.load(Ordering::SeqCst), 2);
}

#[test]
fn a_lookup_goes_on_when_the_one_who_started_it_is_gone() {
    let counter = Arc::default();
    let resolver = resolver_of(&LocalMemo::new(1), vec![counting(&counter)]);
    block_on(async {
        let wanted = name("a");
        let mut first = Box::pin(resolver.get(&wanted));
        assert!(futures_lite::future::poll_once(&mut first).await.is_none());
        drop(first);
        assert!(resolver.get(&wanted).await.is_ok());
    });
}

#[test]
fn the_first_scope_that_has_a_library_wins_and_a_second_definition_is_told() {
    let memo = LocalMemo::new(1);
    let twice = scope::build([
        BuildLib::ready(lib("a", ""), "one"),
        BuildLib::ready(lib("a", "b"), "two"),
    ]);
    let resolver = resolver_of(
        &memo,
        vec![Arc::new(twice), build(&[("a", "c"), ("d", "")])],
    );
    block_on(async {
        assert!(
            resolver
                .get(&name("a"))
                .await
                .expect("in the build")
                .requires
                .is_empty()
        );
        assert!(resolver.find(&name("d")).await.expect("no fault").is_some());
        assert!(resolver.find(&name("e")).await.expect("no fault").is_none());
    });
    let notices = memo.take_notices();
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].mark, "ocamlib");
    assert_eq!(
        notices[0].text,
        "library `a` is defined in `one` already; its definition in `two` is ignored"
    );
}

#[test]
fn lists_keep_their_order_and_closures_have_linking_order() {
    let all = build(&[("a", "b c"), ("b", "d"), ("c", "d"), ("d", ""), ("e", "")]);
    let resolver = resolver_of(&LocalMemo::new(1), vec![all]);
    block_on(async {
        let list = resolver.get_list(&names("e a e")).await.expect("all there");
        assert_eq!(texts(&list), ["e", "a"]);
        let deps = resolver
            .get_list_and_deps(&names("e a"))
            .await
            .expect("all there");
        assert_eq!(texts(&deps), ["e", "d", "b", "c", "a"]);
        let why = resolver
            .why(&name("a"), &name("d"))
            .await
            .expect("all there");
        assert_eq!(why, Some(names("a b d")));
        assert_eq!(
            resolver
                .why(&name("b"), &name("c"))
                .await
                .expect("all there"),
            None
        );
    });
}

#[test]
fn exports_go_before_requirements() {
    let mut a = lib("a", "r");
    a.exports = names("x");
    let mut x = lib("x", "r2");
    x.exports = names("y");
    let libs = [a, x, lib("y", ""), lib("r", ""), lib("r2", "")];
    let scope = scope::build(libs.map(|lib| BuildLib::ready(lib.clone(), lib.name.to_string())));
    let resolver = resolver_of(&LocalMemo::new(1), vec![Arc::new(scope)]);
    block_on(async {
        let deps = resolver
            .get_list_and_deps(&names("a"))
            .await
            .expect("all there");
        assert_eq!(texts(&deps), ["y", "r2", "x", "r", "a"]);
        let exports = resolver
            .get_list_and_exports(&names("a"))
            .await
            .expect("all there");
        assert_eq!(texts(&exports), ["y", "x", "a"]);
    });
}

#[test]
fn the_names_of_threads_are_one_library() {
    for (version, canonical) in [("4.14.1", "threads.posix"), ("5.2.0", "threads")] {
        let all = build(&[
            ("a", "threads.posix"),
            ("b", "threads"),
            (canonical, "unix"),
            ("unix", ""),
        ]);
        let resolver = Resolver::create(Arc::new(LocalMemo::new(1)), conf(version), [all]);
        let deps =
            block_on(resolver.get_list_and_deps(&names("a b ocaml.threads"))).expect("all there");
        assert_eq!(texts(&deps), ["unix", canonical, "a", "b"], "{version}");
    }
}

#[test]
fn everything_missing_is_told_at_once_and_fails_the_memo() {
    let memo = LocalMemo::new(1);
    let all = build(&[("a", "b x"), ("b", "x util"), ("utils", "")]);
    let resolver = resolver_of(&memo, vec![all]);
    let error =
        block_on(resolver.get_list_and_deps(&names("a z"))).expect_err("things are missing");
    let resolver::Error::Missing { missing } = &error else {
        panic!("{error:?}")
    };
    let told: Vec<_> = missing
        .iter()
        .map(|missing| (missing.name.as_str(), &missing.required_by[..]))
        .collect();
    assert_eq!(
        told,
        [
            ("z", &[][..]),
            ("x", &names("a b")[..]),
            ("util", &names("b")[..])
        ]
    );
    assert_eq!(
        missing[2].suggestions,
        [Suggestion::Similar {
            name: name("utils"),
            distance: 1
        }]
    );
    assert_eq!(memo.take_failures(), [error.to_string()]);
    // Asking without need is no failure.
    assert!(
        block_on(resolver.find(&name("z")))
            .expect("no fault")
            .is_none()
    );
    assert!(memo.take_failures().is_empty());
}

#[test]
fn a_circle_is_shown() {
    let all = build(&[("a", "b"), ("b", "c"), ("c", "d b"), ("d", "")]);
    let resolver = resolver_of(&LocalMemo::new(1), vec![all]);
    let error = block_on(resolver.get_list_and_deps(&names("a"))).expect_err("a circle");
    assert_eq!(
        error.to_string(),
        "library `c` requires itself: c -> b -> c"
    );
    assert!(matches!(error, resolver::Error::Cycle { .. }));
}

#[test]
fn a_library_that_cannot_be_used_ends_the_search() {
    #[derive(Debug, thiserror::Error)]
    #[error("broken")]
    struct Broken;
    let broken = scope::build([BuildLib::pending(name("a"), "a", async {
        Err(scope::Error::new(name("a"), Broken))
    })]);
    let resolver = resolver_of(
        &LocalMemo::new(1),
        vec![Arc::new(broken), build(&[("a", "")])],
    );
    let error = block_on(resolver.get(&name("a"))).expect_err("broken");
    let cause = std::error::Error::source(&error).expect("a cause");
    assert_eq!(cause.to_string(), "library `a` cannot be used");
    assert_eq!(cause.source().expect("its cause").to_string(), "broken");
}

async fn one_body() {
    let memo = LocalMemo::new(2);
    let resolver = resolver_of(&memo, vec![build(&[("a", "b"), ("b", "")])]);
    assert_eq!(
        texts(
            &resolver
                .get_list_and_deps(&names("a"))
                .await
                .expect("all there")
        ),
        ["b", "a"]
    );
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    assert_eq!(memo.read(file.path()).await.expect("readable"), b"");
}

#[test]
fn everything_works_under_any_executor() {
    block_on(one_body());
    smol::block_on(one_body());
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(one_body());
}
