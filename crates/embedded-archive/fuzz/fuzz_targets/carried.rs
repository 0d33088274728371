//! Takes bytes for an executable: looks for what it carries, attaches an archive to it, finds it, takes it off again.
#![no_main]
use std::fs;

use embedded_archive::{Archive, Builder, Level, attach, detach};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let directory = std::path::Path::new("/dev/shm").join(format!("embedded-archive-fuzz-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory");
    let (executable, output) = (directory.join("in"), directory.join("out"));
    fs::write(&executable, input).expect("room");
    let _ = Archive::open(&executable);
    let mut builder = Builder::new();
    builder.level(Level::new(1)).bytes("a", "b").expect("a name");
    let archive = Archive::from_bytes(builder.build().expect("an archive")).expect("an archive");
    if let Ok(attached) = attach(&executable, &archive, &output) {
        assert_eq!(Archive::of_executable(&output).expect("it was attached").tree(), archive.tree());
        detach(&output, &output).expect("it was attached");
        if !attached.replaced {
            assert_eq!(fs::read(&output).expect("it was written"), input);
        }
    }
    // The fuzzer ends without destructors.
    fs::remove_dir_all(&directory).expect("it was made");
});
