//! Running the real `ocamlfind` beside our own answer.
#![expect(
    clippy::disallowed_methods,
    reason = "the oracle of these tests is a process"
)]
#![expect(clippy::print_stdout, reason = "a test that is left out says so")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use lib_resolve::{Configuration, Environment, LibName, PackageIndex, QueryCommand};
use ocaml_toolchain::Conf;

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

/// What `ocamlfind query` answers, with some `-toolchain NAME` before `query`.
pub(crate) fn oracle(
    directory: &Path,
    variables: &Variables,
    toolchains: &[String],
    arguments: &[String],
) -> Answer {
    let mut command = Command::new("ocamlfind");
    for (name, _) in Environment::default()
        .variables()
        .into_iter()
        .filter(|(name, _)| *name != "PATH")
    {
        command.env_remove(name);
    }
    command
        .args(
            toolchains
                .iter()
                .flat_map(|name| ["-toolchain", name.as_str()]),
        )
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
pub(crate) fn ours(variables: &Variables, toolchains: &[String], arguments: &[String]) -> Answer {
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
        commands: value("OCAMLFIND_COMMANDS"),
        path: std::env::var_os("PATH"),
        ..Environment::default()
    };
    let output = QueryCommand::parse(arguments)
        .with_toolchains(toolchains.iter().map(OsString::from))
        .run(&environment);
    Answer(output.status.into(), output.stdout, output.stderr)
}

/// A search path of one temporary directory.
pub(crate) struct Tree {
    pub(crate) root: tempfile::TempDir,
}

impl Tree {
    /// Packages by name, each with its META file.
    pub(crate) fn new(packages: &[(&str, &str)]) -> Tree {
        let tree = Tree {
            root: tempfile::tempdir().expect("a temporary directory"),
        };
        for (name, meta) in packages {
            tree.write(&format!("lib/{name}/META"), meta);
        }
        tree
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.root.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, content: &str) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("writable");
        std::fs::write(path, content).expect("writable");
    }

    pub(crate) fn remove(&self, file: &str) {
        std::fs::remove_file(self.path(file)).expect("the file is there");
    }

    /// An environment in which `lib` is the whole search path.
    pub(crate) fn environment(&self) -> Environment {
        self.write(
            "findlib.conf",
            &format!(
                "path = \"{}\"\nstdlib = \"/std\"",
                self.path("lib").display()
            ),
        );
        Environment {
            configuration_file: Some(self.path("findlib.conf").into()),
            path: std::env::var_os("PATH"),
            ..Environment::default()
        }
    }

    pub(crate) fn index(&self) -> PackageIndex {
        PackageIndex::new(Configuration::new([self.path("lib")], "/std"))
    }

    /// Waits until the files are so old that their stamps tell every later change.
    pub(crate) fn settle(&self) {
        // The time of the last change of an inode cannot be set, only waited for.
        std::thread::sleep(std::time::Duration::from_millis(2_100));
    }
}

pub(crate) fn name(text: &str) -> LibName {
    text.parse().expect("a right name")
}

pub(crate) fn names(texts: &str) -> Vec<LibName> {
    texts.split_whitespace().map(name).collect()
}

/// A compiler's configuration of which only the version matters.
pub(crate) fn conf(version: &str) -> Arc<Conf> {
    let text = format!(
        "version: {version}\nstandard_library: /std\narchitecture: amd64\nsystem: linux\next_lib: .a\n"
    );
    Arc::new(Conf::parse(&text).expect("a right configuration"))
}
