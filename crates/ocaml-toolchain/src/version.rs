//! Versions of OCaml, ordered.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The version of an OCaml compiler, as the `version` field of `-config` spells it.
///
/// The grammar is that of `Sys.ocaml_version` in OCaml's manual: `major.minor[.patch][(+|~)extra]`.
/// Order: by numbers, then a pre-release (`~alpha1`, `+rc2`, `+dev0`, ...) before the release, then a variant
/// (`+flambda`) after it.
///
/// ```
/// use ocaml_toolchain::OcamlVersion;
///
/// let version: OcamlVersion = "5.2.0~beta1".parse()?;
/// assert!(version < OcamlVersion::new(5, 2, 0));
/// assert!(version > OcamlVersion::new(5, 1, 1));
/// assert!(version.at_least(5, 2), "a beta of 5.2 has the features of 5.2");
/// assert_eq!(version.to_string(), "5.2.0~beta1");
/// # Ok::<(), ocaml_toolchain::ParseVersionError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OcamlVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number, 0 where the text has none.
    pub patch: u32,
    /// What follows the numbers with its sign, such as `+flambda` or `~rc1`; often empty.
    pub extra: String,
}

/// The error of parsing an [`OcamlVersion`]: the text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an OCaml version such as `5.3.0` or `4.14.2+flambda`")]
pub struct ParseVersionError {
    /// The text given.
    pub text: String,
}

impl OcamlVersion {
    /// The oldest compiler that this workspace supports.
    pub const MINIMUM: Self = Self::new(4, 13, 0);

    /// A released version, with no extra part.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
            extra: String::new(),
        }
    }

    /// Whether the numbers are `major.minor` or later, whatever the extra part says.
    /// A pre-release of 5.2 counts as 5.2: it already has that version's flags and file formats.
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }

    /// Whether this names something older than the release with the same numbers.
    /// Compilers before 5.0 wrote `+beta1` where later ones write `~beta1`.
    pub fn is_prerelease(&self) -> bool {
        match self.extra.strip_prefix('+') {
            Some(extra) => ["alpha", "beta", "rc", "dev", "trunk"]
                .iter()
                .any(|stage| extra.starts_with(stage)),
            None => self.extra.starts_with('~'),
        }
    }

    fn stage(&self) -> u8 {
        match () {
            () if self.is_prerelease() => 0,
            () if self.extra.is_empty() => 1,
            () => 2,
        }
    }
}

impl Ord for OcamlVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |v: &Self| (v.major, v.minor, v.patch, v.stage());
        key(self)
            .cmp(&key(other))
            .then_with(|| self.extra.cmp(&other.extra))
    }
}

impl PartialOrd for OcamlVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for OcamlVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{}.{}{}",
            self.major, self.minor, self.patch, self.extra
        )
    }
}

impl FromStr for OcamlVersion {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, ParseVersionError> {
        let error = || ParseVersionError {
            text: text.to_owned(),
        };
        let (numbers, extra) = text.split_at(text.find(['+', '~']).unwrap_or(text.len()));
        let mut parts = numbers.split('.').map(|part| {
            // `parse` alone would take a leading `+`.
            if part.bytes().all(|byte| byte.is_ascii_digit()) {
                part.parse::<u32>().ok()
            } else {
                None
            }
        });
        let mut next = || {
            parts
                .next()
                .map(|number| number.ok_or_else(error))
                .transpose()
        };
        let version = Self {
            major: next()?.ok_or_else(error)?,
            minor: next()?.ok_or_else(error)?,
            patch: next()?.unwrap_or(0),
            extra: extra.to_owned(),
        };
        if next()?.is_some() || extra.contains(char::is_whitespace) {
            return Err(error());
        }
        Ok(version)
    }
}

impl serde::Serialize for OcamlVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for OcamlVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_are_listed_oldest_first() {
        let sorted = [
            "4.9.1",
            "4.13.1",
            "4.14.0+rc1",
            "4.14.0",
            "4.14.0+flambda",
            "5.0.0~alpha0",
            "5.0.0~beta1",
            "5.0.0",
            "5.10.0",
        ];
        let mut versions: Vec<OcamlVersion> = sorted
            .iter()
            .rev()
            .map(|text| text.parse().unwrap())
            .collect();
        versions.sort();
        assert_eq!(
            versions
                .iter()
                .map(OcamlVersion::to_string)
                .collect::<Vec<_>>(),
            sorted
        );
    }

    #[test]
    fn two_numbers_are_enough() {
        assert_eq!("5.4".parse(), Ok(OcamlVersion::new(5, 4, 0)));
    }

    #[test]
    fn text_that_is_no_version_is_refused() {
        for text in [
            "",
            "5",
            "5.",
            "5.x.0",
            "5.1.1.1",
            "+5.1",
            "5.+1",
            "-5.1",
            "5.1.0 beta",
            "99999999999.0.0",
        ] {
            assert_eq!(
                text.parse::<OcamlVersion>(),
                Err(ParseVersionError {
                    text: text.to_owned()
                }),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn printing_then_parsing_gives_the_same_version(
            major in 0u32..100, minor in 0u32..100, patch in 0u32..100, extra in "([+~][a-z0-9.+-]{0,12})?"
        ) {
            let version = OcamlVersion { major, minor, patch, extra };
            prop_assert_eq!(version.to_string().parse(), Ok(version));
        }

        #[test]
        fn parsing_never_panics(text in ".{0,24}") {
            let _ = text.parse::<OcamlVersion>();
        }
    }
}
