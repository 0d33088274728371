//! Calls between Rust and OCaml, on native and byte-code images built with the installed compiler.

mod calls;
mod failures;
mod host;
mod loading;
mod stress;
mod support;
mod typed;
