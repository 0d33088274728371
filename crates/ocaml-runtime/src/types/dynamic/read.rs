//! Reading Rust values from a [`Dynamic`] with serde, and a [`Dynamic`] from other formats.

use std::collections::BTreeMap;
use std::fmt;

use ::serde::de::value::{MapDeserializer, SeqDeserializer};
use ::serde::de::{EnumAccess, IntoDeserializer, VariantAccess, Visitor};
use ::serde::{Deserialize, Deserializer};

use super::Dynamic;
use super::serde::Error;

impl<'de> Deserialize<'de> for Dynamic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Dynamic, D::Error> {
        deserializer.deserialize_any(DynamicVisitor)
    }
}

struct DynamicVisitor;

impl<'de> Visitor<'de> for DynamicVisitor {
    type Value = Dynamic;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of any shape")
    }

    fn visit_unit<E>(self) -> Result<Dynamic, E> {
        Ok(Dynamic::Null)
    }

    fn visit_none<E>(self) -> Result<Dynamic, E> {
        Ok(Dynamic::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Dynamic, D::Error> {
        Dynamic::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Dynamic, E> {
        Ok(Dynamic::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Dynamic, E> {
        Ok(Dynamic::Int(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Dynamic, E> {
        i64::try_from(value).map(Dynamic::Int).map_err(E::custom)
    }

    fn visit_f64<E>(self, value: f64) -> Result<Dynamic, E> {
        Ok(Dynamic::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Dynamic, E> {
        Ok(Dynamic::String(value.to_owned()))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut values: A) -> Result<Dynamic, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element()? {
            list.push(value);
        }
        Ok(Dynamic::List(list))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut values: A) -> Result<Dynamic, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((name, value)) = values.next_entry()? {
            map.insert(name, value);
        }
        Ok(Dynamic::Map(map))
    }
}

impl<'de> IntoDeserializer<'de, Error> for Dynamic {
    type Deserializer = Dynamic;

    fn into_deserializer(self) -> Dynamic {
        self
    }
}

impl<'de> Deserializer<'de> for Dynamic {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Dynamic::Null => visitor.visit_unit(),
            Dynamic::Bool(value) => visitor.visit_bool(value),
            Dynamic::Int(value) => visitor.visit_i64(value),
            Dynamic::Float(value) => visitor.visit_f64(value),
            Dynamic::String(value) => visitor.visit_string(value),
            Dynamic::List(values) => visitor.visit_seq(SeqDeserializer::new(values.into_iter())),
            Dynamic::Map(values) => visitor.visit_map(MapDeserializer::new(values.into_iter())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Dynamic::Null => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let (name, content) = match self {
            Dynamic::String(name) => (name, Dynamic::Null),
            Dynamic::Map(map) if map.len() == 1 => match map.into_iter().next() {
                Some(entry) => entry,
                None => return Err(Error::new("expected a variant")),
            },
            _ => {
                return Err(Error::new(
                    "expected a variant's name, or a map from it to its content",
                ));
            }
        };
        visitor.visit_enum(Variant { name, content })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A variant being read.
struct Variant {
    name: String,
    content: Dynamic,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = Error;
    type Variant = Dynamic;

    fn variant_seed<V: serde::de::DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Dynamic), Error> {
        let name = seed.deserialize(Dynamic::String(self.name))?;
        Ok((name, self.content))
    }
}

impl<'de> VariantAccess<'de> for Dynamic {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        self.deserialize_into()
    }

    fn newtype_variant_seed<T: serde::de::DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }
}
