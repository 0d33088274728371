//! Tests with processes: carriers and tools, ways to end, limits, mounts, and many processes at once.
#![expect(clippy::disallowed_methods, reason = "the tests are about processes")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a role reports to the test that started it"
)]
#![expect(clippy::unwrap_used, reason = "a panic fails the test")]
mod bases;
mod carriers;
mod endings;
mod limits;
mod linked;
mod mounts;
mod roles;
mod storm;
mod support;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if let Some(role) = arguments
        .next()
        .and_then(|role| role.to_str()?.strip_prefix("role:").map(str::to_owned))
    {
        return roles::play(
            &role,
            &arguments
                .map(|argument| argument.into_string().unwrap())
                .collect::<Vec<_>>(),
        );
    }
    let trial = |(name, test): (&str, fn())| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    let tests = [
        carriers::TESTS,
        bases::TESTS,
        endings::TESTS,
        limits::TESTS,
        linked::TESTS,
        mounts::TESTS,
        storm::TESTS,
    ]
    .concat();
    libtest_mimic::run(
        &Arguments::from_args(),
        tests.into_iter().map(trial).collect(),
    )
    .exit_code()
}
