//! Under which key a compiled plugin is stored.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::bundle::Bundle;

/// What a compiled plugin is found by: a digest of everything that decides what its compilation gives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Of the sources, the interface and the flags.
    pub(crate) plugin: [u8; 32],
    /// Of the compiler and the host image.
    pub(crate) context: [u8; 32],
    pub(crate) files: Vec<PathBuf>,
}

/// What a key is made from.
pub(crate) struct KeyParts<'a> {
    pub(crate) bundles: &'a [Bundle],
    pub(crate) shape: &'a str,
    pub(crate) fingerprint: &'a str,
    pub(crate) arguments: Vec<OsString>,
    /// Directories whose interfaces the compiler reads.
    pub(crate) include_directories: &'a [PathBuf],
    /// Programs that take part beside the kit's.
    pub(crate) programs: Vec<&'a Path>,
    pub(crate) kit: &'a str,
}

impl Key {
    pub(crate) fn new(parts: &KeyParts<'_>) -> Key {
        let mut hasher = Fields(blake3::Hasher::new_derive_key(
            "saddlebag plugin cache, key of a plugin, version 1",
        ));
        let mut files = Vec::new();
        for bundle in parts.bundles {
            hasher.field(bundle.module_name().as_str().as_bytes());
            for file in bundle.files() {
                hasher.field(file.path().file_name().unwrap_or_default().as_bytes());
                hasher.field(file.contents());
                if names_its_file(file.contents()) {
                    hasher.field(file.path().as_os_str().as_bytes());
                }
                files.push(file.path().to_owned());
            }
            hasher.field(b"");
        }
        hasher.field(parts.shape.as_bytes());
        hasher.field(parts.fingerprint.as_bytes());
        for argument in &parts.arguments {
            hasher.field(argument.as_bytes());
        }
        hasher.field(b"");
        for directory in parts.include_directories {
            hasher.interfaces(directory);
        }
        for program in &parts.programs {
            hasher.metadata(program);
        }
        let plugin = *hasher.0.finalize().as_bytes();
        Key {
            plugin,
            context: *blake3::hash(parts.kit.as_bytes()).as_bytes(),
            files,
        }
    }

    /// The digest of the whole.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.plugin).update(&self.context);
        *hasher.finalize().as_bytes()
    }

    /// The digest of the whole in lower-case hexadecimal, fit for a file name.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.digest())
    }

    /// The files of the plugin, as they were named.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The same plugin as another compiler made it.
    pub(crate) fn in_context(&self, context: [u8; 32]) -> Key {
        Key {
            context,
            ..self.clone()
        }
    }
}

pub(crate) fn hex(digest: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*digest).to_hex().to_string()
}

/// Whether the path of a source decides what it does, and not its base name alone.
fn names_its_file(text: &[u8]) -> bool {
    ["__FILE__", "__LOC", "__POS"]
        .iter()
        .any(|name| memchr::memmem::find(text, name.as_bytes()).is_some())
}

struct Fields(blake3::Hasher);

impl Fields {
    /// Adds bytes with their length, so that no two lists of fields look alike.
    fn field(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// The compiled interfaces in a directory; what cannot be read is left for the compiler to complain about.
    fn interfaces(&mut self, directory: &Path) {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "cmi" || extension == "cmx")
        });
        paths.sort();
        for path in &paths {
            self.metadata(path);
        }
        self.field(b"");
    }

    fn metadata(&mut self, path: &Path) {
        self.field(path.as_os_str().as_bytes());
        if let Ok(metadata) = fs::metadata(path) {
            for number in [
                metadata.size(),
                metadata.mtime() as u64,
                metadata.mtime_nsec() as u64,
            ] {
                self.0.update(&number.to_le_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, bundle};

    fn key(sources: &[(&str, &str)], change: impl FnOnce(&mut KeyParts<'_>)) -> String {
        let sources = sources
            .iter()
            .map(|(name, text)| Source::text(*name, *text))
            .collect();
        let bundles = bundle::read(sources).unwrap();
        let mut parts = KeyParts {
            bundles: &bundles,
            shape: "once",
            fingerprint: "f",
            arguments: vec!["-g".into()],
            include_directories: &[],
            programs: vec![],
            kit: "k",
        };
        change(&mut parts);
        Key::new(&parts).hex()
    }

    const SOURCES: &[(&str, &str)] = &[("a.ml", "1"), ("b.ml", "2")];

    #[test]
    fn each_part_decides_and_the_directory_does_not() {
        let first = key(SOURCES, |_| {});
        assert_eq!(first, key(&[("x/a.ml", "1"), ("y/b.ml", "2")], |_| {}));
        let others = [
            key(&[("b.ml", "2"), ("a.ml", "1")], |_| {}),
            key(&[("a.ml", "1"), ("b.ml", "3")], |_| {}),
            key(&[("a.ml", "12"), ("b.ml", "")], |_| {}),
            key(&[("A.ml", "1"), ("b.ml", "2")], |_| {}),
            key(&[("a.ml", "1"), ("b.ml", "2"), ("b.mli", "")], |_| {}),
            key(SOURCES, |parts| parts.shape = "many"),
            key(SOURCES, |parts| parts.fingerprint = "g"),
            key(SOURCES, |parts| {
                parts.arguments = vec!["-g".into(), "-w".into()]
            }),
            key(SOURCES, |parts| parts.kit = "l"),
            key(SOURCES, |parts| parts.programs = vec![Path::new("/bin/sh")]),
        ];
        for (number, other) in others.iter().enumerate() {
            assert_ne!(&first, other, "{number}");
        }
    }

    #[test]
    fn a_source_that_asks_for_its_path_is_known_by_its_path() {
        let text = "print_string __FILE__";
        assert_ne!(
            key(&[("x/a.ml", text)], |_| {}),
            key(&[("y/a.ml", text)], |_| {})
        );
    }
}
