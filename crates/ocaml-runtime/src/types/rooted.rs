//! OCaml values that Rust holds without converting them.

use std::fmt;
use std::marker::PhantomData;

use crate::call;
use crate::convert::{Error, FromOcaml, OcamlType, Ref, Stack, ToOcaml};
use crate::describe::{TypeExpression, Types};
use crate::sys::thread;
use crate::value::Value;

/// An OCaml value of the type that `T` stands for, kept where it is: taking it as a result and giving it as an
/// argument costs the same however large it is.
///
/// It keeps the value alive, and may be cloned and sent to any thread. A mutable value is shared with OCaml.
///
/// ```no_run
/// # fn example(module: ocaml_runtime::Module) -> Result<(), Box<dyn std::error::Error>> {
/// use ocaml_runtime::Function;
/// use ocaml_runtime::types::Rooted;
///
/// let index: Function<(String,), Rooted<Vec<String>>> = module.function("index")?;
/// let count: Function<(Rooted<Vec<String>>,), i64> = module.function("count")?;
/// let words = index.call(("a large text",))?;
/// assert_eq!(count.call((&words,))? as usize, words.get()?.len());
/// # Ok(())
/// # }
/// ```
pub struct Rooted<T> {
    value: Value,
    of: PhantomData<fn() -> T>,
}

impl<T: FromOcaml> Rooted<T> {
    /// Converts the value, as it is now.
    ///
    /// # Errors
    /// The value does not fit the Rust type.
    pub fn get(&self) -> call::Result<T> {
        let held = thread::enter(self.value.image());
        let _instance = T::OF_INSTANCE.then(|| self.value.instance().enter());
        Ok(T::read(Ref::new(&held, self.value.raw(&held)))?)
    }
}

impl<T> Rooted<T> {
    /// The value, of any type.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }
}

impl<T> Clone for Rooted<T> {
    fn clone(&self) -> Rooted<T> {
        Rooted {
            value: self.value.clone(),
            of: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Rooted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rooted").finish_non_exhaustive()
    }
}

#[expect(
    unsafe_code,
    reason = "the trait is unsafe to implement; see its contract"
)]
// SAFETY: only made by reading a value of this type.
unsafe impl<T: OcamlType> OcamlType for Rooted<T> {
    const OF_INSTANCE: bool = T::OF_INSTANCE;

    fn describe(types: &mut Types) -> TypeExpression {
        T::describe(types)
    }
}

impl<T: OcamlType> ToOcaml for Rooted<T> {
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        self.value.push_to(stack, T::OF_INSTANCE)
    }
}

impl<T: OcamlType> FromOcaml for Rooted<T> {
    fn read(value: Ref<'_>) -> Result<Rooted<T>, Error> {
        Ok(Rooted {
            value: Value::keep(value),
            of: PhantomData,
        })
    }
}
