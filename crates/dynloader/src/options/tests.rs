//! The arguments that each option and each preset stand for.

use std::fmt::Write;

use super::*;
use crate::compile::Goal;
use crate::compile_arguments::arguments;

fn line(options: &Options, goal: Goal) -> String {
    let arguments = arguments(
        options,
        options.library_arguments(Path::to_owned),
        goal,
        vec!["LINK".into()],
        "OUTPUT",
    );
    let words: Vec<_> = arguments
        .iter()
        .map(|argument| argument.to_string_lossy())
        .collect();
    words.join(" ")
}

#[test]
fn each_option_and_preset_becomes_these_arguments() {
    let options: Vec<(&str, Options)> = vec![
        ("default", Options::default()),
        ("program", Options::program()),
        (
            "strict_sequence(false)",
            Options::default().strict_sequence(false),
        ),
        (
            "custom_warnings_spec",
            Options::default().custom_warnings_spec("+a-70"),
        ),
        (
            "warnings(reported)",
            Options::default().warnings(Warnings::reported("+32")),
        ),
        (
            "include_directories",
            Options::program().include_directories(["/a b", "/c"]),
        ),
        (
            "libraries",
            Options::program().include_directory("/c").libraries([
                Library::new("a").directory("/a").archive("/a/a.cmxa"),
                Library::new("b").directory("/b").archive("/b/b.cmxa"),
            ]),
        ),
        (
            "libraries, one of them hidden",
            Options::program().libraries([
                Library::new("a")
                    .directory("/both")
                    .directory("/a")
                    .hidden(true),
                Library::new("b").directory("/both").directory("/b"),
            ]),
        ),
        (
            "cmx_flags",
            Options::program().cmx_flag("-inline").cmx_flags(["99"]),
        ),
        (
            "cmxs_flags",
            Options::program().cmxs_flag("-cclib").cmxs_flags(["-lm"]),
        ),
        (
            "ppx",
            Options::program().preprocessor(Preprocessor::Ppx("/x/ppx".into())),
        ),
        ("byte", Options::program().code(Code::Byte)),
        (
            "no effect on arguments",
            Options::program()
                .in_dir("/tmp")
                .in_dir_perm(0o755)
                .trigger_unused_value_warnings_despite_mli(true)
                .use_cache(CacheConfig::new("/cache"))
                .ocamlopt("/x/ocamlopt")
                .ocamldep("/x/ocamldep")
                .stack_size(1),
        ),
    ];
    let mut table = String::new();
    for (name, options) in &options {
        writeln!(table, "{name}\n  load  {}", line(options, Goal::Load)).unwrap();
        writeln!(table, "  check {}", line(options, Goal::Check)).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_last_word_about_a_warning_is_the_callers() {
    let line = line(&Options::default().cmx_flags(["-w", "-32"]), Goal::Load);
    assert!(line.find("-w +a-4").unwrap() < line.find("-w -32").unwrap());
}

#[test]
fn directories_are_tried_in_the_order_they_are_named() {
    let options = Options::default()
        .in_dir("/a")
        .or_in_dir("/b")
        .or_in_dir("/c");
    assert_eq!(
        options.workspace.in_dirs,
        ["/a", "/b", "/c"].map(PathBuf::from)
    );
    let options = Options::default().or_in_dir("/b");
    assert_eq!(
        options.workspace.in_dirs,
        [std::env::temp_dir(), "/b".into()]
    );
}
