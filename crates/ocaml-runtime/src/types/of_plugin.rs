//! Values of the plugin's own abstract types.

use std::fmt;
use std::marker::PhantomData;

use crate::convert::{Error, FromOcaml, Kind, OcamlType, Ref, Stack, ToOcaml};
use crate::describe::{TypeExpression, Types};
use crate::instance::Instance;
use crate::value::Value;

/// Names an abstract type of plugins; see [`Abstract`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no name in OCaml",
    label = "lacks `AbstractType`",
    note = "give it one: `impl AbstractType for {Self} {{ const NAME: &'static str = \"...\"; }}`"
)]
pub trait AbstractType: 'static {
    /// The name of the type in the plugin's signature.
    const NAME: &'static str;
}

/// A value of a type that the plugin defines and nobody else looks into: `type t` in its signature. Rust gets it
/// from the plugin, keeps it, on any thread, and gives it back.
///
/// Two instances of a plugin have two such types: a value that belongs to another instance is refused
/// ([`Kind::OtherInstance`]).
///
/// ```
/// use ocaml_runtime::types::{Abstract, AbstractType};
/// use ocaml_runtime::{PluginInterface, call, interface};
///
/// struct State;
///
/// impl AbstractType for State {
///     const NAME: &'static str = "state";
/// }
///
/// #[interface]
/// trait Counter {
///     fn start(&self) -> call::Result<Abstract<State>>;
///     fn add(&self, state: &Abstract<State>, word: &str) -> call::Result<i64>;
/// }
///
/// assert_eq!(
///     <dyn Counter>::interface().signature(),
///     "module type S = sig\n  type state\n  val start : unit -> state\n  val add : state -> string -> int\nend\n"
/// );
/// ```
pub struct Abstract<T> {
    value: Value,
    of: PhantomData<fn() -> T>,
}

impl<T> Abstract<T> {
    /// The value, of any type.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }
}

impl<T> Clone for Abstract<T> {
    fn clone(&self) -> Abstract<T> {
        Abstract {
            value: self.value.clone(),
            of: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Abstract<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Abstract").finish_non_exhaustive()
    }
}

#[expect(
    unsafe_code,
    reason = "the trait is unsafe to implement; see its contract"
)]
// SAFETY: only made by reading a value of the type from an instance, and only given to that instance.
unsafe impl<T: AbstractType> OcamlType for Abstract<T> {
    const OF_INSTANCE: bool = true;

    fn describe(types: &mut Types) -> TypeExpression {
        types.declare_of_plugin(T::NAME, std::any::type_name::<T>());
        TypeExpression::name(T::NAME)
    }
}

impl<T: AbstractType> ToOcaml for Abstract<T> {
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        self.value.push_to(stack, true)
    }
}

impl<T: AbstractType> FromOcaml for Abstract<T> {
    fn read(value: Ref<'_>) -> Result<Abstract<T>, Error> {
        if Instance::current().is_none() {
            return Err(Error::new(Kind::OtherInstance));
        }
        Ok(Abstract {
            value: Value::keep(value),
            of: PhantomData,
        })
    }
}
