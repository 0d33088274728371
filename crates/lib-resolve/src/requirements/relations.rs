//! The relations between packages that findlib enters before it walks.

use std::collections::{HashMap, HashSet};

use super::{Error, Requirements, gains_threads};
use crate::index::{PackageId, PackageIndex};

/// `requirement` goes before `package`.
#[derive(Debug, Clone, Copy)]
struct Edge {
    requirement: PackageId,
    package: PackageId,
    /// From `fixup_thread_deps`, where findlib does not catch the exception.
    added_for_threads: bool,
}

/// Packages and what they require of each other, without circles.
pub(super) struct Relations {
    /// The packages, as findlib has loaded them.
    packages: Vec<PackageId>,
    positions: HashMap<PackageId, usize>,
    /// Each once, as findlib enters them.
    edges: Vec<Edge>,
    entered: HashSet<(PackageId, PackageId)>,
    /// Packages that lack a requirement: they have no relations, and matter only to those who come to them.
    broken: HashMap<PackageId, Error>,
}

impl Requirements {
    /// The relations of these packages, entered in findlib's order.
    ///
    /// # Errors
    /// What findlib reports first: a circle, or a META file of no use.
    pub(super) fn relations(
        &mut self,
        index: &mut PackageIndex,
        packages: Vec<PackageId>,
    ) -> Result<Relations, Error> {
        let positions = packages.iter().enumerate();
        let mut relations = Relations {
            positions: positions.map(|(position, id)| (*id, position)).collect(),
            packages,
            edges: Vec::new(),
            entered: HashSet::new(),
            broken: HashMap::new(),
        };
        let entered = self.enter_requirements(index, &mut relations);
        // A circle among what was entered was there before the fault.
        relations.check(index)?;
        entered?;
        if self.predicates().contains("mt") {
            self.enter_threads(index, &mut relations);
            relations.check(index)?;
        }
        Ok(relations)
    }

    fn enter_requirements(
        &mut self,
        index: &mut PackageIndex,
        relations: &mut Relations,
    ) -> Result<(), Error> {
        for package in relations.packages.clone() {
            // findlib asks for each by its name, which fails for that of subpackage `""` of package `.`.
            let name = index.package(package).name_bytes().to_vec();
            index.find_bytes(&name).map_err(Error::load)?;
            match self.direct(index, package) {
                Ok(requirements) => {
                    for requirement in requirements {
                        relations.enter(*requirement, package, false);
                    }
                }
                Err(error @ Error::NotFound { .. }) => {
                    relations.broken.insert(package, error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// `fixup_thread_deps`: new only for packages that lack a requirement, since the others require threads already.
    fn enter_threads(&self, index: &mut PackageIndex, relations: &mut Relations) {
        let Ok(Some(threads)) = index.find_bytes(b"threads") else {
            return;
        };
        // `iter_up` starts from the packages that nobody requires, the last loaded first; findlib then goes through what it visited
        // from the end.
        let (requirements, dependents) = relations.neighbours();
        let unneeded = (0..relations.packages.len())
            .rev()
            .filter(|position| dependents[*position].is_empty());
        let visited = post_order(unneeded, &requirements);
        for position in visited.into_iter().rev() {
            let package = relations.packages[position];
            if gains_threads(index.package(package)) {
                relations.enter(threads, package, true);
            }
        }
    }
}

impl Relations {
    /// Both must be among the packages; a relation that is there already is not entered again.
    fn enter(&mut self, requirement: PackageId, package: PackageId, added_for_threads: bool) {
        if self.positions.contains_key(&requirement) && self.entered.insert((requirement, package))
        {
            self.edges.push(Edge {
                requirement,
                package,
                added_for_threads,
            });
        }
    }

    fn check(&self, index: &PackageIndex) -> Result<(), Error> {
        let Some(position) = self.first_closing() else {
            return Ok(());
        };
        match self.edges[position] {
            Edge {
                package,
                added_for_threads: true,
                ..
            } => Err(Error::ThreadsCycle {
                name: index.package(package).name().into(),
            }),
            _ => Err(Error::cycle(index, &self.path_closed_by(position))),
        }
    }

    /// By package: those that it requires, and those that require it, as they were entered.
    fn neighbours(&self) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
        let mut requirements = vec![Vec::new(); self.packages.len()];
        let mut dependents = requirements.clone();
        for edge in &self.edges {
            let (requirement, package) = (
                self.positions[&edge.requirement],
                self.positions[&edge.package],
            );
            requirements[package].push(requirement);
            dependents[requirement].push(package);
        }
        (requirements, dependents)
    }

    /// The roots and all that require them, each before those that require it.
    ///
    /// # Errors
    /// One of them lacks a requirement: the first that findlib comes to.
    pub(super) fn dependents(mut self, roots: &[PackageId]) -> Result<Vec<PackageId>, Error> {
        let (_, dependents) = self.neighbours();
        let starts = roots
            .iter()
            .filter_map(|root| self.positions.get(root).copied());
        let visited = post_order(starts, &dependents);
        let mut visited: Vec<PackageId> = visited
            .into_iter()
            .map(|position| self.packages[position])
            .collect();
        if let Some(error) = visited.iter().find_map(|id| self.broken.remove(id)) {
            return Err(error);
        }
        visited.reverse();
        Ok(visited)
    }

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
        let nodes = self.packages.len();
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

/// Depth first, each node after those that follow from it.
fn post_order(starts: impl Iterator<Item = usize>, next: &[Vec<usize>]) -> Vec<usize> {
    let mut entered = vec![false; next.len()];
    let mut order = Vec::new();
    for start in starts {
        let mut stack: Vec<(usize, usize)> = Vec::new();
        let mut entering = Some(start);
        loop {
            if let Some(node) = entering.take().filter(|node| !entered[*node]) {
                entered[node] = true;
                stack.push((node, 0));
            }
            let Some((node, position)) = stack.last_mut() else {
                break;
            };
            match next[*node].get(*position) {
                Some(following) => {
                    *position += 1;
                    entering = Some(*following);
                }
                None => {
                    order.push(*node);
                    stack.pop();
                }
            }
        }
    }
    order
}
