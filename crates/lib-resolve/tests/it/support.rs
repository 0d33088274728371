//! Running the real `ocamlfind` beside our own answer.
#![expect(
    clippy::disallowed_methods,
    reason = "the oracle of these tests is a process"
)]

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use lib_resolve::{Environment, QueryCommand};

/// Whether `ocamlfind` is there. In CI it must be.
pub(crate) fn has_ocamlfind(test: &str) -> bool {
    let found = Command::new("ocamlfind")
        .arg("printconf")
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        assert!(
            std::env::var_os("CI").is_none(),
            "ocamlfind is not installed"
        );
        println!("SKIP {test}: ocamlfind is not installed");
    }
    found
}

/// Status, standard output and standard error.
#[derive(PartialEq, Eq)]
pub(crate) struct Answer(pub(crate) i32, pub(crate) Vec<u8>, pub(crate) Vec<u8>);

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [stdout, stderr] = [&self.1, &self.2].map(|bytes| bytes.escape_ascii().to_string());
        write!(
            f,
            "status {} stdout \"{stdout}\" stderr \"{stderr}\"",
            self.0
        )
    }
}

/// The variables of findlib that a test sets; all others of findlib's are removed.
pub(crate) type Variables = Vec<(&'static str, OsString)>;

/// What `ocamlfind query` answers.
pub(crate) fn oracle(directory: &Path, variables: &Variables, arguments: &[String]) -> Answer {
    let mut command = Command::new("ocamlfind");
    for (name, _) in Environment::default()
        .variables()
        .into_iter()
        .filter(|(name, _)| *name != "PATH")
    {
        command.env_remove(name);
    }
    command
        .arg("query")
        .args(arguments)
        .current_dir(directory)
        .envs(variables.iter().map(|(n, v)| (n, v)));
    let output = command.output().expect("ocamlfind starts");
    Answer(
        output.status.code().unwrap_or(-1),
        output.stdout,
        output.stderr,
    )
}

/// What we answer. Relative paths are the caller's care: this process stays where it is.
pub(crate) fn ours(variables: &Variables, arguments: &[String]) -> Answer {
    let value = |name: &str| {
        variables
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value.clone())
    };
    let environment = Environment {
        configuration_file: value("OCAMLFIND_CONF"),
        toolchain: value("OCAMLFIND_TOOLCHAIN"),
        ocamlpath: value("OCAMLPATH"),
        ocamllib: value("OCAMLLIB"),
        camllib: value("CAMLLIB"),
        path: std::env::var_os("PATH"),
        ..Environment::default()
    };
    let output = QueryCommand::parse(arguments).run(&environment);
    Answer(output.status.into(), output.stdout, output.stderr)
}
