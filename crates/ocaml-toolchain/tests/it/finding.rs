//! Which toolchain is found, and every way it can be absent, wrong or half installed.

use crate::fake::Fake;
use ocaml_toolchain::find::{Error, Options};
use ocaml_toolchain::{Findlib, OcamlVersion, Origin, ToolCommand, Toolchain, require};
use std::path::Path;

fn find(options: &Options) -> Result<Toolchain, Error> {
    Toolchain::find_blocking(options)
}

fn found(options: &Options) -> Toolchain {
    find(options).unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)))
}

#[test]
fn a_whole_installation_has_every_tool() {
    let fake = Fake::whole();
    let toolchain = found(&fake.path());
    let bin = |name: &str| fake.bin().join(name);
    assert_eq!(
        toolchain.origin(),
        &Origin::Findlib {
            ocamlfind: bin("ocamlfind")
        }
    );
    assert_eq!(toolchain.conf().version(), &OcamlVersion::new(4, 14, 1));
    assert_eq!(toolchain.require_native(), Ok(&*bin("ocamlopt.opt")));
    assert_eq!(toolchain.require_bytecode(), Ok(&*bin("ocamlc")));
    assert_eq!(toolchain.require_ocamldep(), Ok(&*bin("ocamldep")));
    assert_eq!(toolchain.require_findlib(), Ok(&*bin("ocamlfind")));
    let assembler = ToolCommand {
        program: bin("as"),
        args: vec!["--64".to_owned()],
    };
    assert_eq!(toolchain.require_assembler(), Ok(&assembler));
    assert_eq!(toolchain.require_linker(), Ok(&*bin("ld")));
    assert_eq!(
        toolchain.require_compiler_libs(),
        Ok(&*fake.lib().join("compiler-libs"))
    );
    assert_eq!(toolchain.require_shared_libraries(), Ok(()));
    let json = serde_json::to_string(&toolchain).unwrap();
    assert_eq!(serde_json::from_str::<Toolchain>(&json).unwrap(), toolchain);
}

#[test]
fn places_are_tried_in_the_documented_order() {
    let fakes: Vec<Fake> = (0..6).map(|_| Fake::whole()).collect();
    let bin = |index: usize| fakes[index].bin();
    fakes[5].remove("bin/ocamlfind");
    let mut options = Options::default().path(bin(5));
    assert_eq!(
        found(&options).origin(),
        &Origin::SearchPath { directory: bin(5) }
    );
    options = options.ocamlfind(bin(4).join("ocamlfind"));
    assert_eq!(
        found(&options).origin(),
        &Origin::Findlib {
            ocamlfind: bin(4).join("ocamlfind")
        }
    );
    options = options.opam_switch_prefix(fakes[3].root());
    assert_eq!(
        found(&options).origin(),
        &Origin::OpamSwitch {
            prefix: fakes[3].root().into()
        }
    );
    options = options.saddlebag_ocaml(fakes[2].root());
    assert_eq!(
        found(&options).origin(),
        &Origin::Variable {
            value: fakes[2].root().into()
        }
    );
    options = options.directory(bin(1));
    assert_eq!(
        found(&options).origin(),
        &Origin::Directory { directory: bin(1) }
    );
    options = options.compiler(bin(0).join("ocamlopt"));
    let toolchain = found(&options);
    assert_eq!(
        toolchain.origin(),
        &Origin::Compiler {
            path: bin(0).join("ocamlopt")
        }
    );
    assert_eq!(
        toolchain.ocamlopt(),
        Some(&*bin(0).join("ocamlopt")),
        "the compiler named is kept"
    );
    assert_eq!(toolchain.ocamlc(), Some(&*bin(0).join("ocamlc")));
}

#[test]
fn the_variable_names_a_compiler_a_directory_or_a_prefix() {
    let fake = Fake::whole();
    for value in [
        fake.bin().join("ocamlopt.opt"),
        fake.bin(),
        fake.root().to_owned(),
    ] {
        let toolchain = found(&Options::default().saddlebag_ocaml(&value));
        assert_eq!(
            toolchain.ocamlopt(),
            Some(&*fake.bin().join("ocamlopt.opt")),
            "{}",
            value.display()
        );
    }
}

#[test]
fn findlib_may_name_a_compiler_outside_the_path() {
    let (on_path, elsewhere) = (Fake::whole(), Fake::whole());
    on_path.ocamlfind(
        "ocamlfind",
        &elsewhere.bin().join("ocamlopt"),
        &elsewhere.lib(),
    );
    let toolchain = found(&on_path.path());
    assert_eq!(
        toolchain.ocamlopt(),
        Some(&*elsewhere.bin().join("ocamlopt.opt"))
    );
    assert_eq!(
        toolchain.ocamlfind(),
        Some(&*on_path.bin().join("ocamlfind"))
    );
}

#[test]
fn an_opam_switch_without_a_compiler_is_passed_over() {
    let (switch, fake) = (Fake::empty(), Fake::whole());
    let toolchain = found(&fake.path().opam_switch_prefix(switch.root()));
    assert_eq!(
        toolchain.ocamlopt(),
        Some(&*fake.bin().join("ocamlopt.opt"))
    );
}

#[test]
fn no_compiler_anywhere_lists_the_places() {
    let (switch, path) = (Fake::empty(), Fake::empty());
    let error = find(&path.path().opam_switch_prefix(switch.root())).unwrap_err();
    assert!(
        matches!(&error, Error::NoCompiler { looked } if **looked == [switch.bin(), path.bin()]),
        "{error}"
    );
    assert!(error.hint().contains("SADDLEBAG_OCAML"));
    assert!(
        matches!(find(&Options::default()), Err(Error::NoCompiler { looked }) if looked.is_empty())
    );
}

#[test]
fn a_named_place_without_a_compiler_is_an_error_even_if_another_has_one() {
    let (fake, empty) = (Fake::whole(), Fake::empty());
    let error = find(&fake.path().saddlebag_ocaml(empty.root())).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "no OCaml compiler in SADDLEBAG_OCAML, `{}`",
            empty.root().display()
        )
    );
    let error = find(&fake.path().compiler("/nowhere/ocamlopt")).unwrap_err();
    assert!(
        matches!(error, Error::NotThere { origin } if *origin == Origin::Compiler { path: "/nowhere/ocamlopt".into() })
    );
    let error = find(&fake.path().directory(empty.bin())).unwrap_err();
    assert!(matches!(error, Error::NoCompiler { looked } if *looked == [empty.bin()]));
    let error = find(&fake.path().ocamlfind("my-ocamlfind")).unwrap_err();
    assert_eq!(error.to_string(), "there is no program `my-ocamlfind`");
}

#[test]
fn a_file_that_may_not_be_executed_is_no_compiler() {
    use std::os::unix::fs::PermissionsExt;
    let fake = Fake::empty();
    fake.compiler("ocamlopt");
    let path = fake.bin().join("ocamlopt");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(find(&fake.path()), Err(Error::NoCompiler { .. })));
}

#[test]
fn a_compiler_that_fails_on_config_is_reported_with_what_it_said() {
    let fake = Fake::whole();
    fake.tool("ocamlopt.opt", "echo 'cannot load libm.so.6' >&2; exit 127");
    let error = find(&fake.path()).unwrap_err();
    let Error::ConfigFailed { compiler, source } = error else {
        panic!("{error}")
    };
    assert_eq!(*compiler, fake.bin().join("ocamlopt.opt"));
    assert_eq!(
        source.failure().unwrap().stderr_text(),
        "cannot load libm.so.6\n"
    );
}

#[test]
fn a_compiler_that_cannot_start_is_reported() {
    let fake = Fake::whole();
    std::fs::write(
        fake.bin().join("ocamlopt.opt"),
        b"\x7fELF for another machine",
    )
    .unwrap();
    let Err(Error::ConfigFailed { source, .. }) = find(&fake.path()) else {
        panic!()
    };
    assert!(source.failure().is_none(), "it never ran: {source}");
}

#[test]
fn a_configuration_that_makes_no_sense_is_reported() {
    let fake = Fake::whole();
    fake.compiler_with("ocamlopt.opt", "version: 5.1.0\n");
    let Err(Error::ConfigUnreadable { source, .. }) = find(&fake.path()) else {
        panic!()
    };
    assert_eq!(
        source.to_string(),
        "the field `standard_library` is missing"
    );
    fake.compiler_with("ocamlopt.opt", "hello\n");
    assert!(matches!(
        find(&fake.path()),
        Err(Error::ConfigUnreadable { .. })
    ));
}

#[test]
fn an_old_compiler_is_refused() {
    let fake = Fake::whole();
    fake.compiler_with("ocamlopt.opt", &fake.conf("4.12.1"));
    let Err(Error::TooOld {
        version, minimum, ..
    }) = find(&fake.path())
    else {
        panic!()
    };
    assert_eq!(
        (*version, *minimum),
        (OcamlVersion::new(4, 12, 1), OcamlVersion::MINIMUM)
    );
    assert!(find(&fake.path().minimum_version(OcamlVersion::new(4, 12, 0))).is_ok());
}

#[test]
fn a_compiler_without_a_standard_library_is_refused() {
    let fake = Fake::whole();
    fake.remove("lib/ocaml/stdlib.cmi");
    let Err(Error::NoStandardLibrary { directory, .. }) = find(&fake.path()) else {
        panic!()
    };
    assert_eq!(*directory, fake.lib());
}

#[test]
fn a_byte_code_installation_is_found_and_cannot_do_native_code() {
    let fake = Fake::empty().bytecode();
    let toolchain = found(&fake.path());
    assert_eq!(
        (toolchain.ocamlopt(), toolchain.ocamlc()),
        (None, Some(&*fake.bin().join("ocamlc")))
    );
    let error = toolchain.require_native().unwrap_err();
    assert_eq!(
        error,
        require::Error::NoNativeCompiler {
            ocamlc: fake.bin().join("ocamlc")
        }
    );
    assert!(error.hint().contains("byte code"));
    assert!(toolchain.require_bytecode().is_ok());
}

#[test]
fn a_native_compiler_without_its_standard_library_is_half_installed() {
    let fake = Fake::whole();
    fake.remove("lib/ocaml/stdlib.cmxa");
    let path = fake.lib().join("stdlib.cmxa");
    assert_eq!(
        found(&fake.path()).require_native(),
        Err(require::Error::StandardLibraryFile { path })
    );
}

#[test]
fn a_compiler_without_findlib_is_fine_until_findlib_is_required() {
    let fake = Fake::whole();
    fake.remove("bin/ocamlfind");
    let toolchain = found(&fake.path());
    assert_eq!(toolchain.findlib(), &Findlib::Missing);
    assert_eq!(toolchain.require_findlib(), Err(require::Error::NoFindlib));
}

#[test]
fn the_findlib_of_another_ocaml_is_not_taken() {
    let (switch, system) = (Fake::whole(), Fake::whole());
    switch.remove("bin/ocamlfind");
    let toolchain = found(&system.path().opam_switch_prefix(switch.root()));
    assert_eq!(
        toolchain.ocamlopt(),
        Some(&*switch.bin().join("ocamlopt.opt"))
    );
    assert_eq!(toolchain.ocamlfind(), None);
    let (path, standard_library) = (system.bin().join("ocamlfind"), system.lib());
    assert_eq!(
        toolchain.require_findlib(),
        Err(require::Error::ForeignFindlib {
            path,
            standard_library
        })
    );
}

#[test]
fn a_findlib_elsewhere_for_the_same_ocaml_is_taken() {
    let (switch, system) = (Fake::whole(), Fake::empty());
    switch.remove("bin/ocamlfind");
    system.ocamlfind(
        "ocamlfind",
        &switch.bin().join("ocamlopt"),
        &switch.lib().join("../ocaml"),
    );
    let toolchain = found(&system.path().opam_switch_prefix(switch.root()));
    assert_eq!(
        toolchain.require_findlib(),
        Ok(&*system.bin().join("ocamlfind"))
    );
}

#[test]
fn a_findlib_that_does_not_run_is_passed_over_and_reported() {
    let fake = Fake::whole();
    fake.tool("ocamlfind", "echo 'Config file not found' >&2; exit 2");
    let toolchain = found(&fake.path());
    assert_eq!(
        toolchain.origin(),
        &Origin::SearchPath {
            directory: fake.bin()
        }
    );
    let Err(require::Error::BrokenFindlib { path, message }) = toolchain.require_findlib() else {
        panic!()
    };
    assert_eq!(path, fake.bin().join("ocamlfind"));
    assert!(message.contains("Config file not found"), "{message}");
}

#[test]
fn missing_compiler_libs_are_told_from_half_installed_ones() {
    let fake = Fake::whole();
    fake.remove("lib/ocaml/compiler-libs/ocamloptcomp.cmxa");
    let path = fake.lib().join("compiler-libs/ocamloptcomp.cmxa");
    assert_eq!(
        found(&fake.path()).require_compiler_libs(),
        Err(require::Error::CompilerLibsFile { path })
    );
    fake.remove("lib/ocaml/compiler-libs");
    let directory = fake.lib().join("compiler-libs");
    let toolchain = found(&fake.path());
    assert_eq!(toolchain.compiler_libs(), None);
    assert_eq!(
        toolchain.require_compiler_libs(),
        Err(require::Error::NoCompilerLibs { directory })
    );
}

#[test]
fn missing_binutils_are_named_as_the_configuration_names_them() {
    let fake = Fake::whole();
    fake.remove("bin/as").remove("bin/ld");
    let toolchain = found(&fake.path());
    let command = "as --64".to_owned();
    assert_eq!(
        toolchain.require_assembler(),
        Err(require::Error::NoAssembler { command })
    );
    assert_eq!(
        toolchain.require_linker(),
        Err(require::Error::NoLinker {
            command: "ld".to_owned()
        })
    );
}

#[test]
fn static_compilers_cannot_load_code() {
    let fake = Fake::whole();
    let conf = fake.conf("5.1.0");
    let cases = [
        (
            "supports_shared_libraries",
            conf.replace("libraries: true", "libraries: false"),
        ),
        ("native_dynlink", conf + "native_dynlink: false\n"),
    ];
    for (field, conf) in cases {
        fake.compiler_with("ocamlopt.opt", &conf);
        let required = found(&fake.path()).require_shared_libraries();
        assert_eq!(required, Err(require::Error::NoSharedLibraries { field }));
    }
}

#[test]
fn paths_with_spaces_work() {
    let fake = Fake::whole();
    let link = fake.root().join("a b");
    std::os::unix::fs::symlink(fake.bin(), &link).unwrap();
    fake.ocamlfind("ocamlfind", &link.join("ocamlopt"), &fake.lib());
    assert_eq!(
        found(&fake.path()).ocamlopt(),
        Some(&*link.join("ocamlopt.opt"))
    );
}

#[test]
fn relative_places_become_absolute_tools() {
    let fake = Fake::whole();
    let here = std::env::current_dir().unwrap();
    let up: std::path::PathBuf = here.components().skip(1).map(|_| "..").collect();
    let relative = up.join(fake.bin().strip_prefix("/").unwrap());
    for options in [
        Options::default().directory(&relative),
        Options::default().compiler(relative.join("ocamlopt.opt")),
    ] {
        let toolchain = found(&options);
        assert!(
            toolchain.ocamlopt().is_some_and(Path::is_absolute),
            "{:?}",
            toolchain.ocamlopt()
        );
    }
}
