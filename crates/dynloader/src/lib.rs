//! OCaml sources to a loaded, typed plugin, with any toolchain.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod kit;
