//! OCaml names made from Rust names.

use proc_macro2::Ident;
use syn::ext::IdentExt;

const KEYWORDS: [&str; 56] = [
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
];

/// The name of a value, a field or a label.
pub(crate) fn lowercase(name: &Ident) -> String {
    escape(name.unraw().to_string())
}

/// The name of a constructor or a module.
pub(crate) fn capitalised(name: &Ident) -> String {
    name.unraw().to_string()
}

/// The name of a type: `OrderLine` becomes `order_line`, `HTTPRequest` becomes `http_request`.
pub(crate) fn snake_case(name: &Ident) -> String {
    let name = name.unraw().to_string();
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let previous = index.checked_sub(1).map(|i| letters[i]);
        let next_is_lower = letters.get(index + 1).is_some_and(char::is_ascii_lowercase);
        let word_begins = previous.is_some_and(|p| {
            !p.is_ascii_uppercase() && p != '_' || (p.is_ascii_uppercase() && next_is_lower)
        });
        if letter.is_ascii_uppercase() && word_begins {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    escape(snake)
}

fn escape(name: String) -> String {
    if KEYWORDS.contains(&name.as_str()) || name == "with" {
        name + "_"
    } else {
        name
    }
}

/// The number that stands for a polymorphic variant: `caml_hash_variant` of `runtime/hash.c`.
pub(crate) fn variant_hash(name: &str) -> i64 {
    let mut sum = 0u32;
    for byte in name.bytes() {
        sum = sum.wrapping_mul(223).wrapping_add(u32::from(byte));
    }
    let sum = i64::from(sum & 0x7fff_ffff);
    if sum > 0x3fff_ffff {
        sum - (1 << 31)
    } else {
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::Span;

    #[test]
    fn type_names_become_snake_case() {
        for (rust, ocaml) in [
            ("Order", "order"),
            ("OrderLine", "order_line"),
            ("HTTPRequest", "http_request"),
            ("V2Order", "v2_order"),
            ("Type", "type_"),
            ("r#Move", "move"),
        ] {
            let name: Ident = syn::parse_str(rust).unwrap();
            assert_eq!(snake_case(&name), ocaml);
        }
        assert_eq!(lowercase(&Ident::new("val", Span::call_site())), "val_");
    }

    #[test]
    fn hashes_are_those_of_ocaml() {
        // Printed by `print_int (Obj.magic `A)` and so on.
        for (name, hash) in [("A", 65), ("Red", 4100401), ("Long_name", -174692594)] {
            assert_eq!(variant_hash(name), hash, "{name}");
        }
    }
}
