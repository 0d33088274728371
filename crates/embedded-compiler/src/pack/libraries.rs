//! OCaml libraries that are carried besides the standard library.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dynloader::Library;
use dynloader::kit::{CarriedLibrary, Kit, Manifest, Need};
use embedded_archive::Group;

use super::tools;
use super::{Collection, PackError};
use crate::metadata::{COMPILE, HOST};

/// Where the libraries lie in the archive.
pub(super) const FOLDER: &str = "libraries";

/// The directory of shared libraries that a machine may lack.
pub(super) const FALLBACK: &str = "fallback";

impl Collection {
    /// Adds the libraries, in link order, with the shared libraries of C code that they need, and describes them in the
    /// manifest.
    pub(super) async fn ocaml_libraries(
        &mut self,
        kit: &Kit,
        libraries: &[Library],
        manifest: &mut Manifest,
    ) -> Result<(), PackError> {
        let work = tempfile::tempdir().map_err(|source| PackError::List {
            path: std::env::temp_dir(),
            source,
        })?;
        let directory = kit.directory(Need::Compile);
        // Any dynamically linked program names the dynamic linker; the installed linker is one.
        let program = kit
            .manifest()
            .linker
            .as_ref()
            .map(|linker| directory.join(linker));
        let is_native = kit.manifest().native.is_some();
        let mut places: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
        for library in libraries {
            let failed = |source| PackError::Library { source };
            // Archives of byte code are for the compiler, which puts what a plugin uses of them into the plugin.
            let (files, group): (Vec<PathBuf>, _) = match is_native {
                true => (
                    library.loadable_files(kit, work.path()).map_err(failed)?,
                    HOST,
                ),
                false => (library.archives().map(Path::to_owned).collect(), COMPILE),
            };
            let folder = format!("{FOLDER}/{}", plain(library.name()));
            let mut packed = Packed {
                extensions: if is_native {
                    &[".cmi", ".cmx"]
                } else {
                    &[".cmi"]
                },
                ..Packed::default()
            };
            let mut shared_objects: Vec<&Path> = Vec::new();
            for path in &files {
                let name = packed.add_to(self, group, &folder, path)?;
                packed.archives.push(name);
                shared_objects.extend(is_native.then_some(path.as_path()));
            }
            for path in library.stub_libraries() {
                let name = packed.add_to(self, HOST, &folder, path)?;
                packed.stub_libraries.push(name);
                shared_objects.push(path);
            }
            for path in shared_objects {
                let Some(program) = &program else { continue };
                for needed in tools::libraries_by(path, program).await?.own {
                    self.file(HOST, &format!("{FALLBACK}/{}", needed.soname), &needed.path)?;
                    manifest.fallback_libraries = Some(PathBuf::from(FALLBACK));
                }
            }
            for directory in library.directories() {
                let place = places
                    .entry(directory.to_owned())
                    .or_insert_with(|| PathBuf::from(&folder))
                    .clone();
                packed.interfaces(self, directory, &place, |_| true)?;
                packed.directories.push(place);
            }
            if packed.directories.is_empty() {
                // The standard library's directory holds units of others too.
                let units = match is_native {
                    true => units(&files)?,
                    false => library.units().map_err(failed)?.into_iter().collect(),
                };
                let standard = &kit.manifest().standard_library;
                packed.interfaces(self, standard, Path::new(&folder), |stem| {
                    units.contains(&capital(stem))
                })?;
                packed.directories.push(PathBuf::from(folder));
            }
            manifest.libraries.push(CarriedLibrary {
                name: library.name().to_owned(),
                version: library.known_version().map(str::to_owned),
                requires: library.required().map(str::to_owned).collect(),
                directories: packed.directories,
                archives: packed.archives,
                stub_libraries: packed.stub_libraries,
                everywhere: library.is_everywhere(),
                identity: packed.identity.finalize().to_hex()[..32].to_owned(),
            });
        }
        Ok(())
    }
}

/// What is known of a library while its files are added.
#[derive(Default)]
struct Packed {
    archives: Vec<PathBuf>,
    stub_libraries: Vec<PathBuf>,
    directories: Vec<PathBuf>,
    identity: blake3::Hasher,
    /// Of what the compiler reads of the library.
    extensions: &'static [&'static str],
}

impl Packed {
    /// Adds a file to a folder, and gives its name in the archive.
    fn add_to(
        &mut self,
        collection: &mut Collection,
        group: Group,
        folder: &str,
        path: &Path,
    ) -> Result<PathBuf, PackError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{folder}/{name}");
        self.add(collection, group, &name, path)?;
        Ok(PathBuf::from(name))
    }

    fn add(
        &mut self,
        collection: &mut Collection,
        group: Group,
        name: &str,
        path: &Path,
    ) -> Result<(), PackError> {
        let bytes = std::fs::read(path).map_err(|source| PackError::List {
            path: path.to_owned(),
            source,
        })?;
        self.identity
            .update(blake3::hash(name.as_bytes()).as_bytes());
        self.identity.update(blake3::hash(&bytes).as_bytes());
        // Files that were made for this are gone when the archive is built.
        if !collection.files.contains_key(name) {
            collection.bytes(group, name, bytes)?;
        }
        Ok(())
    }

    /// Adds the interfaces in `directory`, and what the compiler inlines, to `place`.
    fn interfaces(
        &mut self,
        collection: &mut Collection,
        directory: &Path,
        place: &Path,
        chosen: impl Fn(&str) -> bool,
    ) -> Result<(), PackError> {
        let list = |source| PackError::List {
            path: directory.to_owned(),
            source,
        };
        let mut names: Vec<String> = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(list)? {
            names.extend(entry.map_err(list)?.file_name().into_string());
        }
        names.sort();
        for name in names {
            let is_interface = |stem: &&str| chosen(stem);
            let mut extensions = self.extensions.iter();
            let stem = extensions.find_map(|extension| name.strip_suffix(extension));
            if stem.filter(is_interface).is_some() {
                self.add(
                    collection,
                    COMPILE,
                    &format!("{}/{name}", place.display()),
                    &directory.join(&name),
                )?;
            }
        }
        Ok(())
    }
}

/// The units in loadable files, by the symbols that each unit defines: `camlStr__code_begin`, from OCaml 5.1 on
/// `camlStr.code_begin` (`asmcomp/cmm_helpers.ml`, `make_symbol`).
fn units(files: &[PathBuf]) -> Result<BTreeSet<String>, PackError> {
    let mut units = BTreeSet::new();
    for path in files {
        let bytes = std::fs::read(path).map_err(|source| PackError::List {
            path: path.clone(),
            source,
        })?;
        for symbol in bytes.split(|byte| *byte == 0) {
            let Some(rest) = symbol.strip_prefix(b"caml") else {
                continue;
            };
            let unit = ["__code_begin", ".code_begin", "$code_begin"]
                .iter()
                .find_map(|suffix| rest.strip_suffix(suffix.as_bytes()));
            if let Some(unit) = unit.and_then(|unit| std::str::from_utf8(unit).ok()) {
                units.insert(unit.to_owned());
            }
        }
    }
    Ok(units)
}

fn capital(stem: &str) -> String {
    let mut characters = stem.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

/// A name as a directory's.
pub(super) fn plain(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.replace(|c| !plain(c), "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_of_a_file_are_those_that_it_defines() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.cmxs");
        let symbols = b"\x7fELF\0camlStr__code_begin\0camlOther__f_12\0camlA__b.code_begin\0caml_code_begin\0";
        std::fs::write(&path, symbols).unwrap();
        let units: Vec<String> = units(&[path]).unwrap().into_iter().collect();
        assert_eq!(units, ["A__b", "Str"]);
        assert_eq!(capital("str"), "Str");
    }
}
