//! OCaml in this process: load a host image, call typed OCaml values from any thread.
#![deny(missing_docs)]

// The derive macro names this crate from outside.
#[cfg(feature = "derive")]
extern crate self as ocaml_runtime;

#[doc(hidden)]
pub mod adapt;
pub mod call;
mod cancel;
pub mod convert;
mod describe;
mod elf;
mod function;
pub mod host;
pub mod host_image;
pub mod interface;
pub mod load;
pub mod module;
mod names;
pub mod open;
mod plugin;
mod runtime;
mod sys;
pub mod types;
mod value;

pub use cancel::CancelToken;
pub use convert::{FromOcaml, OcamlType, Ref, Stack, ToOcaml};
pub use describe::{Parameter, TypeExpression, Types};
pub use elf::Damage;
pub use function::{ArgumentOf, Arguments, ArgumentsOf, Function, Label};
pub use host::{Host, HostError, HostInterface};
pub use interface::Interface;
pub use load::LoadedUnit;
pub use module::Module;
#[cfg(feature = "derive")]
pub use ocaml_runtime_derive::{OcamlValue, host, interface};
pub use plugin::{PluginInterface, SideEffect};
pub use runtime::{Lock, Runtime, at_process_exit};
pub use value::Value;
