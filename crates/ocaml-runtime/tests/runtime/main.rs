//! Calls between Rust and OCaml, on native and byte-code images built with the installed compiler.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod calls;
mod failures;
mod handles;
mod host;
mod loading;
mod main_thread;
mod stress;
mod support;
mod typed;
