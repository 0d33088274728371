//! `cargo xtask bench --peers`: beside other engines that a Rust program could embed, which take minutes to build: they
//! are a workspace of their own (`xtask/peers`).

use std::path::Path;

use crate::{Outcome, shell};

pub(super) fn run(root: &Path) -> Outcome {
    crate::setup::run()?;
    shell::run(
        shell::cargo()
            .current_dir(root)
            .args(["run", "--release", "--manifest-path"])
            .arg(root.join("xtask/peers/Cargo.toml"))
            .arg("--target-dir")
            .arg(shell::target_directory(root).join("peers")),
    )
}
