//! Bigarrays of one dimension, copied or shared.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use crate::convert::{Error, FromOcaml, OcamlType, Ref, Stack, ToOcaml};
use crate::describe::{TypeExpression, Types};
use crate::runtime::Runtime;
use crate::sys::{frame, reader, thread};
use crate::value::Value;

/// A `Bigarray.Array1.t` in C layout, whose elements are copied. See [`SharedBigarray`] for one that is not.
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
pub trait Element: Copy + Send + Sync + sealed::Number + 'static {}

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

/// A `Bigarray.Array1.t` in C layout whose memory Rust and OCaml share: nothing is copied, and each sees what the
/// other writes.
///
/// As an argument or a result it is OCaml's bigarray, kept by Rust; [`Runtime::share`] makes one of a vector, without
/// copying it. The memory goes when neither side holds the bigarray or a part of it (`Bigarray.Array1.sub`).
///
/// ```no_run
/// # fn example(runtime: ocaml_runtime::Runtime, module: ocaml_runtime::Module)
/// #     -> Result<(), Box<dyn std::error::Error>> {
/// use ocaml_runtime::Function;
/// use ocaml_runtime::types::SharedBigarray;
///
/// let smooth: Function<(SharedBigarray<f64>,), ()> = module.function("smooth")?;
/// let signal = runtime.share(vec![0.0, 1.0, 0.0])?;
/// smooth.call((&signal,))?;
/// let peak = signal.with(|numbers| numbers.iter().map(|n| n.get()).fold(0.0, f64::max))?;
/// # Ok(())
/// # }
/// ```
pub struct SharedBigarray<T> {
    value: Value,
    of: PhantomData<fn() -> T>,
}

impl<T: Element> SharedBigarray<T> {
    /// Runs `body` with the elements, where they are. The thread holds the runtime lock meanwhile, also in
    /// [`Runtime::blocking`], so that nobody else writes; a call into OCaml may.
    ///
    /// OCaml code that writes without the lock, in another domain of OCaml 5 or in a C function that gave the lock
    /// up, must not do so at the same time.
    ///
    /// # Errors
    /// The memory is that of a file mapped at a position that is no multiple of an element's size.
    pub fn with<R>(&self, body: impl FnOnce(&[Cell<T>]) -> R) -> Result<R, Error> {
        let held = thread::enter(self.value.image());
        let elements = Ref::new(&held, self.value.raw(&held)).shared(T::KIND)?;
        let _kept = thread::keep_lock();
        Ok(body(elements))
    }

    /// A copy of the elements, as they are now.
    ///
    /// # Errors
    /// As [`SharedBigarray::with`].
    pub fn to_vec(&self) -> Result<Vec<T>, Error> {
        self.with(|elements| elements.iter().map(Cell::get).collect())
    }

    /// The number of elements.
    ///
    /// # Errors
    /// As [`SharedBigarray::with`].
    pub fn len(&self) -> Result<usize, Error> {
        self.with(<[Cell<T>]>::len)
    }

    /// Whether there are no elements.
    ///
    /// # Errors
    /// As [`SharedBigarray::with`].
    pub fn is_empty(&self) -> Result<bool, Error> {
        self.with(<[Cell<T>]>::is_empty)
    }
}

impl<T> Clone for SharedBigarray<T> {
    /// Another handle to the same memory.
    fn clone(&self) -> SharedBigarray<T> {
        SharedBigarray {
            value: self.value.clone(),
            of: PhantomData,
        }
    }
}

impl<T> fmt::Debug for SharedBigarray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedBigarray").finish_non_exhaustive()
    }
}

impl Runtime {
    /// The vector's memory as a bigarray, without copying: see [`SharedBigarray`].
    ///
    /// # Errors
    /// OCaml has no memory left for the handle.
    pub fn share<T: Element>(self, numbers: Vec<T>) -> Result<SharedBigarray<T>, Error> {
        let held = thread::enter(self.image());
        let ([raw], _) = frame::build(&held, |stack| stack.push_shared(T::KIND, numbers))?;
        Ok(SharedBigarray {
            value: Value::keep(reader::Ref::new(&held, raw)),
            of: PhantomData,
        })
    }
}

#[expect(
    unsafe_code,
    reason = "the trait is unsafe to implement; see its contract"
)]
// SAFETY: made and read with the kind that the text names.
unsafe impl<T: Element> OcamlType for SharedBigarray<T> {
    fn describe(types: &mut Types) -> TypeExpression {
        Bigarray::<T>::describe(types)
    }
}

impl<T: Element> ToOcaml for SharedBigarray<T> {
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        self.value.push_to(stack, false)
    }
}

impl<T: Element> FromOcaml for SharedBigarray<T> {
    fn read(value: Ref<'_>) -> Result<SharedBigarray<T>, Error> {
        value.shared::<T>(T::KIND)?;
        Ok(SharedBigarray {
            value: Value::keep(value),
            of: PhantomData,
        })
    }
}
