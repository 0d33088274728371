//! Libraries as plugins know them: a digest of their code, and the name of the object through which they are found.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::kit::{Kit, Need};
use crate::library::{Error, Library};
use crate::options::Options;

/// A library with code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SharedLibrary {
    pub(crate) name: String,
    /// Digest of its code.
    pub(crate) identity: String,
    /// What plugins name as needed: unlike that of the same library in another host image, and of another version of it.
    pub(crate) soname: String,
    pub(crate) code: Vec<Code>,
    pub(crate) directories: Vec<PathBuf>,
}

/// A part of a library's code. A library of a kit has relative paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Code {
    /// A file that can be loaded.
    Loadable(PathBuf),
    /// An archive, of which a loadable file has to be made.
    Archive(PathBuf),
}

/// The compiler's options for the directories of libraries; those of a kit's own are relative to it.
pub(crate) fn arguments(kit: &Kit, options: &Options) -> Vec<OsString> {
    let directory = kit.directory(Need::Compile);
    options.library_arguments(|path| directory.join(path))
}

impl SharedLibrary {
    /// The libraries that have code, in link order. Reads their files.
    pub(crate) fn of(kit: &Kit, libraries: &[Library]) -> Result<Vec<SharedLibrary>, Error> {
        libraries
            .iter()
            .filter(|library| library.archives().next().is_some())
            .map(|library| SharedLibrary::new(kit, library))
            .collect()
    }

    fn new(kit: &Kit, library: &Library) -> Result<SharedLibrary, Error> {
        let code: Vec<Code> = library.archives().map(Code::of).collect();
        let identity = match library.carried_identity() {
            Some(identity) => identity.to_owned(),
            None => identity(library.name(), &code)?,
        };
        let mut soname = blake3::Hasher::new();
        soname.update(kit.host_image_identity().as_bytes());
        soname.update(library.name().as_bytes());
        soname.update(identity.as_bytes());
        let soname = &soname.finalize().to_hex()[..16];
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let stem = library.name().replace(|c| !plain(c), "_");
        Ok(SharedLibrary {
            name: library.name().to_owned(),
            soname: format!("saddlebag-{stem}-{soname}.so"),
            identity,
            code,
            directories: library.directories().map(Path::to_owned).collect(),
        })
    }

    /// The library as the seal of a plugin names it.
    pub(crate) fn seal(&self) -> String {
        format!("{} {}", self.name, self.identity)
    }
}

impl Code {
    fn of(archive: &Path) -> Code {
        let loadable = archive.with_extension("cmxs");
        if loadable.is_file() || archive == loadable {
            Code::Loadable(loadable)
        } else {
            Code::Archive(archive.to_owned())
        }
    }

    /// The files that hold it.
    fn files(&self) -> Vec<PathBuf> {
        match self {
            Code::Loadable(path) => vec![path.clone()],
            // An archive of nothing but names has no object file.
            Code::Archive(path) => [path.clone(), path.with_extension("a")]
                .into_iter()
                .filter(|file| file == path || file.exists())
                .collect(),
        }
    }
}

fn identity(name: &str, code: &[Code]) -> Result<String, Error> {
    let mut hasher = blake3::Hasher::new();
    for path in code.iter().flat_map(Code::files) {
        let bytes = std::fs::read(&path).map_err(|source| Error::Read {
            name: name.into(),
            path,
            source,
        })?;
        hasher.update(blake3::hash(&bytes).as_bytes());
    }
    Ok(hasher.finalize().to_hex()[..32].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loadable_file_beside_an_archive_stands_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["a.cmxa", "a.cmxs", "b.cmxa", "b.a"] {
            std::fs::write(path(name), name).unwrap();
        }
        assert_eq!(Code::of(&path("a.cmxa")), Code::Loadable(path("a.cmxs")));
        let archive = Code::of(&path("b.cmxa"));
        assert_eq!(archive, Code::Archive(path("b.cmxa")));
        let before = identity("b", std::slice::from_ref(&archive)).unwrap();
        std::fs::write(path("b.a"), "other code").unwrap();
        assert_ne!(identity("b", &[archive]).unwrap(), before);
        let missing = Code::of(&path("c.cmxs"));
        assert!(
            matches!(identity("c", &[missing]), Err(Error::Read { path, .. }) if path.ends_with("c.cmxs"))
        );
    }
}
