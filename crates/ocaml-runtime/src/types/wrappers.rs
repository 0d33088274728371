//! Wrappers that choose another OCaml type than a Rust type's own.

use super::containers::{applied, push_array, read_array};
use super::numbers::named;
use crate::convert::{Error, FromOcaml, Kind, OcamlType, Ref, Stack, ToOcaml};
use crate::describe::{TypeExpression, Types};

/// OCaml `int64`: all 64 bits, boxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Int64(pub i64);

/// OCaml `int32`, boxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Int32(pub i32);

/// OCaml `nativeint`: a machine word, boxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nativeint(pub isize);

/// OCaml `Uchar.t`: any Unicode character. (A plain Rust `char` is an OCaml `char`, which is one byte.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uchar(pub char);

/// OCaml `array`; a flat one for floats. (A plain `Vec` is a `list`.)
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Array<T>(pub Vec<T>);

named! {
    Int64 => "int64";
    Int32 => "int32";
    Nativeint => "nativeint";
    Uchar => "Uchar.t";
}

applied! {
    [T: OcamlType] Array<T> => "array" T;
}

macro_rules! boxed {
    ($($rust:ident $push:ident $read:ident;)*) => {$(
        impl ToOcaml for $rust {
            fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
                stack.$push(self.0);
                Ok(())
            }
        }

        impl FromOcaml for $rust {
            fn read(value: Ref<'_>) -> Result<$rust, Error> {
                value.$read().map($rust)
            }
        }
    )*};
}

boxed! {
    Int64 push_int64 int64;
    Int32 push_int32 int32;
    Nativeint push_nativeint nativeint;
}

impl ToOcaml for Uchar {
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        stack.push_int(i64::from(u32::from(self.0)))
    }
}

impl FromOcaml for Uchar {
    fn read(value: Ref<'_>) -> Result<Uchar, Error> {
        let number = value.int()?;
        let character = u32::try_from(number).ok().and_then(char::from_u32);
        character
            .map(Uchar)
            .ok_or_else(|| Error::new(Kind::IntRange(i128::from(number))))
    }
}

impl<T: ToOcaml> ToOcaml for Array<T> {
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        push_array(&self.0, stack)
    }
}

impl<T: FromOcaml> FromOcaml for Array<T> {
    fn read(value: Ref<'_>) -> Result<Array<T>, Error> {
        read_array(value).map(Array)
    }
}
