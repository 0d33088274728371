//! OCaml sources to a loaded, typed plugin, with any toolchain.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod assembly;
pub mod bundle;
pub mod cache;
#[cfg(feature = "clap")]
pub mod check_command;
pub mod compile;
mod compiled;
mod compiling;
mod contract;
mod delayed;
pub mod dependencies;
pub mod diagnostic;
pub mod kit;
pub mod load;
pub mod loader;
mod loading;
pub mod module_name;
mod name_table;
pub mod options;
mod plugin;
mod preprocess;
mod program;
pub mod seal;
mod source;
mod unit;
pub mod warnings;
pub mod workspace;

pub use compiled::Compiled;
pub use delayed::Delayed;
pub use diagnostic::Diagnostic;
pub use kit::Kit;
pub use loader::Loader;
pub use module_name::ModuleName;
pub use options::{Assembler, Options, Preprocessor};
pub use plugin::{BindError, Plugin, SideEffect};
pub use source::Source;
pub use unit::Evaluation;
pub use warnings::Warnings;
