//! Some of the other tests on OCaml's debug runtime, which checks its own state and overwrites memory that is not in use.
//! `RUNTIME_DEBUG=1` runs all of them on it.

use crate::support;

/// What the collector would notice first.
const TESTS: &[&str] = &[
    "calls::each_type_of_the_table_keeps_its_values",
    "failures::arguments_survive_exceptions_that_ocaml_catches_itself",
    "handles::a_shared_bigarray_is_one_memory_for_both_sides",
    "host::a_scope_may_end_while_a_call_in_it_is_under_way",
    "typed::constructors_are_numbered_by_kind",
    "typed::lists_of_any_length_keep_their_elements",
    "values::a_rooted_value_stays_in_ocaml",
];

#[test]
fn the_debug_runtime_finds_nothing_wrong() {
    if support::native().is_none() || !support::has_debug_runtime() {
        return;
    }
    let (code, output, errors) = support::on_debug_runtime(TESTS);
    assert_eq!(code, Some(0), "{output}{errors}");
    assert!(
        output.contains(&format!("ok. {} passed", TESTS.len())),
        "{output}"
    );
    assert!(errors.contains("debug mode"), "{errors}");
}
