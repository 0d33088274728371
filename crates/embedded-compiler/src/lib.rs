//! The OCaml compiler carried by this executable.
//!
//! A program that was given a compiler, with `saddlebag embed` after it was built or with [`pack`] from its build script,
//! compiles and loads OCaml plugins on machines that have no OCaml. The same program uses an installed OCaml where it
//! carries none.
//!
//! ```no_run
//! # futures_lite::future::block_on(async {
//! use dynloader::SideEffect;
//! use embedded_compiler::{Compiler, Options};
//!
//! let compiler = Compiler::create(Options::default()).await?;
//! compiler.load::<SideEffect>(["hello.ml"]).await?;
//! compiler.clean().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! Nothing is extracted before it is needed: the host image when a plugin is first loaded, the compiler when a plugin is
//! first compiled. A plugin that the loader's cache holds needs no compiler.
//!
//! | OCaml (`Ocaml_plugin.Ocaml_compiler`) | here |
//! | --- | --- |
//! | `create` | [`Compiler::create`], which gives a [`NeedsCleaning`] |
//! | `with_compiler` | [`Compiler::with_compiler`] |
//! | `loader`, `clean` | [`Compiler::loader`], [`Compiler::clean`] |
//! | `Make(X)` | [`load`], [`load_without_running`], [`check`] |
//! | `Load(X)` | [`Compiler::load`], [`Compiler::load_without_running`], [`Compiler::check`] |
//! | `check_plugin_cmd` | `dynloader::check_command::CheckCommand` (feature `clap` of `dynloader`), with [`Compiler::loader`] |
//! | `Archive_metadata`, `embedded_files` | [`ArchiveMetadata`], [`Contents`], [`CarriedCompiler::embedded_files`] |
//!
//! # The end of the process
//! Dropping a compiler, also by a panic or with a cancelled future, and [`std::process::exit`] remove its files; what a
//! killed process left is removed by the next start. SIGINT, SIGTERM and SIGHUP remove them where the application asks for
//! it, with `shut_down_on_signals`, or calls [`shut_down`] when it handles them itself.
//!
//! # Features
//! - `signals`: `shut_down_on_signals`. Off by default.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod build_script;
mod carried;
mod choice;
mod compiler;
mod ending;
mod metadata;
mod one_shot;
mod pack;

pub use carried::{CarriedCompiler, CarriedError, CleanError, ExtractTo};
pub use choice::{Choice, ChooseError, ChooseOptions, Chosen};
pub use compiler::{CleanCompilerError, Compiler, CreateError, NeedsCleaning, Options, WithError};
#[cfg(feature = "signals")]
pub use ending::shut_down_on_signals;
pub use ending::{before_first_extraction, shut_down};
pub use metadata::{
    ArchiveMetadata, COMPILE, CONTENTS_NAME, Contents, HOST, INTERFACE_DIRECTORY, INTERFACES,
    Licence, METADATA_VERSION, NOTICES, group_name,
};
pub use one_shot::{check, load, load_without_running};
pub use pack::{NOTICE_NAME, PackError, PackOptions, Packed, PackedFile, pack};
