//! Everything that touches OCaml's memory or calls into a host image.
//!
//! Who guarantees what, once for all the `SAFETY:` comments below:
//!
//! * **image**: an [`Image`](image::Image) exists only after its symbols were found and its ABI number,
//!   word size and version were checked; it is leaked, and its library is never closed,
//!   so its function pointers and addresses stay good for the life of the process.
//! * **lock**: a [`Held`](thread::Held) proves that this thread is registered and holds the runtime lock.
//! * **no allocation**: a [`Ref`](reader::Ref) is only handed to code that does not run OCaml
//!   (contract of [`OcamlType`](crate::OcamlType)), so nothing moves while one is alive.
//! * **type**: the OCaml compiler checked the plugin against the interface's text, and
//!   [`OcamlType`](crate::OcamlType) promises that the text describes what is read and written.

pub(crate) mod abi;
pub(crate) mod apply;
pub(crate) mod cancellation;
pub(crate) mod carver;
pub(crate) mod closure;
pub(crate) mod dispatch;
pub(crate) mod exit;
pub(crate) mod failure;
pub(crate) mod fault;
pub(crate) mod frame;
pub(crate) mod image;
pub(crate) mod library;
#[cfg(target_os = "linux")]
pub(crate) mod memory_file;
pub(crate) mod reader;
pub(crate) mod root;
pub(crate) mod shared;
pub(crate) mod stack_bounds;
pub(crate) mod startup;
pub(crate) mod thread;
