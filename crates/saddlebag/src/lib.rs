//! A Rust program that carries its own OCaml compiler: typed, native plugins from source at run time.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
