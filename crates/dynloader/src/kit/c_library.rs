//! What this machine has of the libraries that belong to its C library.

use std::path::Path;

/// Where the dynamic linker looks without being told (ld.so(8)), besides the directory named after the architecture that
/// Debian puts first.
const DIRECTORIES: [&str; 4] = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"];

/// Whether this machine has a C library and lacks one of the libraries in `fallback`, which come with every full one.
///
/// They must be of the same build as the C library, so the machine's own are taken where there are any.
pub(super) fn lacks(fallback: &Path) -> bool {
    let multiarch = format!("{}-linux-gnu", std::env::consts::ARCH);
    let named = ["/lib", "/usr/lib"].map(|parent| Path::new(parent).join(&multiarch));
    let plain = DIRECTORIES.map(|directory| Path::new(directory).to_owned());
    lacks_in(fallback, named.into_iter().chain(plain))
}

fn lacks_in(fallback: &Path, mut directories: impl Iterator<Item = impl AsRef<Path>>) -> bool {
    let Some(directory) = directories.find(|path| path.as_ref().join("libc.so.6").exists()) else {
        return false;
    };
    let names = std::fs::read_dir(fallback).into_iter().flatten().flatten();
    names
        .map(|entry| entry.file_name())
        .any(|name| !directory.as_ref().join(name).exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_library_is_lacking_where_the_c_library_is_and_it_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let path = |name: &str| parent.path().join(name);
        for directory in ["empty", "bare", "full", "fallback"] {
            fs::create_dir(path(directory)).unwrap();
        }
        for file in [
            "bare/libc.so.6",
            "full/libc.so.6",
            "full/libm.so.6",
            "fallback/libm.so.6",
        ] {
            fs::write(path(file), "").unwrap();
        }
        let fallback = path("fallback");
        let lacks = |names: &[&str]| lacks_in(&fallback, names.iter().map(|name| path(name)));
        assert!(lacks(&["empty", "bare"]));
        assert!(lacks(&["bare", "full"]));
        assert!(!lacks(&["empty", "full", "bare"]));
        // No C library where it is looked for: nothing is known of the machine.
        assert!(!lacks(&["empty"]));
        assert!(!lacks_in(&path("missing"), [path("bare")].iter()));
    }
}
