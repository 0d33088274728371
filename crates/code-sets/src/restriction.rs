//! Which of the available codes an executable needs.

use std::{borrow::Cow, fmt, sync::Arc};

use crate::CodeSet;

/// Maps the codes that are available to those that an executable needs.
///
/// A restriction is a documentation string, for messages, and a function from a set to a subset
/// of it. [`Restriction::default`] restricts nothing.
///
/// ```
/// use code_sets::{CodeSet, Restriction};
///
/// let restriction = Restriction::unique_favour_native();
/// assert_eq!(restriction.apply(CodeSet::ALL)?, CodeSet::NATIVE);
/// assert_eq!(restriction.apply(CodeSet::BYTE)?, CodeSet::BYTE);
/// assert_eq!(restriction.apply(CodeSet::NONE)?, CodeSet::NONE);
/// # Ok::<(), code_sets::restriction::Error>(())
/// ```
#[derive(Clone)]
pub struct Restriction {
    doc: Cow<'static, str>,
    function: Function,
}

#[derive(Clone)]
enum Function {
    Pointer(fn(CodeSet) -> CodeSet),
    Closure(Arc<dyn Fn(CodeSet) -> CodeSet + Send + Sync>),
    Composition(Arc<[Restriction; 2]>),
}

impl Restriction {
    /// The restriction that is documented by `doc` and computed by `function`.
    ///
    /// The result of `function` has to be a subset of its argument: [`Restriction::apply`] checks
    /// it. For a function that captures something, see [`Restriction::from_closure`].
    ///
    /// ```
    /// use code_sets::{CodeSet, Restriction};
    ///
    /// const NOT_WASM: Restriction =
    ///     Restriction::new("Anything but wasm", |codes| codes.difference(CodeSet::WASM));
    /// assert_eq!(NOT_WASM.apply(CodeSet::ALL)?, CodeSet::TRADITIONAL);
    /// # Ok::<(), code_sets::restriction::Error>(())
    /// ```
    #[must_use]
    pub const fn new(doc: &'static str, function: fn(CodeSet) -> CodeSet) -> Restriction {
        Restriction {
            doc: Cow::Borrowed(doc),
            function: Function::Pointer(function),
        }
    }

    /// As [`Restriction::new`], for a documentation and a function made at run time.
    ///
    /// ```
    /// use code_sets::{CodeSet, Restriction};
    ///
    /// let refused = CodeSet::NATIVE;
    /// let restriction =
    ///     Restriction::from_closure(format!("Not {refused}"), move |codes| codes - refused);
    /// assert_eq!(restriction.apply(CodeSet::TRADITIONAL)?, CodeSet::BYTE);
    /// assert_eq!(restriction.doc(), "Not {native}");
    /// # Ok::<(), code_sets::restriction::Error>(())
    /// ```
    #[must_use]
    pub fn from_closure(
        doc: impl Into<Cow<'static, str>>,
        function: impl Fn(CodeSet) -> CodeSet + Send + Sync + 'static,
    ) -> Restriction {
        Restriction {
            doc: doc.into(),
            function: Function::Closure(Arc::new(function)),
        }
    }

    /// No restriction: every available code is needed.
    ///
    /// ```
    /// use code_sets::{CodeSet, Restriction};
    ///
    /// assert_eq!(Restriction::identity().apply(CodeSet::ALL)?, CodeSet::ALL);
    /// # Ok::<(), code_sets::restriction::Error>(())
    /// ```
    #[must_use]
    pub const fn identity() -> Restriction {
        Restriction::new("No restriction", |codes| codes)
    }

    /// One code is enough: native code if it is available, else the least of those that are; the
    /// empty set for the empty set.
    ///
    /// ```
    /// use code_sets::{CodeSet, Restriction};
    ///
    /// const RESTRICTION: Restriction = Restriction::unique_favour_native();
    /// assert_eq!(RESTRICTION.apply(CodeSet::TRADITIONAL)?, CodeSet::NATIVE);
    /// assert_eq!(RESTRICTION.apply(CodeSet::BYTE | CodeSet::WASM)?, CodeSet::BYTE);
    /// # Ok::<(), code_sets::restriction::Error>(())
    /// ```
    #[must_use]
    pub const fn unique_favour_native() -> Restriction {
        Restriction::new("One code, native if it is available", unique_favour_native)
    }

    /// Those of `codes` that are available.
    ///
    /// ```
    /// use code_sets::{CodeSet, Restriction};
    ///
    /// let restriction = Restriction::only(CodeSet::TRADITIONAL);
    /// assert_eq!(restriction.apply(CodeSet::NATIVE | CodeSet::WASM)?, CodeSet::NATIVE);
    /// # Ok::<(), code_sets::restriction::Error>(())
    /// ```
    #[must_use]
    pub fn only(codes: CodeSet) -> Restriction {
        Restriction::from_closure(format!("Only {}", codes.human()), move |available| {
            available.intersection(codes)
        })
    }

    /// The composition: `next` applied to what `self` returns.
    ///
    /// Each of the two is checked on its own, so that an error names the one at fault.
    ///
    /// ```
    /// use code_sets::{CodeSet, Restriction};
    ///
    /// let restriction =
    ///     Restriction::only(CodeSet::BYTE | CodeSet::WASM).then(Restriction::unique_favour_native());
    /// assert_eq!(restriction.apply(CodeSet::ALL)?, CodeSet::BYTE);
    /// assert_eq!(
    ///     restriction.doc(),
    ///     "Only codes byte and wasm, then: One code, native if it is available",
    /// );
    /// # Ok::<(), code_sets::restriction::Error>(())
    /// ```
    #[must_use]
    pub fn then(self, next: Restriction) -> Restriction {
        Restriction {
            doc: Cow::Owned(format!("{}, then: {}", self.doc, next.doc)),
            function: Function::Composition(Arc::new([self, next])),
        }
    }

    /// The documentation string.
    ///
    /// ```
    /// assert_eq!(code_sets::Restriction::default().doc(), "No restriction");
    /// ```
    #[must_use]
    pub fn doc(&self) -> &str {
        &self.doc
    }

    /// The codes that are needed among those that are `available`.
    ///
    /// # Errors
    /// The function of the restriction has returned a code that it was not given.
    ///
    /// ```
    /// use code_sets::{CodeSet, Restriction};
    ///
    /// let wrong = Restriction::new("Always native", |_| CodeSet::NATIVE);
    /// let error = wrong.apply(CodeSet::BYTE).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "restriction `Always native` returned codes that it was not given: \
    ///      {native} from {byte}",
    /// );
    /// ```
    pub fn apply(&self, available: CodeSet) -> Result<CodeSet, Error> {
        let returned = match &self.function {
            Function::Pointer(function) => function(available),
            Function::Closure(function) => function(available),
            Function::Composition(both) => return both[1].apply(both[0].apply(available)?),
        };
        if returned.is_subset(available) {
            Ok(returned)
        } else {
            Err(Error {
                restriction: self.doc.as_ref().into(),
                given: available,
                returned,
            })
        }
    }
}

fn unique_favour_native(codes: CodeSet) -> CodeSet {
    if codes.is_superset(CodeSet::NATIVE) {
        CodeSet::NATIVE
    } else {
        codes.min().into_iter().collect()
    }
}

impl Default for Restriction {
    fn default() -> Restriction {
        Restriction::identity()
    }
}

impl fmt::Debug for Restriction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Restriction")
            .field(&self.doc)
            .finish()
    }
}

/// The error returned by [`Restriction::apply`]: it returned codes that it was not given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "restriction `{restriction}` returned codes that it was not given: {returned} from {given}"
)]
pub struct Error {
    restriction: Box<str>,
    given: CodeSet,
    returned: CodeSet,
}

impl Error {
    /// The documentation string of the restriction at fault.
    #[must_use]
    pub fn restriction(&self) -> &str {
        &self.restriction
    }

    /// The codes that the restriction was given.
    #[must_use]
    pub fn given(&self) -> CodeSet {
        self.given
    }

    /// The codes that the restriction returned.
    #[must_use]
    pub fn returned(&self) -> CodeSet {
        self.returned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composition_names_the_restriction_at_fault() {
        let wrong = Restriction::new("Wrong", |_| CodeSet::WASM);
        for composition in [
            Restriction::identity().then(wrong.clone()),
            wrong.clone().then(Restriction::identity()),
            Restriction::identity()
                .then(wrong)
                .then(Restriction::only(CodeSet::NONE)),
        ] {
            let error = composition.apply(CodeSet::TRADITIONAL).unwrap_err();
            assert_eq!(error.restriction(), "Wrong");
            assert_eq!(error.given(), CodeSet::TRADITIONAL);
            assert_eq!(error.returned(), CodeSet::WASM);
        }
    }

    #[test]
    fn debug_shows_the_documentation() {
        assert_eq!(
            format!("{:?}", Restriction::default()),
            r#"Restriction("No restriction")"#
        );
    }

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<Error>() <= 64);
    }
}
