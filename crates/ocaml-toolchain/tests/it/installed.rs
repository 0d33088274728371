//! The toolchain that is really installed, against what its own tools say.

use ocaml_toolchain::find::Options;
use ocaml_toolchain::{Invocation, Toolchain};
use std::path::Path;

/// The installed toolchain. Without one, fails where `CI` is set, else says so and returns nothing.
fn installed() -> Option<Toolchain> {
    match Toolchain::find_blocking(&Options::from_environment()) {
        Ok(toolchain) => Some(toolchain),
        Err(error) => {
            assert!(
                std::env::var_os("CI").is_none(),
                "{error}; {}",
                error.hint()
            );
            println!("SKIP: {error}");
            None
        }
    }
}

fn said(program: &Path, args: &[&str]) -> String {
    let output = Invocation::new(program).args(args).run_blocking().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn version_and_standard_library_are_what_the_compiler_says() {
    let Some(toolchain) = installed() else { return };
    let compiler = toolchain.require_native().unwrap();
    assert_eq!(
        toolchain.conf().version().to_string(),
        said(compiler, &["-version"])
    );
    assert_eq!(
        toolchain.conf().standard_library(),
        Path::new(&said(compiler, &["-where"]))
    );
}

#[test]
fn findlib_agrees_with_the_compiler() {
    let Some(toolchain) = installed() else { return };
    let Some(ocamlfind) = toolchain.ocamlfind() else {
        return println!("SKIP: no ocamlfind");
    };
    let theirs = said(ocamlfind, &["ocamlopt", "-config"]);
    let ours: Vec<String> = toolchain
        .conf()
        .fields()
        .map(|(field, value)| format!("{field}: {value}"))
        .collect();
    let theirs: Vec<String> = theirs
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    assert_eq!(
        ours.iter().map(|line| line.trim_end()).collect::<Vec<_>>(),
        theirs
    );
}

#[test]
fn assembler_and_linker_run() {
    let Some(toolchain) = installed() else { return };
    let assembler = toolchain.require_assembler().unwrap();
    assembler
        .invocation()
        .arg("--version")
        .run_blocking()
        .unwrap();
    said(toolchain.require_linker().unwrap(), &["--version"]);
}

#[test]
fn a_program_compiles_and_a_type_error_is_a_failure_with_the_message() {
    let Some(toolchain) = installed() else { return };
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("good.ml"), "let () = print_string \"fine\"").unwrap();
    std::fs::write(dir.path().join("bad.ml"), "let x : int = \"no\"").unwrap();
    let compile = |file: &str| {
        let compiler = toolchain.require_native().unwrap();
        Invocation::new(compiler)
            .args([file, "-o", "a.out"])
            .current_dir(dir.path())
            .run_blocking()
    };
    compile("good.ml").unwrap();
    assert_eq!(said(&dir.path().join("a.out"), &[]), "fine");
    let error = compile("bad.ml").unwrap_err();
    let stderr = error.failure().unwrap().stderr_text().into_owned();
    assert!(
        stderr.contains("File \"bad.ml\", line 1, characters 14-18"),
        "{stderr}"
    );
}

#[test]
fn the_environment_is_read_only_when_asked() {
    let Some(_) = installed() else { return };
    assert!(Toolchain::find_blocking(&Options::default()).is_err());
}
