//! What `ocamlfind` prints, taken apart.

use std::collections::HashMap;

use crate::memo::ToolOutput;
use crate::name::LibName;

/// Stands between two fields and between two answers. `ocamlfind` passes it through; a META file that has it would show by a wrong number of
/// fields.
pub(super) const FIELD: &str = "\u{1f}lib-resolve\u{1f}";
pub(super) const ANSWER: &str = "\u{1e}lib-resolve\u{1e}";

/// The name in findlib's message that a package asked for does not exist.
pub(super) fn absent_name(message: &str) -> Option<&str> {
    // Warnings stand on lines before it.
    let line = message.lines().last()?;
    line.strip_prefix("ocamlfind: Package `")?
        .strip_suffix("' not found")
}

/// The answers by name, each of so many fields.
pub(super) fn parse(
    output: &ToolOutput,
    names: &[LibName],
    fields: usize,
) -> Option<HashMap<LibName, Vec<Vec<u8>>>> {
    let answers = split(&output.stdout, ANSWER.as_bytes());
    if answers.len() != names.len() {
        return None;
    }
    let mut found = HashMap::new();
    for (name, answer) in names.iter().zip(answers) {
        let values: Vec<Vec<u8>> = split(answer, FIELD.as_bytes())
            .into_iter()
            .map(<[u8]>::to_vec)
            .collect();
        if values.len() != fields {
            return None;
        }
        found.insert(name.clone(), values);
    }
    Some(found)
}

fn split<'a>(mut text: &'a [u8], separator: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(position) = text
        .windows(separator.len())
        .position(|window| window == separator)
    {
        parts.push(&text[..position]);
        text = &text[position + separator.len()..];
    }
    parts.push(text);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_message_of_a_package_asked_for_names_an_absent_one() {
        assert_eq!(
            absent_name("ocamlfind: Package `a.b' not found"),
            Some("a.b")
        );
        assert_eq!(
            absent_name(
                "ocamlfind: [WARNING] Undefined toolchain: x\nocamlfind: Package `a' not found"
            ),
            Some("a")
        );
        assert_eq!(
            absent_name("ocamlfind: Package `a' not found - required by `b'"),
            None
        );
        assert_eq!(absent_name("ocamlfind: Is a directory"), None);
    }

    #[test]
    fn answers_of_another_form_are_noticed() {
        let names = ["a", "b"].map(|name| name.parse().expect("a right name"));
        let output = |text: String| ToolOutput {
            status: Some(0),
            stdout: text.into_bytes(),
            stderr: Vec::new(),
        };
        let right = output(format!("1{FIELD}2{ANSWER}{FIELD}"));
        let answers = parse(&right, &names, 2).expect("two answers of two fields");
        assert_eq!(answers[&names[1]], [b"".to_vec(), b"".to_vec()]);
        assert!(parse(&right, &names, 3).is_none());
        assert!(parse(&right, &names[..1], 2).is_none());
    }
}
