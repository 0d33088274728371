//! Making a [`Dynamic`] of Rust values with serde, and other formats of a [`Dynamic`].

use std::collections::BTreeMap;

use ::serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use ::serde::{Serialize, Serializer};

use super::Dynamic;
use super::serde::Error;

impl Serialize for Dynamic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Dynamic::Null => serializer.serialize_unit(),
            Dynamic::Bool(value) => serializer.serialize_bool(*value),
            Dynamic::Int(value) => serializer.serialize_i64(*value),
            Dynamic::Float(value) => serializer.serialize_f64(*value),
            Dynamic::String(value) => serializer.serialize_str(value),
            Dynamic::List(values) => values.serialize(serializer),
            Dynamic::Map(values) => values.serialize(serializer),
        }
    }
}

/// Makes a [`Dynamic`] of what serde gives it.
pub(super) struct Writer;

/// A list, a map or a variant being made.
#[derive(Default)]
pub(super) struct Parts {
    variant: Option<&'static str>,
    list: Vec<Dynamic>,
    map: BTreeMap<String, Dynamic>,
    key: Option<String>,
}

impl Parts {
    fn of(variant: &'static str) -> Parts {
        Parts {
            variant: Some(variant),
            ..Parts::default()
        }
    }

    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.list.push(value.serialize(Writer)?);
        Ok(())
    }

    fn insert<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.map.insert(name.to_owned(), value.serialize(Writer)?);
        Ok(())
    }

    fn into_list(self) -> Dynamic {
        named(self.variant, Dynamic::List(self.list))
    }

    fn into_map(self) -> Dynamic {
        named(self.variant, Dynamic::Map(self.map))
    }
}

fn named(variant: Option<&str>, content: Dynamic) -> Dynamic {
    match variant {
        None => content,
        Some(name) => Dynamic::Map(BTreeMap::from([(name.to_owned(), content)])),
    }
}

macro_rules! integers {
    ($($method:ident $of:ty),*) => {$(
        fn $method(self, value: $of) -> Result<Dynamic, Error> {
            i64::try_from(value)
                .map(Dynamic::Int)
                .map_err(|_| Error::new(format!("the integer {value} has more than 64 bits")))
        }
    )*};
}

impl Serializer for Writer {
    type Ok = Dynamic;
    type Error = Error;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    integers!(
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_u128 u128
    );

    fn serialize_bool(self, value: bool) -> Result<Dynamic, Error> {
        Ok(Dynamic::Bool(value))
    }

    fn serialize_f32(self, value: f32) -> Result<Dynamic, Error> {
        Ok(Dynamic::Float(f64::from(value)))
    }

    fn serialize_f64(self, value: f64) -> Result<Dynamic, Error> {
        Ok(Dynamic::Float(value))
    }

    fn serialize_char(self, value: char) -> Result<Dynamic, Error> {
        Ok(Dynamic::String(value.to_string()))
    }

    fn serialize_str(self, value: &str) -> Result<Dynamic, Error> {
        Ok(Dynamic::String(value.to_owned()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Dynamic, Error> {
        Ok(Dynamic::List(
            value
                .iter()
                .map(|byte| Dynamic::Int(i64::from(*byte)))
                .collect(),
        ))
    }

    fn serialize_none(self) -> Result<Dynamic, Error> {
        Ok(Dynamic::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Dynamic, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Dynamic, Error> {
        Ok(Dynamic::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Dynamic, Error> {
        Ok(Dynamic::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Dynamic, Error> {
        Ok(Dynamic::String(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Dynamic, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Dynamic, Error> {
        Ok(named(Some(variant), value.serialize(Writer)?))
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Parts, Error> {
        Ok(Parts::default())
    }

    fn serialize_tuple(self, _length: usize) -> Result<Parts, Error> {
        Ok(Parts::default())
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Parts, Error> {
        Ok(Parts::default())
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Parts, Error> {
        Ok(Parts::of(variant))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Parts, Error> {
        Ok(Parts::default())
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Parts, Error> {
        Ok(Parts::default())
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Parts, Error> {
        Ok(Parts::of(variant))
    }
}

macro_rules! lists {
    ($($of:ident $method:ident)*) => {$(
        impl $of for Parts {
            type Ok = Dynamic;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.add(value)
            }

            fn end(self) -> Result<Dynamic, Error> {
                Ok(self.into_list())
            }
        }
    )*};
}

lists! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

macro_rules! structs {
    ($($of:ident)*) => {$(
        impl $of for Parts {
            type Ok = Dynamic;
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.insert(name, value)
            }

            fn end(self) -> Result<Dynamic, Error> {
                Ok(self.into_map())
            }
        }
    )*};
}

structs!(SerializeStruct SerializeStructVariant);

impl SerializeMap for Parts {
    type Ok = Dynamic;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = match key.serialize(Writer)? {
            Dynamic::String(key) => Some(key),
            Dynamic::Int(key) => Some(key.to_string()),
            _ => return Err(Error::new("a map's keys are strings or integers")),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let key = self
            .key
            .take()
            .ok_or_else(|| Error::new("a map's value came before its key"))?;
        self.insert(&key, value)
    }

    fn end(self) -> Result<Dynamic, Error> {
        Ok(self.into_map())
    }
}
