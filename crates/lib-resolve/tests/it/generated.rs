//! Differential: generated trees of META files, configurations, environments and command lines.

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;

use crate::support::{Variables, has_ocamlfind, oracle, ours};

/// A world for one query. `@` in any text stands for its root directory.
#[derive(Debug, Clone)]
struct World {
    files: Vec<(String, String)>,
    configuration: String,
    /// The `x.conf` of the directory beside the configuration file.
    beside: Option<String>,
    variables: Vec<(&'static str, String)>,
    toolchains: Vec<String>,
    arguments: Vec<String>,
}

impl World {
    fn check(&self) {
        let root = tempfile::tempdir().expect("a temporary directory");
        let spell = |text: &str| text.replace("@ROOT", &root.path().display().to_string());
        let write = |file: &str, content: &str| {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().expect("below the root")).expect("writable");
            std::fs::write(path, spell(content)).expect("writable");
        };
        for (file, content) in &self.files {
            // Two generated files may need one path as a file and as a directory; the first wins.
            let path = root.path().join(file);
            let blocked = path.ancestors().skip(1).any(Path::is_file) || path.is_dir();
            if !blocked {
                write(file, content);
            }
        }
        write("f.conf", &self.configuration);
        if let Some(beside) = &self.beside {
            write("f.conf.d/x.conf", beside);
        }
        let mut variables: Variables = self
            .variables
            .iter()
            .map(|(name, value)| (*name, spell(value).into()))
            .collect();
        variables.push(("OCAMLFIND_CONF", root.path().join("f.conf").into()));
        let arguments: Vec<String> = self
            .arguments
            .iter()
            .map(|argument| spell(argument))
            .collect();
        let theirs = oracle(root.path(), &variables, &self.toolchains, &arguments);
        let ours = ours(&variables, &self.toolchains, &arguments);
        assert_eq!(ours, theirs, "{}", self.describe());
    }

    fn describe(&self) -> String {
        let mut text = format!(
            "\ntoolchains {:?} query {:?}\n{:?}\nf.conf: {}\n",
            self.toolchains, self.arguments, self.variables, self.configuration
        );
        for (file, content) in &self.files {
            let _ = writeln!(text, "--- {file}\n{content}");
        }
        text
    }
}

fn one_of(items: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    prop::sample::select(items).prop_map(str::to_owned)
}

/// Weighted so that most trees are right.
fn value() -> impl Strategy<Value = String> {
    let words = one_of(&[
        "a",
        "b",
        "c",
        "a.s",
        "b.s",
        "a.s.t",
        "missing",
        "unix",
        "threads",
        "x.cma",
        "y.cmxa",
        "sub/z.cma",
        "-cclib -lx",
        "@a/f.js",
        "@b",
        "@missing",
        "+x",
        "^y",
        "/abs/f",
        "1.0",
        "..",
        "a.",
        "@",
    ]);
    let separators = one_of(&[" ", ",", "\n", " , ", "\t"]);
    prop::collection::vec((words, separators), 0..4).prop_map(|parts| {
        parts
            .into_iter()
            .map(|(word, separator)| word + &separator)
            .collect()
    })
}

fn requires() -> impl Strategy<Value = String> {
    let names = prop_oneof![
        30 => one_of(&["a", "b", "c", "d", "threads", "unix", "Up", "d/e"]),
        3 => one_of(&["a.s", "b.s", "c.t"]),
        1 => one_of(&["missing", "..", "."]),
    ];
    prop::collection::vec(names, 0..3).prop_map(|names| names.join(" "))
}

fn predicates() -> impl Strategy<Value = String> {
    let one = one_of(&[
        "byte",
        "native",
        "mt",
        "-mt",
        "-byte",
        "x",
        "-native",
        "ppx_driver",
        "package",
    ]);
    prop_oneof![
        3 => Just(String::new()),
        2 => prop::collection::vec(one, 1..4).prop_map(|list| format!("({})", list.join(","))),
    ]
}

fn definition() -> impl Strategy<Value = String> {
    let flavour = one_of(&["=", "=", "=", "+=", " = "]);
    let general = (
        one_of(&[
            "archive",
            "linkopts",
            "version",
            "description",
            "ppx",
            "plugin",
            "exports",
            "warning",
            "error",
            "x.y",
        ]),
        predicates(),
        flavour.clone(),
        value(),
    );
    let general = general.prop_map(|(name, predicates, flavour, value)| {
        format!("{name}{predicates}{flavour}\"{value}\"\n")
    });
    let requires = (predicates(), flavour, requires())
        .prop_map(|(p, f, v)| format!("requires{p}{f}\"{v}\"\n"));
    let directory = (
        predicates(),
        one_of(&[
            "", "+", "^", "+d", "^/d", "rel/", ".", "../o", "/abs", "@ROOT/p2", "~", "sub",
        ]),
    )
        .prop_map(|(p, v)| format!("directory{p}=\"{v}\"\n"));
    let exists = one_of(&[
        "META",
        "",
        "nothing",
        "nothing,META",
        "a b",
        "/META",
        "sub",
        "../a/META",
    ])
    .prop_map(|v| format!("exists_if = \"{v}\"\n"));
    let odd = one_of(&[
        "# comment\n",
        "# \"\n",
        "version=\"\\\"\\\\\"",
        ";",
        "v()=\"\"",
        "v(a,)=\"\"",
        "v=\"\\n\"",
        "package",
        "package \"x\"",
        ")",
        "(",
        "v+\"\"",
        "v = \"\n",
        "\r",
        "v(a b)=\"\"",
        "a-b=\"\"",
        "'",
        "package \"a.b\" ()",
        "package \"\" ()",
        "\"",
        "v(--a)=\"1\"",
        "package \"s\" ( v = )",
        "package \"s\" ( package \"u\" (",
        "requires(package)=\"b\"",
        "v(a,a)=\"1\"",
        "v=\"1\"#end",
    ]);
    prop_oneof![60 => general, 60 => requires, 12 => directory, 4 => exists, 1 => odd]
}

fn package_body() -> impl Strategy<Value = String> {
    let leaf =
        prop::collection::vec(definition(), 0..4).prop_map(|definitions| definitions.concat());
    leaf.prop_recursive(2, 12, 3, |inner| {
        let child = (one_of(&["s", "t", "s", "t", ""]), inner.clone())
            .prop_map(|(n, b)| format!("package \"{n}\" (\n{b})\n"));
        (inner, prop::collection::vec(child, 0..2))
            .prop_map(|(body, children)| body + &children.concat())
    })
}

fn file() -> impl Strategy<Value = (String, String)> {
    let place = prop_oneof![
        8 => (one_of(&["p1", "p2"]), one_of(&["a", "b", "c", "d", "threads", "unix", "Up", "d/e", "a.s", "b.t", "META.c"]))
            .prop_map(|(path, name)| format!("{path}/{name}/META")),
        2 => (one_of(&["p1", "p2"]), one_of(&["a", "b", "c", "d.s", "a~"])).prop_map(|(path, name)| format!("{path}/META.{name}")),
        1 => one_of(&["p1/META", "p1/a/META/x", "p1/a/x.cma", "p1/a/sub/x", "p1/b/a"]),
    ];
    (place, package_body())
}

fn arguments() -> impl Strategy<Value = Vec<String>> {
    let name = prop_oneof![
        12 => one_of(&["a", "b", "c", "d", "Up", "threads", "a.s", "b.s", "a,b c", "unix"]),
        1 => one_of(&["", "d/e", "a.s.t", "missing", "..", ".", "a.", "a..s", ".a", "/a"]),
    ];
    let directive = one_of(&[
        "%p",
        "%d",
        "%m",
        "%D",
        "%v",
        "%a",
        "%A",
        "%o",
        "%O",
        "%+a",
        "%+A",
        "%+o",
        "%(requires)",
        "%+(archive)",
        "%+(ppx)",
        "%%",
        "%+p",
        "%+d",
        ":",
        " ",
        "%(x.y)",
        "%()",
        "%(directory)",
        "%(exists_if)",
    ]);
    let odd_directive = one_of(&["%", "%z", "%+", "%+%", "%(a", "%+z", "%++", "é"]);
    let format = prop::collection::vec(prop_oneof![60 => directive, 1 => odd_directive], 1..5);
    let option = prop_oneof![
        12 => one_of(&["byte", "native", "byte,native", "mt", "byte,mt x", "ppx_driver,native", "package", ""])
            .prop_map(|p| vec!["-predicates".to_owned(), p]),
        12 => format.clone().prop_map(|f| vec!["-format".to_owned(), f.concat()]),
        1 => format.prop_map(|f| vec![format!("-format={}", f.concat())]),
        12 => one_of(&["-r", "-recursive", "-r"]).prop_map(|o| vec![o]),
        8 => one_of(&["-d", "-descendants", "-d"]).prop_map(|o| vec![o]),
        6 => one_of(&["-l", "-i-format", "-a-format", "-o-format", "-p-format", "-l-format", "-long-format", "-qe", "-qo", "-pp"])
            .prop_map(|o| vec![o]),
        1 => (one_of(&["-separator", "-prefix", "-suffix"]), one_of(&["", ";", "\n\n", "-r"])).prop_map(|(o, v)| vec![o, v]),
        1 => one_of(&["-help-format", "-unknown", "--", "-", "-r=1", "-predicates=byte", "-format", "-=", "-qe=", "--r", "-help", "--help", "-help=x", "-h", "-d=", "-p", "-suffix="])
            .prop_map(|o| vec![o]),
    ];
    let names = prop::collection::vec(name, 1..3);
    (prop::collection::vec(option, 0..4), names, any::<bool>()).prop_map(
        |(options, names, names_first)| {
            let options = options.concat();
            if names_first {
                [names, options].concat()
            } else {
                [options, names].concat()
            }
        },
    )
}

fn configuration() -> impl Strategy<Value = String> {
    let line = one_of(&[
        "path=\"@ROOT/p1:@ROOT/p2\"\n",
        "path=\"@ROOT/p2:@ROOT/p1\"\n",
        "path(tc)=\"@ROOT/p2\"\n",
        "path += \":@ROOT/p2\"\n",
        "path += \"x\"\n",
        "stdlib=\"/std//lib/\"\n",
        "stdlib(tc)=\"/tcstd\"\n",
        "path(-tc)=\"@ROOT/p1\"\n",
        "destdir=\"/d\"\n",
        "package \"p\" ( path=\"/no\" )\n",
    ]);
    let right = prop::collection::vec(line, 0..3).prop_map(|lines| lines.concat());
    prop_oneof![
        4 => right.prop_map(|lines| format!("{lines}path(-n)=\"@ROOT/p1:@ROOT/p2\"\nstdlib(-n)=\"/std/\"\n")),
        20 => Just("path=\"@ROOT/p1:@ROOT/p2\" stdlib=\"/std\"".to_owned()),
        1 => one_of(&["", "path=", "stdlib=\"\" path=\"@ROOT/p1\"", "path=\"\\q\""]),
    ]
}

fn variables() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let optional = |name: &'static str, values: &'static [&'static str]| prop_oneof![4 => Just(None), 1 => one_of(values).prop_map(move |value| Some((name, value)))];
    let all = (
        optional(
            "OCAMLPATH",
            &[
                "",
                "@ROOT/p2",
                ":@ROOT/p2:",
                "@ROOT/p1::@ROOT/p2/",
                "/nowhere",
            ],
        ),
        optional("OCAMLFIND_TOOLCHAIN", &["", "tc", "undefined"]),
        optional("OCAMLLIB", &["", "/ocamllib", "/ocaml//lib/"]),
        optional("CAMLLIB", &["", "/camllib"]),
        optional(
            "OCAMLFIND_COMMANDS",
            &["", "ocamlc=c", "x", "x,ocamlc=c =", " , "],
        ),
    );
    all.prop_map(|(a, b, c, d, e)| [a, b, c, d, e].into_iter().flatten().collect())
}

/// Packages that are always there, so that most queries have an answer. Requirements go from left to right, so that most trees have no
/// circle.
fn base() -> impl Strategy<Value = Vec<(String, String)>> {
    const NAMES: [&str; 7] = ["a", "b", "c", "d", "Up", "threads", "unix"];
    let package = |position: usize| {
        let later = NAMES[position + 1..].to_vec();
        let requires = prop::collection::vec(
            (
                prop::sample::subsequence(later.clone(), 0..=later.len().min(3)),
                predicates(),
            ),
            0..3,
        );
        let others = prop::collection::vec(definition_of_archive(), 0..3);
        (requires, others).prop_map(move |(requires, others)| {
            let mut body = others.concat();
            for (position, (names, predicates)) in requires.iter().enumerate() {
                let flavour = if position == 0 { "=" } else { "+=" };
                let _ = writeln!(
                    body,
                    "requires{predicates} {flavour} \"{}\"",
                    names.join(",")
                );
            }
            let _ = writeln!(
                body,
                "package \"s\" (\n directory = \"s\"\n requires = \"{}\"\n)",
                NAMES[position]
            );
            (format!("p2/{}/META", NAMES[position]), body)
        })
    };
    [
        package(0),
        package(1),
        package(2),
        package(3),
        package(4),
        package(5),
        package(6),
    ]
    .prop_map(|files| files.to_vec())
}

fn definition_of_archive() -> impl Strategy<Value = String> {
    let value = one_of(&[
        "x.cma",
        "x.cma,y.cma",
        "",
        "+u.cma",
        "@unix/u.cma",
        "sub/z.cmxa /abs/z.cma",
    ]);
    (
        one_of(&["archive", "linkopts", "plugin", "x.y"]),
        predicates(),
        one_of(&["=", "+=", "+="]),
        value,
    )
        .prop_map(|(name, predicates, flavour, value)| {
            format!("{name}{predicates} {flavour} \"{value}\"\n")
        })
}

fn world() -> impl Strategy<Value = World> {
    let beside = prop_oneof![4 => Just(None), 1 => configuration().prop_map(Some)];
    let toolchains = prop_oneof![
        6 => Just(Vec::new()),
        1 => prop::collection::vec(one_of(&["tc", "undefined", ""]), 1..3),
    ];
    let more = prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(file(), 1..5)];
    let all = (
        base(),
        more,
        configuration(),
        beside,
        variables(),
        toolchains,
        arguments(),
    );
    all.prop_map(
        |(base, more, configuration, beside, variables, toolchains, arguments)| World {
            // Later files replace earlier ones.
            files: [base, more].concat(),
            configuration,
            beside,
            variables,
            toolchains,
            arguments,
        },
    )
}

#[test]
fn generated_trees_are_answered_as_with_ocamlfind() {
    if !has_ocamlfind("generated_trees_are_answered_as_with_ocamlfind") {
        return;
    }
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(300);
    let configuration = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(configuration, |(world in world())| world.check());
}
