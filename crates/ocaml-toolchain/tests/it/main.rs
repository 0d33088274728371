//! Integration tests of `ocaml-toolchain`. The fake toolchains are shell scripts.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test fail like the test: by panicking"
)]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod children;
mod fake;
mod finding;
mod installed;
mod quoting;
mod runtimes;
