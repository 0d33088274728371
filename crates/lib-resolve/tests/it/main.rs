//! Tests of lib-resolve against the real `ocamlfind` and on trees made for them.

mod generated;
mod installed;
mod support;
