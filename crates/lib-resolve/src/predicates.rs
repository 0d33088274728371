//! Predicates: the facts (`byte`, `native`, `mt` ...) under which META variables are looked up.

use crate::text;

/// A set of true predicates. A predicate that is not in the set is false.
///
/// Names are compared byte by byte, so case matters.
///
/// ```
/// use lib_resolve::Predicates;
/// let predicates = Predicates::parse("byte, mt");
/// assert!(predicates.contains("mt") && !predicates.contains("native"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct Predicates {
    names: Vec<Box<[u8]>>,
}

impl Predicates {
    /// No predicate holds.
    #[must_use]
    pub fn none() -> Predicates {
        Predicates::default()
    }

    /// The predicates named in `list`, separated by blanks or commas.
    #[must_use]
    pub fn parse(list: &str) -> Predicates {
        let mut predicates = Predicates::default();
        predicates.add_words(list.as_bytes());
        predicates
    }

    /// Adds the words of `list`, which blanks or commas separate.
    pub fn add_words(&mut self, list: &[u8]) {
        for word in text::words(list) {
            self.add(word);
        }
    }

    /// Adds one name as it is, even an empty one or one with blanks (`$OCAMLFIND_TOOLCHAIN` may be either).
    pub fn add(&mut self, name: &[u8]) {
        if !self.holds(name) {
            self.names.push(name.into());
        }
    }

    /// Takes a name out of the set.
    pub fn remove(&mut self, name: &str) {
        self.names.retain(|other| &**other != name.as_bytes());
    }

    /// Whether the predicate is true.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.holds(name.as_bytes())
    }

    /// The names in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter().map(|name| &**name)
    }

    pub(crate) fn holds(&self, name: &[u8]) -> bool {
        self.names.iter().any(|other| &**other == name)
    }
}

impl From<Vec<String>> for Predicates {
    fn from(names: Vec<String>) -> Predicates {
        let mut predicates = Predicates::default();
        for name in names {
            predicates.add(name.as_bytes());
        }
        predicates
    }
}

impl From<Predicates> for Vec<String> {
    fn from(predicates: Predicates) -> Vec<String> {
        predicates
            .names()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect()
    }
}
