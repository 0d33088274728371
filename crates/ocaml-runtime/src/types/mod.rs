//! The Rust types that stand for OCaml types; the table is in the crate's documentation.

mod bigarray;
pub(crate) mod containers;
#[cfg(feature = "derive")]
mod dynamic;
mod functions;
mod maps;
mod numbers;
mod of_plugin;
mod opaque;
pub(crate) mod ordered;
mod pointers;
mod rooted;
mod text;
mod tuples;
pub(crate) mod wrappers;

pub use bigarray::{Bigarray, Element, SharedBigarray};
#[cfg(feature = "derive")]
pub use dynamic::Dynamic;
#[cfg(feature = "serde")]
pub use dynamic::DynamicError;
pub use of_plugin::{Abstract, AbstractType};
pub use opaque::{Opaque, OpaqueType};
pub use ordered::{Map, MapKey, Set};
pub use rooted::Rooted;
pub use text::{Bytes, RawString};
pub use wrappers::{Array, Int32, Int64, Nativeint, Uchar};
