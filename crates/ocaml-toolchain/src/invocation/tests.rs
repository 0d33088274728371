//! Tests of commands as values; those that run are in `tests/`.

use super::*;
use insta::assert_snapshot;
use proptest::prelude::*;

#[test]
fn command_lines_are_quoted_only_where_needed() {
    assert_snapshot!(Invocation::new("ocamlopt").args(["-I", "a b", "", "-o", "x.cmxs"]).command_line(),
        @"ocamlopt -I 'a b' '' -o x.cmxs");
    assert_snapshot!(Invocation::new("/opt/a b/ocamlc").arg("it's $HOME").command_line(),
        @r"'/opt/a b/ocamlc' 'it'\''s $HOME'");
    assert_snapshot!(Invocation::new("a=b").arg("c=d").command_line(), @"'a=b' c=d");
    assert_snapshot!(Invocation::new("ld").arg("a\nb'\\1\u{1}2").command_line(), @r"ld $'a\nb\'\\1\0012'");
}

#[test]
fn command_lines_carry_directory_and_environment() {
    let command = Invocation::new("ld")
        .current_dir("/a b")
        .env("LD_LIBRARY_PATH", "/x y")
        .env("E", "");
    assert_snapshot!(command.command_line(), @"(cd '/a b' && E= LD_LIBRARY_PATH='/x y' ld)");
    assert_snapshot!(command.clone().env_remove("OCAMLPARAM").command_line(),
        @"(cd '/a b' && env -u OCAMLPARAM E= LD_LIBRARY_PATH='/x y' ld)");
    assert_snapshot!(command.env_clear().env("A", "1").env_remove("B").command_line(), @"(cd '/a b' && env -i A=1 ld)");
}

#[test]
fn the_last_word_on_a_variable_counts() {
    let command = Invocation::new("x").env("A", "1").env_remove("A");
    assert_eq!(
        command.get_envs().collect::<Vec<_>>(),
        [(OsStr::new("A"), None)]
    );
    let command = command.env("A", "2");
    assert_eq!(
        command.get_envs().collect::<Vec<_>>(),
        [(OsStr::new("A"), Some(OsStr::new("2")))]
    );
    assert_ne!(command, Invocation::new("x").env("A", "1"));
}

#[test]
fn the_error_is_small() {
    assert!(size_of::<Error>() <= 64);
}

proptest! {
    #[test]
    fn quoting_never_panics(args in prop::collection::vec(any::<String>(), 0..4)) {
        let line = Invocation::new("x").args(args).command_line();
        prop_assert!(line.starts_with('x'));
    }
}
