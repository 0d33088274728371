//! The `saddlebag` command.
#![forbid(unsafe_code)]

fn main() {}
