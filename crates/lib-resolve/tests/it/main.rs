//! Tests of lib-resolve against the real `ocamlfind` and on trees made for them.

mod generated;
mod installed;
mod kept;
mod meta_files;
mod rescan;
mod resolver;
mod scopes;
mod suggestions;
mod support;
mod universe;
