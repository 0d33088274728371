//! OCaml names.

/// Words that the OCaml grammar keeps for itself (manual, section "Lexical conventions"), 5.x's `effect`
/// included.
const KEYWORDS: [&str; 57] = [
    "and",
    "as",
    "assert",
    "asr",
    "begin",
    "class",
    "constraint",
    "do",
    "done",
    "downto",
    "effect",
    "else",
    "end",
    "exception",
    "external",
    "false",
    "for",
    "fun",
    "function",
    "functor",
    "if",
    "in",
    "include",
    "inherit",
    "initializer",
    "land",
    "lazy",
    "let",
    "lor",
    "lsl",
    "lsr",
    "lxor",
    "match",
    "method",
    "mod",
    "module",
    "mutable",
    "new",
    "nonrec",
    "object",
    "of",
    "open",
    "or",
    "private",
    "rec",
    "sig",
    "struct",
    "then",
    "to",
    "true",
    "try",
    "type",
    "val",
    "virtual",
    "when",
    "while",
    "with",
];

fn is_identifier(name: &str) -> bool {
    name.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'\'')
        && !KEYWORDS.contains(&name)
}

/// Whether `name` can name a value, a field or a type.
pub(crate) fn is_lowercase(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|b| b.is_ascii_lowercase() || b == b'_') && name != "_" && is_identifier(name)
}

/// Whether `name` can name a module or a constructor.
pub(crate) fn is_capitalised(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|b| b.is_ascii_uppercase()) && is_identifier(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_and_foreign_letters_are_not_names() {
        assert!(is_lowercase("greet") && is_lowercase("_x") && is_lowercase("x'"));
        for name in ["", "_", "val", "Greet", "é", "a-b", "1a"] {
            assert!(!is_lowercase(name), "{name}");
        }
        assert!(is_capitalised("Greeter") && !is_capitalised("greeter"));
    }
}
