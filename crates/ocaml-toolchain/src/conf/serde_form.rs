//! A configuration as a serialised map.

use super::{Conf, Fields};
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

impl Serialize for Conf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.fields())
    }
}

impl<'de> Deserialize<'de> for Conf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Map)
    }
}

struct Map;

impl<'de> Visitor<'de> for Map {
    type Value = Conf;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from the fields of an OCaml configuration to their values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Conf, A::Error> {
        let mut fields = Fields::default();
        let text = &mut fields.text;
        loop {
            let start = text.len();
            if map.next_key_seed(End(text))?.is_none() {
                break;
            }
            let middle = text.len();
            map.next_value_seed(End(text))?;
            fields.places.push([start, middle, text.len()]);
        }
        // What was serialised has been checked for contradictions.
        Conf::from_distinct(fields).map_err(A::Error::custom)
    }
}

/// Puts a string at the end of a text.
struct End<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for End<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for End<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.push_str(text);
        Ok(())
    }
}
