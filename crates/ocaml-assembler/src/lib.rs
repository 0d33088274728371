//! The assembly that ocamlopt prints for x86-64 Linux, to objects and loadable plugins, in process.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
