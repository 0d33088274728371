//! Packages that several places of the search path have.

use std::path::PathBuf;

use crate::index::PackageIndex;
use crate::name::LibName;
use crate::sys;

/// A main name that several places of the search path have.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Duplicate {
    /// The main name.
    pub name: LibName,
    /// The META file that decides.
    pub used: PathBuf,
    /// Those in its shadow, in the order of the search path.
    pub shadowed: Vec<PathBuf>,
}

impl PackageIndex {
    /// The packages that more than one place of the search path has, sorted by name. Places that are one file count once.
    pub fn duplicates(&mut self) -> Vec<Duplicate> {
        self.scan();
        let mut duplicates = Vec::new();
        for main in self.reachable_names() {
            let Ok(name) = LibName::from_bytes(&main) else {
                continue;
            };
            let mut places: Vec<PathBuf> = Vec::new();
            let mut seen = Vec::new();
            for place in self.places(&sys::path_buf(&main).to_string_lossy()) {
                let real = place.canonicalize().unwrap_or_else(|_| place.clone());
                if !seen.contains(&real) {
                    seen.push(real);
                    places.push(place);
                }
            }
            if places.len() > 1 {
                duplicates.push(Duplicate {
                    name,
                    used: places.remove(0),
                    shadowed: places,
                });
            }
        }
        duplicates.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        duplicates
    }
}
