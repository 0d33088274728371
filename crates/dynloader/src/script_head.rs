//! The head of a script: its `#!` line and the libraries it requires.

use std::ops::Range;

/// What stands at the head of a source and is not for the compiler.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ScriptHead {
    /// What has to be blanked, in order.
    pub(crate) spans: Vec<Range<usize>>,
    /// The libraries of `#require "…"` directives, in order.
    pub(crate) libraries: Vec<String>,
}

impl ScriptHead {
    pub(crate) fn read(text: &[u8]) -> ScriptHead {
        let mut head = ScriptHead::default();
        let mut at = script_line(text);
        if at > 0 {
            head.spans.push(0..at);
        }
        loop {
            at += spaces(&text[at..]);
            if let Some(length) = comment(&text[at..]) {
                at += length;
            } else if let Some((length, libraries)) = require(&text[at..]) {
                head.spans.push(at..at + length);
                head.libraries.extend(libraries);
                at += length;
            } else {
                return head;
            }
        }
    }

    /// Replaces the head by blanks; all positions stay.
    pub(crate) fn blank(&self, text: &mut [u8]) {
        for span in &self.spans {
            for byte in &mut text[span.clone()] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        }
    }
}

/// The length of a first line `#!…`, or of the form `#!…` … `!#` on the third line, as `Lexer.skip_hash_bang` of the
/// compiler has them.
fn script_line(text: &[u8]) -> usize {
    if !text.starts_with(b"#!") {
        return 0;
    }
    let mut ends = text
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at);
    let first = ends.next().unwrap_or(text.len());
    let long = ends
        .next()
        .filter(|second| text[second + 1..].starts_with(b"!#\n"));
    long.map_or(first, |second| second + 3)
}

fn spaces(text: &[u8]) -> usize {
    text.iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count()
}

/// The length of a comment, comments within it included.
fn comment(text: &[u8]) -> Option<usize> {
    let mut depth = 0;
    let mut at = 0;
    while text.starts_with(b"(*") {
        match text.get(at..at + 2)? {
            b"(*" => (depth, at) = (depth + 1, at + 2),
            b"*)" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// A directive `#require "a,b"` as the toplevel of findlib has it: its length and the libraries it names. As in files that the
/// toplevel runs, `;;` may follow (`use_file` in `parsing/parser.mly`).
fn require(text: &[u8]) -> Option<(usize, Vec<String>)> {
    let skip = |text: &[u8], at: usize| at + spaces(&text[at..]);
    let mut at = skip(text, text.strip_prefix(b"#").map(|_| 1)?);
    at += text[at..]
        .strip_prefix(b"require")
        .map(|_| "require".len())?;
    at = skip(text, at);
    at += text[at..].strip_prefix(b"\"").map(|_| 1)?;
    let length = text[at..]
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\n' | b'\\'))?;
    let names = std::str::from_utf8(&text[at..at + length]).ok()?;
    at += length;
    at += text[at..].strip_prefix(b"\"").map(|_| 1)?;
    let end = skip(text, at);
    if text[end..].starts_with(b";;") {
        at = end + 2;
    }
    let separator = |c: char| c == ',' || c.is_whitespace();
    let names = names.split(separator).filter(|name| !name.is_empty());
    Some((at, names.map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blanked(text: &str) -> (String, Vec<String>) {
        let head = ScriptHead::read(text.as_bytes());
        let mut bytes = text.as_bytes().to_vec();
        head.blank(&mut bytes);
        (String::from_utf8(bytes).unwrap(), head.libraries)
    }

    #[test]
    fn script_lines_are_blanked_and_nothing_moves() {
        for (before, after) in [
            ("#!/bin/x\nlet", "        \nlet"),
            ("#!/bin/x", "        "),
            ("#!a\nb\n!#\nlet", "   \n \n  \nlet"),
            ("#!a\nb\n!#c", "   \nb\n!#c"),
            ("let #!", "let #!"),
            ("", ""),
        ] {
            assert_eq!(blanked(before), (after.to_owned(), vec![]), "{before:?}");
        }
    }

    #[test]
    fn libraries_are_required_at_the_head_alone() {
        let text = "#!/bin/x\n(* (* a *) *)\n#require \"str\";;\n # require\n\"a.b, c\" ;; let\n#require \"no\";;";
        let (after, libraries) = blanked(text);
        assert_eq!(libraries, ["str", "a.b", "c"]);
        assert_eq!(after.len(), text.len());
        assert!(after.contains("(* (* a *) *)") && after.ends_with("let\n#require \"no\";;"));
        let text = "#require \"a,b\"\n(* c *)#require \"d\"\n;;#require \"e\" let";
        let (after, libraries) = blanked(text);
        assert_eq!(libraries, ["a", "b", "d", "e"]);
        assert_eq!(
            after.trim_start(),
            "(* c *)            \n               let"
        );
        for other in [
            "#require str;;",
            "#require \"x",
            "#use \"x\";;",
            "(* open #require \"x\";;",
            "#",
        ] {
            assert_eq!(blanked(other), (other.to_owned(), vec![]));
        }
    }

    proptest! {
        #[test]
        fn any_text_keeps_its_lines_and_length(text in "(#!|#require|\"|;;|\\(\\*|\\*\\)|[a-z \n]){0,20}") {
            let (after, _) = blanked(&text);
            let newlines = |text: &str| text.match_indices('\n').map(|(at, _)| at).collect::<Vec<_>>();
            prop_assert_eq!(after.len(), text.len());
            prop_assert_eq!(newlines(&after), newlines(&text));
        }
    }
}
