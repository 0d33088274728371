//! Differential: every package installed on this machine.

use std::path::Path;

use lib_resolve::{Configuration, Environment, PackageIndex};

use crate::support::{Variables, has_ocamlfind, oracle, ours};

fn all_packages() -> Vec<String> {
    let configuration = Configuration::read(&environment(), None).expect("findlib is configured");
    let mut index = PackageIndex::new(configuration);
    index.load_all();
    index
        .packages()
        .map(|package| package.name().into_owned())
        .collect()
}

fn environment() -> Environment {
    Environment {
        path: std::env::var_os("PATH"),
        ..Environment::default()
    }
}

#[track_caller]
fn check(arguments: &[&str]) {
    let arguments: Vec<String> = arguments
        .iter()
        .map(|argument| (*argument).to_owned())
        .collect();
    let none = Variables::new();
    assert_eq!(
        ours(&none, &arguments),
        oracle(Path::new("/"), &none, &arguments),
        "{arguments:?}"
    );
}

const EVERYTHING: &str = "%p|%d|%m|%D|%v|%A|%O|%+A|%(requires)|%(exports)|%(jsoo_runtime)|%(warning)|%(ppx)|%(plugin)|%+(plugin)";

#[test]
fn every_installed_package_is_listed_as_ocamlfind_lists_it() {
    if !has_ocamlfind("every_installed_package_is_listed_as_ocamlfind_lists_it") {
        return;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "the oracle of this test is a process"
    )]
    let output = std::process::Command::new("ocamlfind")
        .arg("list")
        .output()
        .expect("ocamlfind starts");
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut listed: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    listed.sort_unstable();
    let mut ours = all_packages();
    ours.sort_unstable();
    assert_eq!(ours, listed);
}

#[test]
fn every_installed_package_answers_as_with_ocamlfind() {
    if !has_ocamlfind("every_installed_package_answers_as_with_ocamlfind") {
        return;
    }
    let packages = all_packages();
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    for predicates in [
        "",
        "byte",
        "native",
        "byte,native",
        "native,mt,mt_posix",
        "byte,ppx_driver",
    ] {
        // One process for all, since each package's answers are independent of the others'.
        check(
            &[
                &["-predicates", predicates, "-format", EVERYTHING],
                &packages[..],
            ]
            .concat(),
        );
        check(
            &[
                &["-predicates", predicates, "-format", "%p %a %o %+a"],
                &packages[..],
            ]
            .concat(),
        );
    }
    check(&[&["-l"], &packages[..]].concat());
}

#[test]
fn every_installed_closure_links_in_ocamlfinds_order() {
    if !has_ocamlfind("every_installed_closure_links_in_ocamlfinds_order") {
        return;
    }
    let packages = all_packages();
    for package in &packages {
        check(&["-r", "-p-format", "-predicates", "byte,native", package]);
        check(&[
            "-r",
            "-p-format",
            "-predicates",
            "native,mt,mt_posix",
            package,
        ]);
    }
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    check(
        &[
            &["-r", "-format", "%p %+a", "-predicates", "byte"],
            &packages[..],
        ]
        .concat(),
    );
}
