//! `string` and `bytes`.

use std::borrow::Cow;

use super::numbers::named;
use crate::convert::{
    Carver, Error, FromOcaml, Heap, Kind, Leaf, Meter, OcamlType, Ref, Stack, ToOcaml,
};
use crate::describe::{TypeExpression, Types};

/// OCaml `bytes`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub Vec<u8>);

/// An OCaml `string` of any bytes: OCaml does not ask that a string be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RawString(pub Vec<u8>);

named! {
    str => "string";
    String => "string";
    Cow<'_, str> => "string";
    Bytes => "bytes";
    RawString => "string";
}

macro_rules! to_bytes {
    ($($rust:ty, $value:ident => $bytes:expr;)*) => {$(
        impl ToOcaml for $rust {
            const LEAF: bool = true;

            #[inline]
            fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
                let $value = self;
                stack.push_bytes($bytes)
            }

            #[inline(always)]
            fn leaf(&self, heap: Heap<'_>) -> Result<Leaf, Error> {
                let $value = self;
                heap.bytes($bytes)
            }

            #[inline(always)]
            fn measure(&self, meter: &mut Meter) {
                let $value = self;
                meter.bytes($bytes.len());
            }

            #[inline(always)]
            fn carve(&self, carver: &mut Carver) -> Result<Leaf, Error> {
                let $value = self;
                carver.bytes($bytes)
            }
        }
    )*};
}

to_bytes! {
    str, value => value.as_bytes();
    String, value => value.as_bytes();
    Cow<'_, str>, value => value.as_bytes();
    Bytes, value => &value.0;
    RawString, value => &value.0;
}

impl FromOcaml for String {
    #[inline]
    fn read(value: Ref<'_>) -> Result<String, Error> {
        Ok(text(value)?.to_owned())
    }
}

impl FromOcaml for Cow<'_, str> {
    fn read(value: Ref<'_>) -> Result<Self, Error> {
        Ok(Cow::Owned(text(value)?.to_owned()))
    }
}

impl FromOcaml for Bytes {
    fn read(value: Ref<'_>) -> Result<Bytes, Error> {
        Ok(Bytes(value.bytes()?.to_vec()))
    }
}

impl FromOcaml for RawString {
    fn read(value: Ref<'_>) -> Result<RawString, Error> {
        Ok(RawString(value.bytes()?.to_vec()))
    }
}

#[inline]
fn text<'a>(value: Ref<'a>) -> Result<&'a str, Error> {
    std::str::from_utf8(value.bytes()?).map_err(|error| {
        Error::new(Kind::Utf8 {
            valid_up_to: error.valid_up_to(),
        })
    })
}
