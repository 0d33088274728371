//! The codes that the user of a build asks for.

use std::{fmt, str::FromStr};

use crate::{
    Code, CodeSet,
    code_set::{ListError, parse_list},
};

/// The codes that the user of a build asks for.
///
/// Its text is `auto`, or names with commas between them; `none` is the empty list.
///
/// ```
/// use code_sets::{Code, Wanted};
///
/// assert_eq!("auto".parse(), Ok(Wanted::Auto));
/// assert_eq!("byte,native".parse(), Ok(Wanted::Codes(vec![Code::Byte, Code::Native])));
/// assert_eq!(Wanted::Codes(vec![Code::Wasm, Code::Byte]).to_string(), "wasm,byte");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Wanted {
    /// What the executable units that must build need; every available code without such a unit.
    #[default]
    Auto,
    /// Just these codes, which must be available. Order and repetitions do not matter.
    Codes(Vec<Code>),
}

impl Wanted {
    /// The codes that are asked for by name; `None` for [`Wanted::Auto`].
    ///
    /// ```
    /// use code_sets::{Code, CodeSet, Wanted};
    ///
    /// let wanted = Wanted::Codes(vec![Code::Native, Code::Byte, Code::Native]);
    /// assert_eq!(wanted.codes(), Some(CodeSet::TRADITIONAL));
    /// assert_eq!(Wanted::Auto.codes(), None);
    /// ```
    #[must_use]
    pub fn codes(&self) -> Option<CodeSet> {
        match self {
            Wanted::Auto => None,
            Wanted::Codes(codes) => Some(codes.iter().copied().collect()),
        }
    }
}

impl From<CodeSet> for Wanted {
    fn from(codes: CodeSet) -> Wanted {
        Wanted::Codes(codes.iter().collect())
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Wanted::Codes(codes) = self else {
            return formatter.write_str("auto");
        };
        if codes.is_empty() {
            return formatter.write_str("none");
        }
        for (index, code) in codes.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(formatter, "{separator}{code}")?;
        }
        Ok(())
    }
}

impl FromStr for Wanted {
    type Err = Error;

    fn from_str(text: &str) -> Result<Wanted, Error> {
        if text.trim() == "auto" {
            return Ok(Wanted::Auto);
        }
        match parse_list(text) {
            Ok(codes) => Ok(Wanted::Codes(codes)),
            Err(ListError::Unknown("auto")) => Err(Error::MixedAuto { text: text.into() }),
            Err(ListError::Unknown(name)) => Err(Error::UnknownCode { name: name.into() }),
            Err(ListError::Missing) => Err(Error::MissingCode { text: text.into() }),
        }
    }
}

/// The error returned by the [`FromStr`] implementation of [`Wanted`].
///
/// ```
/// use code_sets::{Wanted, wanted};
///
/// let error = "byte,nativ".parse::<Wanted>().unwrap_err();
/// assert_eq!(error, wanted::Error::UnknownCode { name: "nativ".into() });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name in the list is not that of a code.
    #[error("unknown code `{name}`: expected `auto`, or a list of `byte`, `native` and `wasm`")]
    UnknownCode {
        /// The name, without the blanks around it.
        name: Box<str>,
    },
    /// The text is empty, or nothing stands before, between or after commas.
    #[error("missing code in `{text}`: expected `auto`, or a list such as `byte,native`")]
    MissingCode {
        /// The whole text.
        text: Box<str>,
    },
    /// `auto` stands in a list of codes.
    #[error("`auto` stands beside codes in `{text}`: expected one or the other")]
    MixedAuto {
        /// The whole text.
        text: Box<str>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_say_what_is_wanted_are_parsed() {
        let wanted = |text: &str| text.parse::<Wanted>().unwrap();
        assert_eq!(wanted(" auto "), Wanted::Auto);
        assert_eq!(wanted("none"), Wanted::Codes(vec![]));
        assert_eq!(
            wanted(" native , byte "),
            Wanted::Codes(vec![Code::Native, Code::Byte])
        );
        assert_eq!(
            wanted("byte,byte"),
            Wanted::Codes(vec![Code::Byte, Code::Byte])
        );
    }

    #[test]
    fn texts_that_do_not_are_refused() {
        let messages: Vec<String> = [
            "",
            " ",
            "byte,",
            "Auto",
            "byte,auto",
            "byte,none",
            "byte native",
        ]
        .map(|text| text.parse::<Wanted>().unwrap_err().to_string())
        .to_vec();
        insta::assert_snapshot!(messages.join("\n"), @r"
        missing code in ``: expected `auto`, or a list such as `byte,native`
        missing code in ` `: expected `auto`, or a list such as `byte,native`
        missing code in `byte,`: expected `auto`, or a list such as `byte,native`
        unknown code `Auto`: expected `auto`, or a list of `byte`, `native` and `wasm`
        `auto` stands beside codes in `byte,auto`: expected one or the other
        unknown code `none`: expected `auto`, or a list of `byte`, `native` and `wasm`
        unknown code `byte native`: expected `auto`, or a list of `byte`, `native` and `wasm`
        ");
    }

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<Error>() <= 64);
    }
}
