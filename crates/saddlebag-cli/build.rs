//! How the command is linked: a start from the cache takes little more than what the dynamic linker does for it.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    let is_static = target("FEATURE")
        .split(',')
        .any(|name| name == "crt-static");
    if target("OS") != "linux" || target("ENV") != "gnu" || is_static {
        return;
    }
    // At a fixed address, eight thousand addresses in the command's tables need not be written at every start.
    println!("cargo:rustc-link-arg-bins=-no-pie");
    if has_static_unwinder(&target("ARCH")) {
        // Named before `libgcc_s`, which is then not needed: a shared library fewer to open, and to have where the command
        // runs.
        println!("cargo:rustc-link-lib=dylib=gcc_eh");
    }
}

/// Whether GCC's unwinder is there as a static library, where distributions have it.
fn has_static_unwinder(architecture: &str) -> bool {
    let folders = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten();
    folders(Path::new("/usr/lib/gcc"))
        .filter(|triple| {
            triple
                .file_name()
                .to_string_lossy()
                .starts_with(architecture)
        })
        .flat_map(|triple| folders(&triple.path()))
        .any(|version| version.path().join("libgcc_eh.a").exists())
}
