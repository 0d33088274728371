//! `cargo xtask setup` on machines that lack OCaml, made of shell scripts on a `PATH` of their own.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test fail like the test: by panicking"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tempfile::TempDir;

/// A machine: `bin` is its `PATH`, `packages` holds what its package manager installs, `log` what was run.
struct Machine {
    dir: TempDir,
}

impl Machine {
    /// A machine without OCaml, with `apt-get`, whose archive has a package `package` with all of OCaml in it.
    fn new(user: &str, package: &str) -> Self {
        let machine = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for directory in ["bin", "packages", "lib/compiler-libs"] {
            std::fs::create_dir_all(machine.path(directory)).unwrap();
        }
        let libraries = [
            "stdlib.cmi",
            "stdlib.cma",
            "stdlib.cmxa",
            "compiler-libs/optmaindriver.cmi",
        ];
        let archives = ["ocamlcommon", "ocamlbytecomp", "ocamloptcomp"]
            .map(|name| format!("compiler-libs/{name}.cmxa"));
        for file in libraries.into_iter().map(str::to_owned).chain(archives) {
            std::fs::write(machine.path("lib").join(file), "").unwrap();
        }
        let lib = machine.path("lib");
        let conf = format!(
            "version: 5.3.0\nstandard_library: {}\narchitecture: amd64\nsystem: linux\nasm: as\n\
             native_pack_linker: ld -r -o\nc_compiler: gcc\n",
            lib.display()
        );
        for compiler in ["ocamlopt", "ocamlc"] {
            machine.script(
                &format!("packages/{compiler}"),
                &format!("printf '%s' '{conf}'"),
            );
        }
        for tool in ["ocamldep", "as", "ld", "gcc"] {
            machine.script(&format!("packages/{tool}"), "");
        }
        let compiler = machine.path("bin/ocamlopt");
        machine.script(
            "packages/ocamlfind",
            &format!("echo {}", compiler.display()),
        );
        machine.script("bin/id", &format!("echo {user}"));
        let root = machine.path("");
        let root = root.display();
        machine.script(
            "bin/apt-get",
            &format!(
                "echo \"apt-get $*\" >> {root}/log\n\
                 case \" $* \" in\n' update '*) exit 100 ;;\n*' {package} '*) /bin/mv {root}/packages/* {root}/bin ;;\n\
                 *) echo 'E: Unable to locate package'; exit 100 ;;\nesac"
            ),
        );
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn script(&self, name: &str, script: &str) -> &Self {
        std::fs::write(self.path(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Run the set-up: whether it succeeded, and all it printed.
    fn setup(&self) -> (bool, String) {
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"))
            .arg("setup")
            .env_clear()
            .env("PATH", self.path("bin"))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }

    /// The sub-commands of the package manager that were run.
    fn log(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.path("log")).unwrap_or_default();
        log.lines()
            .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
            .collect()
    }
}

#[test]
fn ocaml_is_installed_by_root_and_then_found_even_if_the_lists_are_stale() {
    let machine = Machine::new("0", "ocaml-nox");
    let (succeeded, text) = machine.setup();
    assert!(succeeded, "{text}");
    assert!(text.contains("OCaml 5.3.0"), "{text}");
    assert_eq!(machine.log(), ["apt-get update", "apt-get install"]);
    let (succeeded, text) = machine.setup();
    assert!(succeeded, "{text}");
    assert_eq!(machine.log().len(), 2, "nothing is installed twice");
}

#[test]
fn the_other_name_of_the_package_is_tried() {
    let machine = Machine::new("0", "ocaml");
    let (succeeded, text) = machine.setup();
    assert!(succeeded, "{text}");
    assert_eq!(
        machine.log(),
        ["apt-get update", "apt-get install", "apt-get install"]
    );
}

#[test]
fn sudo_is_used_where_it_asks_no_question() {
    let machine = Machine::new("1000", "ocaml-nox");
    machine.script(
        "bin/sudo",
        "[ \"$1\" = -n ] && shift && [ \"$1\" != true ] && exec \"$@\"; exit 0",
    );
    let (succeeded, text) = machine.setup();
    assert!(succeeded, "{text}");
    assert!(text.contains("$ sudo -n apt-get install"), "{text}");
}

#[test]
fn without_the_right_to_install_the_commands_to_type_are_shown() {
    let machine = Machine::new("1000", "ocaml-nox");
    let (succeeded, text) = machine.setup();
    assert!(!succeeded);
    assert!(text.contains("no OCaml compiler found in"), "{text}");
    assert!(text.contains("    sudo apt-get update"), "{text}");
    assert!(
        text.contains("ocaml-nox ocaml-findlib ocaml-compiler-libs"),
        "{text}"
    );
    assert_eq!(machine.log(), [""; 0]);
}

#[test]
fn without_a_package_manager_what_is_needed_is_said() {
    let machine = Machine::new("0", "ocaml-nox");
    std::fs::remove_file(machine.path("bin/apt-get")).unwrap();
    let (succeeded, text) = machine.setup();
    assert!(!succeeded);
    assert!(text.contains("SADDLEBAG_OCAML"), "{text}");
}

#[test]
fn what_is_still_missing_after_installing_is_named() {
    let machine = Machine::new("0", "ocaml-nox");
    std::fs::remove_file(machine.path("packages/ocamlfind")).unwrap();
    let (succeeded, text) = machine.setup();
    assert!(!succeeded);
    assert!(
        text.contains("still, after installing: there is no `ocamlfind`"),
        "{text}"
    );
}
