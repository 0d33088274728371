//! Find, describe and run an OCaml toolchain.
//!
//! Use this crate alone when a Rust program has to call `ocamlopt`, `ocamlc` or `ocamldep` and wants to know, before
//! it does, which compiler that is and what it can do.
//!
//! - [`Toolchain::find`] locates the tools in a documented order and says how it found them.
//! - [`Conf`] is what `ocamlopt -config` prints, with types.
//! - [`Invocation`] is one command as a value: compare it, print it as a line for the shell, run it.
//! - [`running`] ends every child process at once, for a program that handles signals.
//! - [`files`] writes files that may be longer than the process is allowed to write.
//! - [`threads`] does blocking work for futures, also where the system refuses to make a thread.
//!
//! ```
//! use ocaml_toolchain::{Conf, Invocation, OcamlVersion};
//!
//! let conf = Conf::parse("version: 5.3.0\narchitecture: amd64\nsystem: linux\nstandard_library: /usr/lib/ocaml\n")?;
//! assert!(conf.version() >= &OcamlVersion::new(4, 13, 0));
//! assert_eq!(conf.architecture(), "amd64");
//!
//! let command = Invocation::new("ocamlfind").args(["ocamlopt", "-I", "my lib", "-c", "a.ml"]);
//! assert_eq!(command.command_line(), "ocamlfind ocamlopt -I 'my lib' -c a.ml");
//! # Ok::<(), ocaml_toolchain::conf::Error>(())
//! ```
//!
//! ## Processes
//! This is the only crate of its workspace that starts processes.
//! A child leads a process group of its own, so that the assembler and the linker below `ocamlopt` end with it.
//! Dropping the future of [`Invocation::run`] or [`Invocation::output`] kills the group.
//! The futures name no runtime: they complete under a bare `block_on`, under tokio and under smol.
//! `async-process` adds two threads to the program; where the kernel has no pidfd (Linux before 5.3, macOS) it also
//! installs a handler for `SIGCHLD`.
//!
//! ## Environment
//! Nothing here reads the environment except [`find::Options::from_environment`], which says what it reads.
//! Child processes inherit the environment of the program unless their [`Invocation`] changes it.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![doc(test(attr(deny(warnings))))]

pub mod conf;
pub mod files;
pub mod find;
pub mod invocation;
pub mod require;
pub mod running;
mod sys;
pub mod threads;
mod toolchain;
mod version;

pub use conf::Conf;
pub use invocation::{CommandFailure, Invocation};
pub use toolchain::{Findlib, Origin, ToolCommand, Toolchain};
pub use version::{OcamlVersion, ParseVersionError};

/// The examples of the README are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
