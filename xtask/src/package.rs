//! `cargo xtask package`: pack every crate that is published.

use crate::{shell, tidy};
use std::error::Error;
use std::path::Path;

pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), Box<dyn Error>> {
    if let Some(argument) = arguments
        .iter()
        .find(|argument| !["--no-verify", "--allow-dirty"].contains(&argument.as_str()))
    {
        return Err(format!("unknown argument `{argument}`; see `cargo xtask help`").into());
    }
    let mut command = shell::cargo();
    command
        .current_dir(root)
        .args(["package", "--workspace"])
        .args(arguments);
    for package in tidy::packages(root)?
        .iter()
        .filter(|package| !package.published)
    {
        command.args(["--exclude", &package.name]);
    }
    shell::run(&mut command)
}
