//! Which codes an OCaml build generates: sets of byte, native and wasm.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
