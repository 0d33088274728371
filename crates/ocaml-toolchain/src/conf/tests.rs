//! Tests of reading configurations.

use super::*;
use proptest::prelude::*;

const DEBIAN: &str = include_str!("../../tests/conf/4.13.1-linux-amd64.txt");
const LEAST: &str = "version: 5.3.0\nstandard_library: /lib\narchitecture: arm64\nsystem: linux\n";

#[test]
fn the_output_of_a_real_compiler_is_read_whole() {
    let conf = Conf::parse(DEBIAN).unwrap();
    assert_eq!(conf.version(), &OcamlVersion::new(4, 13, 1));
    assert_eq!(conf.standard_library(), Path::new("/usr/lib/ocaml"));
    assert_eq!((conf.architecture(), conf.system()), ("amd64", "linux"));
    assert_eq!(
        (conf.os_type(), conf.model()),
        (Some("Unix"), Some("default"))
    );
    assert_eq!(conf.host(), Some("x86_64-pc-linux-gnu"));
    assert_eq!(conf.target(), conf.host());
    assert_eq!(conf.c_compiler(), Some("x86_64-linux-gnu-gcc"));
    assert!(
        conf.native_c_compiler()
            .unwrap()
            .starts_with("x86_64-linux-gnu-gcc -O2 ")
    );
    assert_eq!(conf.native_c_compiler(), conf.bytecomp_c_compiler());
    assert_eq!(conf.asm(), ["x86_64-linux-gnu-as"]);
    assert_eq!(
        conf.native_pack_linker(),
        ["x86_64-linux-gnu-ld", "-r", "-o"]
    );
    assert_eq!(conf.native_c_libraries(), ["-lm"]);
    assert_eq!(conf.bytecomp_c_libraries(), ["-lm", "-lpthread"]);
    assert_eq!(
        (conf.ext_exe(), conf.ext_obj(), conf.ext_asm()),
        (Some(""), Some(".o"), Some(".s"))
    );
    assert_eq!((conf.ext_lib(), conf.ext_dll()), (Some(".a"), Some(".so")));
    assert_eq!(conf.default_executable_name(), Some("a.out"));
    assert_eq!((conf.word_size(), conf.int_size()), (Some(64), Some(63)));
    assert_eq!(
        (conf.flambda(), conf.flat_float_array()),
        (Some(false), Some(true))
    );
    assert_eq!(
        (conf.with_frame_pointers(), conf.function_sections()),
        (Some(false), Some(true))
    );
    assert_eq!(
        (conf.supports_shared_libraries(), conf.systhread_supported()),
        (Some(true), Some(true))
    );
    assert_eq!(
        (conf.native_compiler(), conf.naked_pointers()),
        (None, None)
    );
    let magic = conf.magic_numbers();
    assert_eq!(
        (magic.exec, magic.cmi, magic.cmxs),
        (
            Some("Caml1999X030"),
            Some("Caml1999I030"),
            Some("Caml1999D030")
        )
    );
    assert_eq!(
        (magic.ast_impl, magic.ast_intf),
        (Some("Caml1999M030"), Some("Caml1999N030"))
    );
    assert_eq!(conf.fields().len(), DEBIAN.lines().count());
}

/// The fields that `utils/config.common.ml.in` of OCaml 5 has and 4.13 has not.
#[test]
fn the_fields_of_ocaml_5_are_read() {
    let text = format!(
        "{LEAST}standard_library_relative: \ncompression_c_libraries: -L/opt/lib -lzstd\nnative_ldflags: \n\
         native_compiler: true\nasm_size_type_directives: true\nwith_nonexecstack_note: true\ntsan: false\n\
         native_dynlink: true\nnaked_pointers: false\nbytecode_runtime_id: 16x1\n"
    );
    let conf = Conf::parse(&text).unwrap();
    assert_eq!(conf.compression_c_libraries(), ["-L/opt/lib", "-lzstd"]);
    assert_eq!(
        (conf.native_compiler(), conf.native_dynlink()),
        (Some(true), Some(true))
    );
    assert_eq!(
        (conf.tsan(), conf.naked_pointers()),
        (Some(false), Some(false))
    );
    assert_eq!(conf.get("standard_library_relative"), Some(""));
}

#[test]
fn values_keep_their_colons() {
    let conf = Conf::parse(&format!("{LEAST}flags: -I:a b: c\n")).unwrap();
    assert_eq!(conf.get("flags"), Some("-I:a b: c"));
}

#[test]
fn windows_line_ends_are_no_part_of_the_value() {
    let conf = Conf::parse(&LEAST.replace('\n', "\r\n")).unwrap();
    assert_eq!(conf.system(), "linux");
}

#[test]
fn output_cut_short_names_the_missing_field() {
    let cut = &LEAST[..LEAST.find("system").unwrap()];
    assert_eq!(Conf::parse(cut), Err(Error::Missing { field: "system" }));
    assert_eq!(Conf::parse(""), Err(Error::Missing { field: "version" }));
    assert_eq!(
        Conf::parse(&LEAST.replace("/lib", "")),
        Err(Error::Missing {
            field: "standard_library"
        })
    );
}

#[test]
fn output_of_another_program_is_refused_with_its_line() {
    let text = format!("{LEAST}ocamlopt: unknown option\nusage\n");
    assert_eq!(
        Conf::parse(&text),
        Err(Error::Malformed {
            line: 6,
            text: "usage".to_owned()
        })
    );
    assert!(matches!(
        Conf::parse("no such file: x\n"),
        Err(Error::Malformed { line: 1, .. })
    ));
}

#[test]
fn wrong_types_are_refused() {
    let message = |line: &str| {
        Conf::parse(&format!("{LEAST}{line}\n"))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        message("flambda: maybe"),
        "the field `flambda` holds `maybe`, not `true` or `false`"
    );
    assert_eq!(
        message("word_size: wide"),
        "the field `word_size` holds `wide`, not a number"
    );
    assert_eq!(
        message("system: macosx"),
        "the field `system` has two values"
    );
    assert!(matches!(
        Conf::parse(&LEAST.replace("5.3.0", "five")),
        Err(Error::Version { .. })
    ));
}

#[test]
fn a_field_said_twice_alike_is_fine() {
    assert_eq!(
        Conf::parse(&format!("{LEAST}system: linux\n"))
            .unwrap()
            .system(),
        "linux"
    );
}

#[test]
fn json_keeps_every_field_in_order() {
    let conf = Conf::parse(DEBIAN).unwrap();
    let json = serde_json::to_string(&conf).unwrap();
    assert!(
        json.starts_with(r#"{"version":"4.13.1","standard_library_default":"/usr/lib/ocaml","#)
    );
    assert_eq!(serde_json::from_str::<Conf>(&json).unwrap(), conf);
    assert!(serde_json::from_str::<Conf>(r#"{"version":"4.13.1"}"#).is_err());
}

#[test]
fn the_error_is_small() {
    assert!(size_of::<Error>() <= 64);
}

proptest! {
    #[test]
    fn parsing_never_panics(text in "([a-z_]{0,8}:? ?[ -~]{0,8}\n?){0,8}") {
        let _ = Conf::parse(&text);
    }

    #[test]
    fn unknown_fields_come_back_as_they_were(fields in prop::collection::btree_map("x_[a-z]{1,8}", "[!-~]([ -~]{0,20}[!-~])?", 0..8)) {
        let lines: String = fields.iter().map(|(field, value)| format!("{field}: {value}\n")).collect();
        let conf = Conf::parse(&format!("{LEAST}{lines}")).unwrap();
        let read: Vec<(&str, &str)> = conf.fields().skip(4).collect();
        let given: Vec<(&str, &str)> = fields.iter().map(|(field, value)| (field.as_str(), value.as_str())).collect();
        prop_assert_eq!(read, given);
    }
}
