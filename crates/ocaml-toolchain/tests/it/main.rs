//! Integration tests of `ocaml-toolchain`.

mod children;
mod fake;
mod finding;
mod installed;
mod quoting;
mod runtimes;
