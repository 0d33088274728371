//! Which of the user's flags a compile worker may be started with.

use std::ffi::OsString;

/// Flags that change what a unit is compiled to and nothing else: `ocamlopt -help`.
const PLAIN: &[&str] = &[
    "-alias-deps",
    "-app-funct",
    "-fPIC",
    "-fno-PIC",
    "-function-sections",
    "-g",
    "-labels",
    "-no-alias-deps",
    "-no-app-funct",
    "-no-float-const-prop",
    "-no-function-sections",
    "-no-principal",
    "-no-rectypes",
    "-no-strict-formats",
    "-no-strict-sequence",
    "-noassert",
    "-nodynlink",
    "-nolabels",
    "-principal",
    "-rectypes",
    "-safer-matching",
    "-strict-formats",
    "-strict-sequence",
    "-unsafe",
];

/// The same with a value behind them.
const WITH_VALUE: &[&str] = &["-alert", "-inline", "-open", "-w", "-warn-error"];

/// Whether a worker may have these flags: each is known to act on one unit alone, and to write no other files.
pub(crate) fn are_for_workers(flags: &[OsString]) -> bool {
    let mut flags = flags.iter().map(|flag| flag.to_str());
    while let Some(flag) = flags.next() {
        match flag {
            Some(flag) if PLAIN.contains(&flag) => {}
            Some(flag) if WITH_VALUE.contains(&flag) && flags.next().is_some() => {}
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flags: &[&str]) -> bool {
        are_for_workers(&flags.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn flags_that_act_on_the_code_alone_are_for_workers() {
        assert!(check(&[]));
        assert!(check(&["-inline", "200", "-unsafe", "-open", "Printf"]));
    }

    #[test]
    fn flags_that_are_not_known_are_not() {
        assert!(!check(&["-S"]));
        assert!(!check(&["-unsafe", "-ppx", "rewriter"]));
        assert!(!check(&["-pp", "-unsafe"]));
        assert!(!check(&["-inline"]));
    }
}
