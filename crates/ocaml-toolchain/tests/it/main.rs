//! Integration tests of `ocaml-toolchain`.

mod children;
mod quoting;
mod runtimes;
