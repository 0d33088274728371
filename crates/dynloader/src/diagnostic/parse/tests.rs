//! Output of compilers from 4.13 to 5.3, as it was printed.

use super::*;
use proptest::prelude::*;

fn parsed(output: &str) -> String {
    parse(output)
        .iter()
        .map(|diagnostic| format!("{diagnostic:#?}\n"))
        .collect()
}

fn only(output: &str) -> Diagnostic {
    let mut all = parse(output);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

fn place(file: &str, lines: (u32, u32), columns: Option<(u32, u32)>) -> Option<Location> {
    Some(Location {
        file: file.into(),
        line: lines.0,
        last_line: lines.1,
        columns,
    })
}

#[test]
fn an_error_has_its_place_and_its_text_without_indentation() {
    let error = only(
        "File \"a.ml\", line 2, characters 12-15:\n\
         Error: This expression has type string but an expression was expected of type\n         int\n",
    );
    assert_eq!(error.location, place("a.ml", (2, 2), Some((12, 15))));
    assert_eq!(error.severity, Severity::Error);
    assert_eq!(
        error.message,
        "This expression has type string but an expression was expected of type\nint"
    );
}

#[test]
fn a_range_over_lines_keeps_both_ends() {
    let error = only("File \"a.ml\", lines 4-7, characters 7-5:\nError: no\n");
    assert_eq!(error.location, place("a.ml", (4, 7), Some((7, 5))));
}

#[test]
fn the_quoted_source_of_the_contextual_style_is_not_part_of_the_message() {
    let output = "File \"a.ml\", line 1, characters 8-10:\n1 | let x = 10 + \"a\"\n            ^^\nError: no\n";
    assert_eq!(only(output).message, "no");
    let output = "File \"a.ml\", lines 1-9, characters 8-10:\n1 | let x =\n2 |   f\n...\n9 |   g\nError: no\n";
    assert_eq!(only(output).message, "no");
}

#[test]
fn a_warning_has_its_number_and_name_also_as_an_error() {
    let unused = Code::Warning {
        number: 32,
        name: Some("unused-value-declaration".into()),
    };
    for (heading, severity, code) in [
        (
            "Warning 32 [unused-value-declaration]",
            Severity::Warning,
            unused.clone(),
        ),
        (
            "Error (warning 32 [unused-value-declaration])",
            Severity::Error,
            unused,
        ),
        (
            "Warning 32",
            Severity::Warning,
            Code::Warning {
                number: 32,
                name: None,
            },
        ),
        (
            "Error (warning 32)",
            Severity::Error,
            Code::Warning {
                number: 32,
                name: None,
            },
        ),
        (
            "Alert deprecated",
            Severity::Warning,
            Code::Alert("deprecated".into()),
        ),
        (
            "Error (alert deprecated)",
            Severity::Error,
            Code::Alert("deprecated".into()),
        ),
    ] {
        let output =
            format!("File \"a.ml\", line 1, characters 4-16:\n{heading}: unused value x.\n");
        let found = only(&output);
        assert_eq!(
            (found.severity, found.code.as_ref()),
            (severity, Some(&code)),
            "{heading}"
        );
        assert_eq!(found.message, "unused value x.");
        assert_eq!(found.to_string(), output.trim_end());
    }
}

#[test]
fn examples_and_hints_at_the_margin_belong_to_the_message() {
    let output = "File \"a.ml\", line 1, characters 10-34:\n\
                  Warning 8 [partial-match]: this pattern-matching is not exhaustive.\n\
                  Here is an example of a case that is not matched:\nNone\n\
                  File \"a.ml\", line 2, characters 5-17:\n\
                  Error: Unbound module Stdlib.Listt\nHint: Did you mean List?\n";
    let all = parse(output);
    assert_eq!(all.len(), 2);
    assert!(all[0].message.ends_with("not matched:\nNone"));
    assert_eq!(
        all[1].message,
        "Unbound module Stdlib.Listt\nHint: Did you mean List?"
    );
}

#[test]
fn other_places_are_related_wherever_they_stand() {
    let inside = only(
        "File \"c.ml\", lines 1-4, characters 45-3:\nError: Signature mismatch:\n       Values do not match: val x : string is not included in val x : int\n       File \"c.ml\", line 1, characters 15-26: Expected declaration\n       File \"c.ml\", line 2, characters 6-7: Actual declaration\n",
    );
    assert_eq!(inside.related.len(), 2);
    assert_eq!(inside.related[1].message, "Actual declaration");
    assert_eq!(
        Some(inside.related[1].location.clone()),
        place("c.ml", (2, 2), Some((6, 7)))
    );
    assert!(!inside.message.contains("File"));

    let after = only(
        "File \"b.ml\", line 3, characters 0-3:\nError: Syntax error: ')' expected\nFile \"b.ml\", line 2, characters 8-9:\n  This '(' might be unmatched\n",
    );
    assert_eq!(after.related[0].message, "This '(' might be unmatched");
    assert_eq!(
        Some(after.related[0].location.clone()),
        place("b.ml", (2, 2), Some((8, 9)))
    );

    let several = only(
        "File \"h.ml\", line 1, characters 37-59:\nError: Cannot safely evaluate\n       of modules: A -> B -> A.\nFile \"h.ml\", line 1, characters 19-30:\n  Module A defines an unsafe value, x .\nFile \"h.ml\", line 2, characters 12-23:\n  Module B defines an unsafe value, y .\n",
    );
    assert_eq!(several.related.len(), 2);
}

#[test]
fn a_file_name_may_hold_anything() {
    for name in [
        "with \"quotes\", line 3",
        "é ü/x y.ml",
        "C:\\x.ml",
        "a: b.ml",
    ] {
        let error = only(&format!(
            "File \"{name}\", line 1, characters 0-1:\nError: no\n"
        ));
        assert_eq!(error.location, place(name, (1, 1), Some((0, 1))), "{name}");
    }
}

#[test]
fn an_error_of_no_place_has_no_place() {
    let error = only("Error: Unknown option\n");
    assert_eq!((error.location, error.severity), (None, Severity::Error));
    let whole =
        only("File \"a.ml\", line 1:\nError: Some fatal warnings were triggered (1 occurrences)\n");
    assert_eq!(whole.location, place("a.ml", (1, 1), None));
}

#[test]
fn the_linkers_words_are_notes_and_not_lost() {
    let output = "File \"a.ml\", line 1, characters 0-1:\nWarning 8 [partial-match]: no\n\
                  /usr/bin/ld: x.o: undefined reference to `y'\n/usr/bin/ld: final link failed\n\
                  File \"a.ml\", line 1:\nError: Error during linking (exit code 1)\n";
    let all = parse(output);
    let severities: Vec<_> = all.iter().map(|diagnostic| diagnostic.severity).collect();
    assert_eq!(
        severities,
        [Severity::Warning, Severity::Note, Severity::Error],
        "{}",
        parsed(output)
    );
    assert_eq!(all[1].message.lines().count(), 2);
}

proptest! {
    #[test]
    fn no_word_of_any_output_is_lost(lines in prop::collection::vec("[ -~]{0,30}", 0..12)) {
        let output = lines.join("\n");
        let shown: String = parse(&output).iter().map(|diagnostic| format!("{diagnostic} ")).collect();
        for word in output.split_whitespace().filter(|word| word.chars().all(char::is_alphanumeric)) {
            prop_assert!(shown.contains(word), "{word:?} of {output:?} is not in {shown:?}");
        }
    }

    #[test]
    fn what_is_displayed_is_read_back(line in 1u32..999, more in 0u32..9, first in 0u32..99, end in 0u32..99, message in "[a-z]{1,9}( [a-z]{1,9}){0,4}") {
        let location = Location { file: "a b.ml".into(), line, last_line: line + more, columns: Some((first, end)) };
        let diagnostic = Diagnostic { location: Some(location), severity: Severity::Error, code: None, message, related: vec![] };
        prop_assert_eq!(parse(&diagnostic.to_string()), vec![diagnostic]);
    }
}
