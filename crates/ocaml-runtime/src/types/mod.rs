//! The Rust types that stand for OCaml types; the table is in the crate's documentation.

pub(crate) mod containers;
mod functions;
mod maps;
mod numbers;
mod pointers;
mod text;
mod tuples;
pub(crate) mod wrappers;

pub use text::{Bytes, RawString};
pub use wrappers::{Array, Int32, Int64, Nativeint, Uchar};
