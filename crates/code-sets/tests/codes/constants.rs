//! Everything that can be is usable in a constant.

use code_sets::{Artefact, Code, CodeSet, Restriction};

const SUPPORTED: CodeSet = {
    let mut set = CodeSet::empty();
    assert!(set.insert(Code::Byte));
    assert!(set.insert(Code::Wasm));
    assert!(set.remove(Code::Wasm));
    set.union(CodeSet::singleton(Code::Native))
};
const LEAST: Option<Code> = SUPPORTED.min();
const EXTENSION: Option<&str> = Code::Native.extension(Artefact::Plugin);
const RESTRICTION: Restriction = Restriction::unique_favour_native();
static SHARED: Restriction = Restriction::identity();

const _: () = assert!(SUPPORTED.is_subset(CodeSet::ALL) && SUPPORTED.len() == 2);
const _: () = assert!(
    CodeSet::ALL
        .difference(SUPPORTED)
        .intersection(CodeSet::WASM)
        .contains(Code::Wasm)
);
const _: () = assert!(Code::Byte.is_loadable() && !Code::Wasm.is_loadable());

#[test]
fn constants_have_the_values_of_the_same_expressions_at_run_time() {
    assert_eq!(SUPPORTED, CodeSet::TRADITIONAL);
    assert_eq!(LEAST, Some(Code::Byte));
    assert_eq!(EXTENSION, Some(".cmxs"));
    assert_eq!(RESTRICTION.apply(SUPPORTED), Ok(CodeSet::NATIVE));
    assert_eq!(SHARED.apply(SUPPORTED), Ok(SUPPORTED));
}

#[test]
fn a_set_takes_one_byte() {
    assert_eq!(size_of::<CodeSet>(), 1);
}
