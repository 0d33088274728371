//! META files from anywhere: no panic, places inside the file, and what is printed reads back the same.
#![no_main]

use lib_resolve::{Predicates, meta};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &[u8]| {
    match meta::parse(source) {
        Err(error) => {
            assert!(!error.findlib_message().is_empty());
            assert!(error.position().is_none_or(|position| position.offset as usize <= source.len()));
        }
        Ok(meta) => {
            assert_eq!(meta.source(), source);
            let printed = meta.to_bytes();
            assert_eq!(meta::parse(&printed).as_ref(), Ok(&meta));
            let predicates = Predicates::parse("byte,mt");
            for package in meta.packages() {
                for definition in package.definitions() {
                    let variable = String::from_utf8_lossy(definition.variable());
                    let value = package.lookup(&variable, &predicates);
                    assert!(value.is_none_or(|value| value.len() <= source.len() + package.definitions().len()));
                }
            }
        }
    }
});
