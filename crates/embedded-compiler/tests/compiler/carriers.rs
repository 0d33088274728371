//! This executable with a compiler in it.
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use dynloader::kit::SystemOptions;
use dynloader::{Kit, kit::BuildError};
use embedded_archive::{Archive, Level};
use embedded_compiler::{PackOptions, pack};
use futures_lite::future::block_on;

use crate::support::chain;

/// A directory that outlives the tests, in cargo's own.
fn directory() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn kit() -> Result<Kit, BuildError> {
    block_on(Kit::system(SystemOptions::new(directory().join("cache"))))
}

/// This executable, carrying the installed compiler. Without one the test fails where `CI` is set, and is skipped
/// elsewhere. One that an earlier run of the same executable left is taken.
pub(crate) fn carrier() -> Option<&'static Path> {
    static CARRIER: OnceLock<Option<PathBuf>> = OnceLock::new();
    CARRIER.get_or_init(make).as_deref()
}

fn make() -> Option<PathBuf> {
    const PREFIX: &str = "compiler-carrier-";
    let own = std::env::current_exe().unwrap();
    let metadata = fs::metadata(&own).unwrap();
    let kit = match kit() {
        Ok(kit) => kit,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{}", chain(&error));
            eprintln!("SKIP: {}", chain(&error));
            return None;
        }
    };
    let lock = File::create(directory().join("compiler-carrier.lock")).unwrap();
    lock.lock().unwrap();
    let name = format!(
        "{PREFIX}{}-{}-{}.{}",
        &kit.identity()[..16],
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec()
    );
    let path = directory().join(name);
    if !path.exists() {
        for entry in fs::read_dir(directory()).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        let mut packed = block_on(pack(&kit, &PackOptions::default())).unwrap();
        packed.builder.level(Level::new(1));
        let archive = Archive::from_bytes(packed.builder.build().unwrap()).unwrap();
        embedded_archive::attach(&own, &archive, &path).unwrap();
    }
    Some(path)
}
