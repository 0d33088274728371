//! OCaml in this process: load a host image, call typed OCaml values from any thread.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
