//! End-to-end tests: the `saddlebag` command as its users meet it.

mod archives;
mod arguments;
mod assembling;
mod byte;
mod caches;
mod carriers;
mod debugging;
mod diagnostics;
mod embedding;
mod faults;
mod files;
mod help;
mod interfaces;
mod libraries;
mod limits;
mod places;
mod ppx;
mod programs;
mod requirements;
mod rewriters;
mod run;
mod scripts;
mod uncaught;
