//! A compiled plugin that has not been loaded.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ocaml_toolchain::{files, threads};

use crate::compile;
use crate::diagnostic::Diagnostic;
use crate::seal::Seal;

/// A compiled plugin: the loadable file and what the compiler said about its sources.
#[derive(Debug)]
pub struct Compiled {
    pub(crate) seal: Seal,
    pub(crate) artefact: Artefact,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) from_cache: bool,
}

/// What is loaded, without its seal: verified, or made by this process.
#[derive(Debug)]
pub(crate) struct Artefact {
    pub(crate) bytes: Vec<u8>,
    /// Whether the plugin is known to be compiled against the interfaces of its kit alone, which are those of the host
    /// image that the seal names.
    pub(crate) fits: bool,
}

impl Compiled {
    /// The compiler's warnings. Those of a plugin from the cache are what the compiler said when it made it.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Whether the plugin was found in the cache and no compiler ran.
    #[must_use]
    pub fn is_from_cache(&self) -> bool {
        self.from_cache
    }

    /// What the plugin was made by and for.
    #[must_use]
    pub fn seal(&self) -> &Seal {
        &self.seal
    }

    /// Writes the plugin, sealed, to `path`: whole, in place of what was there, or not at all.
    ///
    /// # Errors
    /// When the file cannot be written; what was there stays as it was.
    pub async fn write_to(self, path: impl Into<PathBuf>) -> Result<(), compile::Error> {
        let path = path.into();
        let (_, sealed) = self.sealed().await;
        threads::unblock(move || {
            write_atomically(&path, &sealed)
                .map_err(|source| compile::Error::Output { path, source })
        })
        .await
    }

    /// The plugin with the bytes of its sealed file.
    pub(crate) async fn sealed(self) -> (Compiled, Vec<u8>) {
        threads::unblock(move || {
            let mut bytes = self.artefact.bytes.clone();
            self.seal.append(&mut bytes);
            (self, bytes)
        })
        .await
    }
}

/// Those who may read what this process makes may read the plugin, and nobody else may change it. A device, FIFO or socket
/// at `path` is an error: a rename would put a file in its place, also in that of `/dev/null`.
fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Ok(there) = fs::symlink_metadata(path)
        && !there.is_file()
        && !there.is_symlink()
        && !there.is_dir()
    {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "what is there is no regular file",
        ));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    files::check_length(bytes.len())?;
    let mut file = tempfile::Builder::new()
        .prefix(".saddlebag-")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)?;
    io::Write::write_all(&mut file, bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileTypeExt as _;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_written_plugin_can_be_read_by_those_who_read_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let (plugin, other) = (folder.path().join("plugin"), folder.path().join("other"));
        write_atomically(&plugin, b"plugin").unwrap();
        fs::write(&other, b"other").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&plugin), mode(&other) & 0o644);
        assert_eq!(fs::read(&plugin).unwrap(), b"plugin");
    }

    #[test]
    fn what_is_no_regular_file_is_not_replaced_by_a_plugin() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listening = UnixListener::bind(&socket).unwrap();
        let error = write_atomically(&socket, b"plugin").unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
        let kind = fs::symlink_metadata(&socket).unwrap().file_type();
        assert!(kind.is_socket());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
