//! What the tests compare with, besides OCaml: other people's tools and libraries.
//!
//! Nothing of it is needed to build, to run the demonstration or to use Saddlebag.

use std::process::Command;

use crate::Outcome;
use crate::setup;

/// Programs that tests start, and Debian's package of each.
const PROGRAMS: &[(&str, &str)] = &[
    ("ar", "binutils"),
    ("objcopy", "binutils"),
    ("readelf", "binutils"),
    ("eu-strip", "elfutils"),
    ("llvm-strip", "llvm"),
    ("llvm-mc", "llvm"),
    ("ld.lld", "lld"),
    ("patchelf", "patchelf"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("strace", "strace"),
    ("gdb", "gdb-minimal"),
    ("perf", "linux-perf"),
    ("zstd", "zstd"),
];

/// Debian's packages of OCaml libraries that library resolution is compared over: with what they need they are some
/// hundred packages of findlib, of every style of META.
const LIBRARIES: &[&str] = &[
    "libalcotest-ocaml-dev",
    "libangstrom-ocaml-dev",
    "libansi-terminal-ocaml-dev",
    "libastring-ocaml-dev",
    "libbase-ocaml-dev",
    "libbase64-ocaml-dev",
    "libbatteries-ocaml-dev",
    "libbigstringaf-ocaml-dev",
    "libbos-ocaml-dev",
    "libcalendar-ocaml-dev",
    "libcamlp-streams-ocaml-dev",
    "libcamomile-ocaml-dev",
    "libcmdliner-ocaml-dev",
    "libcryptokit-ocaml-dev",
    "libcsexp-ocaml-dev",
    "libcstruct-ocaml-dev",
    "libcsv-ocaml-dev",
    "libctypes-ocaml-dev",
    "libdune-ocaml-dev",
    "libextlib-ocaml-dev",
    "libfileutils-ocaml-dev",
    "libfmt-ocaml-dev",
    "libfpath-ocaml-dev",
    "libgraphics-ocaml-dev",
    "libhex-ocaml-dev",
    "liblogs-ocaml-dev",
    "liblwt-ocaml-dev",
    "libmenhir-ocaml-dev",
    "libmtime-ocaml-dev",
    "libnum-ocaml-dev",
    "libocamlgraph-ocaml-dev",
    "libocamlnet-ocaml-dev",
    "libounit-ocaml-dev",
    "libpcre-ocaml-dev",
    "libppx-deriving-ocaml-dev",
    "libppxlib-ocaml-dev",
    "libptime-ocaml-dev",
    "libre-ocaml-dev",
    "libreact-ocaml-dev",
    "libsexplib-ocaml-dev",
    "libssl-ocaml-dev",
    "liburi-ocaml-dev",
    "libyojson-ocaml-dev",
    "libzarith-ocaml-dev",
    "libzip-ocaml-dev",
];

/// How many packages of findlib are enough to compare over.
const ENOUGH: usize = 200;

/// Installs the tools that are missing, and where `CI` is set the libraries too: a machine of continuous integration
/// is there for it, a developer's is not.
pub(crate) fn run() -> Outcome {
    let mut packages: Vec<&str> = Vec::new();
    for (program, package) in PROGRAMS {
        if setup::find_program(program).is_none() && !packages.contains(package) {
            println!("tests use `{program}`, which is not installed");
            packages.push(package);
        }
    }
    if std::env::var_os("CI").is_some() && libraries() < ENOUGH {
        println!("tests compare over some hundred OCaml libraries; installing Debian's");
        packages.extend(LIBRARIES);
    }
    if packages.is_empty() {
        return Ok(());
    }
    if setup::install_debian_packages(&packages)? {
        return Ok(());
    }
    // Not fatal: the tests that need them say so one by one.
    println!(
        "cannot install them here; the tests that need them fail\n    Debian: {}",
        packages.join(" ")
    );
    Ok(())
}

fn libraries() -> usize {
    let listed = Command::new("ocamlfind").arg("list").output();
    listed.map_or(0, |output| {
        output.stdout.split(|byte| *byte == b'\n').count()
    })
}
