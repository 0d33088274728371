//! Plugins that use libraries.

use std::path::{Path, PathBuf};

use code_sets::Code;
use dynloader::{
    Assembler, Kit, Library, Loader, Options, SideEffect, Source, bundle, library, load,
    requirement,
};
use futures_lite::future::block_on;
use lib_resolve::Environment;

use crate::support::{Succeed, byte_kit, folder, kit};

/// The library `str` of the installed OCaml: pure OCaml over C stubs.
fn str_library(kit: &Kit) -> Option<Library> {
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
fn a_required_library_is_there_for_each_plugin() {
    let Some(kit) = kit() else { return };
    let Some(library) = str_library(&kit) else {
        return;
    };
    let bundles = bundle::read(vec![Source::text("uses.ml", TEXT)]).succeed();
    assert_eq!(bundles[0].required_libraries(), ["str"]);
    for assembler in [Assembler::Internal, Assembler::External] {
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

/// A library made of `text`, as `NAME.cmxa` alone, without a file that can be loaded.
fn library_of(kit: &Kit, directory: &Path, name: &str, text: &str) -> Library {
    std::fs::write(directory.join(format!("{name}.ml")), text).unwrap();
    let compile = kit
        .ocamlopt()
        .unwrap()
        .args(["-a", "-o"])
        .arg(format!("{name}.cmxa"))
        .arg(format!("{name}.ml"))
        .current_dir(directory);
    block_on(compile.run()).succeed();
    Library::new(name)
        .directory(directory)
        .archive(directory.join(format!("{name}.cmxa")))
}

fn load(kit: &Kit, options: Options, text: &str) -> Result<(), load::Error> {
    let loader = Loader::new(kit.clone(), options).succeed();
    block_on(loader.load_sources::<SideEffect>([Source::text("uses.ml", text)]))
}

/// An error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(": {}", chain(cause)));
    format!("{error}{}", cause.unwrap_or_default())
}

#[test]
fn the_state_of_a_library_is_one_for_all_plugins() {
    let Some(kit) = kit() else { return };
    let directory = tempfile::tempdir().unwrap();
    let text = "let count = ref 0\nlet next () = incr count; !count\n";
    let counter = library_of(&kit, directory.path(), "counter_of_all", text);
    let options = || Options::program().libraries([counter.clone()]);
    for (assembler, number) in [
        (Assembler::Internal, 1),
        (Assembler::External, 2),
        (Assembler::Internal, 3),
    ] {
        let text = format!("let () = assert (Counter_of_all.next () = {number})");
        load(&kit, options().assembler(assembler), &text).succeed();
    }
}

#[test]
fn two_versions_of_one_unit_are_told_apart() {
    let Some(kit) = kit() else { return };
    let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let old = library_of(&kit, first.path(), "versioned", "let version = 1");
    let new = library_of(&kit, second.path(), "versioned", "let version = \"2\"");
    let uses = "let () = ignore Versioned.version";
    load(&kit, Options::program().libraries([old]), uses).succeed();
    let error = load(&kit, Options::program().libraries([new]), uses).unwrap_err();
    let load::Error::Library(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        error.to_string(),
        "the library `versioned` defines the unit `Versioned`, which the loaded library `versioned` defines already"
    );
}

#[test]
fn a_symbol_that_nothing_defines_is_named() {
    let Some(kit) = kit() else { return };
    let directory = tempfile::tempdir().unwrap();
    let text = "external f : int -> int = \"no_such_function_anywhere\"\nlet g x = f x\n";
    let library = library_of(&kit, directory.path(), "lacking", text);
    let uses = "let () = ignore Lacking.g";
    let error = load(&kit, Options::program().libraries([library]), uses).unwrap_err();
    let load::Error::Library(error) = error else {
        panic!("{error:?}")
    };
    assert!(matches!(&*error, library::Error::Load { name, .. } if &**name == "lacking"));
    let message = chain(&*error);
    assert!(
        message.contains("`no_such_function_anywhere`, which nothing defines"),
        "{message}"
    );
}

#[test]
fn a_library_whose_own_code_fails_is_not_run_twice() {
    let Some(kit) = kit() else { return };
    let directory = tempfile::tempdir().unwrap();
    let text = "let () = failwith \"not today\"\nlet x = 1\n";
    let library = library_of(&kit, directory.path(), "failing", text);
    let uses = "let () = ignore Failing.x";
    for expected in ["the top level of", "failed when it was first loaded"] {
        let options = Options::program().libraries([library.clone()]);
        let load::Error::Library(error) = load(&kit, options, uses).unwrap_err() else {
            panic!("another error")
        };
        let message = chain(&*error);
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("not today"), "{message}");
    }
}

#[test]
fn a_file_is_loaded_with_the_libraries_it_was_compiled_with() {
    let Some(kit) = kit() else { return };
    let directory = tempfile::tempdir().unwrap();
    let first = library_of(&kit, directory.path(), "sealed_in", "let x = 1");
    let output = directory.path().join("plugin");
    let with = |libraries: &[Library]| {
        let options = Options::program().libraries(libraries.iter().cloned());
        Loader::new(kit.clone(), options).succeed()
    };
    let sources = || [Source::text("uses.ml", "let () = assert (Sealed_in.x = 1)")];
    let compiled = with(std::slice::from_ref(&first));
    block_on(compiled.compile_sources_to_file::<SideEffect>(sources(), &output)).succeed();

    let error = block_on(with(&[]).load_file::<SideEffect>(&output)).unwrap_err();
    assert!(
        matches!(&error, load::Error::Library(error)
            if matches!(&**error, library::Error::NotGiven { name } if &**name == "sealed_in")),
        "{error:?}"
    );
    let other = tempfile::tempdir().unwrap();
    let other = library_of(&kit, other.path(), "sealed_in", "let x = 2");
    let error = block_on(with(&[other]).load_file::<SideEffect>(&output)).unwrap_err();
    assert!(
        matches!(&error, load::Error::Refused { source, .. }
            if source.to_string().contains("another version of a library: it has `sealed_in ")),
        "{error:?}"
    );
    block_on(with(&[first]).load_file::<SideEffect>(&output)).succeed();
}
