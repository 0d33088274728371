//! Find OCaml libraries as findlib does, without findlib, and explain.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
