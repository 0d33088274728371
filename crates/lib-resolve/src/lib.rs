//! Find OCaml libraries as findlib does, without findlib, and explain.
//!
//! Use this crate alone when a build tool or an editor in Rust has to know which directory, archives, requirements and interfaces an OCaml
//! library name stands for, in what order a set of libraries links, and why. It reads META files and findlib's configuration itself, so no
//! `ocamlfind` has to be installed, and one question costs a few system calls.
//!
//! ```
//! use lib_resolve::{Configuration, LibOptions, PackageIndex};
//! # let directory = tempfile::tempdir()?;
//! # let lib = directory.path().to_path_buf();
//! # for (name, meta) in [("app", r#"requires = "fmt,unix""#), ("fmt", r#"archive(byte) = "fmt.cma""#), ("unix", "")] {
//! #     std::fs::create_dir(lib.join(name))?;
//! #     std::fs::write(lib.join(name).join("META"), meta)?;
//! # }
//! // `Configuration::read(&Environment::from_process(), None)` takes the search path from findlib's configuration.
//! let mut index = PackageIndex::new(Configuration::new([lib.clone()], "/usr/lib/ocaml"));
//! let libs = index.libs_and_deps(&["app".parse()?], &LibOptions::new(5))?;
//! let names: Vec<_> = libs.iter().map(|lib| lib.name.as_str()).collect();
//! assert_eq!(names, ["fmt", "unix", "app"]);
//! assert_eq!(libs[0].cma, [lib.join("fmt/fmt.cma")]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## Core concepts
//! - [`meta`]: the META language: parsing, printing, looking variables up under [`Predicates`].
//! - [`Configuration`]: findlib's search path and standard library, from its files and an [`Environment`].
//! - [`PackageIndex`]: the packages of a search path, found as findlib finds them. It can list every directory once, read everything,
//!   notice changes, and keep what it read for the next process.
//! - [`Requirements`]: what packages require under some predicates; closures in linking order.
//! - [`Query`], [`QueryCommand`]: `ocamlfind query`, byte for byte.
//! - [`Lib`]: a library with the files that a build needs; [`Graph`], [`Units`], [`Suggestion`] and [`Missing`] explain;
//!   [`ArchiveContents`] tells what an archive holds.
//! - [`Resolver`] and [`scope`]: asynchronous lookups in several places in order, on behalf of a build ([`memo`]).
//!
//! ## findlib is right
//! The rules are those of findlib 1.9, checked against it over installed packages and generated trees. Two of its behaviours are kept for
//! [`QueryCommand`] alone: that a circle, or a META file in bad syntax, among packages that are not required but share a file with one that is
//! fails a closure ([`Requirements::findlib_closure`]).
//!
//! ## Environment, processes, threads
//! The environment is read by [`Environment::from_process`] and by the constructors [`scope::ocamlpath()`] and [`scope::ocamlfind()`] alone.
//! Only [`scope::ocamlfind()`] starts processes, through its memo. The futures name no runtime.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod archive_contents;
pub mod cache;
pub mod configuration;
pub mod index;
pub mod library;
pub mod memo;
pub mod meta;
pub mod name;
pub mod query;
pub mod requirements;
pub mod resolver;
pub mod scope;
pub mod text;

mod duplicates;
mod graph;
mod marshal;
mod missing;
mod predicates;
mod stamp;
mod suggestion;
mod sys;
mod system_packages;
mod units;

pub use archive_contents::ArchiveContents;
pub use configuration::{Configuration, Environment};
pub use duplicates::Duplicate;
pub use graph::Graph;
pub use index::{Package, PackageId, PackageIndex};
pub use library::{Lib, LibOptions, canonical_name};
pub use missing::Missing;
pub use name::LibName;
pub use predicates::Predicates;
pub use query::{Query, QueryCommand};
pub use requirements::Requirements;
pub use resolver::Resolver;
pub use suggestion::Suggestion;
pub use units::{Provider, UnitConflict, Units};

/// The examples of the README are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
