//! The artefacts and the tools of a code are those of the compilers that are installed.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "the tests run the compilers themselves, and say so when they cannot"
)]

use std::{path::Path, process::Command};

use code_sets::{Artefact, Code};

/// Whether the compilers are there; without them the test fails under `CI`, and else is skipped.
fn compilers_are_installed() -> bool {
    let missing: Vec<&str> = [Code::Byte.compiler(), Code::Native.compiler()]
        .into_iter()
        .filter(|compiler| Command::new(compiler).arg("-version").output().is_err())
        .collect();
    assert!(
        missing.is_empty() || std::env::var_os("CI").is_none(),
        "missing: {missing:?}"
    );
    if !missing.is_empty() {
        eprintln!("SKIP: missing {missing:?}");
    }
    missing.is_empty()
}

fn run(directory: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
}

#[test]
fn compilers_write_the_artefacts_of_their_code() {
    if !compilers_are_installed() {
        return;
    }
    for code in [Code::Byte, Code::Native] {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        std::fs::write(directory.join("greeting.ml"), "let text = \"hello\"\n").unwrap();
        let file = |artefact| {
            code.extension(artefact)
                .map(|extension| format!("greeting{extension}"))
        };
        // Only the source is named, so that the compiler names the unit itself.
        run(directory, code.compiler(), &["-c", "greeting.ml"]);
        let unit = file(Artefact::Unit).unwrap();
        assert!(directory.join(&unit).is_file(), "{code}");
        // A compiler refuses to make a library or a plugin out of units that it does not know.
        run(
            directory,
            code.compiler(),
            &["-a", "-o", &file(Artefact::Library).unwrap(), &unit],
        );
        if let Some(plugin) = file(Artefact::Plugin) {
            run(
                directory,
                code.compiler(),
                &["-shared", "-o", &plugin, &unit],
            );
        }
        for other in [Code::Byte, Code::Native] {
            let written = std::fs::read_dir(directory)
                .unwrap()
                .filter_map(|entry| {
                    entry
                        .unwrap()
                        .path()
                        .extension()?
                        .to_str()
                        .and_then(Code::of_extension)
                })
                .filter(|(found, _)| *found == other)
                .count();
            assert_eq!(
                written,
                if other == code {
                    code.extensions().len()
                } else {
                    0
                },
                "{code}"
            );
        }
    }
}

#[test]
fn dynlink_loads_the_files_that_are_loadable() {
    if !compilers_are_installed() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    std::fs::write(
        directory.join("plugin.ml"),
        "let () = print_string \"loaded\"\n",
    )
    .unwrap();
    std::fs::write(
        directory.join("host.ml"),
        "let () = Dynlink.loadfile Sys.argv.(1)\n",
    )
    .unwrap();
    run(directory, "ocamlc", &["-c", "plugin.ml"]);
    run(
        directory,
        "ocamlc",
        &["-a", "-o", "plugin.cma", "plugin.cmo"],
    );
    run(
        directory,
        "ocamlopt",
        &["-shared", "-o", "plugin.cmxs", "plugin.ml"],
    );
    // `dynlink` is in a folder of its own since OCaml 5.0; both folders are searched.
    let dynlink = ["-I", "+dynlink", "host.ml", "-o"];
    run(
        directory,
        "ocamlc",
        &[&["dynlink.cma"], &dynlink[..], &["host.byte"]].concat(),
    );
    run(
        directory,
        "ocamlopt",
        &[&["dynlink.cmxa"], &dynlink[..], &["host.native"]].concat(),
    );
    for (code, host) in [(Code::Byte, "host.byte"), (Code::Native, "host.native")] {
        for extension in code.loadable_extensions() {
            let output = Command::new(directory.join(host))
                .arg(directory.join(format!("plugin{extension}")))
                .output()
                .unwrap();
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                "loaded",
                "{code} {extension}"
            );
        }
    }
}
