//! Comparison with GNU as: the same text, the same object.
#![expect(
    clippy::disallowed_methods,
    reason = "the reference tools are processes"
)]

mod compare;
mod instructions;
mod programs;
mod tools;
mod units;
