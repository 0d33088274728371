//! What is said of sources that the compiler does not accept: the user's file and line, whatever was generated.

use std::path::Path;

use dynloader::diagnostic::{Code, Diagnostic};
use dynloader::{Options, SideEffect, Source, compile, load};
use futures_lite::future::block_on;
use ocaml_runtime::Interface;

use crate::support::{folder, loader, write};

fn interface() -> Interface {
    let builder = Interface::builder("Pricing").function::<(i64,), i64>("price");
    builder.value::<String>("currency").build().unwrap()
}

/// The errors that sources without an interface give, checked and compiled alike.
fn rejected(options: Options, sources: &[Source]) -> Option<Vec<Diagnostic>> {
    let loader = loader(options)?;
    let of = |error: compile::Error| match error {
        compile::Error::Rejected(rejection) => rejection.errors().cloned().collect::<Vec<_>>(),
        error => panic!("{error:?}"),
    };
    let checked = block_on(loader.check_sources::<SideEffect>(sources)).unwrap_err();
    let delayed = block_on(loader.load_sources_without_running::<SideEffect>(sources)).unwrap_err();
    let load::Error::Compile(delayed) = delayed else {
        panic!("{delayed:?}")
    };
    let (checked, delayed) = (of(checked), of(*delayed));
    assert_eq!(checked, delayed);
    Some(checked)
}

fn rejected_by_interface(sources: &[Source]) -> Option<Vec<Diagnostic>> {
    let loader = loader(Options::default())?;
    let error = block_on(loader.load_module(&interface(), sources)).unwrap_err();
    let load::Error::Compile(error) = error else {
        panic!("{error:?}")
    };
    let compile::Error::Rejected(rejection) = *error else {
        panic!("{error:?}")
    };
    Some(rejection.errors().cloned().collect())
}

#[track_caller]
fn assert_place(diagnostic: &Diagnostic, file: &str, line: u32, columns: Option<(u32, u32)>) {
    let location = diagnostic.location.as_ref().expect("a place");
    assert_eq!(location.file, Path::new(file), "{diagnostic}");
    assert_eq!(
        (location.line, location.columns),
        (line, columns),
        "{diagnostic}"
    );
    assert!(
        !diagnostic.to_string().to_lowercase().contains("saddlebag"),
        "{diagnostic}"
    );
}

#[test]
fn a_type_error_has_the_users_file_line_and_columns() {
    let source = Source::text(
        "dir/types.ml",
        "let a = 1\nlet b = a + \"x\"\nlet () = print_int b\n",
    );
    let Some(errors) = rejected(Options::default(), &[source]) else {
        return;
    };
    assert_place(&errors[0], "dir/types.ml", 2, Some((12, 15)));
    assert!(errors[0].message.contains("expected of type"));
}

#[test]
fn a_syntax_error_in_any_file_has_its_place() {
    let broken = Source::text("one.ml", "let x = (1, 2\n");
    let Some(errors) = rejected(Options::default(), &[broken, Source::text("two.ml", "")]) else {
        return;
    };
    assert_place(&errors[0], "one.ml", 2, Some((0, 0)));
    assert_eq!(errors[0].related[0].location.file, Path::new("one.ml"));
    let broken = Source::text("two.ml", "\n\nlet let\n");
    let errors = rejected(Options::default(), &[Source::text("one.ml", ""), broken]).unwrap();
    assert_place(&errors[0], "two.ml", 3, Some((4, 7)));
}

#[test]
fn a_script_line_moves_no_position() {
    let source = Source::text(
        "script.ml",
        "#!/usr/bin/env -S saddlebag run\nlet x : int = \"a\"\n",
    );
    let Some(errors) = rejected(Options::program(), &[source]) else {
        return;
    };
    assert_place(&errors[0], "script.ml", 2, Some((14, 17)));
}

#[test]
fn paths_with_any_character_are_named_as_they_are() {
    let folder = folder(&[]);
    for name in [
        "with space",
        "it's",
        "a\"b",
        "$HOME",
        "é ü",
        "-dash",
        "back\\slash",
        "new\nline",
        "x;y&z",
    ] {
        let path = write(
            folder.path(),
            &format!("{name}/plugin.ml"),
            "let x : int = \"a\"",
        );
        let Some(errors) = rejected(Options::program(), &[Source::file(&path)]) else {
            return;
        };
        assert_eq!(errors[0].location.as_ref().unwrap().file, path);
        let path = write(folder.path(), &format!("{name}/plugin.ml"), "let () = ()");
        let loader = loader(Options::program()).unwrap();
        block_on(
            loader.load_sources::<SideEffect>([path.clone(), write(folder.path(), "other.ml", "")]),
        )
        .unwrap();
        block_on(loader.load_sources::<SideEffect>([path])).unwrap();
    }
}

#[test]
fn a_value_that_does_not_fit_the_interface_is_shown_where_it_is_defined() {
    let source = Source::text(
        "p.ml",
        "let currency = \"EUR\"\n\nlet price x = string_of_int x\n",
    );
    let Some(errors) = rejected_by_interface(&[source]) else {
        return;
    };
    assert_place(&errors[0], "p.ml", 3, Some((4, 9)));
    assert!(
        errors[0].message.contains("val price : int -> int"),
        "{}",
        errors[0]
    );
}

#[test]
fn a_missing_value_is_reported_for_the_file_as_a_whole() {
    let source = Source::text("p.ml", "let price x = x + 1\n\n(* no currency *)\n");
    let Some(errors) = rejected_by_interface(&[Source::text("util.ml", ""), source]) else {
        return;
    };
    let missing = errors
        .iter()
        .find(|error| error.message.contains("currency"))
        .unwrap();
    assert_place(missing, "p.ml", 3, None);
}

#[test]
fn an_implementation_that_does_not_fit_its_mli_is_shown_at_the_value() {
    let sources = [
        Source::text("m.mli", "val x : int\n"),
        Source::text("m.ml", "let y = 1\nlet x = \"a\"\n"),
    ];
    let Some(errors) = rejected(
        Options::program(),
        &[&sources[..], &[Source::text("n.ml", "")]].concat(),
    ) else {
        return;
    };
    assert_place(&errors[0], "m.ml", 2, Some((4, 5)));
}

#[test]
fn programs_that_only_later_phases_refuse_are_refused_by_a_check() {
    let text = "module rec A : sig val x : int end = struct let x = B.y end\n\
                and B : sig val y : int end = struct let y = A.x end\nlet () = print_int A.x\n";
    let Some(errors) = rejected(Options::program(), &[Source::text("recursive.ml", text)]) else {
        return;
    };
    assert_place(&errors[0], "recursive.ml", 1, Some((37, 59)));
}

#[test]
fn a_warning_that_is_an_error_has_its_code() {
    let source = Source::text("unused.ml", "let unused = 1\n");
    let Some(errors) = rejected(Options::default(), &[source]) else {
        return;
    };
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert_place(&errors[0], "unused.ml", 1, Some((4, 10)));
    let name = Some("unused-value-declaration".to_owned());
    assert_eq!(errors[0].code, Some(Code::Warning { number: 32, name }));
}

#[test]
fn an_unused_module_is_named_by_its_file() {
    let sources = [
        Source::text("lonely.ml", "let () = ()\n"),
        Source::text("main.ml", "let () = ()\n"),
    ];
    let Some(errors) = rejected(Options::default(), &sources) else {
        return;
    };
    assert_place(&errors[0], "lonely.ml", 1, None);
    assert!(matches!(
        errors[0].code,
        Some(Code::Warning { number: 60, .. })
    ));
}

#[test]
fn a_symbol_that_nothing_defines_is_an_error_of_the_load() {
    let Some(loader) = loader(Options::program()) else {
        return;
    };
    let source = Source::text(
        "ext.ml",
        "external f : int -> int = \"surely_not_defined\"\nlet () = ignore (f 1)",
    );
    let error = block_on(loader.load_sources::<SideEffect>([source])).unwrap_err();
    let load::Error::NoSymbol { symbol } = error else {
        panic!("{error:?}")
    };
    assert_eq!(&*symbol, "surely_not_defined");
}
