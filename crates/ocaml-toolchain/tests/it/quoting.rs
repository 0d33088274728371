//! A shell reads a printed command line back as it was.

use ocaml_toolchain::Invocation;
use proptest::prelude::*;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

fn bytes() -> impl Strategy<Value = OsString> {
    prop::collection::vec(1u8..=255, 0..12).prop_map(OsString::from_vec)
}

/// The shells that read `$'...'`; a plain POSIX shell need not.
fn bash() -> Option<&'static str> {
    ["/bin/bash", "/usr/bin/bash"]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn bash_reads_back_arguments_and_environment(args in prop::collection::vec(bytes(), 0..4), value in bytes()) {
        let Some(bash) = bash() else { return Ok(()) };
        let command = Invocation::new("sh")
            .args(["-c", r#"printf '%s\0' "$V" "$@""#, "sh"])
            .args(args.clone())
            .env("V", value.clone());
        let direct = command.run_blocking().unwrap();
        let mut expected: Vec<u8> = Vec::new();
        for text in std::iter::once(&value).chain(&args) {
            expected.extend_from_slice(&text.clone().into_vec());
            expected.push(0);
        }
        prop_assert_eq!(&direct.stdout, &expected);
        let pasted = Invocation::new(bash).arg("-s").stdin_bytes(command.command_line()).run_blocking().unwrap();
        prop_assert_eq!(&pasted.stdout, &expected, "{}", command.command_line());
    }
}
