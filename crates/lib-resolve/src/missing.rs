//! All that is missing, at once.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::index::PackageIndex;
use crate::name::LibName;
use crate::predicates::Predicates;
use crate::suggestion::Suggestion;
use crate::text;

/// A library that is asked for or required, and not found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Missing {
    /// The library.
    pub name: LibName,
    /// Who requires it, in the order in which they were met; empty if it was only asked for.
    pub required_by: Vec<LibName>,
    /// A shortest way to it: what was asked for, what that requires, and so on to the library itself. Empty if it was asked
    /// for, or required by what was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<LibName>,
    /// Why it is missing, or what may have been meant.
    pub suggestions: Vec<Suggestion>,
}

impl Missing {
    /// All on one line.
    pub(crate) fn list(missing: &[Missing]) -> String {
        missing
            .iter()
            .map(Missing::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// A circle of names that ends where it begins.
    pub(crate) fn circle(path: &[LibName]) -> String {
        path.iter()
            .chain(path.first())
            .map(LibName::as_str)
            .collect::<Vec<_>>()
            .join(" -> ")
    }
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "library `{}` not found", self.name)?;
        for (index, requirer) in self.required_by.iter().enumerate() {
            write!(
                f,
                "{}`{requirer}`",
                if index == 0 { ", required by " } else { ", " }
            )?;
        }
        if !self.path.is_empty() {
            let names: Vec<&str> = self.path.iter().map(LibName::as_str).collect();
            write!(f, " ({})", names.join(" -> "))?;
        }
        Ok(())
    }
}

/// The way from a root to `name`, where `requirer` tells who was first met that requires a library; empty if it has no more
/// than two steps.
pub(crate) fn path(name: &LibName, requirer: impl Fn(&LibName) -> Option<LibName>) -> Vec<LibName> {
    let mut path = vec![name.clone()];
    while let Some(next) = path.last().and_then(&requirer)
        && !path.contains(&next)
    {
        path.push(next);
    }
    path.reverse();
    if path.len() > 2 { path } else { Vec::new() }
}

impl PackageIndex {
    /// Every library that the roots need and that is not found, with suggestions, in the order in which a breadth-first walk meets them.
    /// Names that are not UTF-8, which no library can have here, are left out.
    pub fn missing(&mut self, roots: &[LibName], predicates: &Predicates) -> Vec<Missing> {
        let mut missing: Vec<Missing> = Vec::new();
        let mut seen: HashSet<LibName> = HashSet::new();
        let mut queue: VecDeque<(LibName, Option<LibName>)> =
            roots.iter().map(|root| (root.clone(), None)).collect();
        let mut requirers: HashMap<LibName, LibName> = HashMap::new();
        while let Some((name, requirer)) = queue.pop_front() {
            if let Some(known) = missing.iter_mut().find(|missing| missing.name == name) {
                known
                    .required_by
                    .extend(requirer.filter(|requirer| !known.required_by.contains(requirer)));
                continue;
            }
            if !seen.insert(name.clone()) {
                continue;
            }
            if let Some(requirer) = &requirer {
                requirers.insert(name.clone(), requirer.clone());
            }
            match self.find(name.as_str()) {
                Ok(Some(id)) => {
                    let value = self
                        .package(id)
                        .lookup("requires", predicates)
                        .unwrap_or_default();
                    let names =
                        text::words(&value).filter_map(|word| LibName::from_bytes(word).ok());
                    queue.extend(names.map(|requirement| (requirement, Some(name.clone()))));
                }
                Ok(None) | Err(_) => missing.push(Missing {
                    path: path(&name, |name| requirers.get(name).cloned()),
                    name,
                    required_by: requirer.into_iter().collect(),
                    suggestions: Vec::new(),
                }),
            }
        }
        for missing in &mut missing {
            missing.suggestions = self.suggest(&missing.name);
        }
        missing
    }
}
