//! Other OCaml types for a field, an argument or a result than its own: `#[ocaml(as = "...")]`.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use crate::convert::{Error, FromOcaml, Kind, OcamlType, Ref, Stack, ToOcaml};
use crate::describe::{TypeExpression, Types};
use crate::types::containers::{push_array, push_list, read_array};
use crate::types::ordered::{MapKey, push_map, push_set};
use crate::types::{Map as OcamlMap, Set as OcamlSet, wrappers};

/// The OCaml type that stands for `T`.
#[diagnostic::on_unimplemented(message = "`{T}` cannot be written as this OCaml type")]
pub trait AdaptType<T: ?Sized> {
    /// As of [`OcamlType`].
    const OF_INSTANCE: bool = false;

    /// The OCaml type.
    fn describe(types: &mut Types) -> TypeExpression;
}

/// Pushes a `T` in another OCaml type.
#[diagnostic::on_unimplemented(message = "`{T}` cannot be written as this OCaml type")]
pub trait AdaptTo<T: ?Sized>: AdaptType<T> {
    /// As [`ToOcaml::push_to`].
    ///
    /// # Errors
    /// The value does not fit.
    fn push_to(value: &T, stack: &mut Stack<'_>) -> Result<(), Error>;
}

/// Reads a `T` from another OCaml type.
#[diagnostic::on_unimplemented(message = "`{T}` cannot be written as this OCaml type")]
pub trait AdaptFrom<T>: AdaptType<T> {
    /// As [`FromOcaml::read`].
    ///
    /// # Errors
    /// The value does not fit.
    fn read(value: Ref<'_>) -> Result<T, Error>;
}

/// An argument in another OCaml type.
#[derive(Debug)]
pub struct Given<'a, A, T: ?Sized> {
    value: &'a T,
    adapter: PhantomData<fn() -> A>,
}

impl<'a, A, T: ?Sized> Given<'a, A, T> {
    /// `value`, as `A` writes it.
    #[inline]
    pub fn new(value: &'a T) -> Given<'a, A, T> {
        let adapter = PhantomData;
        Given { value, adapter }
    }

    fn value(&self) -> &T {
        self.value
    }
}

/// A result in another OCaml type.
#[derive(Debug)]
pub struct Taken<A, T> {
    value: T,
    adapter: PhantomData<fn() -> A>,
}

impl<A, T> Taken<A, T> {
    /// `value`, as `A` writes it.
    #[inline]
    pub fn new(value: T) -> Taken<A, T> {
        let adapter = PhantomData;
        Taken { value, adapter }
    }

    fn value(&self) -> &T {
        &self.value
    }

    /// The value.
    #[inline]
    pub fn into_inner(self) -> T {
        self.value
    }
}

macro_rules! adapted {
    ($([$($generics:tt)*] $adapted:ty;)*) => {$(
        // SAFETY: the adapters below write and read the type that they describe.
        #[expect(unsafe_code, reason = "the trait is unsafe to implement; see its contract")]
        unsafe impl<$($generics)*> OcamlType for $adapted
        where
            A: AdaptType<T>,
        {
            const OF_INSTANCE: bool = A::OF_INSTANCE;

            fn describe(types: &mut Types) -> TypeExpression {
                A::describe(types)
            }
        }

        impl<$($generics)*> ToOcaml for $adapted
        where
            A: AdaptTo<T>,
        {
            fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
                A::push_to(self.value(), stack)
            }
        }
    )*};
}

adapted! {
    [A, T: ?Sized] Given<'_, A, T>;
    [A, T] Taken<A, T>;
}

impl<A: AdaptFrom<T>, T> FromOcaml for Taken<A, T> {
    fn read(value: Ref<'_>) -> Result<Taken<A, T>, Error> {
        A::read(value).map(Taken::new)
    }
}

macro_rules! integers {
    ($($(#[$doc:meta])* $adapter:ident $ocaml:literal $number:ty, $push:ident $read:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $adapter;

        impl<T> AdaptType<T> for $adapter {
            fn describe(_types: &mut Types) -> TypeExpression {
                TypeExpression::name($ocaml)
            }
        }

        impl<T: Copy + TryInto<$number> + TryInto<i128>> AdaptTo<T> for $adapter {
            fn push_to(value: &T, stack: &mut Stack<'_>) -> Result<(), Error> {
                let number: $number = (*value).try_into().map_err(|_| out_of_range((*value).try_into().ok()))?;
                stack.$push(number);
                Ok(())
            }
        }

        impl<T: TryFrom<$number>> AdaptFrom<T> for $adapter {
            fn read(value: Ref<'_>) -> Result<T, Error> {
                let number = value.$read()?;
                T::try_from(number).map_err(|_| out_of_range(i128::try_from(number).ok()))
            }
        }
    )*};
}

#[cold]
fn out_of_range(number: Option<i128>) -> Error {
    Error::new(Kind::IntRange(number.unwrap_or(i128::MAX)))
}

integers! {
    /// An integer as `int64`.
    Int64 "int64" i64, push_int64 int64;
    /// An integer as `int32`.
    Int32 "int32" i32, push_int32 int32;
    /// An integer as `nativeint`.
    Nativeint "nativeint" isize, push_nativeint nativeint;
}

/// A `char` as `Uchar.t`.
#[derive(Debug)]
pub struct Uchar;

impl AdaptType<char> for Uchar {
    fn describe(types: &mut Types) -> TypeExpression {
        wrappers::Uchar::describe(types)
    }
}

impl AdaptTo<char> for Uchar {
    fn push_to(value: &char, stack: &mut Stack<'_>) -> Result<(), Error> {
        wrappers::Uchar(*value).push_to(stack)
    }
}

impl AdaptFrom<char> for Uchar {
    fn read(value: Ref<'_>) -> Result<char, Error> {
        wrappers::Uchar::read(value).map(|character| character.0)
    }
}

/// Elements in a row, as `list` or `array`.
pub trait Sequence: Sized {
    /// The elements' type.
    type Element;
    /// All elements.
    fn elements(&self) -> &[Self::Element];
    /// The sequence of these elements.
    ///
    /// # Errors
    /// The number of elements is fixed, and another.
    fn collect(elements: Vec<Self::Element>) -> Result<Self, Error>;
}

macro_rules! sequences {
    ($([$($generics:tt)*] $sequence:ty, $elements:ident => $collect:expr;)*) => {$(
        impl<$($generics)*> Sequence for $sequence {
            type Element = T;

            fn elements(&self) -> &[T] {
                self
            }

            fn collect($elements: Vec<T>) -> Result<Self, Error> {
                $collect
            }
        }
    )*};
}

sequences! {
    [T] Vec<T>, elements => Ok(elements);
    [T] Box<[T]>, elements => Ok(elements.into());
    [T] Rc<[T]>, elements => Ok(elements.into());
    [T] Arc<[T]>, elements => Ok(elements.into());
    [T, const N: usize] [T; N], elements => {
        let found = elements.len();
        elements.try_into().map_err(|_| Error::new(Kind::Length { expected: N, found }))
    };
}

/// A sequence as `array`; a flat one for floats.
#[derive(Debug)]
pub struct Array;

impl<S: Sequence<Element: OcamlType>> AdaptType<S> for Array {
    const OF_INSTANCE: bool = S::Element::OF_INSTANCE;

    fn describe(types: &mut Types) -> TypeExpression {
        TypeExpression::apply("array", [S::Element::describe(types)])
    }
}

impl<S: Sequence<Element: ToOcaml>> AdaptTo<S> for Array {
    fn push_to(value: &S, stack: &mut Stack<'_>) -> Result<(), Error> {
        push_array(value.elements(), stack)
    }
}

impl<S: Sequence<Element: FromOcaml>> AdaptFrom<S> for Array {
    fn read(value: Ref<'_>) -> Result<S, Error> {
        S::collect(read_array(value)?)
    }
}

impl<T: OcamlType> AdaptType<[T]> for Array {
    const OF_INSTANCE: bool = T::OF_INSTANCE;

    fn describe(types: &mut Types) -> TypeExpression {
        TypeExpression::apply("array", [T::describe(types)])
    }
}

impl<T: ToOcaml> AdaptTo<[T]> for Array {
    fn push_to(value: &[T], stack: &mut Stack<'_>) -> Result<(), Error> {
        push_array(value, stack)
    }
}

/// A sequence as `list`.
#[derive(Debug)]
pub struct List;

impl<S: Sequence<Element: OcamlType>> AdaptType<S> for List {
    const OF_INSTANCE: bool = S::Element::OF_INSTANCE;

    fn describe(types: &mut Types) -> TypeExpression {
        TypeExpression::apply("list", [S::Element::describe(types)])
    }
}

impl<S: Sequence<Element: ToOcaml>> AdaptTo<S> for List {
    fn push_to(value: &S, stack: &mut Stack<'_>) -> Result<(), Error> {
        push_list(value.elements(), stack)
    }
}

impl<S: Sequence<Element: FromOcaml>> AdaptFrom<S> for List {
    fn read(value: Ref<'_>) -> Result<S, Error> {
        S::collect(Vec::read(value)?)
    }
}

macro_rules! byte_strings {
    ($($(#[$doc:meta])* $adapter:ident $ocaml:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $adapter;

        impl<S: Sequence<Element = u8>> AdaptType<S> for $adapter {
            fn describe(_types: &mut Types) -> TypeExpression {
                TypeExpression::name($ocaml)
            }
        }

        impl<S: Sequence<Element = u8>> AdaptTo<S> for $adapter {
            fn push_to(value: &S, stack: &mut Stack<'_>) -> Result<(), Error> {
                stack.push_bytes(value.elements())
            }
        }

        impl AdaptType<[u8]> for $adapter {
            fn describe(_types: &mut Types) -> TypeExpression {
                TypeExpression::name($ocaml)
            }
        }

        impl AdaptTo<[u8]> for $adapter {
            fn push_to(value: &[u8], stack: &mut Stack<'_>) -> Result<(), Error> {
                stack.push_bytes(value)
            }
        }

        impl<S: Sequence<Element = u8>> AdaptFrom<S> for $adapter {
            fn read(value: Ref<'_>) -> Result<S, Error> {
                S::collect(value.bytes()?.to_vec())
            }
        }
    )*};
}

byte_strings! {
    /// Bytes as `bytes`.
    Bytes "bytes";
    /// Bytes as `string`.
    RawString "string";
}

/// A `BTreeMap` as `Map.Make(K).t`.
#[derive(Debug)]
pub struct Map;

impl<K: MapKey, V: OcamlType> AdaptType<BTreeMap<K, V>> for Map {
    const OF_INSTANCE: bool = V::OF_INSTANCE;

    fn describe(types: &mut Types) -> TypeExpression {
        OcamlMap::<K, V>::describe(types)
    }
}

impl<K: MapKey, V: ToOcaml> AdaptTo<BTreeMap<K, V>> for Map {
    fn push_to(value: &BTreeMap<K, V>, stack: &mut Stack<'_>) -> Result<(), Error> {
        push_map(value, stack)
    }
}

impl<K: MapKey, V: FromOcaml> AdaptFrom<BTreeMap<K, V>> for Map {
    fn read(value: Ref<'_>) -> Result<BTreeMap<K, V>, Error> {
        OcamlMap::read(value).map(|map| map.0)
    }
}

/// A `BTreeSet` as `Set.Make(K).t`.
#[derive(Debug)]
pub struct Set;

impl<K: MapKey> AdaptType<BTreeSet<K>> for Set {
    fn describe(types: &mut Types) -> TypeExpression {
        OcamlSet::<K>::describe(types)
    }
}

impl<K: MapKey> AdaptTo<BTreeSet<K>> for Set {
    fn push_to(value: &BTreeSet<K>, stack: &mut Stack<'_>) -> Result<(), Error> {
        push_set(value, stack)
    }
}

impl<K: MapKey> AdaptFrom<BTreeSet<K>> for Set {
    fn read(value: Ref<'_>) -> Result<BTreeSet<K>, Error> {
        OcamlSet::read(value).map(|set| set.0)
    }
}
