//! Typed OCaml functions.

use std::fmt;
use std::marker::PhantomData;

use crate::call;
use crate::convert::{self, Carver, FromOcaml, Heap, Meter, OcamlType, Stack, ToOcaml};
use crate::describe::{TypeExpression, Types};
use crate::sys::abi::Raw;
use crate::sys::apply;
use crate::sys::frame;
use crate::sys::reader::Ref;
use crate::sys::root::Root;
use crate::sys::thread::{self, Held};
use crate::value::Value;

/// An OCaml function with arguments `A` (a tuple; `()` for `unit`) and result `R`.
///
/// It may be called from any thread, and cloned. Each call takes the runtime lock, converts the arguments,
/// calls, and converts the result back; within a [`Lock`](crate::Lock) the lock costs next to nothing.
///
/// ```no_run
/// # fn example(module: ocaml_runtime::Module) -> Result<(), Box<dyn std::error::Error>> {
/// use ocaml_runtime::Function;
///
/// let greet: Function<(String,), String> = module.function("greet")?;
/// assert_eq!(greet.call(("Ada",))?, "Hello, Ada!");
/// # Ok(())
/// # }
/// ```
pub struct Function<A, R> {
    closure: Value,
    types: PhantomData<fn(A) -> R>,
}

impl<A: Arguments, R: OcamlType> Function<A, R> {
    /// `closure` is an OCaml function of this type.
    pub(crate) fn new(closure: Value) -> Function<A, R> {
        Function {
            closure,
            types: PhantomData,
        }
    }

    /// Calls the function. Each argument may be given by value or by reference, strings as `&str`, lists as
    /// slices.
    ///
    /// # Errors
    /// An argument or the result does not fit its OCaml type, or the OCaml code failed: see [`call::Kind`].
    #[inline]
    pub fn call<B: ArgumentsOf<A>>(&self, arguments: B) -> call::Result<R>
    where
        R: FromOcaml,
    {
        invoke(&self.closure, arguments)
    }

    /// The closure, of any type.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.closure
    }
}

/// Calls `closure`, whose OCaml type takes these arguments and gives this result.
#[inline(always)]
pub(crate) fn invoke<B: Arguments, R: FromOcaml>(closure: &Value, arguments: B) -> call::Result<R> {
    if !(B::IS_PLAIN && R::IS_PLAIN) {
        return counted(closure, arguments);
    }
    match thread::held(closure.image()) {
        Some(held) => apply_and_read(&held, closure, arguments),
        None => apart(closure, arguments),
    }
}

/// As [`counted`], kept out of callers that are in a scope.
#[inline(never)]
fn apart<B: Arguments, R: FromOcaml>(closure: &Value, arguments: B) -> call::Result<R> {
    counted(closure, arguments)
}

#[inline(always)]
fn counted<B: Arguments, R: FromOcaml>(closure: &Value, arguments: B) -> call::Result<R> {
    let held = thread::enter(closure.image());
    if B::OF_INSTANCE || R::OF_INSTANCE {
        let _instance = closure.instance().enter();
        apply_and_read(&held, closure, arguments)
    } else {
        apply_and_read(&held, closure, arguments)
    }
}

#[inline(always)]
fn apply_and_read<B: Arguments, R: FromOcaml>(
    held: &Held,
    closure: &Value,
    arguments: B,
) -> call::Result<R> {
    let result = arguments.apply(held, closure.root())?;
    R::read(Ref::new(held, result)).map_err(|error| error.within("result").into())
}

impl<A, R> Clone for Function<A, R> {
    fn clone(&self) -> Function<A, R> {
        Function {
            closure: self.closure.clone(),
            types: PhantomData,
        }
    }
}

impl<A, R> fmt::Debug for Function<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").finish_non_exhaustive()
    }
}

/// The arguments of an OCaml function: a tuple of up to ten types, `()` for `unit`.
pub trait Arguments: sealed::Apply {
    /// As of [`OcamlType`].
    #[doc(hidden)]
    const OF_INSTANCE: bool = false;

    /// As of [`OcamlType`].
    #[doc(hidden)]
    const IS_PLAIN: bool = true;

    /// The type of a function with these arguments.
    #[doc(hidden)]
    fn describe_function(
        types: &mut Types,
        labels: &[Label],
        result: TypeExpression,
    ) -> TypeExpression;
}

/// What stands before an argument.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Label {
    /// Nothing: the argument is found by its place.
    #[default]
    None,
    /// `~name`.
    Labelled(String),
    /// `?name`; the argument's Rust type is an `Option`.
    Optional(String),
}

/// Arguments that can stand for the arguments `A`; see [`ArgumentOf`].
pub trait ArgumentsOf<A>: Arguments {}

/// A type whose values can be given where an argument of type `T` is declared.
///
/// # Safety
/// `Self` and `T` have the same OCaml type.
#[expect(
    unsafe_code,
    reason = "the collector relies on what implementations promise"
)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given where the interface declares `{T}`",
    label = "the interface declares `{T}`"
)]
pub unsafe trait ArgumentOf<T: ?Sized>: ToOcaml {}

macro_rules! argument_of {
    ($(<$($parameter:ident)?> $given:ty => $declared:ty;)*) => {$(
        // SAFETY: the implementations of `OcamlType` for references and for unsized types describe the same.
        #[expect(unsafe_code, reason = "the trait is unsafe to implement; see its contract")]
        unsafe impl$(<$parameter: ToOcaml>)? ArgumentOf<$declared> for $given {}
    )*};
}

argument_of! {
    <T> T => T;
    <T> &T => T;
    <> &str => String;
    <T> &[T] => Vec<T>;
}

mod sealed {
    use super::{Held, Raw, Root, call};

    pub trait Apply {
        /// Applies the closure to the arguments; the result is good until OCaml next allocates.
        #[expect(
            private_interfaces,
            reason = "the trait is sealed: nobody else names or calls this"
        )]
        fn apply(&self, held: &Held, closure: &Root) -> call::Result<Raw>;
    }
}

impl Arguments for () {
    fn describe_function(
        _types: &mut Types,
        _labels: &[Label],
        result: TypeExpression,
    ) -> TypeExpression {
        TypeExpression::name("unit").arrow(result)
    }
}

impl ArgumentsOf<()> for () {}

#[expect(
    private_interfaces,
    reason = "the trait is sealed: nobody else names or calls this"
)]
impl sealed::Apply for () {
    #[inline(always)]
    fn apply(&self, held: &Held, closure: &Root) -> call::Result<Raw> {
        apply::apply(held, closure.get(held), [crate::sys::abi::ZERO])
    }
}

fn labelled_arrow(
    label: Option<&Label>,
    argument: TypeExpression,
    result: TypeExpression,
) -> TypeExpression {
    match label {
        None | Some(Label::None) => argument.arrow(result),
        Some(Label::Labelled(name)) => argument.labelled_arrow(name, result),
        Some(Label::Optional(name)) => argument.optional_arrow(name, result),
    }
}

#[cold]
fn in_argument(error: convert::Error, number: usize) -> convert::Error {
    error.within(format!("argument {number}"))
}

macro_rules! arguments {
    ($count:literal: $($name:ident $other:ident $index:tt),*) => {
        impl<$($name: ToOcaml),*> Arguments for ($($name,)*) {
            const OF_INSTANCE: bool = false $(|| $name::OF_INSTANCE)*;
            const IS_PLAIN: bool = true $(&& $name::IS_PLAIN)*;

            fn describe_function(
                types: &mut Types,
                labels: &[Label],
                result: TypeExpression,
            ) -> TypeExpression {
                let parts = [$($name::describe(types)),*];
                let labelled = parts.into_iter().enumerate().rev();
                labelled.fold(result, |result, (index, argument)| {
                    labelled_arrow(labels.get(index), argument, result)
                })
            }
        }

        impl<$($name: ToOcaml, $other: ArgumentOf<$name>),*> ArgumentsOf<($($name,)*)> for ($($other,)*) {}

        #[expect(private_interfaces, reason = "the trait is sealed: nobody else names or calls this")]
        impl<$($name: ToOcaml),*> sealed::Apply for ($($name,)*) {
            #[inline(always)]
            fn apply(&self, held: &Held, closure: &Root) -> call::Result<Raw> {
                // A value outside a frame is lost when another one is allocated; immediates are not moved,
                // and a single leaf has no other beside it.
                let without_frame = if $count == 1 {
                    true $(&& $name::LEAF)*
                } else {
                    true $(&& $name::IMMEDIATE)*
                };
                // The closure is always read after the arguments were made: making them may move it.
                if without_frame {
                    let heap = Heap(held);
                    let arguments: [Raw; $count] = [$(
                        self.$index.leaf(heap).map_err(|error| in_argument(error, $index + 1))?.0
                    ),*];
                    return apply::apply(held, closure.get(held), arguments);
                }
                let mut meter = Meter::default();
                $(self.$index.measure(&mut meter);)*
                if meter.is_full() {
                    // What is lent is so until the call is over.
                    let (arguments, _loans): ([Raw; $count], _) = frame::build(held, |stack: &mut Stack<'_>| {
                        $(self.$index.push_to(stack).map_err(|error| in_argument(error, $index + 1))?;)*
                        Ok(())
                    })?;
                    return apply::apply(held, closure.get(held), arguments);
                }
                let mut carver = Carver::new(held, meter.words());
                let arguments: [Raw; $count] = [$(
                    self.$index.carve(&mut carver).map_err(|error| in_argument(error, $index + 1))?.0
                ),*];
                apply::apply(held, closure.get(held), arguments)
            }
        }
    };
}

arguments!(1: A A2 0);
arguments!(2: A A2 0, B B2 1);
arguments!(3: A A2 0, B B2 1, C C2 2);
arguments!(4: A A2 0, B B2 1, C C2 2, D D2 3);
arguments!(5: A A2 0, B B2 1, C C2 2, D D2 3, E E2 4);
arguments!(6: A A2 0, B B2 1, C C2 2, D D2 3, E E2 4, F F2 5);
arguments!(7: A A2 0, B B2 1, C C2 2, D D2 3, E E2 4, F F2 5, G G2 6);
arguments!(8: A A2 0, B B2 1, C C2 2, D D2 3, E E2 4, F F2 5, G G2 6, H H2 7);
arguments!(9: A A2 0, B B2 1, C C2 2, D D2 3, E E2 4, F F2 5, G G2 6, H H2 7, I I2 8);
arguments!(10: A A2 0, B B2 1, C C2 2, D D2 3, E E2 4, F F2 5, G G2 6, H H2 7, I I2 8, J J2 9);
