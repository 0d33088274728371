//! Bigarrays of one dimension.

use crate::convert::{Error, FromOcaml, OcamlType, Ref, Stack, ToOcaml};
use crate::describe::{TypeExpression, Types};

/// A `Bigarray.Array1.t` in C layout. Elements are copied: memory lent to OCaml could be kept by the plugin.
///
/// ```
/// use ocaml_runtime::{Interface, types::Bigarray};
///
/// let interface = Interface::builder("Signal")
///     .function::<(Bigarray<f32>,), f64>("energy")
///     .build()?;
/// assert!(interface.signature().contains("(float, Bigarray.float32_elt, Bigarray.c_layout) Bigarray.Array1.t"));
/// # Ok::<(), ocaml_runtime::interface::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bigarray<T>(pub Vec<T>);

/// A type of element of a [`Bigarray`].
pub trait Element: Copy + sealed::Number {}

mod sealed {
    /// A number without padding; the sizes are those of `caml/bigarray.h`.
    pub trait Number: Sized {
        /// `enum caml_ba_kind`.
        const KIND: i32;
        /// Type of an element, and name of its kind, in OCaml.
        const NAMES: (&'static str, &'static str);
        /// The bytes in memory.
        fn bytes(numbers: &[Self]) -> Vec<u8>;
        /// The numbers in these bytes.
        fn numbers(bytes: &[u8]) -> Vec<Self>;
    }
}

macro_rules! elements {
    ($($rust:ty: $kind:literal $of:literal $name:literal;)*) => {$(
        impl Element for $rust {}

        impl sealed::Number for $rust {
            const KIND: i32 = $kind;
            const NAMES: (&'static str, &'static str) = ($of, $name);

            fn bytes(numbers: &[$rust]) -> Vec<u8> {
                numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
            }

            fn numbers(bytes: &[u8]) -> Vec<$rust> {
                let (chunks, _) = bytes.as_chunks();
                chunks.iter().copied().map(<$rust>::from_ne_bytes).collect()
            }
        }
    )*};
}

elements! {
    f32: 0 "float" "float32_elt";
    f64: 1 "float" "float64_elt";
    i8: 2 "int" "int8_signed_elt";
    u8: 3 "int" "int8_unsigned_elt";
    i16: 4 "int" "int16_signed_elt";
    u16: 5 "int" "int16_unsigned_elt";
    i32: 6 "int32" "int32_elt";
    i64: 7 "int64" "int64_elt";
    isize: 9 "nativeint" "nativeint_elt";
}

#[expect(
    unsafe_code,
    reason = "the trait is unsafe to implement; see its contract"
)]
// SAFETY: pushed and read with the kind that the text names.
unsafe impl<T: Element> OcamlType for Bigarray<T> {
    fn describe(_types: &mut Types) -> TypeExpression {
        let (of, kind) = T::NAMES;
        let parts = [
            of.to_owned(),
            format!("Bigarray.{kind}"),
            "Bigarray.c_layout".to_owned(),
        ];
        TypeExpression::apply("Bigarray.Array1.t", parts.map(TypeExpression::name))
    }
}

impl<T: Element> ToOcaml for Bigarray<T> {
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        stack.push_bigarray(T::KIND, self.0.len(), &T::bytes(&self.0))
    }
}

impl<T: Element> FromOcaml for Bigarray<T> {
    fn read(value: Ref<'_>) -> Result<Bigarray<T>, Error> {
        let bytes = value.bigarray(T::KIND, size_of::<T>())?;
        Ok(Bigarray(T::numbers(bytes)))
    }
}
