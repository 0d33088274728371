//! What an archive that carries a compiler says of itself.

use std::collections::BTreeMap;

use code_sets::CodeSet;
use dynloader::kit::Manifest;
use embedded_archive::{Archive, Group, MetadataError, ReadError, Selection};
use ocaml_toolchain::OcamlVersion;
use serde::{Deserialize, Serialize};

/// The version of [`ArchiveMetadata`] in archives that this crate writes; it reads no other.
pub const METADATA_VERSION: u32 = 2;

/// The name of the file with [`Contents`]. It is no part of the metadata, because a start needs nothing of it.
pub const CONTENTS_NAME: &str = "contents.json";

/// Files that compiling needs: driver, assembler, linker with their libraries, interfaces.
pub const COMPILE: Group = Group(1);

/// Files that loading needs: the host images.
pub const HOST: Group = Group(2);

/// Files that nothing opens: licences and notices.
pub const NOTICES: Group = Group(3);

/// Interfaces of plugins, for their authors.
pub const INTERFACES: Group = Group(4);

/// Where the text of a plugin interface lies in an archive: `plugin-interfaces/pricing.mli`.
pub const INTERFACE_DIRECTORY: &str = "plugin-interfaces";

/// What an archive that carries a compiler says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveMetadata {
    /// Which program packed the archive.
    pub packed_by: String,
    /// The compiler's version.
    pub ocaml_version: OcamlVersion,
    /// The codes that the carried compiler makes.
    pub codes: CodeSet,
    /// Whether compiling needs `/bin/sh` on the target, because the toolchain had no compiler-libs.
    pub needs_shell: bool,
    /// Whether a ppx driver is carried.
    pub ppx: bool,
    /// OCaml libraries carried besides the standard library.
    pub libraries: Vec<String>,
    /// The plugin interfaces that are carried for plugins' authors, by the names of their files.
    pub interfaces: Vec<String>,
    /// Where everything lies, relative to the directory of extraction.
    pub kit: Manifest,
}

/// What the files of an archive are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Under which terms the carried programs and libraries are distributed.
    pub licences: Vec<Licence>,
    /// The compiled interfaces that plugins are checked against: units by name, each with the fingerprint by which the
    /// compiler and `Dynlink` tell interfaces apart, as `ocamlobjinfo` prints it. What was compiled elsewhere fits if it
    /// names these.
    pub fingerprints: BTreeMap<String, String>,
}

impl Contents {
    /// Reads what `archive` says of its files.
    ///
    /// # Errors
    /// It says nothing, or is damaged.
    pub fn of(archive: &Archive) -> Result<Self, MetadataError> {
        let text = archive.read(CONTENTS_NAME).map_err(|error| match error {
            ReadError::NoSuchFile { .. } => MetadataError::Absent,
            error => MetadataError::Read(Box::new(error)),
        })?;
        serde_json::from_slice(&text).map_err(MetadataError::Shape)
    }
}

/// The licence of one carried work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licence {
    /// The work.
    pub work: String,
    /// An SPDX expression, or `unknown`.
    pub licence: String,
    /// Its files in the archive.
    pub files: Vec<String>,
}

impl ArchiveMetadata {
    /// Reads the metadata of `archive`.
    ///
    /// # Errors
    /// The archive has none, or of another version, or is damaged.
    pub fn of(archive: &Archive) -> Result<Self, MetadataError> {
        archive.metadata(METADATA_VERSION)
    }
}

/// The name of a group as the command line shows it.
#[must_use]
pub fn group_name(group: Group) -> &'static str {
    match group {
        COMPILE => "compile",
        HOST => "host",
        NOTICES => "notices",
        INTERFACES => "plugins",
        _ => "other",
    }
}

/// The groups that hold `need`.
pub(crate) fn selection(need: dynloader::kit::Need) -> Selection {
    match need {
        dynloader::kit::Need::Compile => Selection::group(COMPILE),
        dynloader::kit::Need::Load => Selection::group(HOST),
    }
}
