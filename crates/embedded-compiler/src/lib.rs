//! The OCaml compiler carried by this executable.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
