//! The whole way from sources to calls, with the installed toolchain.

mod support;

mod loads;
