//! Plugins that use libraries.

use std::path::PathBuf;

use dynloader::{Assembler, Library, Loader, Options, SideEffect, Source, bundle};
use futures_lite::future::block_on;

use crate::support::{Succeed, kit};

/// The library `str` of the installed OCaml: pure OCaml over C stubs.
fn str_library(kit: &dynloader::Kit) -> Option<Library> {
    let standard = PathBuf::from(kit.conf().standard_library());
    let directory = ["str", ""].map(|folder| standard.join(folder));
    let directory = directory
        .into_iter()
        .find(|directory| directory.join("str.cmxa").exists())?;
    Some(
        Library::new("str")
            .archive(directory.join("str.cmxa"))
            .directory(directory),
    )
}

const TEXT: &str = "#!/usr/bin/env saddlebag\n#require \"str\";;\n\
                    let () = assert (Str.split (Str.regexp \",\") \"a,b\" = [\"a\"; \"b\"])\n\
                    let () = assert (Unix.getpid () > 0 && Thread.id (Thread.self ()) >= 0)";

#[test]
fn a_required_library_is_linked_into_the_plugin() {
    let Some(kit) = kit() else { return };
    let Some(library) = str_library(&kit) else {
        return;
    };
    let bundles = bundle::read(vec![Source::text("uses.ml", TEXT)]).succeed();
    assert_eq!(bundles[0].required_libraries(), ["str"]);
    for assembler in [Assembler::Auto, Assembler::External] {
        let options = Options::program()
            .libraries([library.clone()])
            .assembler(assembler);
        let loader = Loader::new(kit.clone(), options).succeed();
        for _ in 0..2 {
            block_on(loader.load_sources::<SideEffect>(bundles[0].sources())).succeed();
        }
    }
}
