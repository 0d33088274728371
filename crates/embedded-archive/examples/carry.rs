//! Packs a directory into a copy of an executable, and lists what an executable carries.
//!
//! `cargo run -p embedded-archive --example carry -- pack EXECUTABLE DIRECTORY OUTPUT`
//! `cargo run -p embedded-archive --example carry -- list EXECUTABLE`
#![expect(clippy::print_stdout, reason = "a program prints its results")]
use std::error::Error;

use embedded_archive::{Archive, Builder, Level, attach};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["pack", executable, directory, output] => {
            let mut builder = Builder::new();
            builder.level(Level::DEVELOPMENT).directory("", directory)?;
            let archive = Archive::from_bytes(builder.build()?)?;
            let attached = attach(executable, &archive, output)?;
            println!(
                "{} files, {} bytes packed, {} bytes in all",
                archive.entries().len(),
                archive.packed_len(),
                attached.length
            );
        }
        ["list", executable] => {
            for entry in Archive::open(executable)?.entries() {
                println!("{} {:>10} {}", entry.digest(), entry.len(), entry.name());
            }
        }
        _ => {
            return Err(
                "usage: carry pack EXECUTABLE DIRECTORY OUTPUT | carry list EXECUTABLE".into(),
            );
        }
    }
    Ok(())
}
