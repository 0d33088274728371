//! An index notices every change of the search path.

use lib_resolve::{Configuration, PackageIndex, Predicates};

use crate::support::Tree;

fn version(index: &mut PackageIndex, name: &str) -> Option<String> {
    let package = index.find(name).expect("right META")?;
    let value = index
        .package(package)
        .lookup("version", &Predicates::none())?;
    Some(String::from_utf8_lossy(&value).into_owned())
}

#[test]
fn nothing_changes_when_nothing_changed() {
    let tree = Tree::new(&[("a", "version = \"1\""), ("b", "")]);
    let mut index = tree.index();
    assert!(index.load_all().is_empty());
    tree.settle();
    assert!(index.rescan().is_empty());
    assert!(index.rescan().is_empty());
    assert_eq!(index.packages().count(), 2);
}

#[test]
fn an_index_of_settled_files_notices_every_kind_of_change() {
    let tree = Tree::new(&[
        (
            "a",
            "version = \"1\" package \"s\" ( exists_if = \"s.cma\" )",
        ),
        ("b", "exists_if = \"b.cma\""),
        ("c", ""),
    ]);
    std::fs::create_dir_all(tree.path("early/c")).expect("writable");
    std::fs::create_dir(tree.path("lib/empty")).expect("writable");
    tree.write("lib/b/b.cma", "");
    tree.settle();
    let paths = ["early", "lib", "absent"].map(|path| tree.path(path));
    let mut index = PackageIndex::new(Configuration::new(paths, "/std"));
    assert!(index.load_all().is_empty());
    let names = |index: &PackageIndex| {
        let names = index.packages().map(|package| package.name().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.join(" ")
    };
    let id = index.find("a").expect("right META").expect("visible");
    assert!(index.rescan().is_empty());
    assert_eq!(names(&index), "a b c");
    assert_eq!(
        index.package(id).name(),
        "a",
        "where nothing changed numbers stay"
    );

    let after = |change: &dyn Fn(), back: &dyn Fn()| {
        let mut index = index.clone();
        change();
        index.rescan();
        let found = names(&index);
        back();
        index.rescan();
        assert_eq!(names(&index), "a b c");
        found
    };
    let write = |file: &str| tree.write(file, "");
    let remove = |file: &str| tree.remove(file);
    let meta = |text: &str| tree.write("lib/c/META", text);
    let (shown, hidden) = ("lib/a/s.cma", "lib/b/b.cma");
    assert_eq!(after(&|| write(shown), &|| remove(shown)), "a a.s b c");
    assert_eq!(after(&|| remove(hidden), &|| write(hidden)), "a c");
    for file in ["lib/empty/META", "absent/empty/META"] {
        assert_eq!(after(&|| write(file), &|| remove(file)), "a b c empty");
    }
    let subpackage = "package \"s\" ( )";
    assert_eq!(after(&|| meta(subpackage), &|| meta("")), "a b c c.s");
    let early = "early/c/META";
    let shadow = || tree.write(early, subpackage);
    assert_eq!(after(&shadow, &|| remove(early)), "a b c c.s");
    let file = "lib/c/META";
    assert_eq!(after(&|| remove(file), &|| write(file)), "a b");
}

#[test]
fn a_file_replaced_at_once_by_one_of_the_same_length_is_read_again() {
    let tree = Tree::new(&[("a", "version = \"1\"")]);
    let mut index = tree.index();
    index.load_all();
    tree.write("lib/a/META", "version = \"2\"");
    let changes = index.rescan();
    assert_eq!(changes.changed, [tree.path("lib/a/META")]);
    assert_eq!(version(&mut index, "a").as_deref(), Some("2"));
}

#[test]
fn new_and_removed_packages_are_noticed_though_only_their_own_directory_changed() {
    let tree = Tree::new(&[("a", ""), ("b", "")]);
    std::fs::create_dir(tree.path("lib/empty")).expect("writable");
    let mut index = tree.index();
    index.load_all();
    tree.write("lib/empty/META", "");
    tree.write("lib/META.c", "directory = \"\"");
    tree.write("lib/META.d~", "directory = \"\"");
    tree.remove("lib/b/META");
    let changes = index.rescan();
    let mut added = changes.added.clone();
    added.sort();
    assert_eq!(
        added,
        [tree.path("lib/META.c"), tree.path("lib/empty/META")]
    );
    assert_eq!(changes.removed, [tree.path("lib/b/META")]);
    let mut names: Vec<_> = index
        .packages()
        .map(|package| package.name().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["a", "c", "empty"]);
}

#[test]
fn an_earlier_entry_takes_a_package_over_and_gives_it_back() {
    let tree = Tree::new(&[("a", "version = \"late\"")]);
    let paths = [tree.path("early"), tree.path("lib")];
    let mut index = PackageIndex::new(Configuration::new(paths, "/std"));
    index.load_all();
    tree.write("early/a/META", "version = \"early\"");
    assert_eq!(index.rescan().added, [tree.path("early/a/META")]);
    assert_eq!(version(&mut index, "a").as_deref(), Some("early"));
    tree.remove("early/a/META");
    index.rescan();
    assert_eq!(version(&mut index, "a").as_deref(), Some("late"));
}

#[test]
fn a_file_of_exists_if_hides_and_shows() {
    let tree = Tree::new(&[("a", "exists_if = \"x.cma,y.cma\"")]);
    let mut index = tree.index();
    assert_eq!(index.find("a").expect("right META"), None);
    tree.write("lib/a/y.cma", "");
    index.rescan();
    assert!(index.find("a").expect("right META").is_some());
    tree.remove("lib/a/y.cma");
    index.rescan();
    assert_eq!(index.find("a").expect("right META"), None);
}

#[test]
fn a_wrong_file_is_reported_and_tried_again() {
    let tree = Tree::new(&[("a", "version = ")]);
    let mut index = tree.index();
    assert_eq!(index.load_all().len(), 1);
    assert_eq!(index.rescan().errors.len(), 1);
    assert!(index.find("a").is_err());
    tree.write("lib/a/META", "version = \"1\"");
    assert_eq!(index.rescan().added, [tree.path("lib/a/META")]);
}

#[test]
fn an_index_is_plain_data_with_serde() {
    let tree = Tree::new(&[(
        "a",
        "version(x) = \"1\" package \"s\" ( exists_if = \"no\" )",
    )]);
    let mut index = tree.index();
    index.load_all();
    let data = serde_json::to_value(&index).expect("serializable");
    assert_eq!(data["configuration"]["stdlib"], "/std");
    assert_eq!(
        data["packages"][0]["definitions"][0]["predicates"],
        serde_json::json!(["x"])
    );
    assert_eq!(data["packages"][1]["name"], "a.s");
    assert_eq!(data["packages"][1]["hidden"], true);
}
