//! `interface`: what plugins are checked against, for their authors.

use std::fs;

use saddlebag_tests::{INTERFACES, Sandbox, byte_standalone, ocaml, standalone};

const PRICING: &str = INTERFACES[0].1;

#[test]
fn an_executable_carries_interfaces_and_gives_them_to_plugin_authors() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    std::os::unix::fs::symlink(standalone(), sandbox.path("application")).unwrap();
    sandbox.write("pricing.mli", PRICING);
    sandbox
        .saddlebag(["interface", "application", "Pricing"])
        .run()
        .code(0)
        .prints(PRICING);
    let outcome = sandbox.saddlebag(["interface", "application"]).run();
    outcome
        .code(2)
        .prints_nothing()
        .says(&["carries Pricing, Tax: name one"]);
    let outcome = sandbox
        .saddlebag(["interface", "application", "Other"])
        .run();
    outcome
        .code(2)
        .says(&["no interface `Other`, but Pricing, Tax"]);
    let outcome = sandbox
        .saddlebag(["interface", "application", "Tax", "--json"])
        .run();
    assert_eq!(outcome.code(0).json()["name"], "Tax");
    sandbox
        .saddlebag(["interface", "application", "Pricing", "-o", "plugins"])
        .run()
        .code(0)
        .prints("plugins\n");
    let read = |name: &str| fs::read_to_string(sandbox.path("plugins").join(name)).unwrap();
    assert_eq!(read("pricing.mli"), PRICING);
    assert!(read(".merlin").contains("FLG -open Pricing"));
    // The author's own files stay, the interface is made anew.
    fs::write(sandbox.path("plugins/dune"), "; mine\n").unwrap();
    fs::write(sandbox.path("plugins/pricing.mli"), "").unwrap();
    sandbox
        .saddlebag(["interface", "pricing.mli", "-o", "plugins"])
        .run()
        .code(0);
    assert_eq!(
        (read("dune"), read("pricing.mli")),
        ("; mine\n".to_owned(), PRICING.to_owned())
    );
}

#[test]
fn what_carries_no_interface_says_so() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let without = byte_standalone().display().to_string();
    let outcome = sandbox.saddlebag(["interface", &without]).run();
    outcome.code(1).prints_nothing().says(&[
        "carries no interface of a plugin",
        "saddlebag embed EXE --interface",
    ]);
    let outcome = sandbox.saddlebag(["interface", "absent.mli"]).run();
    outcome.code(1).says(&["cannot read `absent.mli`"]);
    sandbox.write("pricing.ml", "");
    let embed = ["embed", &without, "--interface", "pricing.ml", "-o", "out"];
    sandbox
        .saddlebag(embed)
        .run()
        .code(2)
        .says(&["`pricing.ml` is not the .mli of a module"]);
}
