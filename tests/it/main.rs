//! End-to-end tests: the `saddlebag` command as its users meet it.

mod arguments;
mod diagnostics;
mod files;
mod help;
mod programs;
mod run;
