//! Serialised forms: a code is its name, a set is a list of names.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
};

use crate::{Code, CodeSet, Wanted};

/// A code is its name: `"byte"`, `"native"` or `"wasm"`.
impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
        struct CodeVisitor;

        impl Visitor<'_> for CodeVisitor {
            type Value = Code;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the name of a code")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Code, E> {
                name.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(CodeVisitor)
    }
}

/// A set is the list of the names of its elements, in order.
impl Serialize for CodeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de> Deserialize<'de> for CodeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<CodeSet, D::Error> {
        struct SetVisitor;

        impl<'de> Visitor<'de> for SetVisitor {
            type Value = CodeSet;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of names of codes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<CodeSet, A::Error> {
                let mut set = CodeSet::NONE;
                while let Some(code) = names.next_element()? {
                    set.insert(code);
                }
                Ok(set)
            }
        }

        deserializer.deserialize_seq(SetVisitor)
    }
}

/// What is wanted is `"auto"` or a list of names.
impl Serialize for Wanted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Wanted::Auto => serializer.serialize_str("auto"),
            Wanted::Codes(codes) => serializer.collect_seq(codes),
        }
    }
}

/// The text of a [`Wanted`] or a list of names, from a format that tells the two apart.
impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Wanted, D::Error> {
        struct WantedVisitor;

        impl<'de> Visitor<'de> for WantedVisitor {
            type Value = Wanted;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("`auto` or a list of names of codes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Wanted, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Wanted, A::Error> {
                let mut codes = Vec::new();
                while let Some(code) = names.next_element()? {
                    codes.push(code);
                }
                Ok(Wanted::Codes(codes))
            }
        }

        deserializer.deserialize_any(WantedVisitor)
    }
}
