//! `find_dependencies` over folders of sources.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use dynloader::{Options, dependencies};
use futures_lite::future::block_on;

use crate::support::{folder, loader, write};

fn found(folder: &Path, file: &str) -> Option<Result<Vec<String>, dependencies::Error>> {
    let loader = loader(Options::default())?;
    let found = block_on(loader.find_dependencies(folder.join(file)));
    let name = |path: std::path::PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
    Some(found.map(|files| files.into_iter().map(name).collect()))
}

#[test]
fn what_is_needed_comes_first_and_interfaces_before_implementations() {
    let folder = folder(&[
        (
            "main.ml",
            "#!/bin/x\nlet () = print_int (B.b + C.c + List.length [])",
        ),
        ("b.ml", "let b = D.d"),
        ("b.mli", "val b : E.t"),
        ("c.ml", "open D\nlet c = d"),
        ("D.ml", "let d = 1"),
        ("e.ml", "type t = int"),
        ("unrelated.ml", "this is ( not OCaml"),
        (".#main.ml", "nor this"),
        ("bad-name.ml", "nor ( this"),
    ]);
    let Some(files) = found(folder.path(), "main.ml") else {
        return;
    };
    assert_eq!(
        files.unwrap(),
        ["D.ml", "e.ml", "b.mli", "b.ml", "c.ml", "main.ml"]
    );
}

#[test]
fn a_circle_is_reported_with_its_way() {
    let folder = folder(&[
        ("main.ml", "let x = A.x"),
        ("a.ml", "let x = B.x"),
        ("b.ml", "let x = C.x"),
        ("c.ml", "let x = A.x"),
    ]);
    let Some(Err(error)) = found(folder.path(), "main") else {
        return;
    };
    assert_eq!(
        error.to_string(),
        "modules depend on each other in a circle: A -> B -> C -> A"
    );
}

#[test]
fn a_file_that_is_needed_and_broken_is_named() {
    let folder = folder(&[("main.ml", "let x = A.x"), ("a.ml", "\nlet let")]);
    let Some(Err(dependencies::Error::Rejected(rejection))) = found(folder.path(), "main.ml")
    else {
        return;
    };
    let location = rejection.diagnostics[0].location.clone().unwrap();
    assert_eq!(
        (location.file, location.line),
        (folder.path().join("a.ml"), 2)
    );
}

#[test]
fn only_an_implementation_that_exists_will_do() {
    let folder = folder(&[("a.mli", "")]);
    let Some(Err(error)) = found(folder.path(), "a.mli") else {
        return;
    };
    assert!(
        matches!(error, dependencies::Error::NotAnImplementation { .. }),
        "{error:?}"
    );
    let error = found(folder.path(), "a.ml").unwrap().unwrap_err();
    assert!(
        matches!(error, dependencies::Error::Read { .. }),
        "{error:?}"
    );
}

#[test]
fn a_folder_that_is_only_readable_and_oddly_named_will_do() {
    let folder = folder(&[]);
    write(folder.path(), "odd: $x'/main.ml", "let x = A.x");
    write(folder.path(), "odd: $x'/a.ml", "let x = 1");
    let odd = folder.path().join("odd: $x'");
    std::fs::set_permissions(&odd, std::fs::Permissions::from_mode(0o500)).unwrap();
    let Some(files) = found(&odd, "main.ml") else {
        return;
    };
    assert_eq!(files.unwrap(), ["a.ml", "main.ml"]);
    std::fs::set_permissions(&odd, std::fs::Permissions::from_mode(0o700)).unwrap();
}
