//! What `ocamlopt -config` prints, with types.

mod accessors;
mod error;
mod serde_form;

pub use accessors::MagicNumbers;
pub use error::Error;

use crate::OcamlVersion;
use std::path::{Path, PathBuf};

/// The configuration of an OCaml compiler: the output of `ocamlopt -config` or `ocamlc -config`.
///
/// Every field stays available by name and in the order printed; those that OCaml 4.13 to 5.x print and that tools
/// ask for have typed accessors. The source of the fields is `utils/config.common.ml` of the compiler.
/// Serialises as a map from field to text, in order.
///
/// ```
/// use ocaml_toolchain::Conf;
///
/// let conf = Conf::parse(
///     "version: 4.14.1\nstandard_library: /usr/lib/ocaml\narchitecture: amd64\nsystem: linux\n\
///      asm: as\next_dll: .so\nflambda: false\nsupports_shared_libraries: true\nnew_in_5_9: yes\n",
/// )?;
/// assert_eq!(conf.ext_dll(), Some(".so"));
/// assert_eq!(conf.flambda(), Some(false));
/// assert_eq!(conf.get("new_in_5_9"), Some("yes"));
/// assert_eq!(conf.fields().next(), Some(("version", "4.14.1")));
/// # Ok::<(), ocaml_toolchain::conf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conf {
    fields: Vec<(String, String)>,
    version: OcamlVersion,
    standard_library: PathBuf,
}

impl Conf {
    /// Parse the output of `-config`: lines of the form `field: value`.
    ///
    /// # Errors
    /// A line without a colon, a field given twice with two values, one of the four fields that every compiler prints
    /// (`version`, `standard_library`, `architecture`, `system`) missing or empty, a version that is none, and a
    /// boolean or a number that is none, are errors: such text did not come from a compiler, or only half of it did.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut fields = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let malformed = || Error::Malformed {
                line: index + 1,
                text: line.to_owned(),
            };
            let (field, value) = line.split_once(':').ok_or_else(malformed)?;
            if field.is_empty() || field.contains(char::is_whitespace) {
                return Err(malformed());
            }
            fields.push((field.to_owned(), value.trim().to_owned()));
        }
        Self::from_fields(fields)
    }

    /// A configuration from fields that are already apart, in the order to keep.
    ///
    /// # Errors
    /// As [`Conf::parse`], but for lines without a colon.
    pub fn from_fields(fields: Vec<(String, String)>) -> Result<Self, Error> {
        for (index, (field, value)) in fields.iter().enumerate() {
            if fields[..index]
                .iter()
                .any(|(other, text)| other == field && text != value)
            {
                return Err(Error::Contradiction {
                    field: field.clone(),
                });
            }
        }
        let get = |field: &'static str| {
            let value = fields
                .iter()
                .find(|(name, _)| name == field)
                .map(|(_, value)| value.as_str());
            value
                .filter(|value| !value.is_empty())
                .ok_or(Error::Missing { field })
        };
        let version = get("version")?;
        let version = version
            .parse()
            .map_err(|source| Error::Version { source })?;
        let standard_library = PathBuf::from(get("standard_library")?);
        get("architecture")?;
        get("system")?;
        let conf = Self {
            fields,
            version,
            standard_library,
        };
        conf.check_types()?;
        Ok(conf)
    }

    /// The value of any field, trimmed; `None` where this compiler does not print it.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(name, _)| name == field)
            .map(|(_, value)| value.as_str())
    }

    /// Every field with its value, in the order the compiler printed them.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(field, value)| (field.as_str(), value.as_str()))
    }

    /// `version`.
    pub fn version(&self) -> &OcamlVersion {
        &self.version
    }

    /// `standard_library`: the directory of `stdlib.cmi`, also printed by `ocamlc -where`.
    pub fn standard_library(&self) -> &Path {
        &self.standard_library
    }
}

impl std::str::FromStr for Conf {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests;
