//! Plugins that use libraries.

use std::path::PathBuf;

use code_sets::Code;
use dynloader::{Assembler, Library, Loader, Options, SideEffect, Source, bundle, requirement};
use futures_lite::future::block_on;
use lib_resolve::Environment;

use crate::support::{Succeed, byte_kit, folder, kit};

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

#[test]
fn each_plugin_of_byte_code_has_its_own_copy_of_a_library_and_shares_its_c_functions() {
    let Some(kit) = byte_kit() else { return };
    let environment = Environment {
        path: std::env::var_os("PATH"),
        ..Environment::default()
    };
    let names = ["str".to_owned()];
    let libraries = requirement::resolve(&kit, Code::Byte, &names, &environment).succeed();
    assert_eq!(libraries[0].stub_libraries().count(), 1);
    let options = || {
        Options::program()
            .code(Code::Byte)
            .libraries(libraries.clone())
    };
    let folder = folder(&[]);
    let file = folder.path().join("kept");
    // The last match is the state of the library.
    let text = "let () = assert (match Str.matched_string \"ab\" with _ -> false | exception _ -> true)\n\
                let () = assert (Str.string_match (Str.regexp \"b\") \"ab\" 1)\n";
    let source = Source::text("uses.ml", text);
    for _ in 0..2 {
        let loader = Loader::new(kit.clone(), options()).succeed();
        for _ in 0..2 {
            block_on(loader.load_sources::<SideEffect>([&source])).succeed();
        }
        block_on(loader.compile_sources_to_file::<SideEffect>([&source], &file)).succeed();
    }
    // Nothing but the file is needed to load it.
    let plain = Loader::new(kit, Options::program().code(Code::Byte)).succeed();
    plain.load_file_blocking::<SideEffect>(&file).succeed();
}
