#![doc = include_str!("../README.md")]
//!
//! `from_trait_to_plugin` is the guide to plugins with a typed interface, step by step.
//!
//! # The crates behind this one
//!
//! Each member crate is here under its role; use it from here, or alone.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(feature = "archive")]
pub use embedded_archive as archive;

#[cfg(feature = "assembler")]
pub use ocaml_assembler as assembler;

#[cfg(feature = "codes")]
pub use code_sets as codes;

#[cfg(feature = "compiler")]
pub use embedded_compiler as compiler;

#[cfg(feature = "libraries")]
pub use lib_resolve as libraries;

#[cfg(feature = "loader")]
pub use dynloader as loader;

#[cfg(feature = "runtime")]
pub use ocaml_runtime as runtime;

#[cfg(feature = "toolchain")]
pub use ocaml_toolchain as toolchain;

#[cfg(feature = "compiler")]
#[doc(inline)]
pub use embedded_compiler::{Choice, ChooseOptions, Compiler, ExtractTo, NeedsCleaning, Options};

#[cfg(feature = "loader")]
#[doc(inline)]
pub use dynloader::{Delayed, Diagnostic, Loader, Plugin, SideEffect, Source};

#[cfg(feature = "runtime")]
#[doc(inline)]
pub use ocaml_runtime::{
    CancelToken, FromOcaml, Function, Interface, Module, OcamlValue, PluginInterface, Runtime,
    ToOcaml, Value, host, interface,
};

#[cfg(feature = "compiler")]
#[doc = include_str!("../docs/from-trait-to-plugin.md")]
pub mod from_trait_to_plugin {}
