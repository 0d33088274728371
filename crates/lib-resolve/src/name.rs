//! Names of libraries.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::text;

/// The name of a library, as `requires` and the command line have it: `unix`, `lwt.unix`, `ANSITerminal`,
/// `pkg.__private__.x`.
///
/// Any name is accepted that findlib could find: it has at least one component between dots, and no blank, comma or NUL.
/// Cheap to clone.
///
/// ```
/// use lib_resolve::LibName;
/// let name: LibName = "lwt.unix".parse()?;
/// assert_eq!((name.as_str(), name.main()), ("lwt.unix", "lwt"));
/// assert_eq!("a b".parse::<LibName>().unwrap_err().to_string(), "`a b` is not a library name: it has a blank, comma or NUL");
/// assert!("..".parse::<LibName>().is_err());
/// # Ok::<(), lib_resolve::name::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LibName(Arc<str>);

/// The error of parsing a [`LibName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a library name: {}", if *.separator { "it has a blank, comma or NUL" } else { "it has no component" })]
pub struct Error {
    text: Box<str>,
    separator: bool,
}

impl LibName {
    /// Checks a name.
    ///
    /// # Errors
    /// No component, or a character that cannot be in a name.
    pub fn new(text: &str) -> Result<LibName, Error> {
        let separator = text
            .bytes()
            .any(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | 0));
        if separator || text::main_component(text.as_bytes()).is_none() {
            return Err(Error {
                text: text.into(),
                separator,
            });
        }
        Ok(LibName(text.into()))
    }

    /// A name from META or from the index, of which bytes that are not UTF-8 are refused.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<LibName, Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => LibName::new(text),
            Err(_) => Err(Error {
                text: String::from_utf8_lossy(bytes).into(),
                separator: true,
            }),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first component, which names the META file.
    #[must_use]
    pub fn main(&self) -> &str {
        if self.as_str() == "." {
            return ".";
        }
        self.components().next().unwrap_or_default()
    }

    /// The components between the dots, empty ones left out.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('.').filter(|component| !component.is_empty())
    }
}

impl FromStr for LibName {
    type Err = Error;

    fn from_str(text: &str) -> Result<LibName, Error> {
        LibName::new(text)
    }
}

impl fmt::Display for LibName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LibName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Borrow<str> for LibName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for LibName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for LibName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<LibName, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        LibName::new(&text).map_err(serde::de::Error::custom)
    }
}
