//! In which code plugins are loaded in process.

use crate::{Code, CodeSet, Restriction, restriction};

impl Code {
    /// Whether `Dynlink` can load the code in the process that asks for it.
    ///
    /// ```
    /// use code_sets::Code;
    ///
    /// assert!(Code::Byte.is_loadable() && Code::Native.is_loadable());
    /// assert!(!Code::Wasm.is_loadable());
    /// ```
    #[must_use]
    pub const fn is_loadable(self) -> bool {
        CodeSet::LOADABLE.contains(self)
    }
}

impl CodeSet {
    /// The codes that can be loaded in process: byte and native.
    pub const LOADABLE: CodeSet = CodeSet::TRADITIONAL;
}

/// Chooses the one code in which to load plugins: what `restriction` leaves of `available`.
///
/// With [`Restriction::unique_favour_native`] it is native code if that is available, else byte
/// code. With [`Restriction::only`] of one code it is that code or an error, and never another.
///
/// # Errors
/// The restriction leaves no code, more than one, or one that cannot be loaded in process; or it
/// returns codes that it was not given.
///
/// ```
/// use code_sets::{Code, CodeSet, Restriction, loading};
///
/// let either = Restriction::unique_favour_native();
/// assert_eq!(loading::choose(CodeSet::TRADITIONAL, &either)?, Code::Native);
/// assert_eq!(loading::choose(CodeSet::BYTE, &either)?, Code::Byte);
///
/// let error = loading::choose(CodeSet::BYTE, &Restriction::only(CodeSet::NATIVE)).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "no code to load plugins in: restriction `Only code native` leaves nothing of code byte",
/// );
/// # Ok::<(), loading::Error>(())
/// ```
pub fn choose(available: CodeSet, restriction: &Restriction) -> Result<Code, Error> {
    let codes = restriction
        .apply(available)
        .map_err(|source| Error::Restriction { source })?;
    let Some(code) = codes.min() else {
        return Err(Error::Nothing {
            available,
            restriction: restriction.doc().into(),
        });
    };
    if codes.len() > 1 {
        return Err(Error::Several {
            codes,
            restriction: restriction.doc().into(),
        });
    }
    check(code)?;
    Ok(code)
}

/// Checks that a code can be loaded in process.
///
/// # Errors
/// It cannot, as is the case of [`Code::Wasm`].
///
/// ```
/// use code_sets::{Code, loading};
///
/// assert!(loading::check(Code::Byte).is_ok());
/// let error = loading::check(Code::Wasm).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "code wasm cannot be loaded in process: `Dynlink` loads codes byte and native only",
/// );
/// ```
pub fn check(code: Code) -> Result<(), Error> {
    if code.is_loadable() {
        Ok(())
    } else {
        Err(Error::NotLoadable { code })
    }
}

/// The error returned by [`choose`] and [`check`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The restriction leaves nothing of the codes that are available.
    #[error(
        "no code to load plugins in: restriction `{restriction}` leaves nothing of {}",
        .available.human()
    )]
    Nothing {
        /// The codes that are available.
        available: CodeSet,
        /// The documentation string of the restriction.
        restriction: Box<str>,
    },
    /// The restriction leaves more than one code.
    #[error(
        "more than one code to load plugins in: restriction `{restriction}` leaves {}",
        .codes.human()
    )]
    Several {
        /// What the restriction leaves.
        codes: CodeSet,
        /// The documentation string of the restriction.
        restriction: Box<str>,
    },
    /// The code cannot be loaded in process.
    #[error(
        "code {code} cannot be loaded in process: `Dynlink` loads {} only",
        CodeSet::LOADABLE.human()
    )]
    NotLoadable {
        /// The code.
        code: Code,
    },
    /// The restriction has returned codes that it was not given.
    #[error("the codes to load plugins in could not be restricted")]
    Restriction {
        /// Which restriction, and which codes.
        source: restriction::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_are_loadable_are_those_with_a_loadable_file() {
        for code in Code::ALL {
            assert_eq!(code.is_loadable(), !code.loadable_extensions().is_empty());
        }
    }

    #[test]
    fn wasm_alone_is_refused_and_never_replaced() {
        let either = Restriction::unique_favour_native();
        assert_eq!(
            choose(CodeSet::WASM, &either),
            Err(Error::NotLoadable { code: Code::Wasm })
        );
        let wasm = Restriction::only(CodeSet::WASM);
        assert_eq!(
            choose(CodeSet::ALL, &wasm),
            Err(Error::NotLoadable { code: Code::Wasm })
        );
    }

    #[test]
    fn a_restriction_has_to_leave_one_code() {
        let error = choose(CodeSet::TRADITIONAL, &Restriction::identity()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "more than one code to load plugins in: \
             restriction `No restriction` leaves codes byte and native"
        );
        let error = choose(CodeSet::NONE, &Restriction::unique_favour_native()).unwrap_err();
        assert!(matches!(
            error,
            Error::Nothing {
                available: CodeSet::NONE,
                ..
            }
        ));
    }

    #[test]
    fn a_wrong_restriction_is_the_source() {
        let wrong = Restriction::new("Wrong", |_| CodeSet::NATIVE);
        let error = choose(CodeSet::BYTE, &wrong).unwrap_err();
        assert!(
            std::error::Error::source(&error)
                .unwrap()
                .to_string()
                .contains("`Wrong`")
        );
    }

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<Error>() <= 64);
    }
}
