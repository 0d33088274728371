//! Sets of codes as text: printed for machines and for sentences, and parsed.

use std::fmt;

use super::CodeSet;
use crate::Code;

impl fmt::Display for CodeSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("{")?;
        for (index, code) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(formatter, "{separator}{code}")?;
        }
        formatter.write_str("}")
    }
}

/// Displays a [`CodeSet`] in a sentence; made by [`CodeSet::human`].
///
/// ```
/// use code_sets::CodeSet;
///
/// let sentence = format!("the build generates {}", CodeSet::TRADITIONAL.human());
/// assert_eq!(sentence, "the build generates codes byte and native");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Human {
    set: CodeSet,
}

impl Human {
    pub(super) const fn new(set: CodeSet) -> Human {
        Human { set }
    }
}

impl fmt::Display for Human {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.set.len().saturating_sub(1);
        formatter.write_str(match self.set.len() {
            0 => "no code",
            1 => "code ",
            _ => "codes ",
        })?;
        for (index, code) in self.set.iter().enumerate() {
            let separator = match index {
                0 => "",
                index if index == last => " and ",
                _ => ", ",
            };
            write!(formatter, "{separator}{code}")?;
        }
        Ok(())
    }
}

/// The error returned by the [`FromStr`](std::str::FromStr) implementation of [`CodeSet`].
///
/// ```
/// use code_sets::{CodeSet, code_set};
///
/// let error = "{byte, nativ}".parse::<CodeSet>().unwrap_err();
/// assert_eq!(error, code_set::Error::UnknownCode { name: "nativ".into() });
/// assert_eq!(error.to_string(), "unknown code `nativ`: expected `byte`, `native` or `wasm`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name in the list is not that of a code.
    #[error("unknown code `{name}`: expected `byte`, `native` or `wasm`")]
    UnknownCode {
        /// The name, without the blanks around it.
        name: Box<str>,
    },
    /// Nothing stands before, between or after commas; or the text is empty, where the empty set
    /// is written `{}` or `none`.
    #[error("missing code in `{text}`: expected a list such as `byte,native`, or `none`")]
    MissingCode {
        /// The whole text.
        text: Box<str>,
    },
    /// An opening brace has no closing one, or the reverse.
    #[error("unbalanced braces in `{text}`")]
    UnbalancedBraces {
        /// The whole text.
        text: Box<str>,
    },
}

/// Parses `{byte, native}` or `byte,native`, blanks around names allowed; `{}` and `none` are
/// the empty set.
pub(super) fn parse_set(text: &str) -> Result<CodeSet, Error> {
    let trimmed = text.trim();
    let list = match (trimmed.strip_prefix('{'), trimmed.strip_suffix('}')) {
        (None, None) => trimmed,
        (Some(_), Some(_)) => {
            let inside = trimmed[1..trimmed.len() - 1].trim();
            if inside.is_empty() {
                return Ok(CodeSet::NONE);
            }
            inside
        }
        _ => return Err(Error::UnbalancedBraces { text: text.into() }),
    };
    match parse_list(list) {
        Ok(codes) => Ok(codes.into_iter().collect()),
        Err(ListError::Unknown(name)) => Err(Error::UnknownCode { name: name.into() }),
        Err(ListError::Missing) => Err(Error::MissingCode { text: text.into() }),
    }
}

/// Why a text is not a list of codes; the callers have messages of their own.
pub(crate) enum ListError<'a> {
    Unknown(&'a str),
    Missing,
}

/// Parses `byte,native`, blanks around names allowed; `none` is the empty list.
pub(crate) fn parse_list(text: &str) -> Result<Vec<Code>, ListError<'_>> {
    if text.trim() == "none" {
        return Ok(Vec::new());
    }
    text.split(',')
        .map(|name| match name.trim() {
            "" => Err(ListError::Missing),
            name => name.parse().map_err(|_| ListError::Unknown(name)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_has_a_form_for_machines_and_one_for_sentences() {
        let table: Vec<String> = (0..8)
            .map(|bits| CodeSet { bits })
            .map(|set| format!("{set} = {}", set.human()))
            .collect();
        insta::assert_snapshot!(table.join("\n"), @r"
        {} = no code
        {byte} = code byte
        {native} = code native
        {byte, native} = codes byte and native
        {wasm} = code wasm
        {byte, wasm} = codes byte and wasm
        {native, wasm} = codes native and wasm
        {byte, native, wasm} = codes byte, native and wasm
        ");
    }

    #[test]
    fn lists_are_parsed_with_or_without_braces_and_blanks() {
        for text in [
            "byte,native",
            " byte , native ",
            "{native,byte}",
            "{ byte, native, byte }",
        ] {
            assert_eq!(text.parse(), Ok(CodeSet::TRADITIONAL), "{text}");
        }
        for text in ["{}", "{ }", "none", " none ", "{none}"] {
            assert_eq!(text.parse(), Ok(CodeSet::NONE), "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_list_are_refused() {
        let messages: Vec<String> = [
            "",
            "byte,",
            ",",
            "{byte",
            "byte}",
            "{",
            "}",
            "{{}}",
            "byte native",
        ]
        .map(|text| text.parse::<CodeSet>().unwrap_err().to_string())
        .to_vec();
        insta::assert_snapshot!(messages.join("\n"), @r"
        missing code in ``: expected a list such as `byte,native`, or `none`
        missing code in `byte,`: expected a list such as `byte,native`, or `none`
        missing code in `,`: expected a list such as `byte,native`, or `none`
        unbalanced braces in `{byte`
        unbalanced braces in `byte}`
        unbalanced braces in `{`
        unbalanced braces in `}`
        unknown code `{}`: expected `byte`, `native` or `wasm`
        unknown code `byte native`: expected `byte`, `native` or `wasm`
        ");
    }

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<Error>() <= 64);
    }
}
