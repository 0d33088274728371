//! Pointers: OCaml shares by itself, so each stands for what it points to.

use std::rc::Rc;
use std::sync::Arc;

use super::containers::check_depth;
use crate::convert::{Carver, Error, FromOcaml, Heap, Leaf, Meter, OcamlType, Ref, Stack, ToOcaml};
use crate::describe::{TypeExpression, Types};

macro_rules! pointers {
    ($($pointer:ty;)*) => {$(
        // SAFETY: as for the type pointed to.
        #[expect(unsafe_code, reason = "the trait is unsafe to implement; see its contract")]
        unsafe impl<T: OcamlType + ?Sized> OcamlType for $pointer {
            const IS_FLOAT: bool = T::IS_FLOAT;
            const OF_INSTANCE: bool = T::OF_INSTANCE;
            const IS_PLAIN: bool = T::IS_PLAIN;

            fn describe(types: &mut Types) -> TypeExpression {
                T::describe(types)
            }
        }

        impl<T: ToOcaml + ?Sized> ToOcaml for $pointer {
            const LEAF: bool = T::LEAF;
            const IMMEDIATE: bool = T::IMMEDIATE;

            #[inline]
            fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
                check_depth()?;
                T::push_to(self, stack)
            }

            #[inline(always)]
            fn leaf(&self, heap: Heap<'_>) -> Result<Leaf, Error> {
                T::leaf(self, heap)
            }

            #[inline(always)]
            fn measure(&self, meter: &mut Meter) {
                if !meter.is_full() {
                    T::measure(self, meter);
                }
            }

            #[inline(always)]
            fn carve(&self, carver: &mut Carver) -> Result<Leaf, Error> {
                T::carve(self, carver)
            }

            #[inline(always)]
            fn as_float(&self) -> f64 {
                T::as_float(self)
            }
        }
    )*};
}

pointers! {
    &T;
    Rc<T>;
    Arc<T>;
}

// `Box<T>` is for sized types only: `Box<[T]>` is an array.
#[expect(
    unsafe_code,
    reason = "the trait is unsafe to implement; see its contract"
)]
// SAFETY: as for the type pointed to.
unsafe impl<T: OcamlType> OcamlType for Box<T> {
    const IS_FLOAT: bool = T::IS_FLOAT;
    const OF_INSTANCE: bool = T::OF_INSTANCE;

    fn describe(types: &mut Types) -> TypeExpression {
        T::describe(types)
    }
}

impl<T: ToOcaml> ToOcaml for Box<T> {
    #[inline]
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        check_depth()?;
        T::push_to(self, stack)
    }

    #[inline(always)]
    fn measure(&self, meter: &mut Meter) {
        if !meter.is_full() {
            T::measure(self, meter);
        }
    }

    #[inline(always)]
    fn carve(&self, carver: &mut Carver) -> Result<Leaf, Error> {
        T::carve(self, carver)
    }

    fn as_float(&self) -> f64 {
        T::as_float(self)
    }
}

macro_rules! read_pointers {
    ($($pointer:ident)*) => {$(
        impl<T: FromOcaml> FromOcaml for $pointer<T> {
            #[inline]
            fn read(value: Ref<'_>) -> Result<$pointer<T>, Error> {
                check_depth()?;
                T::read(value).map($pointer::new)
            }

            fn from_float(number: f64) -> Option<$pointer<T>> {
                T::from_float(number).map($pointer::new)
            }
        }
    )*};
}

read_pointers!(Box Rc Arc);
