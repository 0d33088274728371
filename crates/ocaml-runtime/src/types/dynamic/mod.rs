//! Values for which no type is declared.

use std::collections::BTreeMap;

use crate::OcamlValue;

#[cfg(feature = "serde")]
mod read;
#[cfg(feature = "serde")]
mod serde;
#[cfg(feature = "serde")]
mod write;

#[cfg(feature = "serde")]
pub use self::serde::Error as DynamicError;

/// A value of any shape, as in JSON: for interfaces that want no types of their own.
///
/// In OCaml it is the variant
/// `type dynamic = Null | Bool of bool | Int of int | Float of float | String of string | List of dynamic list |
/// Map of (string * dynamic) list`. With the feature `serde` it converts from and to every type that serde knows:
/// see `Dynamic::from_serialize`.
///
/// ```
/// use ocaml_runtime::{Interface, types::Dynamic};
///
/// let interface = Interface::builder("Any").function::<(Dynamic,), Dynamic>("f").build()?;
/// assert!(interface.types().starts_with("type dynamic = Null | Bool of bool | Int of int"));
/// # Ok::<(), ocaml_runtime::interface::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, OcamlValue)]
pub enum Dynamic {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer; OCaml's has 63 bits.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    String(String),
    /// Several values in a row.
    List(Vec<Dynamic>),
    /// Values by name, sorted by it on the Rust side.
    Map(BTreeMap<String, Dynamic>),
}
