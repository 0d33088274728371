//! The whole way from sources to calls, with the installed toolchain.

mod support;

mod caches;
mod dependencies;
mod diagnostics;
mod lifecycle;
mod loads;
mod seals;
mod warnings;
