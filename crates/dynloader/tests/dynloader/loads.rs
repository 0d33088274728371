//! Sources to running plugins.

use dynloader::{Evaluation, Options, SideEffect, Source, Warnings, load};
use futures_lite::future::block_on;
use ocaml_runtime::{Function, Interface};

use crate::support::{Succeed, folder, loader};

fn greeter() -> Interface {
    Interface::builder("Greeter")
        .function::<(String,), String>("greet")
        .build()
        .succeed()
}

#[test]
fn a_function_of_a_plugin_is_called() {
    let Some(loader) = loader(Options::default()) else {
        return;
    };
    let source = Source::text("greeter.ml", "let greet name = \"hello \" ^ name");
    let module = block_on(loader.load_module(&greeter(), [source])).succeed();
    let greet: Function<(String,), String> = module.function("greet").succeed();
    assert_eq!(greet.call(("you",)).succeed(), "hello you");
}

#[test]
fn blocking_loads_give_what_they_compiled_warnings_and_errors() {
    let options = Options::default().warnings(Warnings::reported("+32"));
    let Some(loader) = loader(options) else {
        return;
    };
    // The first starts the runtime, the others find it.
    for number in 1..4 {
        let text = format!("let unused = 0 let greet name = name ^ \"{number}\"");
        let (mut told, source) = (Vec::new(), Source::text("greeter.ml", text));
        let module = loader
            .load_module_blocking(&greeter(), [source], |found| told = found.to_vec())
            .succeed();
        assert_eq!(told.len(), 1, "{told:?}");
        let greet: Function<(String,), String> = module.function("greet").succeed();
        assert_eq!(greet.call(("a",)).succeed(), format!("a{number}"));
        let wrong = Source::text("greeter.ml", "let greet name = name + 1");
        let refused = loader.load_module_blocking(&greeter(), [wrong], |_| panic!("no warnings"));
        assert!(matches!(refused, Err(load::Error::Compile(_))));
        let raises = Source::text("greeter.ml", "let greet = failwith \"on purpose\"");
        let raised = loader.load_module_blocking(&greeter(), [raises], |_| ());
        assert!(matches!(raised, Err(load::Error::Raised(_))));
    }
}

#[test]
fn several_files_make_one_plugin_in_their_order() {
    let Some(loader) = loader(Options::default()) else {
        return;
    };
    let folder = folder(&[
        (
            "util.mli",
            "type t\nval of_string : string -> t\nval show : t -> string",
        ),
        (
            "util.ml",
            "type t = string list\nlet of_string s = [s; \"!\"]\nlet show = String.concat \"\"",
        ),
        ("other.mli", "val twice : Util.t -> string"),
        (
            "other.ml",
            "#! /usr/bin/env saddlebag\nlet twice t = Util.show t ^ Util.show t",
        ),
        (
            "greeter.ml",
            "let greet name = Other.twice (Util.of_string name)",
        ),
    ]);
    let sources = ["util", "other.mli", "greeter.ml"].map(|name| folder.path().join(name));
    let module = block_on(loader.load_module(&greeter(), sources)).succeed();
    let greet: Function<(String,), String> = module.function("greet").succeed();
    assert_eq!(greet.call(("a",)).succeed(), "a!a!");
}

#[test]
fn the_top_level_runs_only_when_asked_and_each_time_anew() {
    let Some(loader) = loader(Options::default()) else {
        return;
    };
    let folder = folder(&[]);
    let log = folder.path().join("log");
    let source = format!(
        "let runs = ref 0\nlet () = incr runs\nlet () =\n  let c = open_out_gen [Open_append; Open_creat] 0o600 {log:?} in\n  \
         output_string c (string_of_int !runs); close_out c"
    );
    let source = Source::text("effect.ml", source);
    let lines = || std::fs::read_to_string(&log).unwrap_or_default();
    let delayed = block_on(loader.load_sources_without_running::<SideEffect>([&source])).succeed();
    assert_eq!(lines(), "");
    delayed.run().succeed();
    delayed.run().succeed();
    assert_eq!(lines(), "11");
    block_on(loader.check_sources::<SideEffect>([&source])).succeed();
    assert_eq!(lines(), "11");
    block_on(loader.load_sources::<SideEffect>([&source])).succeed();
    assert_eq!(lines(), "111");
}

#[test]
fn what_the_top_level_raises_is_apart_from_other_errors() {
    let Some(loader) = loader(Options::program()) else {
        return;
    };
    let source = Source::text("fails.ml", "exception Boom of int\nlet () = raise (Boom 3)");
    let error = block_on(loader.load_sources::<SideEffect>([source])).unwrap_err();
    let load::Error::Raised(error) = error else {
        panic!("{error:?}")
    };
    assert!(error.to_string().contains("Fails.Boom(3)"), "{error}");
}

#[test]
fn a_compiled_file_is_loaded_again_and_again() {
    let Some(loader) = loader(Options::default()) else {
        return;
    };
    let folder = folder(&[("effect.ml", "let () = ignore (Sys.opaque_identity 1)")]);
    let output = folder.path().join("out file.plugin");
    let source = folder.path().join("effect.ml");
    block_on(loader.compile_sources_to_file::<SideEffect>([&source], &output)).succeed();
    block_on(loader.load_file::<SideEffect>(&output)).succeed();
    loader.load_file_blocking::<SideEffect>(&output).succeed();
    let delayed = block_on(loader.load_file_without_running::<SideEffect>(&output)).succeed();
    delayed.run().succeed();
    delayed.run().succeed();
    let compiled =
        block_on(loader.compile_sources::<SideEffect>([&source], Evaluation::OnDemand)).succeed();
    assert!(!compiled.is_from_cache());
    loader
        .load_compiled_blocking::<SideEffect>(compiled)
        .succeed();
}
