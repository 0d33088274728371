//! `cargo xtask tidy`: what the compiler and clippy do not check.

mod layers;
mod prose;
mod sources;
mod workspace;

pub(crate) use workspace::{Package, packages};

use std::error::Error;
use std::path::Path;

/// What is wrong, one line each, with the file first.
type Problems = Vec<String>;

/// Print what is wrong; an error if that is anything.
pub(crate) fn run(root: &Path) -> Result<(), Box<dyn Error>> {
    println!("\n$ cargo xtask tidy");
    let packages = packages(root)?;
    let mut problems = Problems::new();
    let sources = sources::check(root, &mut problems)?;
    layers::check(&packages, &mut problems);
    workspace::check(root, &packages, &mut problems);
    prose::check(root, &packages, &mut problems)?;
    for problem in &problems {
        eprintln!("  {problem}");
    }
    println!("  {} packages, {sources} source files", packages.len());
    match problems.len() {
        0 => Ok(()),
        count => Err(format!("{count} untidy things, listed above").into()),
    }
}
