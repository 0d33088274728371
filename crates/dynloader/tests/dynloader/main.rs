//! The whole way from sources to calls, with the installed toolchain.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

mod support;

mod byte_code;
mod caches;
#[cfg(feature = "clap")]
mod check_command;
mod dependencies;
mod diagnostics;
mod growth;
mod libraries;
mod lifecycle;
mod loads;
mod output;
mod programs;
mod seals;
mod spans;
mod warnings;
mod workers;
