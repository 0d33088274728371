//! What may have been meant by a name that is not found. Facts and likenesses are kept apart.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::index::{Error, PackageIndex};
use crate::name::LibName;
use crate::system_packages;

/// A reason for which a library is not found, or a name that was perhaps meant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[non_exhaustive]
pub enum Suggestion {
    /// A fact: the META file for the name is there and lacks the subpackage.
    NoSuchSubpackage {
        /// The deciding META file.
        meta_file: PathBuf,
        /// The packages it has and shows.
        has: Vec<LibName>,
    },
    /// A fact: the package is described, and hidden because none of these files is there.
    Hidden {
        /// The META file.
        meta_file: PathBuf,
        /// The package with the `exists_if`: the one looked for, or one above it.
        package: LibName,
        /// The files of which one must exist.
        files: Vec<PathBuf>,
    },
    /// A fact: another META file has the package, and this one stands before it on the search path.
    Shadowed {
        /// The deciding META file.
        by: PathBuf,
        /// The one that is not looked at.
        meta_file: PathBuf,
    },
    /// A fact: the META file that decides is of no use.
    Unusable {
        /// What is wrong with it.
        message: String,
    },
    /// A fact: a package manager has installed the META file, and it is not there any more.
    Deleted {
        /// The package, as the package manager calls it.
        package: String,
        /// The META file.
        meta_file: PathBuf,
        /// The package manager's list that says so.
        source: PathBuf,
    },
    /// A package of the package manager that is not installed, and whose name is the one that a package with this library would have. That it
    /// exists is a fact; that it has the library is not.
    PackageNamed {
        /// The package, as the package manager calls it.
        package: String,
        /// Where the package manager lists it.
        source: PathBuf,
    },
    /// A name that differs only in case, or in `-`, `_` and `.`.
    Respelled {
        /// The name.
        name: LibName,
    },
    /// A name that few changes of letters lead to.
    Similar {
        /// The name.
        name: LibName,
        /// How many letters are inserted, deleted, replaced or swapped with their neighbour.
        distance: usize,
    },
}

/// How many likenesses are worth showing.
const SIMILAR: usize = 5;

impl PackageIndex {
    /// What may have been meant by a name that [`PackageIndex::find`] does not find: facts first, then names by likeness, best first.
    ///
    /// Loads everything on the search path. Where that has the directory of Debian's packages or of an opam switch, and no META file for the name
    /// is anywhere, the package manager's own lists are read too.
    ///
    /// ```
    /// use lib_resolve::{Configuration, PackageIndex, Suggestion};
    /// # let directory = tempfile::tempdir()?;
    /// # let lib = directory.path().to_path_buf();
    /// std::fs::create_dir(lib.join("angstrom"))?;
    /// std::fs::write(lib.join("angstrom/META"), r#"package "unix" ()"#)?;
    /// let mut index = PackageIndex::new(Configuration::new([lib], "/usr/lib/ocaml"));
    /// let wanted = "angstrom-unix".parse()?;
    /// assert_eq!(index.suggest(&wanted), [Suggestion::Respelled { name: "angstrom.unix".parse()? }]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn suggest(&mut self, wanted: &LibName) -> Vec<Suggestion> {
        let mut suggestions = self.facts(wanted);
        self.load_all();
        let names = self
            .packages()
            .filter_map(|package| LibName::from_bytes(package.name_bytes()).ok());
        suggestions.extend(likenesses(wanted, names));
        suggestions
    }

    /// Why the name is not found, as far as META files say.
    fn facts(&mut self, wanted: &LibName) -> Vec<Suggestion> {
        let mut facts = Vec::new();
        match self.find(wanted.as_str()) {
            Ok(Some(_)) => return facts,
            Ok(None) => {}
            Err(error) => {
                facts.push(Suggestion::Unusable {
                    message: explain(&error),
                });
                return facts;
            }
        }
        let places = self.places(wanted.main());
        let Some((deciding, later)) = places.split_first() else {
            let search_path = self.configuration().search_path_bytes();
            return system_packages::suggest(Path::new("/"), search_path, wanted);
        };
        let meta_file = deciding.clone();
        let hidden = self
            .hidden_packages()
            .filter(|package| package.meta_file() == meta_file);
        // The outermost one has the `exists_if` that matters.
        let hiding = hidden
            .filter(|package| {
                let rest = wanted
                    .as_str()
                    .as_bytes()
                    .strip_prefix(package.name_bytes());
                rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'.')
            })
            .find_map(|package| {
                Some((
                    LibName::from_bytes(package.name_bytes()).ok()?,
                    package.exists_if()?,
                ))
            });
        let visible = self
            .packages()
            .filter(|package| package.meta_file() == meta_file);
        let has: Vec<LibName> = visible
            .filter_map(|package| LibName::from_bytes(package.name_bytes()).ok())
            .collect();
        match hiding {
            Some((package, files)) => facts.push(Suggestion::Hidden {
                meta_file: meta_file.clone(),
                package,
                files,
            }),
            None => facts.push(Suggestion::NoSuchSubpackage {
                meta_file: meta_file.clone(),
                has,
            }),
        }
        for other in later {
            if self.has_package(other, wanted) {
                facts.push(Suggestion::Shadowed {
                    by: meta_file.clone(),
                    meta_file: other.clone(),
                });
            }
        }
        facts
    }

    /// Whether the META file at `place`, which is in the shadow of another, shows the package.
    fn has_package(&self, place: &Path, wanted: &LibName) -> bool {
        let entries = self.configuration().search_path();
        let entry = entries
            .filter(|entry| place.starts_with(entry))
            .max_by_key(|entry| entry.as_os_str().len());
        entry.is_some_and(|entry| {
            let configuration = crate::Configuration::new([entry], self.configuration().stdlib());
            matches!(
                PackageIndex::new(configuration).find(wanted.as_str()),
                Ok(Some(_))
            )
        })
    }
}

/// The names that are like a wanted one, best first.
pub(crate) fn likenesses(
    wanted: &LibName,
    names: impl Iterator<Item = LibName>,
) -> Vec<Suggestion> {
    let folded = fold(wanted.as_str());
    // A third of the letters may differ, so that short names do not attract everything.
    let limit = (wanted.as_str().chars().count() / 3).min(3);
    let mut respelled = Vec::new();
    let mut similar = Vec::new();
    for name in names.filter(|name| name != wanted) {
        if fold(name.as_str()) == folded {
            respelled.push(Suggestion::Respelled { name });
        } else if let Some(distance) = edit_distance(wanted.as_str(), name.as_str(), limit) {
            similar.push((distance, name));
        }
    }
    similar.sort_unstable();
    let similar = similar.into_iter().take(SIMILAR);
    respelled
        .into_iter()
        .chain(similar.map(|(distance, name)| Suggestion::Similar { name, distance }))
        .collect()
}

/// The name without what is often confused.
fn fold(name: &str) -> String {
    name.chars()
        .map(|c| {
            if matches!(c, '-' | '_') {
                '.'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

/// The number of insertions, deletions, replacements and swaps of neighbours that lead from one to the other, if it is at most
/// `limit` (the restricted Damerau–Levenshtein distance).
fn edit_distance(left: &str, right: &str, limit: usize) -> Option<usize> {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    if left.len().abs_diff(right.len()) > limit {
        return None;
    }
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, left_char) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, right_char) in right.iter().enumerate() {
            let replaced = last[j] + usize::from(left_char != right_char);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && left_char == &right[j - 1] && &left[i - 1] == right_char {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        if row.iter().min().is_some_and(|best| *best > limit) {
            return None;
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|distance| *distance <= limit)
}

/// An error with its causes on one line.
fn explain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[LibName]| {
            names
                .iter()
                .map(LibName::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self {
            Suggestion::NoSuchSubpackage { meta_file, has } if has.is_empty() => {
                write!(f, "`{}` describes no visible package", meta_file.display())
            }
            Suggestion::NoSuchSubpackage { meta_file, has } => {
                write!(f, "`{}` has only: {}", meta_file.display(), list(has))
            }
            Suggestion::Hidden {
                meta_file,
                package,
                files,
            } => {
                let files: Vec<String> = files
                    .iter()
                    .map(|file| format!("`{}`", file.display()))
                    .collect();
                write!(f, "`{}` hides {package}: ", meta_file.display())?;
                match &files[..] {
                    [] => write!(f, "its `exists_if` is empty"),
                    [file] => write!(f, "{file} does not exist"),
                    files => write!(f, "none of {} exists", files.join(", ")),
                }
            }
            Suggestion::Shadowed { by, meta_file } => {
                write!(
                    f,
                    "`{}` has it, but `{}` comes first on the search path",
                    meta_file.display(),
                    by.display()
                )
            }
            Suggestion::Unusable { message } => f.write_str(message),
            Suggestion::Deleted {
                package,
                meta_file,
                source,
            } => write!(
                f,
                "`{}` says that package {package} installed `{}`, which is not there; install it again",
                source.display(),
                meta_file.display()
            ),
            Suggestion::PackageNamed { package, source } => write!(
                f,
                "`{}` has a package {package}, which is not installed; going by its name it may have the library",
                source.display()
            ),
            Suggestion::Respelled { name } => write!(f, "there is {name}, spelled differently"),
            Suggestion::Similar { name, .. } => write!(f, "there is {name}, which looks alike"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_of_neighbours_is_one_change() {
        assert_eq!(edit_distance("cohttp", "cohtpt", 2), Some(1));
        assert_eq!(edit_distance("lwt", "lwt", 2), Some(0));
        assert_eq!(edit_distance("yojson", "json", 2), Some(2));
        assert_eq!(edit_distance("yojson", "jsonm", 2), None);
        assert_eq!(edit_distance("", "ab", 2), Some(2));
    }
}
