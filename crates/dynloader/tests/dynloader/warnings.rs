//! The policy about warnings, as it works.

use dynloader::{Options, SideEffect, Source, Warnings};
use futures_lite::future::block_on;

use crate::support::loader;

/// The numbers of the warnings that the sources give, as errors or not; `None` without OCaml.
fn numbers(options: Options, sources: &[(&str, &str)]) -> Option<Vec<u32>> {
    let loader = loader(options)?;
    let sources = sources
        .iter()
        .map(|(name, text)| Source::text(*name, *text));
    let diagnostics = match block_on(loader.check_sources::<SideEffect>(sources)) {
        Ok(diagnostics) => diagnostics,
        Err(dynloader::compile::Error::Rejected(rejection)) => rejection.diagnostics,
        Err(error) => panic!("{error:?}"),
    };
    let code = |code| match code {
        Some(dynloader::diagnostic::Code::Warning { number, .. }) => number,
        other => panic!("not a warning: {other:?}"),
    };
    Some(
        diagnostics
            .into_iter()
            .map(|diagnostic| code(diagnostic.code))
            .collect(),
    )
}

#[test]
fn values_that_nobody_uses_are_warned_about() {
    let Some(found) = numbers(
        Options::default(),
        &[("a.ml", "let x = 1\nlet y = 2\nlet () = print_int y")],
    ) else {
        return;
    };
    assert_eq!(found, [32]);
}

#[test]
fn values_that_an_mli_exports_are_warned_about_only_when_asked() {
    let sources = [
        ("util.mli", "val used : int\nval unused : int"),
        ("util.ml", "let used = 1\nlet unused = 2\nlet hidden = 3"),
        ("main.ml", "let () = print_int Util.used"),
    ];
    let Some(found) = numbers(Options::default(), &sources) else {
        return;
    };
    assert_eq!(found, [32], "only `hidden`");
    let options = Options::default().trigger_unused_value_warnings_despite_mli(true);
    assert_eq!(
        numbers(options.clone(), &sources).unwrap(),
        [32, 32],
        "`unused` and `hidden`"
    );
    let one = [
        ("main.mli", "val exported : int"),
        ("main.ml", "let exported = 1"),
    ];
    assert!(numbers(Options::default(), &one).unwrap().is_empty());
    assert_eq!(numbers(options, &one).unwrap(), [32]);
}

#[test]
fn the_compilers_own_defaults_judge_a_program_as_the_compiler_would() {
    let text = "let unused = 1\nlet f x = match x with Some y -> y\nlet _ = f (Some 1)\n";
    let Some(found) = numbers(Options::program(), &[("a.ml", text)]) else {
        return;
    };
    assert_eq!(found, [8]);
}

#[test]
fn a_specification_of_ones_own_replaces_the_default() {
    let text = "type t = A | B\nlet unused = A\nlet f = function B -> 1 | _ -> 0\nlet () = print_int (f B)";
    let Some(found) = numbers(
        Options::default().custom_warnings_spec("+4"),
        &[("a.ml", text)],
    ) else {
        return;
    };
    assert_eq!(found, [4]);
    let reported = Options::default().warnings(Warnings::reported("+a-4-70"));
    assert_eq!(numbers(reported, &[("a.ml", text)]).unwrap(), [32]);
}

#[test]
fn a_reported_specification_makes_the_errors_that_it_asks_for() {
    let program = [Source::text(
        "a.ml",
        "let f = function Some x -> x\nlet _ = f",
    )];
    let with = |spec| loader(Options::program().warnings(Warnings::reported(spec)));
    let (Some(reported), Some(error)) = (with("+8"), with("@8")) else {
        return;
    };
    assert_eq!(
        block_on(reported.check_sources::<SideEffect>(&program))
            .unwrap()
            .len(),
        1
    );
    assert!(block_on(error.check_sources::<SideEffect>(&program)).is_err());
}

#[test]
fn sequences_are_strict_unless_told_otherwise() {
    let sequence = [Source::text(
        "a.ml",
        "let () = ignore 1; (fun x -> x) 2; ()",
    )];
    let Some(strict) = loader(Options::default().warnings(Warnings::compiler_defaults())) else {
        return;
    };
    assert!(block_on(strict.check_sources::<SideEffect>(&sequence)).is_err());
    let lax = loader(Options::program()).unwrap();
    assert_eq!(
        block_on(lax.check_sources::<SideEffect>(&sequence))
            .unwrap()
            .len(),
        1
    );
}
