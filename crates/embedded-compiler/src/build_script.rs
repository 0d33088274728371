//! For build scripts: link a compiler into the program that cargo builds.

use std::path::PathBuf;

use dynloader::kit::{BuildError, Kit, SystemOptions};
use embedded_archive::Level;
use embedded_archive::build_script as archive;

use crate::pack::{PackError, PackOptions, Packed, pack};

/// The error returned by [`link`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// A variable that cargo sets for build scripts is missing: the caller is none.
    #[error("the variable `OUT_DIR` is not set; this function is for build scripts run by cargo")]
    NotABuildScript,
    /// There is no installed toolchain to take the compiler from.
    #[error("no OCaml compiler to link into the program")]
    Kit(#[source] Box<BuildError>),
    /// The compiler's files cannot be collected.
    #[error("could not collect the files of the OCaml compiler")]
    Pack(#[source] Box<PackError>),
    /// The archive cannot be handed to cargo.
    #[error("could not link the archive")]
    Link(#[source] Box<archive::LinkError>),
}

/// Takes the compiler of the installed OCaml toolchain, packs it, and links it into the program that cargo builds: `cargo
/// build` alone gives the file to ship. The program opens it with `embedded_archive::embed!()`.
///
/// The level is the archive's release level for `cargo build --release`, else its development level, which takes half a
/// second. Reads `OUT_DIR` and `PROFILE`, and what `find::Options::from_environment` reads; keeps the toolchain's kit below
/// `OUT_DIR`.
///
/// ```no_run
/// // build.rs
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     embedded_compiler::build_script::link(&embedded_compiler::PackOptions::default())?;
///     Ok(())
/// }
/// ```
///
/// # Errors
/// See [`LinkError`].
pub fn link(options: &PackOptions) -> Result<(), LinkError> {
    let directory = std::env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .ok_or(LinkError::NotABuildScript)?;
    let release = std::env::var_os("PROFILE").is_some_and(|profile| profile == "release");
    let packed = futures_lite::future::block_on(async {
        let kit = Kit::system(SystemOptions::new(directory.join("saddlebag"))).await;
        let kit = kit.map_err(|error| LinkError::Kit(Box::new(error)))?;
        pack(&kit, options)
            .await
            .map_err(|error| LinkError::Pack(Box::new(error)))
    });
    let Packed { mut builder, .. } = packed?;
    builder.level(if release {
        Level::RELEASE
    } else {
        Level::DEVELOPMENT
    });
    archive::link(&builder).map_err(|error| LinkError::Link(Box::new(error)))
}
