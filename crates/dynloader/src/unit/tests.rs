//! The texts of generated units.

use super::*;
use crate::{Source, bundle};

fn interface(prelude: &str) -> InterfaceText {
    InterfaceText {
        name: "Pricing".into(),
        prelude: prelude.into(),
        registered_name: "Pricing:00ff".into(),
    }
}

fn unit(sources: &[(&str, &str)], evaluation: Evaluation, interface: &InterfaceText) -> Unit {
    let sources = sources
        .iter()
        .map(|(name, text)| Source::text(*name, *text));
    let bundles = bundle::read(sources.collect()).unwrap();
    let shape = Shape {
        evaluation,
        interface,
        hide_unexported: true,
        warn_despite_mli: false,
    };
    Unit::build(&bundles, shape, |name| name == "Taken")
}

fn text(unit: &Unit) -> String {
    String::from_utf8(unit.implementation.clone()).unwrap()
}

const TWO: &[(&str, &str)] = &[
    ("dir/util.mli", "val x : int"),
    ("dir/util.ml", "let x = 1\n"),
    (
        "price.ml",
        "#!/usr/bin/env saddlebag\nlet price y = y + Util.x",
    ),
];

#[test]
fn one_file_run_for_its_effects_is_compiled_as_it_stands() {
    let unit = unit(
        &[("x/hello.ml", "let () = ()")],
        Evaluation::AtLoad,
        &interface(""),
    );
    assert_eq!(unit.name, "Hello");
    assert_eq!(text(&unit), "# 1 \"x/hello.ml\"\nlet () = ()\n");
    assert_eq!(unit.interface, Some(Vec::new()));
}

#[test]
fn a_plugin_that_runs_once_is_static() {
    insta::assert_snapshot!(text(&unit(
        TWO,
        Evaluation::AtLoad,
        &interface("module type S = sig end\n")
    )));
}

#[test]
fn a_plugin_that_runs_many_times_is_a_functor() {
    insta::assert_snapshot!(text(&unit(TWO, Evaluation::OnDemand, &interface(""))));
}

#[test]
fn declarations_end_where_a_line_of_the_plugin_begins() {
    let prelude = "type t = int\nmodule type S = sig end\n";
    for (evaluation, next) in [
        (
            Evaluation::AtLoad,
            "# 1 \"<source 1>\"\nmodule type Saddlebag_Util",
        ),
        (
            Evaluation::OnDemand,
            "# 1 \"<saddlebag>\"\nmodule Saddlebag_plugin",
        ),
    ] {
        let unit = unit(TWO, evaluation, &interface(prelude));
        let (declarations, rest) = unit.implementation.split_at(unit.declarations);
        let declarations = String::from_utf8_lossy(declarations);
        assert!(declarations.contains(prelude) && declarations.ends_with('\n'));
        assert!(
            rest.starts_with(next.as_bytes()),
            "{}",
            String::from_utf8_lossy(rest)
        );
    }
    let script = unit(
        &[("a.ml", "let () = ()")],
        Evaluation::AtLoad,
        &interface(""),
    );
    assert_eq!(script.declarations, 0);
}

#[test]
fn units_of_the_host_and_of_libraries_are_not_hidden_by_those_of_plugins() {
    for (file, name) in [
        ("taken.ml", "Taken_plugin"),
        ("unix.ml", "Unix_plugin"),
        ("Stdlib.ml", "Stdlib_plugin"),
        ("list.ml", "List"),
    ] {
        assert_eq!(
            unit(&[(file, "")], Evaluation::AtLoad, &interface("")).name,
            name
        );
    }
}

#[test]
fn names_that_a_directive_cannot_hold_are_replaced_and_found_again() {
    let unit = unit(&[("a\"b\n/x.ml", "")], Evaluation::AtLoad, &interface(""));
    assert_eq!(text(&unit), "# 1 \"<source 1>\"\n");
    assert_eq!(
        unit.names.path_of("<source 1>"),
        Some(std::path::Path::new("a\"b\n/x.ml"))
    );
}
