//! What the tests make once and all use: the host image's cache, and the command with a compiler in it.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::binary::{profile_directory, saddlebag};
use crate::command::Command;
use crate::toolchain::toolchain;

/// A directory that outlives a run of the tests, in cargo's own.
pub fn shared_directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = profile_directory().join("saddlebag-tests");
        fs::create_dir_all(&directory).expect("a directory for what the tests share");
        directory
    })
}

/// Holds off other processes that make the same thing, until it is dropped.
pub(crate) fn lock(name: &str) -> File {
    let file =
        File::create(shared_directory().join(name).with_extension("lock")).expect("a lock file");
    file.lock().expect("a lock");
    file
}

/// The plugin interfaces that [`standalone`] carries: file name and text.
pub const INTERFACES: [(&str, &str); 2] = [
    (
        "pricing.mli",
        "type discount = Percent of float\nmodule type S = sig\n  val discount : string -> discount\nend\n",
    ),
    ("tax.mli", "module type S = sig\n  val rate : float\nend\n"),
];

/// The command with a native-code compiler and [`INTERFACES`] in its saddlebag, packed at a low level.
pub fn standalone() -> &'static Path {
    static STANDALONE: OnceLock<PathBuf> = OnceLock::new();
    STANDALONE.get_or_init(|| carrier("native"))
}

/// The command with a byte-code compiler in its saddlebag, packed as users do.
pub fn byte_standalone() -> &'static Path {
    static STANDALONE: OnceLock<PathBuf> = OnceLock::new();
    STANDALONE.get_or_init(|| carrier("byte"))
}

/// The command with a compiler to `code`; one that an earlier run left is taken if it is of this command and compiler.
fn carrier(code: &str) -> PathBuf {
    let command = saddlebag();
    let metadata = fs::metadata(command).expect("the command");
    let toolchain = toolchain().expect("an OCaml toolchain");
    let kind = if code == "byte" {
        "standalone-byte-"
    } else {
        "standalone-"
    };
    let path = shared_directory().join(format!(
        "{kind}{}-{}-{}.{}",
        toolchain.conf().version(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec()
    ));
    let _lock = lock("standalone");
    if !path.exists() {
        for entry in fs::read_dir(shared_directory())
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            let version = name
                .to_str()
                .and_then(|name| name.strip_prefix(kind))
                .unwrap_or_default();
            if version.starts_with(|first: char| first.is_ascii_digit()) {
                fs::remove_file(entry.path()).expect("the one of an older command goes");
            }
        }
        let mut embed = Command::new(command).args(["embed", "--code", code]);
        if code == "native" {
            for (name, text) in INTERFACES {
                let path = shared_directory().join(name);
                fs::write(&path, text).expect("an interface");
                embed = embed.arg("--interface").arg(path);
            }
        }
        let embed = embed.arg(command).arg("-o").arg(&path);
        let level = if code == "byte" { "19" } else { "1" };
        embed.args(["--level", level]).run().code(0);
    }
    path
}
