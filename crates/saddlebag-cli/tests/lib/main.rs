//! `saddlebag lib` as its users see it.
#![expect(clippy::disallowed_methods, reason = "these tests start the command")]
#![expect(clippy::print_stdout, reason = "a test that is left out says so")]

use std::path::Path;
use std::process::{Command, Output};

use insta::assert_snapshot;

/// A search path of its own, with a configuration file that names it.
struct Tree {
    root: tempfile::TempDir,
}

impl Tree {
    fn new(packages: &[(&str, &str)]) -> Tree {
        let tree = Tree {
            root: tempfile::tempdir().expect("a temporary directory"),
        };
        tree.write(
            "findlib.conf",
            &format!(
                "path = \"{}\" stdlib = \"/std\"",
                tree.path().join("lib").display()
            ),
        );
        for (name, meta) in packages {
            tree.write(&format!("lib/{name}/META"), meta);
        }
        tree
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn write(&self, file: &str, content: &str) {
        let file = self.path().join(file);
        std::fs::create_dir_all(file.parent().expect("below the root")).expect("writable");
        std::fs::write(file, content).expect("writable");
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        for variable in ["OCAMLPATH", "OCAMLFIND_TOOLCHAIN", "OCAMLLIB", "CAMLLIB"] {
            command.env_remove(variable);
        }
        command
            .args(arguments)
            .env("OCAMLFIND_CONF", self.path().join("findlib.conf"))
            .current_dir(self.path());
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        let program = env!("CARGO_BIN_EXE_saddlebag");
        self.command(program, &[&["lib"], arguments].concat())
            .output()
            .expect("the command starts")
    }

    /// Status, standard output and standard error, without the place of the tree.
    fn transcript(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let status = output.status.code().unwrap_or(-1);
        let [stdout, stderr] = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let text = format!("{stdout}{stderr}[{status}]");
        text.replace(&self.path().display().to_string(), "")
    }
}

fn sample() -> Tree {
    let tree = Tree::new(&[
        (
            "lwt",
            "version = \"5.7\"\ndescription = \"Promises\"\nrequires = \"bytes\"\narchive(byte) = \"lwt.cma\"\n\
             archive(native) = \"lwt.cmxa\"\npackage \"unix\" (\n directory = \"unix\"\n requires = \"lwt unix\"\n)\n",
        ),
        ("bytes", ""),
        ("unix", "version = \"4\""),
        ("app", "requires = \"lwt.unix\""),
        ("broken", "requires = \"lwt.unx gone\""),
        ("gone-wild", "requires = \"gone\""),
    ]);
    for file in ["lwt.cmxa", "lwt.a", "lwt.cmi"] {
        tree.write(&format!("lib/lwt/{file}"), "");
    }
    tree
}

/// Whether `ocamlfind` is there; in CI it must be.
fn has_ocamlfind(test: &str) -> bool {
    let found = Command::new("ocamlfind").arg("printconf").output().is_ok();
    if !found {
        assert!(
            std::env::var_os("CI").is_none(),
            "ocamlfind is not installed"
        );
        println!("SKIP {test}: ocamlfind is not installed");
    }
    found
}

#[test]
fn odd_configurations_and_relative_paths_are_answered_as_by_ocamlfind() {
    if !has_ocamlfind("odd_configurations_and_relative_paths_are_answered_as_by_ocamlfind") {
        return;
    }
    let tree = sample();
    tree.write(
        "lib/META.side",
        "directory = \"side/\" requires = \"side.s\" package \"s\" ( directory = \"+x\" )",
    );
    tree.write("lib/a/META/file", "");
    for (file, content) in [
        ("plain", "path = \"lib\""),
        ("bad", "path = "),
        (
            "only-beside.d/x.conf",
            "path = \"./lib/:\" stdlib = \"/s//\"",
        ),
        ("only-beside.d/x.txt", "junk"),
        ("bad-beside", "path = \"lib\""),
        ("bad-beside.d/x.conf", ";"),
        ("file-beside", "path = \"lib\""),
        ("file-beside.d", ""),
        ("directory/x", ""),
        (
            "tc",
            "path = \"lib\" path(tc) = \"more\" stdlib(tc) = \"/tc\"",
        ),
    ] {
        tree.write(file, content);
    }
    let configurations = [
        "plain",
        "bad",
        "only-beside",
        "bad-beside",
        "file-beside",
        "directory",
        "tc",
        "nothing",
        "/dev/null",
        "",
    ];
    for configuration in configurations {
        for arguments in [
            &["query", "lwt"][..],
            &["query", "-r", "-format", "%p %d %m", "side", "app"],
            &["query", "-format", "%+d %+(archive)", "side.s"],
            &["query", "-qe", "a"],
            &["query", "-nothing"],
            &["-toolchain", "tc", "query", "unix"],
            &["-toolchain", "other", "query", "unix"],
            &["-toolchain", "tc", "query", "-nothing"],
        ] {
            let run = |program: &str, arguments: &[&str]| {
                let mut command = tree.command(program, arguments);
                command
                    .env("OCAMLFIND_CONF", configuration)
                    .output()
                    .expect("the program starts")
            };
            let theirs = run("ocamlfind", arguments);
            let ours = run(
                env!("CARGO_BIN_EXE_saddlebag"),
                &[&["lib"], arguments].concat(),
            );
            assert_eq!(
                (ours.status, &ours.stdout),
                (theirs.status, &theirs.stdout),
                "{configuration} {arguments:?}"
            );
            // The words about wrong options are our own.
            if !arguments.contains(&"-nothing") {
                assert_eq!(ours.stderr, theirs.stderr, "{configuration} {arguments:?}");
            }
        }
    }
}

#[test]
fn query_answers_as_ocamlfind_with_its_status() {
    if !has_ocamlfind("query_answers_as_ocamlfind_with_its_status") {
        return;
    }
    let tree = sample();
    for arguments in [
        &["lwt"][..],
        &["-r", "-p-format", "app"],
        &["-l", "-predicates", "byte", "lwt,unix"],
        &[
            "-format",
            "%p %+a %(requires)",
            "-separator",
            "; ",
            "-prefix",
            "<",
            "-suffix",
            ">",
            "lwt",
            "lwt.unix",
        ],
        &["-qe", "nothing"],
        &["nothing"],
        &["-r", "broken"],
        &["-format", "%z", "lwt"],
        &[".."],
        &["-qo", "lwt"],
        &["-help-format"],
        &[],
    ] {
        let theirs = tree
            .command("ocamlfind", &[&["query"], arguments].concat())
            .output()
            .expect("ocamlfind starts");
        assert_eq!(
            tree.output(&[&["query"], arguments].concat()),
            theirs,
            "{arguments:?}"
        );
    }
}

#[test]
fn a_toolchain_may_be_named_in_front_of_query_or_behind_it() {
    let tree = sample();
    tree.write("other/lwt/META", "version = \"other\"");
    let configuration = format!(
        "path = \"{0}/lib\" path(tc) = \"{0}/other\" stdlib = \"/std\"",
        tree.path().display()
    );
    tree.write("findlib.conf", &configuration);
    for arguments in [
        &["-toolchain", "tc", "query", "lwt"][..],
        &["query", "-toolchain", "tc", "lwt"],
    ] {
        assert_eq!(
            tree.transcript(&[arguments, &["-format", "%v"]].concat()),
            "other\n[0]",
            "{arguments:?}"
        );
    }
    assert_eq!(
        tree.transcript(&["-toolchain", "tc", "query", "unix"]),
        "ocamlfind: Package `unix' not found\n[2]"
    );
}

#[test]
fn find_shows_all_of_a_library() {
    assert_snapshot!(sample().transcript(&["find", "lwt"]), @r#"
    lwt
      description   Promises
      version       5.7
      requires      bytes
      directory     /lib/lwt
      described in  /lib/lwt/META:1
      byte          /lib/lwt/lwt.cma
      native        /lib/lwt/lwt.cmxa
      c archives    /lib/lwt/lwt.a
      units         Lwt
      missing       /lib/lwt/lwt.cma
    [0]
    "#);
}

#[test]
fn find_tells_which_library_has_a_unit() {
    let tree = sample();
    assert_snapshot!(tree.transcript(&["find", "--unit", "Lwt"]), @r#"
    lwt  /lib/lwt/lwt.cmi
    [0]
    "#);
    assert_snapshot!(tree.transcript(&["find", "--unit", "Nothing"]), @r#"
    saddlebag: no library defines the unit `Nothing`
    [1]
    "#);
}

#[test]
fn deps_are_in_linking_order() {
    assert_snapshot!(sample().transcript(&["deps", "app"]), @r#"
    bytes     -    /lib/bytes
    lwt       5.7  /lib/lwt
    unix      4    /lib/unix
    lwt.unix  -    /lib/lwt/unix
    app       -    /lib/app
    [0]
    "#);
}

#[test]
fn all_that_is_missing_is_told_at_once() {
    assert_snapshot!(sample().transcript(&["deps", "broken", "gone-wild"]), @r#"
    saddlebag: library `lwt.unx` not found, required by `broken`
      note: `/lib/lwt/META` has only: lwt, lwt.unix
      hint: there is lwt.unix, which looks alike
    saddlebag: library `gone` not found, required by `broken`, `gone-wild`
    [1]
    "#);
}

#[test]
fn a_circle_is_shown() {
    let tree = Tree::new(&[("a", "requires = \"b\""), ("b", "requires = \"a\"")]);
    assert_snapshot!(tree.transcript(&["deps", "a"]), @r#"
    saddlebag: library `b` requires itself: b -> a -> b
    [1]
    "#);
}

#[test]
fn units_that_collide_are_told() {
    let tree = Tree::new(&[("a", "requires = \"b\""), ("b", "")]);
    tree.write("lib/a/util.cmi", "");
    tree.write("lib/b/util.cmi", "");
    assert_snapshot!(tree.transcript(&["deps", "a"]), @r#"
    b  -  /lib/b
    a  -  /lib/a
    saddlebag: several libraries define the unit `Util`
      note: b has `/lib/b/util.cmi`
      note: a has `/lib/a/util.cmi`
    [0]
    "#);
}

#[test]
fn list_takes_prefixes_and_finds_shadows() {
    let tree = sample();
    assert_snapshot!(tree.transcript(&["list", "lwt", "unix"]), @r#"
    lwt       5.7  Promises
    lwt.unix  -
    unix      4
    [0]
    "#);
    tree.write("more/unix/META", "");
    assert_snapshot!(tree.transcript(&["list", "--shadowed", "--path", "more"]), @r#"
    unix  /lib/unix/META  in the shadow of more/unix/META
    [0]
    "#);
}

#[test]
fn why_shows_each_step() {
    let tree = sample();
    assert_snapshot!(tree.transcript(&["why", "app", "bytes"]), @r#"
    app       requires  lwt.unix
    lwt.unix  requires  lwt
    lwt       requires  bytes
    [0]
    "#);
    assert_snapshot!(tree.transcript(&["why", "lwt", "unix"]), @r#"
    saddlebag: `lwt` does not require `unix`
    [1]
    "#);
}

#[test]
fn rdeps_are_direct_or_all() {
    let tree = sample();
    assert_snapshot!(tree.transcript(&["rdeps", "lwt"]), @r#"
    app
    lwt.unix
    [0]
    "#);
    assert_snapshot!(tree.transcript(&["rdeps", "--direct", "bytes", "unix"]), @r#"
    bytes  lwt
    unix   lwt.unix
    [0]
    "#);
}

#[test]
fn suggest_keeps_facts_and_likenesses_apart() {
    assert_snapshot!(sample().transcript(&["suggest", "lwt.unx", "lwt-unix", "lwt", "zzzzzz"]), @r#"
    lwt.unx: not found
      note: `/lib/lwt/META` has only: lwt, lwt.unix
      hint: there is lwt.unix, which looks alike
    lwt-unix: not found
      hint: there is lwt.unix, spelled differently
    lwt: found
    zzzzzz: not found
    [0]
    "#);
}

#[test]
fn json_is_the_librarys_own_data() {
    let tree = sample();
    let json = |arguments: &[&str]| -> serde_json::Value {
        let output = tree.output(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let deps = json(&["deps", "--json", "app"]);
    let names: Vec<_> = deps
        .as_array()
        .expect("a list")
        .iter()
        .map(|lib| lib["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["bytes", "lwt", "unix", "lwt.unix", "app"]);
    assert_eq!(json(&["find", "--json", "lwt"])[0]["version"], "5.7");
    assert_eq!(
        json(&["why", "--json", "app", "unix"]),
        serde_json::json!(["app", "lwt.unix", "unix"])
    );
    assert_eq!(
        json(&["rdeps", "--json", "app"]),
        serde_json::json!([{ "name": "app", "required_by": [] }])
    );
    assert_eq!(
        json(&["suggest", "--json", "lwt.unx"])[0]["suggestions"][0]["kind"],
        "no-such-subpackage"
    );
    assert_eq!(json(&["list", "--json"]).as_array().map(Vec::len), Some(7));
}

#[test]
fn wrong_usage_has_status_2_and_a_wrong_meta_file_status_1() {
    let tree = Tree::new(&[("a", "version =")]);
    assert_eq!(tree.output(&["find"]).status.code(), Some(2));
    assert_eq!(tree.output(&["find", "a b"]).status.code(), Some(2));
    assert_eq!(tree.output(&["query", "-nothing"]).status.code(), Some(2));
    assert_snapshot!(tree.transcript(&["find", "a"]), @r#"
    saddlebag: could not look up library `a`: could not parse `/lib/a/META`: expected a string at line 1, column 10
    [1]
    "#);
}
