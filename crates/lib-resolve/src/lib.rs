//! Find OCaml libraries as findlib does, without findlib, and explain.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod meta;
pub mod text;

mod configuration;
mod predicates;
mod sys;

pub use configuration::{Configuration, Environment, Error as ConfigurationError};
pub use predicates::Predicates;
