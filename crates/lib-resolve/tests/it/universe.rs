//! A hundred thousand libraries.

use std::fmt::Write as _;

use lib_resolve::{PackageIndex, Predicates, Requirements};

use crate::support::Tree;

#[test]
fn a_hundred_thousand_libraries_are_loaded_and_ordered() {
    const FILES: usize = 2_000;
    const EACH: usize = 50;
    let tree = Tree::new(&[]);
    for file in 0..FILES {
        let mut meta = format!("version = \"{file}\"\nrequires = \"p{}.s0\"\n", file + 1);
        if file + 1 == FILES {
            meta.clear();
        }
        for part in 0..EACH - 1 {
            let next = if part + 2 < EACH {
                format!("p{file}.s{}", part + 1)
            } else {
                format!("p{file}")
            };
            let _ = write!(
                meta,
                "package \"s{part}\" (\n requires = \"{next}\"\n archive(byte) = \"s{part}.cma\"\n)\n"
            );
        }
        tree.write(&format!("lib/p{file}/META"), &meta);
    }
    let mut index: PackageIndex = tree.index();
    assert!(index.load_all().is_empty());
    assert_eq!(index.len(), FILES * EACH);

    // One chain through all of them, so that recursion would end badly.
    let mut requirements = Requirements::new(Predicates::parse("byte"));
    let order = requirements
        .closure(&mut index, ["p0.s0"])
        .expect("no circle");
    assert_eq!(order.len(), FILES * EACH);
    assert_eq!(index.package(order[0]).name(), format!("p{}", FILES - 1));
    let strict = requirements
        .findlib_closure(&mut index, [&b"p0.s0"[..]])
        .expect("no circle");
    assert_eq!(strict, order);
}
