//! A compiled plugin that has not been loaded.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::compile;
use crate::diagnostic::Diagnostic;
use crate::seal::Seal;
use crate::workspace::JobDirectory;

/// A compiled plugin: the loadable file and what the compiler said about its sources.
#[derive(Debug)]
pub struct Compiled {
    pub(crate) seal: Seal,
    pub(crate) artefact: Artefact,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) from_cache: bool,
}

/// Where the loadable bytes are.
#[derive(Debug)]
pub(crate) enum Artefact {
    /// In a directory that nothing else uses, so that the file can be loaded where it is.
    Fresh { job: JobDirectory, file: PathBuf },
    /// In memory, verified, without their seal.
    Stored {
        bytes: Vec<u8>,
        /// Whether the plugin is known to be compiled against the interfaces of its kit alone, which are those of the
        /// host image that the seal names.
        fits: bool,
    },
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
        let (_, sealed) = self.sealed().await?;
        blocking::unblock(move || {
            write_atomically(&path, &sealed)
                .map_err(|source| compile::Error::Output { path, source })
        })
        .await
    }

    /// The plugin with the bytes of its sealed file.
    pub(crate) async fn sealed(self) -> Result<(Compiled, Vec<u8>), compile::Error> {
        blocking::unblock(move || {
            let mut bytes = match &self.artefact {
                Artefact::Stored { bytes, .. } => bytes.clone(),
                Artefact::Fresh { file, .. } => {
                    fs::read(file).map_err(|source| compile::Error::Output {
                        path: file.clone(),
                        source,
                    })?
                }
            };
            self.seal.append(&mut bytes);
            Ok((self, bytes))
        })
        .await
    }
}

fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".saddlebag-")
        .tempfile_in(folder)?;
    io::Write::write_all(&mut file, bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
