//! Which compilation unit comes from which library, and where two libraries collide.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::library::{Lib, unit_name};
use crate::name::LibName;

/// The compilation units of some libraries, by the `.cmi` files in their directories.
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

/// A library that has a unit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Provider {
    /// The library.
    pub library: LibName,
    /// The compiled interface.
    pub cmi: PathBuf,
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
    /// The units of these libraries.
    #[must_use]
    pub fn of_libs<'a>(libs: impl IntoIterator<Item = &'a Lib>) -> Units {
        let mut units = Units::default();
        for lib in libs {
            for cmi in &lib.cmis {
                let stem = cmi.file_stem().and_then(|stem| stem.to_str());
                if let Some(unit) = stem.and_then(unit_name) {
                    let provider = Provider {
                        library: lib.name.clone(),
                        cmi: cmi.clone(),
                    };
                    units.providers.entry(unit).or_default().push(provider);
                }
            }
        }
        units
    }

    /// The libraries that may define a unit. Several of one directory are all named, since META does not say which of them it is.
    #[must_use]
    pub fn providers(&self, unit: &str) -> &[Provider] {
        self.providers
            .get(unit)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The units with interfaces in different directories, sorted. Libraries that share a directory share its interfaces and do not
    /// collide.
    #[must_use]
    pub fn conflicts(&self) -> Vec<UnitConflict> {
        let differ = |providers: &[Provider]| {
            providers
                .iter()
                .any(|provider| provider.cmi != providers[0].cmi)
        };
        let collisions = self
            .providers
            .iter()
            .filter(|(_, providers)| differ(providers));
        let conflict = |(unit, providers): (&String, &Vec<Provider>)| UnitConflict {
            unit: unit.clone(),
            providers: providers.clone(),
        };
        collisions.map(conflict).collect()
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
