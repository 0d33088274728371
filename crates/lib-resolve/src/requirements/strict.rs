//! findlib's own closure, which also fails for faults that the roots do not depend on.

use std::collections::{HashMap, HashSet};

use super::{Error, Requirements, Roots, gains_threads};
use crate::index::{FileId, PackageId, PackageIndex};

impl Requirements {
    /// As [`Requirements::closure`], and as `ocamlfind query -r`: `Fl_package_base.requires_deeply` relates *all* packages of
    /// the META files that the closure uses, so a circle among them, or a file in bad syntax that one of them requires, is an error even
    /// when no root depends on it.
    ///
    /// # Errors
    /// Those of [`Requirements::closure`], and those just described.
    pub fn findlib_closure<'a>(
        &mut self,
        index: &mut PackageIndex,
        roots: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Vec<PackageId>, Error> {
        let names: Vec<&[u8]> = roots.into_iter().collect();
        self.findlib_closure_after(index, &[], &names)
    }

    /// As [`Requirements::findlib_closure`], in a process that has looked at some packages before.
    pub(crate) fn findlib_closure_after(
        &mut self,
        index: &mut PackageIndex,
        seen: &[PackageId],
        roots: &[&[u8]],
    ) -> Result<Vec<PackageId>, Error> {
        let walk = self.walk(index, Roots::Named(roots), true)?;
        let mut files: Vec<FileId> = Vec::new();
        let mut used = HashSet::new();
        let seen = seen.iter().map(|package| index.file_of(*package));
        files.extend(seen.chain(walk.files).filter(|file| used.insert(*file)));
        let related: Vec<PackageId> = files
            .iter()
            .flat_map(|file| index.file_packages(*file))
            .collect();
        let related: Vec<PackageId> = related
            .into_iter()
            .filter(|id| !index.package(*id).is_hidden())
            .collect();
        let edges = self.relations(index, &related)?;
        match edges.first_closing() {
            None => Ok(walk.order),
            Some(position) => match edges.edges[position] {
                Edge {
                    package,
                    added_for_threads: true,
                    ..
                } => Err(Error::ThreadsCycle {
                    name: index.package(package).name().into(),
                }),
                _ => Err(Error::cycle(index, &edges.path_closed_by(position))),
            },
        }
    }

    /// The relations that findlib enters, in its order.
    fn relations(
        &mut self,
        index: &mut PackageIndex,
        related: &[PackageId],
    ) -> Result<Relations, Error> {
        let positions: HashMap<PackageId, usize> = related
            .iter()
            .enumerate()
            .map(|(position, id)| (*id, position))
            .collect();
        let mut edges = Vec::new();
        for package in related {
            // findlib asks for each by its name, which fails for that of subpackage `""` of package `.`.
            let name = index.package(*package).name_bytes().to_vec();
            index.find_bytes(&name).map_err(Error::load)?;
            let requirements = match self.direct(index, *package) {
                Ok(requirements) => requirements,
                // Such a package has no relations; it matters only to those who require it.
                Err(Error::NotFound { .. }) => continue,
                Err(error) => return Err(error),
            };
            let known = requirements
                .iter()
                .filter(|requirement| positions.contains_key(requirement));
            edges.extend(known.map(|requirement| Edge {
                requirement: *requirement,
                package: *package,
                added_for_threads: false,
            }));
        }
        let threads = if self.predicates().contains("mt") {
            index.find_bytes(b"threads").ok().flatten()
        } else {
            None
        };
        if let Some(threads) = threads.filter(|threads| positions.contains_key(threads)) {
            let gaining = related
                .iter()
                .filter(|id| gains_threads(index.package(**id)));
            edges.extend(gaining.map(|package| Edge {
                requirement: threads,
                package: *package,
                added_for_threads: true,
            }));
        }
        Ok(Relations { positions, edges })
    }
}

/// `requirement` goes before `package`.
#[derive(Debug, Clone, Copy)]
struct Edge {
    requirement: PackageId,
    package: PackageId,
    /// From `fixup_thread_deps`, where findlib does not catch the exception.
    added_for_threads: bool,
}

struct Relations {
    positions: HashMap<PackageId, usize>,
    edges: Vec<Edge>,
}

impl Relations {
    /// The first edge that closes a circle with those before it. findlib tests each as it enters it; halving the list finds
    /// the same one in linear time each.
    fn first_closing(&self) -> Option<usize> {
        if self.is_acyclic(self.edges.len()) {
            return None;
        }
        // Invariant: the first `low` edges have no circle, the first `high` have one.
        let (mut low, mut high) = (0, self.edges.len());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.is_acyclic(middle) {
                low = middle
            } else {
                high = middle
            }
        }
        Some(low)
    }

    /// Kahn's algorithm on the first `count` edges.
    fn is_acyclic(&self, count: usize) -> bool {
        let edges = &self.edges[..count];
        let nodes = self.positions.len();
        let mut waiting = vec![0_usize; nodes];
        let mut starts = vec![0_usize; nodes + 1];
        for edge in edges {
            waiting[self.positions[&edge.package]] += 1;
            starts[self.positions[&edge.requirement] + 1] += 1;
        }
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        let mut targets = vec![0; count];
        let mut next = starts.clone();
        for edge in edges {
            let slot = &mut next[self.positions[&edge.requirement]];
            targets[*slot] = self.positions[&edge.package];
            *slot += 1;
        }
        let mut ready: Vec<usize> = (0..nodes).filter(|node| waiting[*node] == 0).collect();
        let mut done = 0;
        while let Some(node) = ready.pop() {
            done += 1;
            for target in &targets[starts[node]..starts[node + 1]] {
                waiting[*target] -= 1;
                if waiting[*target] == 0 {
                    ready.push(*target);
                }
            }
        }
        done == nodes
    }

    /// The circle that an edge closes, from its requirement: each package requires the next.
    fn path_closed_by(&self, position: usize) -> Vec<PackageId> {
        let closing = self.edges[position];
        let mut requirements: HashMap<PackageId, Vec<PackageId>> = HashMap::new();
        for edge in &self.edges[..position] {
            requirements
                .entry(edge.package)
                .or_default()
                .push(edge.requirement);
        }
        // Breadth first from the requirement to the package that requires it.
        let mut from: HashMap<PackageId, Option<PackageId>> =
            HashMap::from([(closing.requirement, None)]);
        let mut queue = std::collections::VecDeque::from([closing.requirement]);
        while let Some(id) = queue.pop_front() {
            if id == closing.package {
                break;
            }
            for next in requirements.get(&id).into_iter().flatten() {
                from.entry(*next).or_insert_with(|| {
                    queue.push_back(*next);
                    Some(id)
                });
            }
        }
        let mut path = vec![closing.package];
        while let Some(Some(previous)) = path.last().and_then(|id| from.get(id)) {
            path.push(*previous);
        }
        path.reverse();
        path
    }
}
