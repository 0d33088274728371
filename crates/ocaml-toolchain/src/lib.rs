//! Find, describe and run an OCaml toolchain.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
