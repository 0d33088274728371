//! The scopes of findlib's libraries, and what their cache notices.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_lite::future::block_on;
use lib_resolve::memo::{LocalMemo, Memo};
use lib_resolve::scope::{self, Scope};
use lib_resolve::{Environment, Lib, Resolver, Suggestion};

use crate::support::{Tree, conf, has_ocamlfind, name, names};

const META: &str = "version = \"1\"\nrequires = \"b\"\narchive(byte) = \"a.cma x/b.cma\"\narchive(native) = \"a.cmxa\"\n\
    plugin(native) = \"a.cmxs\"\njsoo_runtime = \"r.js, s.js\"\nppx = \"./ppx.exe --as-ppx\"\nwarning = \"old: do not\"\n\
    package \"sub\" (\n directory = \"sub\"\n exports = \"a\"\n exists_if = \"sub.cma\"\n)\n";

fn tree() -> Tree {
    let tree = Tree::new(&[("a", META), ("b", "archive = \"b.cma\"")]);
    for file in [
        "a/a.cma",
        "a/a.cmxa",
        "a/a.a",
        "a/libstubs.a",
        "a/a.cmi",
        "a/a.cmx",
        "a/r.js",
        "a/sub/sub.cma",
    ] {
        tree.write(&format!("lib/{file}"), "");
    }
    tree
}

fn expected(tree: &Tree) -> Lib {
    let in_a = |files: &[&str]| -> Vec<PathBuf> {
        files
            .iter()
            .map(|file| tree.path("lib/a").join(file))
            .collect()
    };
    let mut lib = Lib::new(name("a"), tree.path("lib/a"));
    lib.requires = names("b");
    lib.meta_file = Some(tree.path("lib/a/META"));
    lib.cma = in_a(&["a.cma", "x/b.cma"]);
    lib.cmxa = in_a(&["a.cmxa"]);
    lib.c_archives = in_a(&["a.a"]);
    lib.c_stubs = in_a(&["libstubs.a"]);
    lib.cmis = in_a(&["a.cmi"]);
    lib.cmxs = in_a(&["a.cmx"]);
    lib.js_stubs = in_a(&["r.js", "s.js"]);
    lib.native_plugins = in_a(&["a.cmxs"]);
    lib.ppx = Some(format!(
        "{} --as-ppx",
        tree.path("lib/a/./ppx.exe").display()
    ));
    lib.warning = Some("old: do not".to_owned());
    lib.version = Some("1".to_owned());
    lib.missing_files = in_a(&["x/b.cma", "a.cmxs", "s.js"]);
    lib
}

fn find(scope: &dyn Scope, memo: &LocalMemo, library: &str) -> Option<Lib> {
    let memo: Arc<dyn Memo> = Arc::new(memo.clone());
    block_on(scope.find(&conf("4.14.1"), &memo, &name(library))).expect("no fault")
}

/// Without its place in META, which a process does not tell.
fn placeless(lib: Lib) -> Lib {
    let mut lib = lib;
    lib.meta_position = None;
    lib
}

#[test]
fn ocamlpath_gives_every_file_and_names_those_that_are_missing() {
    let tree = tree();
    let scope = scope::ocamlpath(None, []).environment(tree.environment());
    let memo = LocalMemo::new(1);
    let lib = find(&scope, &memo, "a").expect("found");
    assert_eq!(lib.meta_position.map(|position| position.line), Some(1));
    assert_eq!(placeless(lib), expected(&tree));
    let sub = find(&scope, &memo, "a.sub").expect("found");
    assert_eq!(
        (sub.directory, sub.exports),
        (tree.path("lib/a/sub"), names("a"))
    );
    assert_eq!(sub.meta_position.map(|position| position.line), Some(9));
    // For native code META says `b.cma` as well, which is no native archive.
    let b = find(&scope, &memo, "b").expect("found");
    assert_eq!((b.cma.len(), b.cmxa.len()), (1, 0));
    assert_eq!(find(&scope, &memo, "missing"), None);
    assert_eq!(memo.runs(), 0);
}

#[test]
fn ocamlfind_gives_the_same_and_one_process_serves_many_names() {
    if !has_ocamlfind("ocamlfind_gives_the_same_and_one_process_serves_many_names") {
        return;
    }
    let tree = tree();
    let scope: Arc<dyn Scope> = Arc::new(scope::ocamlfind(None).environment(tree.environment()));
    let memo = LocalMemo::new(1);
    assert_eq!(find(&*scope, &memo, "a"), Some(expected(&tree)));
    assert_eq!(memo.runs(), 4);
    let memo = LocalMemo::new(1);
    let resolver = Resolver::create(
        Arc::new(memo.clone()),
        conf("4.14.1"),
        [Arc::new(scope::ocamlfind(None).environment(tree.environment())) as Arc<dyn Scope>],
    );
    let libs = block_on(resolver.get_list(&names("a a.sub b"))).expect("all there");
    assert_eq!((libs.len(), memo.runs()), (3, 4));
}

#[test]
fn both_scopes_agree_on_everything_installed() {
    if !has_ocamlfind("both_scopes_agree_on_everything_installed") {
        return;
    }
    let environment = Environment {
        path: std::env::var_os("PATH"),
        ..Environment::default()
    };
    let configuration =
        lib_resolve::Configuration::read(&environment, None).expect("findlib is configured");
    let stdlib = configuration.stdlib();
    let mut index = lib_resolve::PackageIndex::new(configuration);
    index.load_all();
    let mut all: Vec<_> = index
        .packages()
        .map(|package| name(&package.name()))
        .collect();
    // Under its canonical name it is asked for with other predicates.
    all.retain(|name| name.main() != "threads");
    let text = format!(
        "version: 4.14.0\nstandard_library: {}\narchitecture: a\nsystem: s\n",
        stdlib.display()
    );
    let conf = Arc::new(ocaml_toolchain::Conf::parse(&text).expect("right"));
    let memo: Arc<dyn Memo> = Arc::new(LocalMemo::new(2));
    let process = scope::ocamlfind(None).environment(environment.clone());
    let native = scope::ocamlpath(None, []).environment(environment);
    block_on(async {
        process.prefetch(&conf, &memo, &all).await;
        for name in &all {
            let theirs = process.find(&conf, &memo, name).await.expect("no fault");
            let ours = native.find(&conf, &memo, name).await.expect("no fault");
            assert_eq!(ours.map(placeless), theirs, "{name}");
        }
    });
}

/// The version of `a` by a new scope, as a new process would have it, and how many tools that took.
fn version_and_runs(environment: &Environment, cache: PathBuf) -> (Option<String>, usize) {
    let memo = LocalMemo::new(1);
    let scope = scope::ocamlfind(Some(cache)).environment(environment.clone());
    let lib = find(&scope, &memo, "a");
    (lib.and_then(|lib| lib.version), memo.runs())
}

#[test]
fn answers_of_ocamlfind_are_used_again_until_something_they_depend_on_changes() {
    if !has_ocamlfind("answers_of_ocamlfind_are_used_again_until_something_they_depend_on_changes")
    {
        return;
    }
    let tree = Tree::new(&[("a", "version = \"1\" exists_if = \"f,g\"")]);
    tree.write("lib/a/g", "");
    let environment = tree.environment();
    let cache = || tree.path("cache");
    let ask = |environment: &Environment| version_and_runs(environment, cache());
    let version = |text: &str| Some(text.to_owned());
    assert_eq!(ask(&environment), (version("1"), 4));
    assert_eq!(ask(&environment), (version("1"), 0), "nothing changed");

    tree.write("lib/a/META", "version = \"1\" exists_if = \"f,g\"");
    assert_eq!(ask(&environment), (version("1"), 0), "touched, not changed");
    tree.write("lib/a/META", "version = \"2\" exists_if = \"f,g\"");
    assert_eq!(ask(&environment), (version("2"), 4), "replaced");
    tree.remove("lib/a/g");
    assert_eq!(
        ask(&environment),
        (None, 1),
        "a file of `exists_if` is gone"
    );
    tree.write("lib/a/f", "");
    assert_eq!(ask(&environment), (version("2"), 4), "another one is there");

    let both = format!(
        "path = \"{0}/early:{0}/lib\" stdlib = \"/std\"",
        tree.root.path().display()
    );
    tree.write("findlib.conf", &both);
    assert_eq!(
        ask(&environment).0,
        version("2"),
        "an entry without the package"
    );
    tree.write("early/a/META", "version = \"3\"");
    assert_eq!(
        ask(&environment),
        (version("3"), 4),
        "an earlier entry has it"
    );
    tree.remove("early/a/META");
    assert_eq!(ask(&environment).0, version("2"), "and lost it");
    tree.write("findlib.conf.d/more.conf", "path(tc) = \"/nowhere\"");
    assert_eq!(ask(&environment), (version("2"), 4), "more configuration");

    tree.write("o/a/META", "version = \"4\"");
    let changed = Environment {
        ocamlpath: Some(tree.path("o").into()),
        ..environment.clone()
    };
    assert_eq!(ask(&changed), (version("4"), 4), "OCAMLPATH");
    let changed = Environment {
        toolchain: Some("tc".into()),
        ..environment.clone()
    };
    assert_eq!(ask(&changed).0, None, "OCAMLFIND_TOOLCHAIN");
    for (variable, environment) in [
        (
            "OCAMLLIB",
            Environment {
                ocamllib: Some("/x".into()),
                ..environment.clone()
            },
        ),
        (
            "CAMLLIB",
            Environment {
                camllib: Some("/x".into()),
                ..environment.clone()
            },
        ),
        (
            "OPAM_SWITCH_PREFIX",
            Environment {
                opam_switch_prefix: Some("/x".into()),
                ..environment.clone()
            },
        ),
    ] {
        assert_eq!(ask(&environment).1, 4, "{variable}");
        assert_eq!(ask(&environment).1, 0, "{variable}, asked again");
    }
    tree.write("g.conf", "path = \"/nowhere\"");
    let changed = Environment {
        configuration_file: Some(tree.path("g.conf").into()),
        ..environment.clone()
    };
    assert_eq!(ask(&changed), (None, 1), "OCAMLFIND_CONF");
    assert_eq!(
        ask(&environment),
        (version("2"), 0),
        "what was kept for the first environment still holds"
    );
}

#[test]
fn ocamlpath_keeps_what_it_read_and_serves_nothing_stale() {
    let tree = Tree::new(&[("a", "version = \"1\"")]);
    let environment = tree.environment();
    tree.settle();
    let version = || {
        let memo = LocalMemo::new(1);
        let scope = scope::ocamlpath(Some(tree.path("cache")), []).environment(environment.clone());
        let version = find(&scope, &memo, "a").and_then(|lib| lib.version);
        assert_eq!(memo.take_notices(), []);
        version
    };
    assert_eq!(version().as_deref(), Some("1"));
    assert!(tree.path("cache/ocamlpath").exists());
    assert_eq!(version().as_deref(), Some("1"));
    tree.write("lib/a/META", "version = \"2\"");
    assert_eq!(version().as_deref(), Some("2"));
    tree.remove("lib/a/META");
    assert_eq!(version(), None);
}

#[test]
fn a_scope_in_use_looks_again_after_a_refresh() {
    let tree = Tree::new(&[("a", "version = \"1\"")]);
    let scope = scope::ocamlpath(None, [tree.path("more")]).environment(tree.environment());
    let memo = LocalMemo::new(1);
    assert_eq!(find(&scope, &memo, "b"), None);
    tree.write("more/b/META", "version = \"2\"");
    assert_eq!(find(&scope, &memo, "b"), None, "the search path as it was");
    scope.refresh();
    assert!(find(&scope, &memo, "b").is_some());
}

#[test]
fn a_damaged_cache_is_told_and_does_no_harm() {
    let tree = Tree::new(&[("a", "")]);
    tree.write("cache/ocamlpath", "rubbish");
    let memo = LocalMemo::new(1);
    let scope = scope::ocamlpath(Some(tree.path("cache")), []).environment(tree.environment());
    assert!(find(&scope, &memo, "a").is_some());
    let notices = memo.take_notices();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].text.ends_with("is damaged"), "{notices:?}");
}

#[test]
fn since_ocaml_5_the_compilers_own_libraries_are_found_without_findlib() {
    let tree = Tree::new(&[]);
    tree.write(
        "std/unix/META",
        "version = \"5.1.0\" archive(byte) = \"unix.cma\"",
    );
    tree.write("std/stdlib.cmi", "");
    // An empty configuration: without findlib there is none.
    let environment = Environment {
        configuration_file: Some("/dev/null".into()),
        ..Environment::default()
    };
    let text = format!(
        "version: 5.1.0\nstandard_library: {}\narchitecture: a\nsystem: s\n",
        tree.path("std").display()
    );
    let conf = Arc::new(ocaml_toolchain::Conf::parse(&text).expect("right"));
    let memo: Arc<dyn Memo> = Arc::new(LocalMemo::new(1));
    let scope = scope::ocamlpath(None, []).environment(environment);
    let unix = block_on(scope.find(&conf, &memo, &name("unix")))
        .expect("no fault")
        .expect("found");
    assert_eq!(unix.directory, tree.path("std/unix"));
    let suggestions: BTreeMap<_, _> = block_on(scope.suggest(&conf, &memo, &name("unxi")))
        .into_iter()
        .map(|suggestion| (suggestion.to_string(), suggestion))
        .collect();
    assert!(
        suggestions.values().any(|s| *s
            == Suggestion::Similar {
                name: name("unix"),
                distance: 1
            }),
        "{suggestions:?}"
    );
}

#[test]
fn a_memo_runs_no_more_tools_at_once_than_it_was_told() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    // The second of two at once would find the directory made.
    let script = "mkdir running && sleep 0.02 && rmdir running";
    let memo = LocalMemo::new(1);
    let runs = (0..6).map(|_| {
        let invocation = ocaml_toolchain::Invocation::new("sh")
            .args(["-c", script])
            .current_dir(directory.path());
        memo.run(lib_resolve::memo::Action::new(invocation))
    });
    let outputs = block_on(futures::future::join_all(runs));
    assert!(
        outputs
            .iter()
            .all(|output| output.as_ref().is_ok_and(|output| output.status == Some(0))),
        "{outputs:?}"
    );
    assert_eq!(memo.runs(), 6);
}
