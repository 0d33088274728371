//! What is kept between processes is used only while it is right.

use lib_resolve::{PackageIndex, cache};

use crate::support::Tree;

fn names(index: &PackageIndex) -> Vec<String> {
    let mut names: Vec<String> = index
        .packages()
        .map(|package| package.name().into_owned())
        .collect();
    names.sort();
    names
}

/// A tree whose index has been kept in the file `kept`, with files old enough to be trusted.
fn kept(packages: &[(&str, &str)]) -> Tree {
    let tree = Tree::new(packages);
    tree.settle();
    let mut index = tree.index();
    index.load_all();
    index.keep(&tree.path("kept")).expect("writable");
    tree
}

fn recalled(tree: &Tree) -> PackageIndex {
    let mut index = tree.index();
    index.recall(&tree.path("kept")).expect("the file is right");
    assert!(index.load_all().is_empty());
    index
}

#[test]
fn an_unchanged_tree_is_recalled_and_every_change_is_seen() {
    let tree = kept(&[
        ("a", "version = \"1\" package \"s\" ()"),
        ("b", ""),
        ("c", "exists_if = \"f\""),
    ]);
    assert_eq!(names(&recalled(&tree)), ["a", "a.s", "b"]);

    tree.write("lib/a/META", "version = \"1\" package \"t\" ()");
    tree.write("lib/new/META", "");
    tree.remove("lib/b/META");
    tree.write("lib/c/f", "");
    assert_eq!(names(&recalled(&tree)), ["a", "a.t", "c", "new"]);
}

#[test]
fn a_file_that_was_touched_back_in_time_is_still_read_again() {
    let tree = kept(&[("a", "package \"x\" ()")]);
    let file = tree.path("lib/a/META");
    let before = std::fs::metadata(&file)
        .and_then(|metadata| metadata.modified())
        .expect("a time");
    tree.write("lib/a/META", "package \"y\" ()");
    let handle = std::fs::File::options()
        .write(true)
        .open(&file)
        .expect("writable");
    handle.set_modified(before).expect("the time can be set");
    assert_eq!(names(&recalled(&tree)), ["a", "a.y"]);
}

#[test]
fn fresh_files_are_not_trusted() {
    let tree = Tree::new(&[("a", "package \"x\" ()")]);
    let mut index = tree.index();
    index.load_all();
    index.keep(&tree.path("kept")).expect("writable");
    tree.write("lib/a/META", "package \"y\" ()");
    assert_eq!(names(&recalled(&tree)), ["a", "a.y"]);
}

#[test]
fn a_damaged_file_or_one_of_another_version_is_an_error_and_harms_nothing() {
    let tree = kept(&[("a", "")]);
    let whole = std::fs::read(tree.path("kept")).expect("readable");
    let mut index = tree.index();
    for length in [0, 7, 40, whole.len() - 1] {
        std::fs::write(tree.path("kept"), &whole[..length]).expect("writable");
        assert!(
            matches!(
                index.recall(&tree.path("kept")),
                Err(cache::Error::Damaged { .. })
            ),
            "{length}"
        );
    }
    let mut newer = whole;
    newer[8] += 1;
    std::fs::write(tree.path("kept"), &newer).expect("writable");
    assert!(matches!(
        index.recall(&tree.path("kept")),
        Err(cache::Error::Version { version: 3, .. })
    ));
    index.load_all();
    assert_eq!(names(&index), ["a"]);
}
