//! `option`, `result`, `list` and `array`.

use crate::convert::{Carver, Error, FromOcaml, Kind, Leaf, Meter, OcamlType, Ref, Stack, ToOcaml};
use crate::describe::{TypeExpression, Types};
use crate::sys::stack_bounds;

/// Implements [`OcamlType`] for types whose OCaml type is a constructor applied to arguments.
macro_rules! applied {
    ($([$($generics:tt)*] $rust:ty => $ocaml:literal $($argument:ty),+;)*) => {$(
        // SAFETY: the implementations of `ToOcaml` and `FromOcaml` in this module use this type's layout.
        #[expect(unsafe_code, reason = "the trait is unsafe to implement; see its contract")]
        unsafe impl<$($generics)*> OcamlType for $rust {
            const OF_INSTANCE: bool = false $(|| <$argument as OcamlType>::OF_INSTANCE)+;

            fn describe(types: &mut Types) -> TypeExpression {
                TypeExpression::apply($ocaml, [$(<$argument>::describe(types)),+])
            }
        }
    )*};
}
pub(super) use applied;

applied! {
    [T: OcamlType] Option<T> => "option" T;
    [T: OcamlType, E: OcamlType] Result<T, E> => "result" T, E;
    [T: OcamlType] Vec<T> => "list" T;
    [T: OcamlType] [T] => "list" T;
    [T: OcamlType] Box<[T]> => "array" T;
    [T: OcamlType, const N: usize] [T; N] => "array" T;
}

impl<T: ToOcaml> ToOcaml for Option<T> {
    #[inline]
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        match self {
            None => stack.push_constant(0),
            Some(value) => {
                value.push_to(stack)?;
                stack.make_block(0, 1)?;
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn measure(&self, meter: &mut Meter) {
        if let Some(value) = self {
            meter.block(1);
            value.measure(meter);
        }
    }

    #[inline(always)]
    fn carve(&self, carver: &mut Carver) -> Result<Leaf, Error> {
        match self {
            None => Leaf::int(0),
            Some(value) => {
                let value = value.carve(carver)?;
                carver.block(0, [value])
            }
        }
    }
}

impl<T: FromOcaml> FromOcaml for Option<T> {
    #[inline]
    fn read(value: Ref<'_>) -> Result<Option<T>, Error> {
        if value.is_immediate() {
            return Ok(None);
        }
        let [value] = value.fields(0)?;
        T::read(value).map(Some)
    }
}

impl<T: ToOcaml, E: ToOcaml> ToOcaml for Result<T, E> {
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        match self {
            Ok(value) => {
                value.push_to(stack)?;
                stack.make_block(0, 1)
            }
            Err(error) => {
                error.push_to(stack)?;
                stack.make_block(1, 1)
            }
        }
    }

    fn measure(&self, meter: &mut Meter) {
        meter.block(1);
        match self {
            Ok(value) => value.measure(meter),
            Err(error) => error.measure(meter),
        }
    }

    fn carve(&self, carver: &mut Carver) -> Result<Leaf, Error> {
        let (tag, value) = match self {
            Ok(value) => (0, value.carve(carver)?),
            Err(error) => (1, error.carve(carver)?),
        };
        carver.block(tag, [value])
    }
}

impl<T: FromOcaml, E: FromOcaml> FromOcaml for Result<T, E> {
    fn read(value: Ref<'_>) -> Result<Result<T, E>, Error> {
        if value.tag()? == 0 {
            let [value] = value.fields(0)?;
            T::read(value).map(Ok)
        } else {
            let [error] = value.fields(1)?;
            E::read(error).map(Err)
        }
    }
}

macro_rules! lists {
    ($($list:ty;)*) => {$(
        impl<T: ToOcaml> ToOcaml for $list {
            #[inline]
            fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
                push_list(self, stack)
            }

            #[inline]
            fn measure(&self, meter: &mut Meter) {
                for element in self.iter() {
                    if meter.is_full() {
                        break;
                    }
                    meter.block(2);
                    element.measure(meter);
                }
            }

            #[inline]
            fn carve(&self, carver: &mut Carver) -> Result<Leaf, Error> {
                carve_list(self, Leaf::int(0)?, carver)
            }
        }
    )*};
}

lists! {
    Vec<T>;
    [T];
}

/// The list of these elements and, behind them, those of `tail`.
#[inline]
fn carve_list<T: ToOcaml>(elements: &[T], tail: Leaf, carver: &mut Carver) -> Result<Leaf, Error> {
    elements.iter().rev().try_fold(tail, |tail, element| {
        let head = element.carve(carver)?;
        carver.block(0, [head, tail])
    })
}

/// Pushes a list, made from its end in pieces that are small enough to be carved.
pub(crate) fn push_list<T: ToOcaml>(elements: &[T], stack: &mut Stack<'_>) -> Result<(), Error> {
    check_depth()?;
    stack.push_constant(0);
    let mut rest = elements;
    while let [before @ .., last] = rest {
        let mut meter = Meter::default();
        let mut words = 0;
        let mut first = rest.len();
        for element in rest.iter().rev() {
            meter.block(2);
            element.measure(&mut meter);
            if meter.is_full() {
                break;
            }
            words = meter.words();
            first -= 1;
        }
        let (others, piece) = rest.split_at(first);
        if piece.is_empty() {
            last.push_to(stack)?;
            stack.make_cons()?;
            rest = before;
        } else {
            stack.carve_onto_top(words, |list, carver| carve_list(piece, list, carver))?;
            rest = others;
        }
    }
    Ok(())
}

impl<T: FromOcaml> FromOcaml for Vec<T> {
    #[inline]
    fn read(value: Ref<'_>) -> Result<Vec<T>, Error> {
        let mut elements = Vec::new();
        read_list(value, |element| {
            elements.push(T::read(element).map_err(|error| in_element(error, elements.len()))?);
            Ok(())
        })?;
        Ok(elements)
    }
}

#[cold]
pub(super) fn in_element(error: Error, index: usize) -> Error {
    error.within(format!("element {index}"))
}

/// Gives each element of a list, first to last, to `element`.
pub(super) fn read_list<'a>(
    list: Ref<'a>,
    mut element: impl FnMut(Ref<'a>) -> Result<(), Error>,
) -> Result<(), Error> {
    check_depth()?;
    let mut rest = list;
    // Brent's method: a list that contains itself comes back to a cell remembered at a power of two.
    let (mut remembered, mut steps, mut limit) = (rest, 0u64, 1024u64);
    while !rest.is_immediate() {
        let [head, tail] = rest.fields(0)?;
        element(head)?;
        rest = tail;
        steps += 1;
        if steps == limit {
            remembered = rest;
            limit *= 2;
        } else if rest.raw() == remembered.raw() && !rest.is_immediate() {
            return Err(Error::new(Kind::Cyclic));
        }
    }
    Ok(())
}

/// Refuses to go on where the thread's stack is nearly used up. Every recursive type goes through a list, an
/// array or a pointer.
#[inline(always)]
pub(super) fn check_depth() -> Result<(), Error> {
    if stack_bounds::nearly_exhausted() {
        return Err(Error::new(Kind::TooDeep));
    }
    Ok(())
}

/// Pushes an array; one of floats is flat.
pub(crate) fn push_array<T: ToOcaml>(elements: &[T], stack: &mut Stack<'_>) -> Result<(), Error> {
    check_depth()?;
    if T::IS_FLOAT {
        if let Some(numbers) = T::as_floats(elements) {
            return stack.push_floats(numbers);
        }
        let numbers: Vec<f64> = elements.iter().map(T::as_float).collect();
        return stack.push_floats(&numbers);
    }
    for element in elements {
        element.push_to(stack)?;
    }
    stack.make_block(0, elements.len())
}

/// Reads an array; one of floats is flat.
pub(crate) fn read_array<T: FromOcaml>(value: Ref<'_>) -> Result<Vec<T>, Error> {
    check_depth()?;
    if T::IS_FLOAT {
        let numbers = value.floats()?.iter().copied();
        return Ok(numbers.filter_map(T::from_float).collect());
    }
    let size = value.size()?;
    let mut elements = Vec::with_capacity(size);
    for index in 0..size {
        let element = value.field(index)?;
        elements.push(T::read(element).map_err(|error| in_element(error, index))?);
    }
    Ok(elements)
}

impl<T: ToOcaml> ToOcaml for Box<[T]> {
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        push_array(self, stack)
    }
}

impl<T: FromOcaml> FromOcaml for Box<[T]> {
    fn read(value: Ref<'_>) -> Result<Box<[T]>, Error> {
        read_array(value).map(Vec::into_boxed_slice)
    }
}

impl<T: ToOcaml, const N: usize> ToOcaml for [T; N] {
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        push_array(self, stack)
    }
}

impl<T: FromOcaml, const N: usize> FromOcaml for [T; N] {
    fn read(value: Ref<'_>) -> Result<[T; N], Error> {
        <[T; N]>::try_from(read_array(value)?).map_err(|elements: Vec<T>| {
            Error::new(Kind::Length {
                expected: N,
                found: elements.len(),
            })
        })
    }
}
