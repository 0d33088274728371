//! Find OCaml libraries as findlib does, without findlib, and explain.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod memo;
pub mod meta;
pub mod scope;
pub mod text;

mod cache;
mod configuration;
mod duplicates;
mod graph;
mod index;
mod library;
mod missing;
mod modules;
mod name;
mod predicates;
mod query;
mod requirements;
mod resolver;
mod stamp;
mod suggestion;
mod sys;

pub use cache::Error as CacheError;
pub use configuration::{Configuration, Environment, Error as ConfigurationError};
pub use duplicates::Duplicate;
pub use graph::Graph;
pub use index::{Changes, Error as IndexError, Package, PackageId, PackageIndex};
pub use library::{Error as LibError, Lib, LibOptions, LibsError, canonical_name};
pub use missing::Missing;
pub use modules::{Provider, UnitConflict, Units};
pub use name::{Error as LibNameError, LibName};
pub use predicates::Predicates;
pub use query::{
    Closure, Error as QueryError, Format, FormatError, Query, QueryCommand, QueryOutput,
};
pub use requirements::{Error as RequirementsError, Requirements};
pub use resolver::{Error as ResolverError, Resolver};
pub use suggestion::Suggestion;
