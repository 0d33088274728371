//! The least that running a compiled plugin can cost, to compare with: open a host image, load a file.
//! `cargo run --example minimum -- IMAGE PLUGIN`, with a plugin that `ocamlopt -shared` could have made.

use std::error::Error;

use ocaml_runtime::{Runtime, open::Options};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let image = arguments.next().ok_or("name a host image")?;
    let plugin = arguments.next().ok_or("name a plugin")?;
    Runtime::open(&image, &Options::default())?.load(&plugin)?;
    Ok(())
}
