//! Differential: every package installed on this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lib_resolve::{
    ArchiveContents, Configuration, Environment, Lib, LibOptions, PackageIndex, Units,
};

use crate::support::{Variables, has_ocamlfind, names, oracle, ours};

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
        ours(&none, &[], &arguments),
        oracle(Path::new("/"), &none, &[], &arguments),
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

#[test]
fn the_dependents_of_every_installed_package_are_those_of_ocamlfind() {
    if !has_ocamlfind("the_dependents_of_every_installed_package_are_those_of_ocamlfind") {
        return;
    }
    check(&["-d"]);
    for predicates in ["", "byte", "native,ppx_driver", "native,mt,mt_posix"] {
        // A package that lacks a requirement fails the question for all.
        for package in ["unix", "str", "threads", "zarith", "re", "stdlib-shims"] {
            check(&["-d", "-p-format", "-predicates", predicates, package]);
        }
        check(&[
            "-d",
            "-a-format",
            "-r",
            "-predicates",
            predicates,
            "zarith",
            "fmt",
        ]);
    }
    check(&["-descendants", "-d", "-format", EVERYTHING, "result,seq"]);
    check(&["-d", "no_such_package"]);
    check(&["-pp", "-d", "unix"]);
}

#[test]
fn the_units_of_an_installed_archive_are_those_that_ocamlobjinfo_prints() {
    if !has_ocamlfind("the_units_of_an_installed_archive_are_those_that_ocamlobjinfo_prints") {
        return;
    }
    let configuration = Configuration::read(&environment(), None).expect("findlib is configured");
    let mut index = PackageIndex::new(configuration);
    index.load_all();
    let options = LibOptions::new(index.configuration().ocaml_major().expect("a library"));
    let libs = index
        .packages()
        .filter_map(|package| Lib::of_package(package, &options).ok());
    let archives = libs.flat_map(|lib| [lib.cma, lib.cmxa].concat());
    let archives: BTreeSet<PathBuf> = archives
        .filter(|archive| archive.exists())
        .filter(|archive| {
            archive
                .extension()
                .is_some_and(|e| e == "cma" || e == "cmxa")
        })
        .collect();
    assert!(archives.len() > 100, "{}", archives.len());
    // All of them take long to print.
    let archives: Vec<PathBuf> = archives.into_iter().step_by(7).collect();
    #[expect(
        clippy::disallowed_methods,
        reason = "the oracle of this test is a process"
    )]
    let output = std::process::Command::new("ocamlobjinfo")
        .args(&archives)
        .output()
        .expect("ocamlobjinfo starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    let mut expected: BTreeMap<PathBuf, ArchiveContents> = BTreeMap::new();
    let mut file = PathBuf::new();
    for line in printed.lines() {
        if let Some(name) = line.strip_prefix("File ") {
            file = name.into();
            expected.insert(file.clone(), ArchiveContents::default());
        }
        let Some(contents) = expected.get_mut(&file) else {
            continue;
        };
        if let Some(unit) = line
            .strip_prefix("Unit name: ")
            .or(line.strip_prefix("Name: "))
        {
            contents.units.push(unit.to_owned());
        } else if let Some(libraries) = line.strip_prefix("Extra dynamically-loaded libraries:") {
            // It prints them from the end.
            let words = libraries.split_whitespace().rev().map(str::to_owned);
            contents.shared_libraries = words.collect();
        } else if let Some(custom) = line.strip_prefix("Force custom:") {
            contents.custom = custom.trim() == "YES";
        }
    }
    for archive in archives {
        let contents = ArchiveContents::read(&archive).expect("an archive");
        assert_eq!(Some(&contents), expected.get(&archive), "{archive:?}");
        let bytes = std::fs::read(&archive).expect("readable");
        assert_eq!(ArchiveContents::parse(&bytes), Some(contents));
    }
}

#[test]
fn a_unit_in_a_directory_of_several_libraries_comes_from_the_one_whose_archive_holds_it() {
    if !has_ocamlfind(
        "a_unit_in_a_directory_of_several_libraries_comes_from_the_one_whose_archive_holds_it",
    ) {
        return;
    }
    let configuration = Configuration::read(&environment(), None).expect("findlib is configured");
    let mut index = PackageIndex::new(configuration);
    let options = LibOptions::new(4);
    let names = names("findlib.internal findlib.top findlib.dynload");
    let libs = index.libs(&names, &options).expect("findlib is installed");
    assert_eq!(libs[0].directory, libs[1].directory);
    let units = Units::of_libs(&libs);
    for (unit, library) in [
        ("Findlib", "findlib.internal"),
        ("Topfind", "findlib.top"),
        ("Fl_dynload", "findlib.dynload"),
    ] {
        let providers = units.providers(unit);
        let libraries: Vec<&str> = providers
            .iter()
            .map(|provider| provider.library.as_str())
            .collect();
        assert_eq!(libraries, [library], "{unit}");
        assert!(providers[0].archive.is_some());
    }
    assert!(units.conflicts().is_empty());
}
