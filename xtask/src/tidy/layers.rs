//! Which crate may use which: nothing points up.

use super::{Package, Problems};

/// Each crate with the members it may depend on, from the bottom to the top.
/// A crate may use all that those it lists may use.
const LAYERS: &[(&str, &[&str])] = &[
    ("code-sets", &[]),
    ("embedded-archive", &[]),
    ("ocaml-assembler", &[]),
    ("ocaml-runtime-derive", &[]),
    ("ocaml-toolchain", &["code-sets"]),
    ("lib-resolve", &["ocaml-toolchain"]),
    (
        "ocaml-runtime",
        &["ocaml-runtime-derive", "ocaml-toolchain"],
    ),
    (
        "dynloader",
        &["ocaml-runtime", "lib-resolve", "ocaml-assembler"],
    ),
    ("embedded-compiler", &["dynloader", "embedded-archive"]),
    ("saddlebag", &["embedded-compiler"]),
    ("saddlebag-cli", &["saddlebag"]),
    ("saddlebag-tests", &["saddlebag-cli"]),
    ("xtask", &["saddlebag-cli"]),
];

pub(super) fn check(packages: &[Package], problems: &mut Problems) {
    for package in packages {
        let name = package.name.as_str();
        if !LAYERS.iter().any(|(layer, _)| *layer == name) {
            problems.push(format!(
                "{name}: has no place among the layers of xtask/src/tidy/layers.rs"
            ));
        }
        for (member, _) in &package.members {
            if !may_use(name, member) {
                problems.push(format!(
                    "{name}: may not depend on {member}, which is not below it"
                ));
            }
        }
    }
}

fn may_use(name: &str, member: &str) -> bool {
    let below = LAYERS
        .iter()
        .find(|(layer, _)| *layer == name)
        .map_or(&[][..], |(_, below)| below);
    below
        .iter()
        .any(|layer| *layer == member || may_use(layer, member))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_may_use_what_is_below_it_and_nothing_else() {
        assert!(may_use("saddlebag", "code-sets"));
        assert!(may_use("dynloader", "ocaml-assembler"));
        assert!(!may_use("dynloader", "embedded-archive"));
        assert!(!may_use("ocaml-toolchain", "lib-resolve"));
        assert!(!may_use("saddlebag", "saddlebag"));
    }

    #[test]
    fn every_layer_named_exists_and_is_listed_before() {
        for (index, (_, below)) in LAYERS.iter().enumerate() {
            for layer in *below {
                assert!(
                    LAYERS[..index].iter().any(|(name, _)| name == layer),
                    "{layer}"
                );
            }
        }
    }
}
