//! Compiled files that must not be loaded.

use dynloader::{Options, SideEffect, Source, load, seal};
use futures_lite::future::block_on;
use ocaml_runtime::PluginInterface;

use crate::support::{folder, loader};

fn refusal(error: load::Error) -> seal::Error {
    match error {
        load::Error::Refused { source, .. } => source,
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_file_that_is_damaged_cut_or_foreign_is_refused_before_it_is_opened() {
    let Some(loader) = loader(Options::default()) else {
        return;
    };
    let folder = folder(&[]);
    let output = folder.path().join("x.plugin");
    block_on(
        loader
            .compile_sources_to_file::<SideEffect>([Source::text("x.ml", "let () = ()")], &output),
    )
    .unwrap();
    let good = std::fs::read(&output).unwrap();
    let load = |bytes: &[u8]| {
        let path = folder.path().join("changed.plugin");
        std::fs::write(&path, bytes).unwrap();
        refusal(loader.load_file_blocking::<SideEffect>(&path).unwrap_err())
    };
    let mut damaged = good.clone();
    damaged[good.len() / 2] ^= 1;
    assert_eq!(load(&damaged), seal::Error::Damaged);
    assert_eq!(load(&good[..good.len() - 1]), seal::Error::Missing);
    assert_eq!(load(b""), seal::Error::Missing);
    assert_eq!(load(&good[..good.len() / 2]), seal::Error::Missing);
    loader.load_file_blocking::<SideEffect>(&output).unwrap();
}

#[test]
fn a_file_for_another_interface_is_refused_with_what_differs() {
    let Some(loader) = loader(Options::default()) else {
        return;
    };
    let folder = folder(&[]);
    let output = folder.path().join("x.plugin");
    block_on(
        loader
            .compile_sources_to_file::<SideEffect>([Source::text("x.ml", "let () = ()")], &output),
    )
    .unwrap();
    let error = block_on(loader.load_file::<ocaml_runtime::SideEffect>(&output)).unwrap_err();
    let seal::Error::Mismatch {
        what,
        found,
        expected,
    } = refusal(error)
    else {
        panic!("no mismatch")
    };
    assert_eq!((what, &*found), (seal::Aspect::Interface, "effects only"));
    assert!(expected.contains(ocaml_runtime::SideEffect::interface().name()));
}

#[test]
fn nothing_is_written_when_the_sources_are_wrong() {
    let Some(loader) = loader(Options::default()) else {
        return;
    };
    let folder = folder(&[("out", "before")]);
    let output = folder.path().join("out");
    let wrong = Source::text("x.ml", "let x : int = \"\"");
    block_on(loader.compile_sources_to_file::<SideEffect>([wrong], &output)).unwrap_err();
    assert_eq!(std::fs::read(&output).unwrap(), b"before");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
