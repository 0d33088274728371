//! Rust objects that OCaml code holds without looking inside.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::convert::{Error, FromOcaml, OcamlType, Ref, Stack, ToOcaml};
use crate::describe::{TypeExpression, Types};

/// A type whose objects can be given to OCaml as [`Opaque`] values.
///
/// Two Rust types of one interface need two names.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no name in OCaml",
    label = "lacks `OpaqueType`",
    note = "give it one: `impl OpaqueType for {Self} {{ const NAME: &'static str = \"...\"; }}`"
)]
pub trait OpaqueType: Send + Sync + 'static {
    /// The name of the abstract OCaml type.
    const NAME: &'static str;
}

/// A Rust object behind an abstract OCaml type. OCaml code can keep it and give it back; it is dropped when
/// neither side holds it any more: OCaml's share goes when the collector finds it unreachable.
///
/// ```
/// use ocaml_runtime::types::{Opaque, OpaqueType};
/// use ocaml_runtime::Interface;
///
/// struct Session {
///     user: String,
/// }
///
/// impl OpaqueType for Session {
///     const NAME: &'static str = "session";
/// }
///
/// let interface = Interface::builder("Shop")
///     .function::<(Opaque<Session>,), String>("greeting")
///     .build()?;
/// assert_eq!(interface.types(), "type session\n");
///
/// let session = Opaque::new(Session { user: "ada".to_owned() });
/// assert_eq!(session.user, "ada");
/// # Ok::<(), ocaml_runtime::interface::Error>(())
/// ```
pub struct Opaque<T> {
    object: Arc<T>,
}

impl<T: OpaqueType> Opaque<T> {
    /// An object to give to OCaml.
    pub fn new(object: T) -> Opaque<T> {
        Opaque::from(Arc::new(object))
    }

    /// The object, shared with OCaml.
    #[must_use]
    pub fn as_arc(&self) -> &Arc<T> {
        &self.object
    }
}

impl<T> From<Arc<T>> for Opaque<T> {
    fn from(object: Arc<T>) -> Opaque<T> {
        Opaque { object }
    }
}

impl<T> Deref for Opaque<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.object
    }
}

impl<T> Clone for Opaque<T> {
    fn clone(&self) -> Opaque<T> {
        Opaque {
            object: Arc::clone(&self.object),
        }
    }
}

impl<T> fmt::Debug for Opaque<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opaque").finish_non_exhaustive()
    }
}

#[expect(
    unsafe_code,
    reason = "the trait is unsafe to implement; see its contract"
)]
// SAFETY: an abstract type, whose values are only made by `push_to` and checked by `read`.
unsafe impl<T: OpaqueType> OcamlType for Opaque<T> {
    fn describe(types: &mut Types) -> TypeExpression {
        types.declare(T::NAME, std::any::type_name::<T>(), 0, |_| String::new());
        TypeExpression::name(T::NAME)
    }
}

impl<T: OpaqueType> ToOcaml for Opaque<T> {
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        stack.push_object(Arc::clone(&self.object) as _);
        Ok(())
    }
}

impl<T: OpaqueType> FromOcaml for Opaque<T> {
    fn read(value: Ref<'_>) -> Result<Opaque<T>, Error> {
        let object = value
            .object()
            .and_then(|object| object.downcast::<T>().ok());
        match object {
            Some(object) => Ok(Opaque { object }),
            None => Err(value.unexpected("an object of the application")),
        }
    }
}
