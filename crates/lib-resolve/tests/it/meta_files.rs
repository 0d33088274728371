//! Properties of the META parser and printer.

use lib_resolve::meta::{self, Meta};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_parsed_or_refused_with_a_place(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = meta::parse(&bytes) {
            prop_assert!(!error.findlib_message().is_empty());
            prop_assert!(error.position().is_none_or(|position| position.offset as usize <= bytes.len()));
        }
    }

    #[test]
    fn what_is_printed_is_parsed_to_the_same(source in almost_meta()) {
        if let Ok(meta) = meta::parse(source.as_bytes()) {
            let printed = meta.to_bytes();
            let again = meta::parse(&printed);
            prop_assert_eq!(again.as_ref(), Ok(&meta));
            let json = serde_json::to_string(&meta).expect("serializable");
            prop_assert_eq!(serde_json::from_str::<Meta>(&json).expect("deserializable"), meta);
        }
    }
}

/// Tokens in any order, most often in a right one.
fn almost_meta() -> impl Strategy<Value = String> {
    let definition =
        "[a-z]{1,3}(\\((-)?[a-c](,(-)?[d-f]){0,2}\\))? \\+?= \"([a-z \\n#]|\\\\\"|\\\\\\\\)*\"\n";
    let token = prop_oneof![
        20 => definition.prop_map(|text| text),
        3 => Just("package \"p\" (\n".to_owned()),
        3 => Just(")\n".to_owned()),
        1 => Just("# comment\n".to_owned()),
        1 => "[a-z(),\"=+;-]{1,2}".prop_map(|text| text),
    ];
    prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
}

#[test]
fn nesting_is_limited_by_memory_and_not_by_the_stack() {
    let depth = 200_000;
    let source = "package \"p\" (\n".repeat(depth) + &")".repeat(depth);
    let meta = meta::parse(source.as_bytes()).expect("deep but right");
    assert_eq!(meta.packages().len(), depth + 1);
    assert_eq!(meta::parse(&meta.to_bytes()).as_ref(), Ok(&meta));
    assert!(meta::parse(&source.as_bytes()[..source.len() - 1]).is_err());
}
