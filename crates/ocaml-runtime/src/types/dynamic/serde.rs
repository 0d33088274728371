//! [`Dynamic`] from and to every type that serde knows.

use std::fmt;

use ::serde::Serialize;
use ::serde::de::DeserializeOwned;

use super::Dynamic;
use super::write::Writer;

/// A value that serde and [`Dynamic`] do not agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    pub(super) fn new(message: impl Into<String>) -> Error {
        Error(message.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error(message.to_string())
    }
}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error(message.to_string())
    }
}

impl Dynamic {
    /// The value as serde sees it: a struct is a map, an enum's variant is its name, or a map from its name to
    /// its content.
    ///
    /// ```
    /// use ocaml_runtime::types::Dynamic;
    ///
    /// let value = Dynamic::from_serialize(&vec![Some(1), None]).unwrap();
    /// assert_eq!(value, Dynamic::List(vec![Dynamic::Int(1), Dynamic::Null]));
    /// assert_eq!(value.deserialize_into::<Vec<Option<u8>>>().unwrap(), [Some(1), None]);
    /// ```
    ///
    /// # Errors
    /// An integer beyond 64 bits, a map whose keys are not strings, or the type's own refusal.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Dynamic, Error> {
        value.serialize(Writer)
    }

    /// The Rust value that this one describes.
    ///
    /// # Errors
    /// It does not have the type's shape.
    pub fn deserialize_into<T: DeserializeOwned>(self) -> Result<T, Error> {
        T::deserialize(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Point,
        Circle(f64),
        Line(i64, i64),
        Named {
            name: String,
            tags: Vec<Option<char>>,
        },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Drawing {
        shapes: Vec<Shape>,
        visible: bool,
        by_name: BTreeMap<String, u8>,
    }

    #[test]
    fn every_shape_survives_the_round_trip() {
        let drawing = Drawing {
            shapes: vec![
                Shape::Point,
                Shape::Circle(0.5),
                Shape::Line(-1, 2),
                Shape::Named {
                    name: "n".to_owned(),
                    tags: vec![Some('é'), None],
                },
            ],
            visible: true,
            by_name: BTreeMap::from([("a".to_owned(), 1)]),
        };
        let value = Dynamic::from_serialize(&drawing).unwrap();
        assert_eq!(Dynamic::from_serialize(&value).unwrap(), value);
        assert_eq!(value.clone().deserialize_into::<Dynamic>().unwrap(), value);
        assert_eq!(value.deserialize_into::<Drawing>().unwrap(), drawing);
    }

    #[test]
    fn an_integer_beyond_64_bits_is_refused() {
        let error = Dynamic::from_serialize(&u64::MAX).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the integer 18446744073709551615 has more than 64 bits"
        );
    }
}
