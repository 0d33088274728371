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
    fields: Fields,
    version: OcamlVersion,
    standard_library: PathBuf,
}

/// Names and values one behind the other: every start of a program that compiles reads them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Fields {
    text: String,
    /// Where in the text a name begins and ends, and where its value ends.
    places: Vec<[usize; 3]>,
}

impl Fields {
    fn push(&mut self, field: &str, value: &str) {
        let start = self.text.len();
        self.text.push_str(field);
        let middle = self.text.len();
        self.text.push_str(value);
        self.places.push([start, middle, self.text.len()]);
    }

    fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let places = self.places.iter();
        places.map(|&[start, middle, end]| (&self.text[start..middle], &self.text[middle..end]))
    }

    fn get(&self, field: &str) -> Option<&str> {
        let found = self.iter().find(|(name, _)| *name == field);
        found.map(|(_, value)| value)
    }
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
        let mut sorted: Vec<&(String, String)> = fields.iter().collect();
        sorted.sort_unstable();
        let contradicts =
            |pair: &&[&(String, String)]| pair[0].0 == pair[1].0 && pair[0].1 != pair[1].1;
        if let Some(pair) = sorted.windows(2).find(contradicts) {
            return Err(Error::Contradiction {
                field: pair[0].0.clone(),
            });
        }
        let mut text = Fields::default();
        for (field, value) in &fields {
            text.push(field, value);
        }
        Self::from_distinct(text)
    }

    fn from_distinct(fields: Fields) -> Result<Self, Error> {
        let get = |field: &'static str| {
            let value = fields.get(field).filter(|value| !value.is_empty());
            value.ok_or(Error::Missing { field })
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
        self.fields.get(field)
    }

    /// Every field with its value, in the order the compiler printed them.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.fields.iter()
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
