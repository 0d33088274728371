//! Tuples of two to ten parts.

use crate::convert::{Carver, Error, FromOcaml, Leaf, Meter, OcamlType, Ref, Stack, ToOcaml};
use crate::describe::{TypeExpression, Types};

macro_rules! tuples {
    ($($count:literal: $($name:ident $index:tt),*;)*) => {$(
        // SAFETY: a tuple is a block of tag 0 with one field for each part, also when all are floats.
        #[expect(unsafe_code, reason = "the trait is unsafe to implement; see its contract")]
        unsafe impl<$($name: OcamlType),*> OcamlType for ($($name,)*) {
            const OF_INSTANCE: bool = false $(|| $name::OF_INSTANCE)*;

            fn describe(types: &mut Types) -> TypeExpression {
                TypeExpression::tuple([$($name::describe(types)),*])
            }
        }

        impl<$($name: ToOcaml),*> ToOcaml for ($($name,)*) {
            fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
                $(self.$index.push_to(stack).map_err(|error| in_part(error, $index))?;)*
                stack.make_block(0, $count)
            }

            #[inline]
            fn measure(&self, meter: &mut Meter) {
                meter.block($count);
                $(self.$index.measure(meter);)*
            }

            #[inline]
            fn carve(&self, carver: &mut Carver) -> Result<Leaf, Error> {
                let parts = [$(self.$index.carve(carver).map_err(|error| in_part(error, $index))?),*];
                carver.block(0, parts)
            }
        }

        impl<$($name: FromOcaml),*> FromOcaml for ($($name,)*) {
            fn read(value: Ref<'_>) -> Result<Self, Error> {
                let parts = value.fields::<$count>(0)?;
                Ok(($($name::read(parts[$index]).map_err(|error| in_part(error, $index))?,)*))
            }
        }
    )*};
}

#[cold]
fn in_part(error: Error, index: usize) -> Error {
    error.within(format!("part {}", index + 1))
}

tuples! {
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
}
