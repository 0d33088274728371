//! Which codes an OCaml build generates: sets of byte, native and wasm.
//!
//! An OCaml compilation unit can be compiled to byte code, to native code, and from byte code to
//! WebAssembly. A build tool has to know which of these its build generates before it compiles
//! anything: both compilers write the same `.cmi`, so that a build that runs both must order them.
//!
//! This crate answers that question and nothing else. It starts no process and reads no file.
//!
//! ```
//! use code_sets::{CodeSet, Determined, Restriction, Unit, Wanted};
//!
//! // The toolchain has `ocamlc` and `ocamlopt`; the user has asked for nothing in particular.
//! let available = CodeSet::TRADITIONAL;
//! let wanted: Wanted = "auto".parse()?;
//!
//! // One executable must build, and one code is enough for it.
//! let units = [Unit::executable("app").with_restriction(Restriction::unique_favour_native())];
//!
//! let determined = Determined::new(&wanted, available, &units)?;
//! assert_eq!(determined.built(), CodeSet::NATIVE);
//! assert!(determined.check_any("app", CodeSet::TRADITIONAL).is_ok());
//!
//! let refusal = determined.check_all("app", CodeSet::TRADITIONAL).unwrap_err();
//! assert_eq!(
//!     refusal.to_string(),
//!     "unit `app` requires codes byte and native, but the build generates code native; \
//!      ask for `byte,native`",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Concepts
//!
//! - A [`Code`] is `byte`, `native` or `wasm`, in this order. It knows the extensions of its
//!   artefacts, its tools, and whether it can be loaded in process.
//! - A [`CodeSet`] is a set of codes in one byte. Every operation that can be is a `const fn`.
//! - A [`Restriction`] maps the codes that are available to those that an executable needs.
//! - [`Wanted`] is what the user asks for: `auto`, or a list of codes.
//! - A [`Determined`] is the answer for one build, computed without any I/O.
//! - A [`Built`] is the same answer for a concurrent build: determined once, however many tasks
//!   ask. It learns about the build through the [`Build`] trait, whose ready implementation is
//!   [`FixedBuild`].
//! - [`loading::choose`] picks the one code in which to load plugins.
//!
//! # Features
//!
//! - `serde` (off by default): `Serialize` and `Deserialize` for [`Code`], [`CodeSet`] and
//!   [`Wanted`].
//!
//! # Futures
//!
//! Futures of this crate need no runtime: any executor will do, a bare `block_on` too.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![doc(test(attr(deny(warnings))))]

pub mod code;
pub mod code_set;
pub mod restriction;
pub mod wanted;

pub mod build;
pub mod built;
pub mod check;
pub mod determined;
pub mod loading;

mod artefact;
mod fixed_build;
#[cfg(feature = "serde")]
mod serialization;
mod unit;

pub use artefact::Artefact;
pub use build::{Build, Failure};
pub use built::Built;
pub use code::Code;
pub use code_set::CodeSet;
pub use determined::Determined;
pub use fixed_build::FixedBuild;
pub use restriction::Restriction;
pub use unit::Unit;
pub use wanted::Wanted;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
