//! What is said of names that are not found.

use lib_resolve::{Configuration, PackageIndex, Predicates, Suggestion};

use crate::support::{Tree, name, names};

fn kinds(tree: &Tree, wanted: &str) -> Vec<String> {
    let root = tree.root.path().display().to_string();
    let suggestions = tree.index().suggest(&name(wanted));
    suggestions
        .iter()
        .map(|suggestion| suggestion.to_string().replace(&root, ""))
        .collect()
}

#[test]
fn facts_come_before_likenesses() {
    let tree = Tree::new(&[
        ("lwt", "package \"unix\" ()"),
        ("lwt_unix", ""),
        ("yojson", ""),
        ("other", ""),
    ]);
    assert_eq!(
        kinds(&tree, "lwt.unx"),
        [
            "`/lib/lwt/META` has only: lwt, lwt.unix",
            "there is lwt.unix, which looks alike",
            "there is lwt_unix, which looks alike"
        ]
    );
    assert_eq!(
        kinds(&tree, "lwt-unix"),
        [
            "there is lwt.unix, spelled differently",
            "there is lwt_unix, spelled differently"
        ]
    );
    assert_eq!(
        kinds(&tree, "Yojson"),
        ["there is yojson, spelled differently"]
    );
    assert_eq!(
        kinds(&tree, "yosjon"),
        ["there is yojson, which looks alike"]
    );
    assert_eq!(kinds(&tree, "nothing_like_it"), [""; 0]);
    assert_eq!(kinds(&tree, "lwt"), [""; 0]);
}

#[test]
fn a_hidden_package_names_the_files_that_would_show_it() {
    let tree = Tree::new(&[
        (
            "a",
            "package \"s\" ( exists_if = \"x.cma,y.cma\" package \"deep\" () )",
        ),
        ("b", "exists_if = \"\""),
    ]);
    let expected = "`/lib/a/META` hides a.s: none of `/lib/a/x.cma`, `/lib/a/y.cma` exists";
    assert_eq!(kinds(&tree, "a.s")[0], expected);
    assert_eq!(kinds(&tree, "a.s.deep")[0], expected);
    assert_eq!(
        kinds(&tree, "b"),
        ["`/lib/b/META` hides b: its `exists_if` is empty"]
    );
}

#[test]
fn a_shadowed_package_names_both_places() {
    let tree = Tree::new(&[("a", "package \"s\" ()")]);
    tree.write("first/a/META", "");
    let mut index = PackageIndex::new(Configuration::new(
        [tree.path("first"), tree.path("lib")],
        "/std",
    ));
    let suggestions = index.suggest(&name("a.s"));
    let shadowed = Suggestion::Shadowed {
        by: tree.path("first/a/META"),
        meta_file: tree.path("lib/a/META"),
    };
    assert!(suggestions.contains(&shadowed), "{suggestions:?}");
    let duplicates = index.duplicates();
    assert_eq!(duplicates.len(), 1);
    assert_eq!(
        (&duplicates[0].used, &duplicates[0].shadowed[..]),
        (&tree.path("first/a/META"), &[tree.path("lib/a/META")][..])
    );
}

#[test]
fn a_wrong_meta_file_is_told_with_its_place() {
    let tree = Tree::new(&[("a", "version =")]);
    assert_eq!(
        kinds(&tree, "a.s"),
        ["could not parse `/lib/a/META`: expected a string at line 1, column 10"]
    );
}

#[test]
fn all_that_is_missing_is_told_at_once_with_who_requires_it() {
    let tree = Tree::new(&[
        ("a", "requires = \"b x\""),
        ("b", "requires = \"x y c\""),
        ("c", "requires = \"a\""),
    ]);
    let missing = tree.index().missing(&names("a z"), &Predicates::none());
    let texts: Vec<_> = missing.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "library `z` not found",
            "library `x` not found, required by `a`, `b`",
            "library `y` not found, required by `b` (a -> b -> y)"
        ]
    );
}
