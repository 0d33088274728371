//! Text from anywhere: no panic, errors that point into the text, objects that read back the same
//! and link or say why not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocaml_assembler::{LinkOptions, Object, assemble, link_shared};

fuzz_target!(|text: &str| {
    match assemble(text) {
        Err(error) => {
            let line = text.split('\n').nth(error.line as usize - 1).expect("the line is in the text");
            assert!(error.column as usize <= line.len() + 1, "{error}");
        }
        Ok(object) => {
            let bytes = object.to_elf();
            let read = Object::parse(&bytes).expect("what is written can be read");
            let options = LinkOptions::default().symbol_table(false);
            assert_eq!(link_shared(&[read], &options), link_shared(&[object], &options));
        }
    }
});
