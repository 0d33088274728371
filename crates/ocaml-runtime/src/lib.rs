//! OCaml in this process: load a host image, call typed OCaml values from any thread.
//!
//! The program is not linked to OCaml and builds without it. [`Runtime::open`] opens a *host image*, one shared
//! object with the OCaml runtime, its standard library and a small registry (its sources and how to build it are
//! in [`host_image`]). [`Runtime::load`] loads compiled plugins into it, which are called through typed handles.
//!
//! # From trait to plugin
//!
//! A trait is the interface. It generates the OCaml types and signature that the plugin is compiled against, so
//! that the OCaml compiler refuses a plugin that does not fit, at the user's line:
//!
//! ```
//! use ocaml_runtime::{OcamlValue, PluginInterface, call, interface};
//!
//! #[derive(Debug, Clone, PartialEq, OcamlValue)]
//! pub enum Discount {
//!     None,
//!     Percent(f64),
//!     Voucher { code: String, amount: i64 },
//! }
//!
//! #[interface]
//! pub trait Pricing {
//!     #[ocaml(constant)]
//!     fn name(&self) -> &str;
//!     fn discount(&self, customer: &str, total: i64) -> call::Result<Discount>;
//! }
//!
//! assert_eq!(
//!     <dyn Pricing>::interface().mli(),
//!     "type discount = None | Percent of float | Voucher of { code : string; amount : int }\n\
//!      module type S = sig\n  \
//!        val name : string\n  \
//!        val discount : string -> int -> discount\n\
//!      end\n"
//! );
//! ```
//!
//! A loaded plugin is bound to a handle that implements the trait ([`Module::instantiate`] and
//! [`PluginInterface::bind`]; the crate `dynloader` compiles, loads and binds in one step):
//!
//! ```no_run
//! # use ocaml_runtime::{PluginInterface, call, interface};
//! # #[interface]
//! # pub trait Pricing { fn discount(&self, customer: &str, total: i64) -> call::Result<i64>; }
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ocaml_runtime::{Module, Runtime, open};
//!
//! let runtime = Runtime::open("libhost.so", &open::Options::default())?;
//! let unit = runtime.load("pricing.cmxs")?;
//! let module = Module::instantiate(<dyn Pricing>::interface(), &unit)?;
//! let pricing = <dyn Pricing>::bind(module)?;
//! println!("{:?}", pricing.discount("Ada", 1200)?);
//! # Ok(())
//! # }
//! ```
//!
//! Without a trait, [`Interface::builder`] declares the same by hand and [`Module::function`] gives typed
//! [`Function`]s. Functions of the application are offered by a [`Host`], or by a trait with [`macro@host`].
//!
#![doc = include_str!("../docs/types.md")]
#![doc = ""]
#![doc = include_str!("../docs/limits.md")]
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
mod dynlink;
pub mod editor;
mod elf;
mod function;
pub mod host;
pub mod host_image;
mod instance;
pub mod interface;
pub mod library;
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
pub use runtime::{Lock, Runtime};
pub use value::Value;
