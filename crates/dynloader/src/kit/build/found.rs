//! Finding a kit again without starting a process, and making sure that it is the one that was built.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use code_sets::Code;
use ocaml_runtime::host_image;
use ocaml_toolchain::{Toolchain, files, find};

use super::super::identity::FileStamp;
use super::super::manifest::{MANIFEST_NAME, Manifest};
use crate::fields::{push_length, push_string, take_number, take_string};

/// What the names of directories in which kits are built begin with.
pub(super) const STAGING_PREFIX: &str = ".building-";

/// The file of a kit that holds the digests of the others.
const CONTENTS_NAME: &str = "contents.json";

const MAGIC: &[u8; 8] = b"SDLBFKIT";
const VERSION: u32 = 1;

/// Where it is written how kits are built.
const BUILDING: [&str; 4] = [
    host_image::RECIPES,
    include_str!("driver.rs"),
    include_str!("host.rs"),
    include_str!("mod.rs"),
];

/// Tells builds of this crate apart by the sources that they compile, and by how. Every start needs it, so the compiler counts
/// it: it is no digest, and has nobody to resist (FNV-1a).
const PROGRAM: u64 = {
    let mut number = 0xcbf2_9ce4_8422_2325;
    let mut index = 0;
    while index < BUILDING.len() {
        number = mix(number, BUILDING[index].as_bytes());
        index += 1;
    }
    let mut index = 0;
    while index < super::driver::SOURCES.len() {
        number = mix(number, super::driver::SOURCES[index].1.as_bytes());
        index += 1;
    }
    let mut index = 0;
    while index < host_image::SOURCES.len() {
        number = mix(number, host_image::SOURCES[index].1.as_bytes());
        index += 1;
    }
    number
};

const fn mix(mut number: u64, bytes: &[u8]) -> u64 {
    let mut index = 0;
    while index < bytes.len() {
        number = (number ^ bytes[index] as u64).wrapping_mul(0x0100_0000_01b3);
        index += 1;
    }
    // The length, so that no two lists of texts look alike.
    (number ^ bytes.len() as u64).wrapping_mul(0x0100_0000_01b3)
}

/// What a search for a toolchain led to, and stamps of everything that could lead it elsewhere.
///
/// Its file, which every start reads, integers little-endian, strings behind their length (`u32`): magic (8 bytes),
/// version (`u32`), the name, the number of stamps, each a path and what [`FileStamp::of`] gives, the number of missing
/// places, their paths.
#[derive(Debug)]
pub(super) struct Found {
    /// The name of the kit's directory.
    pub(super) kit: String,
    /// Files as they were: the toolchain's, and the kit's own.
    stamps: Vec<(PathBuf, FileStamp)>,
    /// Places that were not there.
    missing: Vec<PathBuf>,
}

impl Found {
    /// Where the answer for these options is kept. Findlib's own variables decide too, because `ocamlfind` reads them.
    pub(super) fn path(kits: &Path, options: &find::Options, code: Code) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        let variables = [
            "OCAMLFIND_CONF",
            "OCAMLFIND_TOOLCHAIN",
            "OCAMLFIND_COMMANDS",
            "OCAMLLIB",
            "CAMLLIB",
        ];
        (code, options, variables.map(std::env::var_os)).hash(&mut hasher);
        (env!("CARGO_PKG_VERSION"), PROGRAM).hash(&mut hasher);
        kits.join(format!("{:016x}.found", hasher.finish()))
    }

    /// The name of the kit that the answer kept in `path` names, if everything is still as it was.
    pub(super) fn read(path: &Path) -> Option<String> {
        let bytes = std::fs::read(path).ok()?;
        let (magic, mut rest) = bytes.split_first_chunk::<8>()?;
        let rest = &mut rest;
        if magic != MAGIC || take_number(rest)? != VERSION {
            return None;
        }
        let kit = String::from_utf8(take_string(rest)?.to_vec()).ok()?;
        for _ in 0..take_number(rest)? {
            let path = take_path(rest)?;
            if !FileStamp::take(rest)?.holds(path) {
                return None;
            }
        }
        for _ in 0..take_number(rest)? {
            if take_path(rest)?.exists() {
                return None;
            }
        }
        rest.is_empty().then_some(kit)
    }

    /// The answer `kit`, found for `toolchain`, built of `inputs`, lying in `directory`.
    pub(super) fn new(
        kit: String,
        options: &find::Options,
        toolchain: &Toolchain,
        inputs: &[PathBuf],
        directory: &Path,
    ) -> Found {
        let mut paths: Vec<PathBuf> = inputs.to_vec();
        // A directory changes when a program is added to it: a compiler that would now be found first is noticed.
        paths.extend(options.searched_directories());
        paths.extend(toolchain.ocamlfind().into_iter().flat_map(findlib_files));
        paths.extend(
            files_of(directory)
                .into_iter()
                .map(|name| directory.join(name)),
        );
        // A directory may be named twice in `PATH`.
        paths.sort();
        paths.dedup();
        let mut found = Found {
            kit,
            stamps: Vec::new(),
            missing: Vec::new(),
        };
        for path in paths {
            match FileStamp::of(&path) {
                Ok(stamp) => found.stamps.push((path, stamp)),
                Err(_) => found.missing.push(path),
            }
        }
        found
    }

    /// Keeps the answer.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        push_string(&mut bytes, self.kit.as_bytes());
        push_length(&mut bytes, self.stamps.len());
        for (path, stamp) in &self.stamps {
            push_string(&mut bytes, path.as_os_str().as_bytes());
            stamp.push(&mut bytes);
        }
        push_length(&mut bytes, self.missing.len());
        for path in &self.missing {
            push_string(&mut bytes, path.as_os_str().as_bytes());
        }
        write_atomically(path, &bytes)
    }
}

fn take_path<'a>(bytes: &mut &'a [u8]) -> Option<&'a Path> {
    take_string(bytes).map(|path| Path::new(OsStr::from_bytes(path)))
}

/// `ocamlfind` and the places where its configuration may be (findlib's `findlib_config.ml`, opam, Debian).
fn findlib_files(ocamlfind: &Path) -> Vec<PathBuf> {
    let prefix = ocamlfind
        .parent()
        .and_then(Path::parent)
        .unwrap_or(Path::new("/"));
    let configuration = std::env::var_os("OCAMLFIND_CONF").map(PathBuf::from);
    let usual = ["etc/findlib.conf", "lib/findlib.conf", "etc/findlib.conf.d"]
        .map(|name| prefix.join(name));
    let system = PathBuf::from("/etc/findlib.conf");
    [ocamlfind.to_owned(), system]
        .into_iter()
        .chain(usual)
        .chain(configuration)
        .collect()
}

/// The manifest of the kit in `directory`, if the kit is whole: every file that was built is there, with the contents
/// it was built with, and nothing else.
pub(super) fn verified(directory: &Path) -> Option<Manifest> {
    let contents = std::fs::read(directory.join(CONTENTS_NAME)).ok()?;
    let contents: BTreeMap<PathBuf, String> = serde_json::from_slice(&contents).ok()?;
    let names = files_of(directory);
    let whole = names.len() == contents.len() + 1
        && contents
            .iter()
            .all(|(name, digest)| digest_of(&directory.join(name)).is_ok_and(|now| now == *digest));
    whole.then(|| Manifest::read(directory).ok()).flatten()
}

/// Writes the manifest and the list of contents into `staging` and renames it to `directory`, replacing what is there.
pub(super) fn settle(
    staging: tempfile::TempDir,
    manifest: &Manifest,
    directory: &Path,
) -> io::Result<()> {
    files::write(&staging.path().join(MANIFEST_NAME), manifest.to_json())?;
    let mut contents = BTreeMap::new();
    for name in files_of(staging.path()) {
        let digest = digest_of(&staging.path().join(&name))?;
        contents.insert(name, digest);
    }
    files::write(
        &staging.path().join(CONTENTS_NAME),
        serde_json::to_vec_pretty(&contents)?,
    )?;
    let kits = directory.parent().unwrap_or(Path::new("."));
    if directory.symlink_metadata().is_ok() {
        let trash = tempfile::Builder::new()
            .prefix(STAGING_PREFIX)
            .tempdir_in(kits)?;
        std::fs::rename(directory, trash.path().join("damaged"))?;
    }
    std::fs::rename(staging.path(), directory)?;
    // Renamed away: there is nothing left to remove.
    let _ = staging.keep();
    Ok(())
}

/// Removes what interrupted builds left. The lock must be held.
pub(super) fn sweep(kits: &Path) {
    for entry in std::fs::read_dir(kits).into_iter().flatten().flatten() {
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with(STAGING_PREFIX)
        {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The regular files under `directory`, by relative name, sorted. A link counts, so that an added one is noticed.
fn files_of(directory: &Path) -> Vec<PathBuf> {
    let mut names = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(directory.join(&folder))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = folder.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(name),
                _ => names.push(name),
            }
        }
    }
    names.sort();
    names
}

fn digest_of(path: &Path) -> io::Result<String> {
    if !path.symlink_metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(blake3::hash(&std::fs::read(path)?).to_hex().to_string())
}

fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    files::check_length(bytes.len())?;
    let mut file = tempfile::NamedTempFile::new_in(parent)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An answer about one file and one place that is not there, as it is kept.
    fn kept(folder: &Path) -> PathBuf {
        let file = folder.join("file");
        std::fs::write(&file, "one").unwrap();
        let found = Found {
            kit: "kit".to_owned(),
            stamps: vec![(file.clone(), FileStamp::of(&file).unwrap())],
            missing: vec![folder.join("missing")],
        };
        let path = folder.join("answer.found");
        found.write(&path).unwrap();
        path
    }

    #[test]
    fn an_answer_holds_until_a_file_changes_or_appears() {
        let folder = tempfile::tempdir().unwrap();
        let path = kept(folder.path());
        assert_eq!(Found::read(&path).as_deref(), Some("kit"));
        std::fs::write(folder.path().join("missing"), "").unwrap();
        assert_eq!(Found::read(&path), None);
        std::fs::remove_file(folder.path().join("missing")).unwrap();
        assert_eq!(Found::read(&path).as_deref(), Some("kit"));
        std::fs::write(folder.path().join("file"), "longer").unwrap();
        assert_eq!(Found::read(&path), None);
    }

    #[test]
    fn an_answer_that_was_cut_or_is_of_another_version_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = kept(folder.path());
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert_eq!(Found::read(&path), None, "{length} bytes");
        }
        let mut other = bytes.clone();
        other[8] += 1;
        std::fs::write(&path, other).unwrap();
        assert_eq!(Found::read(&path), None);
    }

    #[test]
    fn each_option_has_an_answer_of_its_own() {
        let kits = Path::new("kits");
        let options = find::Options::default();
        let path = |options: &find::Options, code| Found::path(kits, options, code);
        let first = path(&options, Code::Native);
        assert_eq!(first, path(&options.clone(), Code::Native));
        let others = [
            path(&options, Code::Byte),
            path(&options.clone().path("/bin"), Code::Native),
            path(&options.clone().path("/bin:/usr/bin"), Code::Native),
            path(&options.clone().directory("/bin"), Code::Native),
            path(&options.clone().opam_switch_prefix("/bin"), Code::Native),
            path(&options.clone().saddlebag_ocaml("/bin"), Code::Native),
        ];
        for (number, other) in others.iter().enumerate() {
            assert_ne!(&first, other, "{number}");
            assert!(!others[..number].contains(other), "{number}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("answer.found");
            let mut all = MAGIC.to_vec();
            all.extend_from_slice(&VERSION.to_le_bytes());
            all.extend(bytes);
            std::fs::write(&path, all).unwrap();
            let _ = Found::read(&path);
        }
    }
}
