//! Derive and interface macros of ocaml-runtime.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
