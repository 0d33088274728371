//! Comparison with GNU as: the same text, the same object.
#![expect(
    clippy::disallowed_methods,
    reason = "the reference tools are processes"
)]
#![expect(
    clippy::print_stdout,
    reason = "a skipped test says so, and the others what they saw"
)]

mod compare;
mod constructors;
mod instructions;
mod programs;
mod tools;
mod units;
