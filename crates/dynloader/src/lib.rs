//! OCaml sources to a loaded, typed plugin, with any toolchain.
//!
//! A [`Kit`] holds what compiling and loading need: a compiler, the tools it starts, and the host image, the OCaml
//! runtime that plugins are loaded into. A [`Loader`] turns [`Source`]s into plugins with it:
//!
//! ```no_run
//! use dynloader::kit::{SystemOptions, default_cache_directory};
//! use dynloader::{Kit, Loader, Options, SideEffect};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = default_cache_directory().ok_or("no cache directory")?;
//! let kit = Kit::system(SystemOptions::new(cache)).await?;
//! let loader = Loader::new(kit, Options::default())?;
//! loader.load_sources::<SideEffect>(["plugins/util.ml", "plugins/main.ml"]).await?;
//! # Ok(())
//! # }
//! ```
//!
//! ## From sources to a plugin
//! 1. The sources are read, once, and grouped by module: [`bundle::read`].
//! 2. With a [cache](Options::use_cache), a plugin that was compiled before is found by its contents: [`cache`].
//! 3. All modules become one compilation unit. The user's text stays byte for byte between line directives, so every
//!    message has the user's file, line and columns: [`diagnostic`]. A single file that is run for its effects is
//!    compiled as it stands.
//! 4. One process compiles and links. The last module is checked against the interface; nothing has run yet.
//! 5. The file is loaded from a private path that no other load uses, and its top level runs: at once, or when and as
//!    often as asked ([`Delayed`], [`Evaluation`]).
//!
//! ## What can go wrong
//! Each operation has its error: [`compile::Error`] before anything of the plugin runs, [`load::Error`] after;
//! [`load::Error::Raised`] sets what the plugin's own code did apart from the rest.
//!
//! ## The end of the process
//! A loader removes its files when it is dropped or cleaned, and when the process ends through [`std::process::exit`].
//! [`shut_down`] is for other ends, such as signals; what a killed process left is removed by the next start.
//!
//! ## Environment
//! Nothing here reads the environment, except `TMPDIR` where [`Options::in_dir`] is not given, and what
//! [`kit`] says of itself. Child processes inherit it, without the variables that would change what is compiled.
//!
//! ## Features
//! - `clap`, off by default: [`check_command`](https://docs.rs/dynloader/latest/dynloader/check_command/), the arguments
//!   of a command that checks plugins.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod assembly;
mod blocking_calls;
pub mod bundle;
pub mod cache;
mod carried_libraries;
#[cfg(feature = "clap")]
pub mod check_command;
pub mod compile;
mod compile_arguments;
mod compile_worker;
mod compiled;
mod compiling;
mod contract;
mod delayed;
pub mod dependencies;
pub mod diagnostic;
mod fields;
pub mod kit;
pub mod library;
mod library_build;
mod library_load;
pub mod load;
mod load_thread;
pub mod loader;
mod loading;
mod made_by;
pub mod module_name;
pub mod modules;
mod name_table;
pub mod options;
mod plugin;
mod preprocess;
mod program;
mod rejection;
mod relay;
pub mod requirement;
pub mod rewriters;
mod runtimes;
mod scope;
mod script_head;
pub mod seal;
mod shared_library;
mod source;
pub mod stub_library;
mod unit;
pub mod warnings;
pub mod workspace;

pub use compiled::Compiled;
pub use delayed::Delayed;
pub use diagnostic::Diagnostic;
pub use kit::Kit;
pub use library::Library;
pub use loader::Loader;
pub use module_name::ModuleName;
pub use options::{Assembler, Options, Preprocessor};
pub use plugin::{BindError, Plugin, SideEffect};
pub use source::Source;
pub use unit::Evaluation;
pub use warnings::Warnings;
pub use workspace::shut_down;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
