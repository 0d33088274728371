//! Calls between Rust and OCaml, on native and byte-code images built with the installed compiler.
//!
//! What goes wrong where two runtimes meet, and the test that would notice:
//!
//! | mistake | test |
//! | --- | --- |
//! | the closure is read before its arguments are made, and moves | `stress::eight_threads_call_while_the_heap_is_compacted` |
//! | a root's old value is used after the collector moved it | `typed::lists_of_any_length_keep_their_elements` |
//! | the block of roots is not where an exception looks for it | `failures::arguments_survive_exceptions_that_ocaml_catches_itself` |
//! | the cell of a root is freed while it is registered | `values::a_rooted_value_stays_in_ocaml` |
//! | arguments come in another order, or twice as roots | `calls::functions_of_each_arity_get_their_arguments_in_order` |
//! | a thread calls without being registered | `stress::short_lived_threads_register_and_leave` |
//! | large strings do not drive the collector | `values::large_strings_do_not_pile_up` |
//! | an empty array is allocated as a block | `calls::each_type_of_the_table_keeps_its_values` |
//! | a path is loaded again, overwritten, cut short | `loading::a_new_file_at_an_old_path_runs_the_new_code`, `loading::one_file_loaded_twice_has_two_states`, `loading::a_failed_load_does_not_spoil_the_path`, `loading::damaged_and_foreign_files_are_refused` |
//! | two loads at once | `loading::loads_from_many_threads_do_not_mix` |
//! | a plugin remembers how its host image was compiled | `loading::a_plugin_fits_a_host_image_that_was_built_again` |
//! | the stack of OCaml 5 grows for a minute | `failures::a_stack_overflow_is_an_error_on_any_thread_and_repeats` |
//! | OCaml and Rust call each other without end | `host::an_exception_goes_through_nested_calls_as_it_is` |
//! | a panic unwinds through OCaml | `host::a_panic_becomes_an_exception_and_unwinds_no_further`, `handles::a_panic_in_a_lent_closure_is_an_error_and_ends_the_loan` |
//! | what OCaml printed is lost | `failures::what_ocaml_prints_keeps_its_place_and_is_never_lost` |
//! | `exit` ends the process, or works once | `failures::exit_is_an_error_with_its_code_and_repeats`, `failures::exit_and_exceptions_at_the_top_level_are_errors_of_the_load` |
//! | Rust's own signal stack is gone | `failures::rust_still_reports_its_own_stack_overflow_on_its_threads` |
//! | the wrong thread's call is cancelled | `failures::only_the_cancelled_call_is_stopped` |
//! | symbols of one image reach another | `loading::two_runtimes_work_side_by_side` |
//! | floats are not flat, constructors are numbered otherwise | `typed::constructors_are_numbered_by_kind`, `typed::a_record_of_floats_is_flat` |
//! | C code raises with no handler below | `failures::too_large_an_allocation_is_an_error_of_the_call` |
//! | a scope ends under a call that counts on it | `host::a_scope_may_end_while_a_call_in_it_is_under_way` |
//! | a lent closure is run after its call | `handles::a_borrowed_closure_is_lent_for_the_time_of_the_call` |
//! | a value of one plugin's type reaches another | `handles::a_value_of_another_instances_type_is_refused` |
//! | memory is freed while a part of a bigarray lives | `handles::a_shared_bigarray_is_one_memory_for_both_sides` |
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adapted;
mod calls;
mod debug_runtime;
mod extremes;
mod failures;
mod handles;
mod host;
mod loading;
mod main_thread;
mod stress;
mod support;
mod typed;
mod values;

#[test]
fn the_tests_that_the_table_names_are_there() {
    let sources = [
        ("calls", include_str!("calls.rs")),
        ("failures", include_str!("failures.rs")),
        ("handles", include_str!("handles.rs")),
        ("host", include_str!("host.rs")),
        ("loading", include_str!("loading.rs")),
        ("stress", include_str!("stress.rs")),
        ("typed", include_str!("typed.rs")),
        ("values", include_str!("values.rs")),
    ];
    let rows = include_str!("main.rs").lines();
    let rows = rows.filter(|line| line.starts_with("//! | "));
    let named = rows.flat_map(|line| line.split('`').filter(|word| word.contains("::")));
    let mut count = 0;
    for test in named {
        let (module, name) = test.split_once("::").unwrap();
        let (_, source) = sources.iter().find(|(known, _)| *known == module).unwrap();
        let is_there = [format!("fn {name}("), format!("    {name}: ")];
        assert!(is_there.iter().any(|text| source.contains(text)), "{test}");
        count += 1;
    }
    assert!(count > 25, "{count}");
}
