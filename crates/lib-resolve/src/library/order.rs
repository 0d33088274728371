//! Libraries in linking order, from an index.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{DirectoryListings, Lib, LibOptions, canonical_name, of_package};
use crate::graph::Graph;
use crate::index::{self, PackageIndex};
use crate::missing::{self, Missing};
use crate::name::LibName;

/// The error returned by [`PackageIndex::libs`] and [`PackageIndex::libs_and_deps`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Libraries do not exist; all that are missing are there.
    #[error("{}", Missing::list(.missing))]
    Missing {
        /// Each with who requires it and suggestions.
        missing: Vec<Missing>,
    },
    /// Libraries require each other.
    #[error("library `{}` requires itself: {}", .path.first().map_or("", LibName::as_str), Missing::circle(.path))]
    Cycle {
        /// Each requires the next, and the last one the first.
        path: Vec<LibName>,
    },
    /// A META file that decides about a library is of no use.
    #[error("could not look up library `{library}`")]
    Index {
        /// The library.
        library: LibName,
        /// The cause.
        source: Box<index::Error>,
    },
    /// META describes a library wrongly.
    #[error("could not use library `{library}`")]
    Lib {
        /// The library.
        library: LibName,
        /// The cause.
        source: Box<of_package::Error>,
    },
}

impl PackageIndex {
    /// The libraries of these names, in the order given, each once under its canonical name.
    ///
    /// # Errors
    /// Libraries are missing (all are reported, and none that they require), or META is wrong.
    pub fn libs(&mut self, names: &[LibName], options: &LibOptions) -> Result<Vec<Lib>, Error> {
        let found = self.collect(names, options, false)?;
        let mut by_name: HashMap<LibName, Lib> = found
            .into_iter()
            .map(|lib| (lib.name.clone(), lib))
            .collect();
        Ok(names
            .iter()
            .filter_map(|name| by_name.remove(&canonical_name(name, options.ocaml_major())))
            .collect())
    }

    /// The libraries and all they export and require, each once under its canonical name, in linking order: depth-first post-order from left
    /// to right, exports before requirements.
    ///
    /// # Errors
    /// Libraries are missing (all are reported), they require each other in a circle, or META is wrong.
    pub fn libs_and_deps(
        &mut self,
        names: &[LibName],
        options: &LibOptions,
    ) -> Result<Vec<Lib>, Error> {
        let libs = self.collect(names, options, true)?;
        let roots: Vec<LibName> = names
            .iter()
            .map(|name| canonical_name(name, options.ocaml_major()))
            .collect();
        order(libs, &roots, |lib| lib).map_err(|path| Error::Cycle { path })
    }

    fn collect(
        &mut self,
        names: &[LibName],
        options: &LibOptions,
        deep: bool,
    ) -> Result<Vec<Lib>, Error> {
        let mut listings = DirectoryListings::default();
        let mut seen: HashSet<LibName> = HashSet::new();
        let mut found = Vec::new();
        let mut absent = Vec::new();
        let mut queue: VecDeque<(LibName, Option<LibName>)> =
            names.iter().map(|name| (name.clone(), None)).collect();
        let mut first_requirers: HashMap<LibName, LibName> = HashMap::new();
        while let Some((name, requirer)) = queue.pop_front() {
            let name = canonical_name(&name, options.ocaml_major());
            if !seen.insert(name.clone()) {
                continue;
            }
            if let Some(requirer) = requirer {
                first_requirers.insert(name.clone(), requirer);
            }
            let package = self.find(name.as_str()).map_err(|source| Error::Index {
                library: name.clone(),
                source: Box::new(source),
            })?;
            let Some(package) = package else {
                absent.push(name);
                continue;
            };
            let package = self.package(package);
            let listing = listings.of(&package.directory());
            let lib =
                Lib::of_package_listed(package, options, listing).map_err(|source| Error::Lib {
                    library: name,
                    source: Box::new(source),
                })?;
            if deep {
                let required = lib.exports.iter().chain(&lib.requires).cloned();
                queue.extend(required.map(|required| (required, Some(lib.name.clone()))));
            }
            found.push(lib);
        }
        if absent.is_empty() {
            return Ok(found);
        }
        let missing = absent.into_iter().map(|name| Missing {
            required_by: requirers(&found, &name),
            path: missing::path(&name, |name| first_requirers.get(name).cloned()),
            suggestions: self.suggest(&name),
            name,
        });
        Err(Error::Missing {
            missing: missing.collect(),
        })
    }
}

/// Those of the libraries that name another one.
pub(crate) fn requirers<'a>(
    libs: impl IntoIterator<Item = &'a Lib>,
    name: &LibName,
) -> Vec<LibName> {
    let requires = |lib: &&Lib| lib.exports.contains(name) || lib.requires.contains(name);
    libs.into_iter()
        .filter(requires)
        .map(|lib| lib.name.clone())
        .collect()
}

/// Puts libraries that hold all they require in linking order, or shows a circle.
pub(crate) fn order<Item>(
    libs: Vec<Item>,
    roots: &[LibName],
    lib: impl Fn(&Item) -> &Lib,
) -> Result<Vec<Item>, Vec<LibName>> {
    let graph = Graph::of_libs(libs.iter().map(&lib).collect::<Vec<_>>());
    if let Some(path) = graph.cycle(roots) {
        return Err(path.into_iter().cloned().collect());
    }
    let mut by_name: HashMap<LibName, Item> = libs
        .into_iter()
        .map(|item| (lib(&item).name.clone(), item))
        .collect();
    Ok(graph
        .order(roots)
        .into_iter()
        .filter_map(|name| by_name.remove(name))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_stay_small() {
        assert!(size_of::<Error>() <= 64);
    }
}
