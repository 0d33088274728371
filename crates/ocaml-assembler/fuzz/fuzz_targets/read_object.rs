//! Object and archive files from anywhere: no panic, and what is read can be written and linked,
//! or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocaml_assembler::{Archive, LinkOptions, Object, link_shared};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(archive) = Archive::parse(bytes) {
        for (_, member) in archive.members() {
            let _ = Object::parse(member);
        }
        let _ = archive.needed_by(&[]);
    }
    if let Ok(object) = Object::parse(bytes) {
        let written = object.to_elf();
        Object::parse(&written).expect("what is written can be read");
        let _ = link_shared(&[object], &LinkOptions::default());
    }
});
