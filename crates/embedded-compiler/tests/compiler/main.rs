//! Programs that carry a compiler, from the compiler's creation to their end: this executable, with one in its saddlebag,
//! in the roles that the tests give it.
#![expect(clippy::disallowed_methods, reason = "the tests are about processes")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a role reports to the test that started it"
)]
#![expect(clippy::unwrap_used, reason = "a panic fails the test")]
mod carriers;
mod cleaning;
mod endings;
mod extraction;
mod loads;
mod support;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use support::{Role, Test};

const ROLES: [&[(&str, Role)]; 4] = [
    cleaning::ROLES,
    endings::ROLES,
    extraction::ROLES,
    loads::ROLES,
];

const TESTS: [&[Test]; 4] = [
    cleaning::TESTS,
    endings::TESTS,
    extraction::TESTS,
    loads::TESTS,
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if let Some(wanted) = arguments
        .next()
        .and_then(|role| role.strip_prefix("role:").map(str::to_owned))
    {
        let arguments: Vec<String> = arguments.collect();
        let (_, role) = ROLES
            .concat()
            .into_iter()
            .find(|(name, _)| *name == wanted)
            .unwrap();
        return match role(&arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{}", support::chain(&*error));
                ExitCode::from(3)
            }
        };
    }
    let trial = |(name, test): Test| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    libtest_mimic::run(
        &Arguments::from_args(),
        TESTS.concat().into_iter().map(trial).collect(),
    )
    .exit_code()
}
