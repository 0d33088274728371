//! The codes that a build generates, computed from what is wanted and what is available.

use crate::{CodeSet, Restriction, Unit, Wanted, check, restriction};

/// The codes that a build generates, and those that it could.
///
/// This is the answer without the waiting: a build whose tasks run concurrently asks [`Built`],
/// which computes it once.
///
/// [`Built`]: crate::Built
///
/// ```
/// use code_sets::{CodeSet, Determined, Wanted};
///
/// let wanted: Wanted = "byte".parse()?;
/// let determined = Determined::new(&wanted, CodeSet::TRADITIONAL, &[])?;
/// assert_eq!(determined.built(), CodeSet::BYTE);
/// assert_eq!(determined.available(), CodeSet::TRADITIONAL);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Determined {
    available: CodeSet,
    built: CodeSet,
}

impl Determined {
    /// Determines the codes that a build generates.
    ///
    /// - For [`Wanted::Codes`]: these codes.
    /// - For [`Wanted::Auto`]: the union, over the executables of `must_build`, of what the
    ///   restriction of each leaves of `available`; or `available` if no executable must build.
    ///
    /// `available` is what the toolchain can generate, and `must_build` the units that must build;
    /// libraries among them are passed over.
    ///
    /// This is the rule of `B0_ocaml.Code` in b0, but for one point: where there are executables
    /// and their restrictions leave nothing, nothing is built, where b0 builds what is available.
    ///
    /// # Errors
    /// Codes that are wanted by name are not available, or the restriction of a unit has returned
    /// codes that it was not given.
    ///
    /// ```
    /// use code_sets::{CodeSet, Determined, Restriction, Unit, Wanted};
    ///
    /// let must_build = [
    ///     Unit::executable("app").with_restriction(Restriction::unique_favour_native()),
    ///     Unit::executable("page").with_restriction(Restriction::only(CodeSet::WASM)),
    ///     Unit::library("base"),
    /// ];
    /// let built = |wanted: &Wanted, available| {
    ///     Determined::new(wanted, available, &must_build).map(Determined::built)
    /// };
    /// assert_eq!(built(&Wanted::Auto, CodeSet::ALL)?, CodeSet::NATIVE | CodeSet::WASM);
    /// assert_eq!(built(&Wanted::Auto, CodeSet::BYTE)?, CodeSet::BYTE);
    ///
    /// let error = built(&CodeSet::TRADITIONAL.into(), CodeSet::BYTE).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the build wants codes byte and native, but only code byte is available",
    /// );
    /// # Ok::<(), code_sets::determined::Error>(())
    /// ```
    pub fn new(
        wanted: &Wanted,
        available: CodeSet,
        must_build: &[Unit],
    ) -> Result<Determined, Error> {
        let built = match wanted.codes() {
            Some(codes) if codes.is_subset(available) => codes,
            Some(codes) => {
                return Err(Error::Unavailable {
                    wanted: codes,
                    available,
                });
            }
            None => needed(available, must_build)?,
        };
        Ok(Determined { available, built })
    }

    /// The codes that the toolchain can generate.
    #[must_use]
    pub const fn available(self) -> CodeSet {
        self.available
    }

    /// The codes that the build generates: a subset of [`Determined::available`].
    #[must_use]
    pub const fn built(self) -> CodeSet {
        self.built
    }

    /// Checks that the build generates a code that a unit supports.
    ///
    /// `unit` is the name of the unit, for the message, and `supported` the codes that can be
    /// generated for it.
    ///
    /// # Errors
    /// Nothing that the unit supports is built.
    ///
    /// ```
    /// use code_sets::{CodeSet, Determined};
    ///
    /// let determined = Determined::new(&CodeSet::BYTE.into(), CodeSet::TRADITIONAL, &[])?;
    /// assert!(determined.check_any("app", CodeSet::TRADITIONAL).is_ok());
    /// let error = determined.check_any("app", CodeSet::NATIVE).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "unit `app` supports code native, but the build generates code byte; \
    ///      ask for `byte,native`",
    /// );
    /// assert_eq!(error.ask_for(), Some("byte,native".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_any(self, unit: &str, supported: CodeSet) -> Result<(), check::Error> {
        if supported.is_disjoint(self.built) {
            Err(check::Error::new(check::Kind::Any, unit, supported, self))
        } else {
            Ok(())
        }
    }

    /// Checks that the build generates every code that a unit supports.
    ///
    /// A unit that supports no code passes.
    ///
    /// The check of the same name in b0 fails in the opposite case, when all that is supported is
    /// built.
    ///
    /// # Errors
    /// Something that the unit supports is not built.
    ///
    /// ```
    /// use code_sets::{CodeSet, Determined};
    ///
    /// let determined = Determined::new(&CodeSet::BYTE.into(), CodeSet::TRADITIONAL, &[])?;
    /// assert!(determined.check_all("app", CodeSet::BYTE).is_ok());
    /// let error = determined.check_all("app", CodeSet::TRADITIONAL).unwrap_err();
    /// assert_eq!(error.missing(), CodeSet::NATIVE);
    /// # Ok::<(), code_sets::determined::Error>(())
    /// ```
    pub fn check_all(self, unit: &str, supported: CodeSet) -> Result<(), check::Error> {
        if supported.is_subset(self.built) {
            Ok(())
        } else {
            Err(check::Error::new(check::Kind::All, unit, supported, self))
        }
    }
}

fn needed(available: CodeSet, must_build: &[Unit]) -> Result<CodeSet, Error> {
    let mut needed = None;
    for unit in must_build.iter().filter(|unit| unit.is_executable()) {
        let codes = restrict(unit, unit.restriction(), available)?;
        needed = Some(needed.unwrap_or(CodeSet::NONE) | codes);
    }
    Ok(needed.unwrap_or(available))
}

fn restrict(unit: &Unit, restriction: &Restriction, codes: CodeSet) -> Result<CodeSet, Error> {
    restriction
        .apply(codes)
        .map_err(|source| Error::Restriction {
            unit: unit.name().into(),
            source,
        })
}

/// The error returned by [`Determined::new`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Codes that are wanted by name are not available.
    #[error("the build wants {}, but {}", .wanted.human(), availability(*.available))]
    Unavailable {
        /// The codes that are wanted.
        wanted: CodeSet,
        /// The codes that are available.
        available: CodeSet,
    },
    /// The restriction of a unit has returned codes that it was not given.
    #[error("the codes of unit `{unit}` could not be restricted")]
    Restriction {
        /// The name of the unit.
        unit: Box<str>,
        /// Which restriction, and which codes.
        source: restriction::Error,
    },
}

fn availability(available: CodeSet) -> String {
    match available.len() {
        0 => "none is available".into(),
        1 => format!("only {} is available", available.human()),
        _ => format!("only {} are available", available.human()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restrictions_that_leave_nothing_are_not_the_absence_of_executables() {
        let units = [Unit::executable("page").with_restriction(Restriction::only(CodeSet::WASM))];
        let built = |units| Determined::new(&Wanted::Auto, CodeSet::TRADITIONAL, units).unwrap();
        assert_eq!(built(&units).built(), CodeSet::NONE);
        assert_eq!(built(&[]).built(), CodeSet::TRADITIONAL);
    }

    #[test]
    fn restrictions_are_asked_neither_of_libraries_nor_when_codes_are_named() {
        let wrong = Restriction::new("Wrong", |_| CodeSet::ALL);
        let library = [Unit::library("base").with_restriction(wrong.clone())];
        let built = Determined::new(&Wanted::Auto, CodeSet::BYTE, &library).map(Determined::built);
        assert_eq!(built, Ok(CodeSet::BYTE));
        let app = [Unit::executable("app").with_restriction(wrong)];
        assert!(Determined::new(&CodeSet::BYTE.into(), CodeSet::BYTE, &app).is_ok());
        let error = Determined::new(&Wanted::Auto, CodeSet::BYTE, &app).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the codes of unit `app` could not be restricted"
        );
        let source = std::error::Error::source(&error).unwrap();
        assert!(source.to_string().starts_with("restriction `Wrong`"));
    }

    #[test]
    fn wanting_what_is_not_available_names_both_sets() {
        let messages: Vec<String> = [
            (CodeSet::NATIVE, CodeSet::NONE),
            (CodeSet::TRADITIONAL, CodeSet::BYTE),
            (CodeSet::WASM, CodeSet::TRADITIONAL),
        ]
        .map(|(wanted, available)| {
            Determined::new(&wanted.into(), available, &[])
                .unwrap_err()
                .to_string()
        })
        .to_vec();
        insta::assert_snapshot!(messages.join("\n"), @r"
        the build wants code native, but none is available
        the build wants codes byte and native, but only code byte is available
        the build wants code wasm, but only codes byte and native are available
        ");
    }

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<Error>() <= 64);
    }
}
