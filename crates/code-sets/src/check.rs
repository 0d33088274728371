//! Why a unit cannot be built from the codes that a build generates.

use std::fmt;

use crate::{Code, CodeSet, Determined, Wanted};

/// The error of [`Determined::check_any`] and [`Determined::check_all`].
///
/// Its message says what the unit supports, what is built, and what to ask for. The same facts
/// are data.
///
/// ```
/// use code_sets::{CodeSet, Determined, check};
///
/// let determined = Determined::new(&CodeSet::NATIVE.into(), CodeSet::TRADITIONAL, &[])?;
/// let error = determined.check_any("page", CodeSet::WASM).unwrap_err();
/// assert_eq!(error.kind(), check::Kind::Any);
/// assert_eq!(error.unit(), "page");
/// assert_eq!(error.supported(), CodeSet::WASM);
/// assert_eq!(error.built(), CodeSet::NATIVE);
/// assert_eq!(error.ask_for(), None);
/// assert_eq!(
///     error.to_string(),
///     "unit `page` supports code wasm, but the build generates code native; \
///      code wasm is not available",
/// );
/// # Ok::<(), code_sets::determined::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    unit: Box<str>,
    supported: CodeSet,
    determined: Determined,
}

/// Which check a unit has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One of the codes that the unit supports has to be built.
    Any,
    /// All the codes that the unit supports have to be built.
    All,
}

impl Error {
    pub(crate) fn new(kind: Kind, unit: &str, supported: CodeSet, determined: Determined) -> Error {
        Error {
            kind,
            unit: unit.into(),
            supported,
            determined,
        }
    }

    /// The check that the unit has failed.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The name of the unit.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The codes that the unit supports.
    #[must_use]
    pub fn supported(&self) -> CodeSet {
        self.supported
    }

    /// The codes that the build generates.
    #[must_use]
    pub fn built(&self) -> CodeSet {
        self.determined.built()
    }

    /// The codes that the unit supports and the build does not generate.
    #[must_use]
    pub fn missing(&self) -> CodeSet {
        self.supported - self.determined.built()
    }

    /// What the user of the build can ask for, so that the check succeeds and the build still
    /// generates what it did; `None` if the toolchain cannot generate what is missing.
    ///
    /// Where one more code is enough and there is a choice, it is native code.
    ///
    /// ```
    /// use code_sets::{CodeSet, Determined};
    ///
    /// let determined = Determined::new(&CodeSet::WASM.into(), CodeSet::ALL, &[])?;
    /// let error = determined.check_any("app", CodeSet::TRADITIONAL).unwrap_err();
    /// assert_eq!(error.ask_for(), Some("native,wasm".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn ask_for(&self) -> Option<Wanted> {
        let possible = self.supported & self.determined.available();
        let added = match self.kind {
            Kind::Any if possible.contains(Code::Native) => CodeSet::NATIVE,
            Kind::Any => CodeSet::singleton(possible.min()?),
            Kind::All if possible == self.supported => self.supported,
            Kind::All => return None,
        };
        Some(Wanted::from(self.determined.built() | added))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.kind {
            Kind::Any => "supports",
            Kind::All => "requires",
        };
        write!(
            formatter,
            "unit `{}` {verb} {}, but the build generates {}",
            self.unit,
            self.supported.human(),
            self.determined.built().human(),
        )?;
        let unavailable = self.supported - self.determined.available();
        match self.ask_for() {
            Some(wanted) => write!(formatter, "; ask for `{wanted}`"),
            None if unavailable.is_empty() => {
                write!(
                    formatter,
                    "; let the unit support a code that the build can generate"
                )
            }
            None => {
                let verb = if unavailable.len() == 1 { "is" } else { "are" };
                write!(formatter, "; {} {verb} not available", unavailable.human())
            }
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(built: CodeSet, available: CodeSet, supported: CodeSet) -> String {
        let determined = Determined::new(&built.into(), available, &[]).unwrap();
        let text = |result: Result<(), Error>| match result {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        format!(
            "any: {}\nall: {}",
            text(determined.check_any("app", supported)),
            text(determined.check_all("app", supported)),
        )
    }

    #[test]
    fn messages_say_what_is_supported_what_is_built_and_what_to_ask_for() {
        let traditional = CodeSet::TRADITIONAL;
        insta::assert_snapshot!(messages(CodeSet::BYTE, traditional, traditional), @r"
        any: ok
        all: unit `app` requires codes byte and native, but the build generates code byte; ask for `byte,native`
        ");
        insta::assert_snapshot!(messages(CodeSet::BYTE, traditional, CodeSet::NATIVE), @r"
        any: unit `app` supports code native, but the build generates code byte; ask for `byte,native`
        all: unit `app` requires code native, but the build generates code byte; ask for `byte,native`
        ");
        insta::assert_snapshot!(messages(CodeSet::NONE, traditional, traditional), @r"
        any: unit `app` supports codes byte and native, but the build generates no code; ask for `native`
        all: unit `app` requires codes byte and native, but the build generates no code; ask for `byte,native`
        ");
    }

    #[test]
    fn nothing_unavailable_is_ever_advised() {
        let supported = CodeSet::NATIVE | CodeSet::WASM;
        insta::assert_snapshot!(messages(CodeSet::BYTE, CodeSet::TRADITIONAL, supported), @r"
        any: unit `app` supports codes native and wasm, but the build generates code byte; ask for `byte,native`
        all: unit `app` requires codes native and wasm, but the build generates code byte; code wasm is not available
        ");
        insta::assert_snapshot!(messages(CodeSet::BYTE, CodeSet::BYTE, supported), @r"
        any: unit `app` supports codes native and wasm, but the build generates code byte; codes native and wasm are not available
        all: unit `app` requires codes native and wasm, but the build generates code byte; codes native and wasm are not available
        ");
    }

    #[test]
    fn a_unit_that_supports_nothing_fails_any_and_passes_all() {
        insta::assert_snapshot!(messages(CodeSet::BYTE, CodeSet::BYTE, CodeSet::NONE), @r"
        any: unit `app` supports no code, but the build generates code byte; let the unit support a code that the build can generate
        all: ok
        ");
    }

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<Error>() <= 64);
    }
}
