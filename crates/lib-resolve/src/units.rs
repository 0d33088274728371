//! Which compilation unit comes from which library, and where two libraries collide.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::archive_contents::ArchiveContents;
use crate::library::{Lib, unit_name};
use crate::name::LibName;

/// The compilation units of some libraries, by the `.cmi` files in their directories and by what their archives say that they hold.
///
/// ```
/// use lib_resolve::{Lib, Units};
/// let mut fmt = Lib::new("fmt".parse()?, "/lib/fmt");
/// fmt.cmis = vec!["/lib/fmt/fmt.cmi".into()];
/// let units = Units::of_libs([&fmt]);
/// assert_eq!(units.providers("Fmt")[0].library.as_str(), "fmt");
/// assert!(units.conflicts().is_empty());
/// # Ok::<(), lib_resolve::name::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Units {
    providers: BTreeMap<String, Vec<Provider>>,
}

/// A library that has a unit, or may have it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Provider {
    /// The library.
    pub library: LibName,
    /// The compiled interface.
    pub cmi: PathBuf,
    /// The archive of the library that holds the unit. `None`: only the directory says so, because the library has no archive that can be
    /// read, or the unit is an interface without code.
    pub archive: Option<PathBuf>,
    /// Whether the library's archives are all known, and none holds the unit: an interface without code, or another library's.
    #[serde(skip)]
    without_code: bool,
}

/// A unit that two libraries define, so that they cannot be linked into one program.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct UnitConflict {
    /// The unit.
    pub unit: String,
    /// The libraries, each with an interface of its own.
    pub providers: Vec<Provider>,
}

impl Units {
    /// The units of these libraries. Reads the tables of their archives.
    ///
    /// Of several libraries in one directory only those whose archives hold a unit have it. A unit that no archive holds may be any
    /// library's of the directory whose archives are not all known, or, where all are, anyone's there.
    #[must_use]
    pub fn of_libs<'a>(libs: impl IntoIterator<Item = &'a Lib>) -> Units {
        let mut units = Units::default();
        let mut tables = HashMap::new();
        for lib in libs {
            let (archives, complete) = archives(lib, &mut tables);
            for cmi in &lib.cmis {
                let stem = cmi.file_stem().and_then(|stem| stem.to_str());
                let Some(unit) = stem.and_then(unit_name) else {
                    continue;
                };
                let archive = archives.get(&unit).cloned();
                let provider = Provider {
                    library: lib.name.clone(),
                    cmi: cmi.clone(),
                    without_code: complete && archive.is_none(),
                    archive,
                };
                units.providers.entry(unit).or_default().push(provider);
            }
        }
        for providers in units.providers.values_mut() {
            keep_likeliest(providers);
        }
        units
    }

    /// The libraries that define a unit; several of one directory where nothing tells which of them it is.
    #[must_use]
    pub fn providers(&self, unit: &str) -> &[Provider] {
        self.providers
            .get(unit)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The units that two of the libraries define, sorted: with interfaces in different directories, or in different archives. Libraries
    /// that share a directory share its interfaces, and collide only if their archives do; interfaces without code do not collide.
    #[must_use]
    pub fn conflicts(&self) -> Vec<UnitConflict> {
        let differ = |left: &Provider, right: &Provider| {
            left.cmi != right.cmi
                || matches!((&left.archive, &right.archive), (Some(left), Some(right)) if left != right)
        };
        let mut conflicts = Vec::new();
        for (unit, providers) in &self.providers {
            let with_code = providers.iter().filter(|provider| !provider.without_code);
            let providers: Vec<Provider> = with_code.cloned().collect();
            if providers.iter().any(|other| differ(&providers[0], other)) {
                conflicts.push(UnitConflict {
                    unit: unit.clone(),
                    providers,
                });
            }
        }
        conflicts
    }
}

/// Of the libraries of one directory keeps those that a unit most surely comes from.
fn keep_likeliest(providers: &mut Vec<Provider>) {
    if providers.len() < 2 {
        return;
    }
    let rank = |provider: &Provider| match provider {
        Provider {
            archive: Some(_), ..
        } => 0,
        Provider {
            without_code: false,
            ..
        } => 1,
        _ => 2,
    };
    let mut best: HashMap<PathBuf, u8> = HashMap::new();
    for provider in providers.iter() {
        let best = best.entry(provider.cmi.clone()).or_insert(u8::MAX);
        *best = rank(provider).min(*best);
    }
    providers.retain(|provider| best.get(&provider.cmi) == Some(&rank(provider)));
}

/// Each archive's units, by file; nothing for one that cannot be read.
type Tables = HashMap<PathBuf, Option<Vec<String>>>;

/// The units in the archives of a library, each with its archive, and whether the library has archives and all of them are known.
fn archives(lib: &Lib, tables: &mut Tables) -> (HashMap<String, PathBuf>, bool) {
    // Both kinds hold the same units; the table of byte code is the shorter to read.
    let files = match &lib.cma[..] {
        [] => &lib.cmxa,
        files => files,
    };
    let mut held = HashMap::new();
    let mut complete = !files.is_empty();
    for file in files {
        let table = tables.entry(file.clone()).or_insert_with(|| units_in(file));
        complete &= table.is_some();
        for unit in table.iter().flatten() {
            held.entry(unit.clone()).or_insert_with(|| file.clone());
        }
    }
    (held, complete)
}

/// META also names single units, and objects of C, as archives.
fn units_in(file: &Path) -> Option<Vec<String>> {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("cmo" | "cmx") => Some(vec![unit_name(file.file_stem()?.to_str()?)?]),
        Some("o" | "a") => Some(Vec::new()),
        _ => Some(ArchiveContents::read(file).ok()?.units),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lib(name: &str, directory: &str, stems: &[&str]) -> Lib {
        let mut lib = Lib::new(name.parse().expect("a right name"), directory);
        lib.cmis = stems
            .iter()
            .map(|stem| format!("{directory}/{stem}.cmi").into())
            .collect();
        lib
    }

    #[test]
    fn one_directory_of_two_libraries_is_no_conflict_and_two_directories_are() {
        let libs = [
            lib("a", "/a", &["x", "y"]),
            lib("a.sub", "/a", &["x", "y"]),
            lib("b", "/b", &["y"]),
        ];
        let conflicts = Units::of_libs(&libs).conflicts();
        let [conflict] = &conflicts[..] else {
            panic!("{conflicts:?}")
        };
        let libraries: Vec<_> = conflict
            .providers
            .iter()
            .map(|provider| provider.library.as_str())
            .collect();
        assert_eq!(
            (conflict.unit.as_str(), libraries),
            ("Y", vec!["a", "a.sub", "b"])
        );
    }
}
