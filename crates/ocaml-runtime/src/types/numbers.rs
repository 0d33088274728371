//! `unit`, `bool`, `char`, `int`, `float`.

use crate::convert::{
    Carver, Error, FromOcaml, Heap, Kind, Leaf, Meter, OcamlType, Ref, Stack, ToOcaml,
};
use crate::describe::{TypeExpression, Types};

/// Implements [`OcamlType`] for types whose OCaml type is a name and whose conversions are in this crate.
macro_rules! named {
    ($($rust:ty => $ocaml:literal;)*) => {$(
        // SAFETY: the implementations of `ToOcaml` and `FromOcaml` in this module use this type's layout.
        #[expect(unsafe_code, reason = "the trait is unsafe to implement; see its contract")]
        unsafe impl OcamlType for $rust {
            const IS_PLAIN: bool = true;

            fn describe(_types: &mut Types) -> TypeExpression {
                TypeExpression::name($ocaml)
            }
        }
    )*};
}
pub(super) use named;

named! {
    () => "unit";
    bool => "bool";
    char => "char";
    i8 => "int";
    i16 => "int";
    i32 => "int";
    i64 => "int";
    isize => "int";
    u8 => "int";
    u16 => "int";
    u32 => "int";
    u64 => "int";
    usize => "int";
}

impl ToOcaml for () {
    const LEAF: bool = true;
    const IMMEDIATE: bool = true;

    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        stack.push_unit();
        Ok(())
    }

    #[inline(always)]
    fn leaf(&self, heap: Heap<'_>) -> Result<Leaf, Error> {
        heap.int(0)
    }

    #[inline(always)]
    fn measure(&self, _meter: &mut Meter) {}

    #[inline(always)]
    fn carve(&self, _carver: &mut Carver) -> Result<Leaf, Error> {
        Leaf::int(0)
    }
}

impl FromOcaml for () {
    fn read(value: Ref<'_>) -> Result<(), Error> {
        value.int().map(drop)
    }
}

impl ToOcaml for bool {
    const LEAF: bool = true;
    const IMMEDIATE: bool = true;

    #[inline]
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        stack.push_bool(*self);
        Ok(())
    }

    #[inline(always)]
    fn leaf(&self, heap: Heap<'_>) -> Result<Leaf, Error> {
        heap.int(i64::from(*self))
    }

    #[inline(always)]
    fn measure(&self, _meter: &mut Meter) {}

    #[inline(always)]
    fn carve(&self, _carver: &mut Carver) -> Result<Leaf, Error> {
        Leaf::int(i64::from(*self))
    }
}

impl FromOcaml for bool {
    #[inline]
    fn read(value: Ref<'_>) -> Result<bool, Error> {
        match value.int()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Error::new(Kind::IntRange(i128::from(other)))),
        }
    }
}

/// An OCaml `char` is one byte; as a Rust `char` it is the first 256 code points.
impl ToOcaml for char {
    const LEAF: bool = true;
    const IMMEDIATE: bool = true;

    #[inline]
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        stack.push_int(byte(*self)?)
    }

    #[inline(always)]
    fn leaf(&self, heap: Heap<'_>) -> Result<Leaf, Error> {
        heap.int(byte(*self)?)
    }

    #[inline(always)]
    fn measure(&self, _meter: &mut Meter) {}

    #[inline(always)]
    fn carve(&self, _carver: &mut Carver) -> Result<Leaf, Error> {
        Leaf::int(byte(*self)?)
    }
}

fn byte(c: char) -> Result<i64, Error> {
    u8::try_from(c)
        .map(i64::from)
        .map_err(|_| Error::new(Kind::CharRange(u32::from(c))))
}

impl FromOcaml for char {
    #[inline]
    fn read(value: Ref<'_>) -> Result<char, Error> {
        let number = value.int()?;
        u8::try_from(number)
            .map(char::from)
            .map_err(|_| Error::new(Kind::IntRange(i128::from(number))))
    }
}

macro_rules! integers {
    ($($rust:ty)*) => {$(
        impl ToOcaml for $rust {
            const LEAF: bool = true;
            const IMMEDIATE: bool = true;

            #[inline]
            fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
                stack.push_int(i64::try_from(*self).map_err(|_| out_of_range(*self as i128))?)
            }

            #[inline(always)]
            fn leaf(&self, heap: Heap<'_>) -> Result<Leaf, Error> {
                heap.int(i64::try_from(*self).map_err(|_| out_of_range(*self as i128))?)
            }

            #[inline(always)]
            fn measure(&self, _meter: &mut Meter) {}

            #[inline(always)]
            fn carve(&self, _carver: &mut Carver) -> Result<Leaf, Error> {
                Leaf::int(i64::try_from(*self).map_err(|_| out_of_range(*self as i128))?)
            }
        }

        impl FromOcaml for $rust {
            #[inline(always)]
            fn read(value: Ref<'_>) -> Result<$rust, Error> {
                let number = value.int()?;
                <$rust>::try_from(number).map_err(|_| out_of_range(i128::from(number)))
            }
        }
    )*};
}

#[cold]
fn out_of_range(number: i128) -> Error {
    Error::new(Kind::IntRange(number))
}

integers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

macro_rules! floats {
    ($($rust:ty, $elements:ident => $slice:expr;)*) => {$(
        // SAFETY: the implementations below use the layout of `float`.
        #[expect(unsafe_code, reason = "the trait is unsafe to implement; see its contract")]
        unsafe impl OcamlType for $rust {
            const IS_FLOAT: bool = true;
            const IS_PLAIN: bool = true;

            fn describe(_types: &mut Types) -> TypeExpression {
                TypeExpression::name("float")
            }
        }

        impl ToOcaml for $rust {
            const LEAF: bool = true;

            #[inline]
            fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
                stack.push_float(f64::from(*self));
                Ok(())
            }

            #[inline(always)]
            fn leaf(&self, heap: Heap<'_>) -> Result<Leaf, Error> {
                Ok(heap.float(f64::from(*self)))
            }

            #[inline(always)]
            fn measure(&self, meter: &mut Meter) {
                meter.block(1);
            }

            #[inline(always)]
            fn carve(&self, carver: &mut Carver) -> Result<Leaf, Error> {
                carver.float(f64::from(*self))
            }

            #[inline(always)]
            fn as_float(&self) -> f64 {
                f64::from(*self)
            }

            #[inline(always)]
            fn as_floats($elements: &[$rust]) -> Option<&[f64]> {
                $slice
            }
        }

        impl FromOcaml for $rust {
            #[inline]
            fn read(value: Ref<'_>) -> Result<$rust, Error> {
                Ok(value.float()? as $rust)
            }

            #[inline(always)]
            fn from_float(number: f64) -> Option<$rust> {
                Some(number as $rust)
            }
        }
    )*};
}

floats! {
    f32, _elements => None;
    f64, elements => Some(elements);
}
