//! The serialised forms.

use code_sets::{Code, CodeSet, Wanted};
use serde_json::{from_str, from_value, json, to_value};

#[test]
fn a_set_is_a_list_of_names_in_order() {
    let set = CodeSet::WASM | CodeSet::BYTE;
    assert_eq!(to_value(set).unwrap(), json!(["byte", "wasm"]));
    assert_eq!(to_value(CodeSet::NONE).unwrap(), json!([]));
    assert_eq!(to_value(Code::Native).unwrap(), json!("native"));
}

#[test]
fn lists_of_names_are_read_in_any_order_and_with_repetitions() {
    assert_eq!(
        from_str::<CodeSet>(r#"["wasm", "byte", "wasm"]"#).unwrap(),
        CodeSet::BYTE | CodeSet::WASM
    );
    assert_eq!(from_str::<CodeSet>("[]").unwrap(), CodeSet::NONE);
    assert_eq!(from_value::<Code>(json!("byte")).unwrap(), Code::Byte);
}

#[test]
fn what_is_wanted_is_auto_or_a_list() {
    let named = Wanted::Codes(vec![Code::Native, Code::Byte]);
    for (wanted, value) in [
        (Wanted::Auto, json!("auto")),
        (named.clone(), json!(["native", "byte"])),
    ] {
        assert_eq!(to_value(&wanted).unwrap(), value);
        assert_eq!(from_value::<Wanted>(value).unwrap(), wanted);
    }
    assert_eq!(from_value::<Wanted>(json!("native,byte")).unwrap(), named);
}

#[test]
fn names_of_no_code_are_refused_with_the_names_that_are() {
    let message = from_str::<CodeSet>(r#"["byte", "bite"]"#)
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with("unknown code `bite`: expected `byte`, `native` or `wasm`"),
        "{message}"
    );
    assert!(from_str::<CodeSet>(r#""byte""#).is_err());
    assert!(from_str::<CodeSet>("3").is_err());
    assert!(from_str::<Wanted>("true").is_err());
}
