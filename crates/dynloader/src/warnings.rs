//! The policy about the compiler's warnings.

use std::ffi::OsString;

/// The warnings that [`Warnings::strict`] leaves off: fragile matches (4), line ends in strings (29),
/// the four about disambiguation by type (40 to 42), shadowing by `open` (44, 45), optional arguments
/// that cannot be erased (48), missing `.cmx` files (58), `open!` without use (66), fields never read
/// (69) and missing interfaces (70).
pub const DISABLED_BY_DEFAULT: [u32; 12] = [4, 29, 40, 41, 42, 44, 45, 48, 58, 66, 69, 70];

/// The specification, in the syntax of the compiler's `-w`, of all warnings but those in `disabled`.
///
/// ```
/// assert_eq!(dynloader::warnings::warnings_spec(&[4, 29]), "+a-4-29");
/// ```
pub fn warnings_spec(disabled: &[u32]) -> String {
    let mut spec = String::from("+a");
    for number in disabled {
        spec.push('-');
        spec.push_str(&number.to_string());
    }
    spec
}

/// Which warnings are looked for, and whether they are errors.
///
/// ```
/// use dynloader::Warnings;
///
/// assert_eq!(Warnings::default(), Warnings::strict());
/// assert_eq!(Warnings::spec("+a-70").arguments(), ["-w", "+a-70", "-warn-error", "+a"]);
/// assert!(Warnings::compiler_defaults().arguments().is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warnings {
    spec: Option<String>,
    errors: bool,
}

impl Warnings {
    /// All warnings but [`DISABLED_BY_DEFAULT`], each of them an error. This is the default.
    pub fn strict() -> Warnings {
        Warnings::spec(warnings_spec(&DISABLED_BY_DEFAULT))
    }

    /// The warnings of a specification in the syntax of `-w`, each of them an error. The compiler
    /// judges the syntax, so a wrong one is an error of the compilation.
    pub fn spec(spec: impl Into<String>) -> Warnings {
        Warnings {
            spec: Some(spec.into()),
            errors: true,
        }
    }

    /// The warnings of a specification, reported and not errors, but for those that it makes errors
    /// itself (`@32`).
    pub fn reported(spec: impl Into<String>) -> Warnings {
        Warnings {
            spec: Some(spec.into()),
            errors: false,
        }
    }

    /// What the compiler does when nobody asks: its own set, reported and not errors.
    pub fn compiler_defaults() -> Warnings {
        Warnings {
            spec: None,
            errors: false,
        }
    }

    /// Whether no specification is given, so that a program is judged as the compiler alone would.
    pub fn are_compiler_defaults(&self) -> bool {
        self.spec.is_none()
    }

    /// The arguments for the compiler.
    pub fn arguments(&self) -> Vec<OsString> {
        let mut arguments = Vec::new();
        if let Some(spec) = &self.spec {
            let as_spec = ["-w".into(), spec.into()];
            // The later argument wins: `+a` goes over all of the specification, `-a` leaves its `@`.
            if self.errors {
                arguments.extend(as_spec);
                arguments.extend(["-warn-error".into(), "+a".into()]);
            } else {
                arguments.extend(["-warn-error".into(), "-a".into()]);
                arguments.extend(as_spec);
            }
        }
        arguments
    }
}

impl Default for Warnings {
    fn default() -> Warnings {
        Warnings::strict()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_documented_set_with_errors() {
        assert_eq!(
            Warnings::default().arguments(),
            [
                "-w",
                "+a-4-29-40-41-42-44-45-48-58-66-69-70",
                "-warn-error",
                "+a"
            ]
        );
    }

    #[test]
    fn reported_warnings_are_no_errors() {
        assert_eq!(
            Warnings::reported("+32").arguments(),
            ["-warn-error", "-a", "-w", "+32"]
        );
    }
}
