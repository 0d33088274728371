//! Finding a kit again without starting a process, and making sure that it is the one that was built.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use code_sets::Code;
use ocaml_runtime::host_image;
use ocaml_toolchain::{Toolchain, find};
use serde::{Deserialize, Serialize};

use super::super::identity::{Digest, FileStamp};
use super::super::manifest::{MANIFEST_NAME, Manifest};

/// What the names of directories in which kits are built begin with.
pub(super) const STAGING_PREFIX: &str = ".building-";

/// The file of a kit that holds the digests of the others.
const CONTENTS_NAME: &str = "contents.json";

const MAGIC: &str = "saddlebag-found-kit";
const VERSION: u32 = 1;

/// Tells builds of this crate apart by the sources that they compile. Every start needs it, so the compiler counts it: it is no
/// digest, and has nobody to resist (FNV-1a).
const PROGRAM: u64 = {
    let mut number = 0xcbf2_9ce4_8422_2325;
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
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Found {
    magic: String,
    version: u32,
    /// The name of the kit's directory.
    pub(super) kit: String,
    /// Files as they were: the toolchain's, and the kit's own.
    stamps: Vec<FileStamp>,
    /// Places that were not there.
    missing: Vec<PathBuf>,
}

impl Found {
    /// Where the answer for these options is kept. Findlib's own variables decide too, because `ocamlfind` reads them.
    pub(super) fn path(kits: &Path, options: &find::Options, code: Code) -> PathBuf {
        let mut digest = Digest::new("saddlebag found kit 1");
        digest.part("code", code.to_string().as_bytes());
        digest.part("options", format!("{options:?}").as_bytes());
        for variable in [
            "OCAMLFIND_CONF",
            "OCAMLFIND_TOOLCHAIN",
            "OCAMLFIND_COMMANDS",
            "OCAMLLIB",
            "CAMLLIB",
        ] {
            let value = std::env::var_os(variable).unwrap_or_default();
            digest.part(variable, value.as_encoded_bytes());
        }
        digest.part("program", env!("CARGO_PKG_VERSION").as_bytes());
        digest.part(
            "recipe",
            format!("{:?}", super::host::recipe(code, "")).as_bytes(),
        );
        digest.part("sources", &PROGRAM.to_le_bytes());
        kits.join(format!("{}.found.json", digest.finish()))
    }

    /// The answer kept in `path`, if everything is still as it was.
    pub(super) fn read(path: &Path) -> Option<Found> {
        let found: Found = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        let ours = found.magic == MAGIC && found.version == VERSION;
        let unchanged = found.stamps.iter().all(FileStamp::holds)
            && !found.missing.iter().any(|path| path.exists());
        (ours && unchanged).then_some(found)
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
        let mut found = Found {
            magic: MAGIC.to_owned(),
            version: VERSION,
            kit,
            stamps: Vec::new(),
            missing: Vec::new(),
        };
        for path in paths {
            match FileStamp::of(&path) {
                Ok(stamp) => found.stamps.push(stamp),
                Err(_) => found.missing.push(path),
            }
        }
        found
    }

    /// Keeps the answer.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        write_atomically(path, &serde_json::to_vec(self)?)
    }
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
    std::fs::write(staging.path().join(MANIFEST_NAME), manifest.to_json())?;
    let mut contents = BTreeMap::new();
    for name in files_of(staging.path()) {
        let digest = digest_of(&staging.path().join(&name))?;
        contents.insert(name, digest);
    }
    std::fs::write(
        staging.path().join(CONTENTS_NAME),
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
    let mut file = tempfile::NamedTempFile::new_in(parent)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
