//! Which library requires which: order, reasons, circles.

use std::collections::{BTreeSet, HashMap};

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::DfsPostOrder;
use petgraph::{Direction, algo};

use crate::index::PackageIndex;
use crate::library::Lib;
use crate::name::LibName;
use crate::predicates::Predicates;
use crate::text;

/// Libraries and their requirements.
///
/// ```
/// use lib_resolve::{Graph, Lib};
/// let lib = |name: &str, requires: &[&str]| {
///     let mut lib = Lib::new(name.parse().unwrap(), "/lib");
///     lib.requires = requires.iter().map(|name| name.parse().unwrap()).collect();
///     lib
/// };
/// let graph = Graph::of_libs(&[lib("app", &["lwt", "fmt"]), lib("lwt", &["unix"]), lib("fmt", &[]), lib("unix", &[])]);
/// let (app, unix) = ("app".parse()?, "unix".parse()?);
/// let order: Vec<_> = graph.order([&app]).into_iter().map(|name| name.as_str()).collect();
/// assert_eq!(order, ["unix", "lwt", "fmt", "app"]);
/// let why: Vec<_> = graph.why(&app, &unix).unwrap().into_iter().map(|name| name.as_str()).collect();
/// assert_eq!(why, ["app", "lwt", "unix"]);
/// # Ok::<(), lib_resolve::name::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// An edge leads from a library to one that it requires; they are entered in order.
    graph: DiGraph<LibName, ()>,
    nodes: HashMap<LibName, NodeIndex>,
    missing: BTreeSet<(LibName, LibName)>,
}

impl Graph {
    /// The graph of every package that an index has loaded, under some predicates. Load everything first with
    /// [`PackageIndex::load_all`]. Packages whose names are not UTF-8 are left out.
    #[must_use]
    pub fn of_index(index: &PackageIndex, predicates: &Predicates) -> Graph {
        let mut graph = Graph::default();
        let named = || {
            index.packages().filter_map(|package| {
                Some((LibName::from_bytes(package.name_bytes()).ok()?, package))
            })
        };
        for (name, _) in named() {
            graph.node(name);
        }
        for (name, package) in named() {
            let value = package.lookup("requires", predicates).unwrap_or_default();
            graph.add_requirements(
                &name,
                text::words(&value).filter_map(|word| LibName::from_bytes(word).ok()),
            );
        }
        graph
    }

    /// The graph of some libraries: what they export goes before what they require.
    #[must_use]
    pub fn of_libs<'a>(libs: impl IntoIterator<Item = &'a Lib> + Clone) -> Graph {
        let mut graph = Graph::default();
        for lib in libs.clone() {
            graph.node(lib.name.clone());
        }
        for lib in libs {
            graph.add_requirements(&lib.name, lib.exports.iter().chain(&lib.requires).cloned());
        }
        graph
    }

    fn node(&mut self, name: LibName) -> NodeIndex {
        *self
            .nodes
            .entry(name.clone())
            .or_insert_with(|| self.graph.add_node(name))
    }

    fn add_requirements(&mut self, name: &LibName, requirements: impl Iterator<Item = LibName>) {
        let Some(node) = self.nodes.get(name).copied() else {
            return;
        };
        for requirement in requirements {
            match self.nodes.get(&requirement) {
                Some(other) => {
                    self.graph.update_edge(node, *other, ());
                }
                None => {
                    self.missing.insert((requirement, name.clone()));
                }
            }
        }
    }

    /// The libraries in the order in which they were entered.
    pub fn libraries(&self) -> impl Iterator<Item = &LibName> {
        self.graph.node_weights()
    }

    /// Whether a library is in the graph.
    #[must_use]
    pub fn contains(&self, name: &LibName) -> bool {
        self.nodes.contains_key(name)
    }

    /// What is required and not there, with who requires it, sorted.
    pub fn missing(&self) -> impl Iterator<Item = (&LibName, &LibName)> {
        self.missing
            .iter()
            .map(|(missing, requirer)| (missing, requirer))
    }

    /// What a library requires directly, in order.
    #[must_use]
    pub fn requirements(&self, name: &LibName) -> Vec<&LibName> {
        let mut found = self.neighbors(name, Direction::Outgoing);
        // petgraph walks from the edge entered last.
        found.reverse();
        found
    }

    /// The roots and all they require, each once, in linking order: depth-first post-order from left to right. Roots that are not
    /// in the graph are left out, and a circle is cut: ask [`Graph::cycle`] first.
    #[must_use]
    pub fn order<'a>(&'a self, roots: impl IntoIterator<Item = &'a LibName>) -> Vec<&'a LibName> {
        let mut walk = DfsPostOrder::empty(&self.graph);
        let mut order = Vec::new();
        for root in roots {
            if let Some(node) = self.nodes.get(root) {
                walk.move_to(*node);
                while let Some(node) = walk.next(&self.graph) {
                    order.push(&self.graph[node]);
                }
            }
        }
        order
    }

    /// A circle among what the roots require: each library requires the next, and the last one the first. One of the shortest through
    /// the first library on a circle that linking order comes to.
    #[must_use]
    pub fn cycle<'a>(
        &'a self,
        roots: impl IntoIterator<Item = &'a LibName>,
    ) -> Option<Vec<&'a LibName>> {
        let mut circular = vec![false; self.graph.node_count()];
        // Kosaraju's algorithm, as petgraph's of Tarjan recurses and a chain may be long.
        for component in algo::kosaraju_scc(&self.graph) {
            let looped =
                component.len() > 1 || self.graph.contains_edge(component[0], component[0]);
            for node in component {
                circular[node.index()] = looped;
            }
        }
        let start = self
            .order(roots)
            .into_iter()
            .find(|name| circular[self.nodes[*name].index()])?;
        let node = self.nodes[start];
        let back = self
            .graph
            .neighbors(node)
            .filter_map(|next| self.shortest(next, node));
        let mut path = back.min_by_key(Vec::len)?;
        // The path comes back to the start; it is shown once, in front.
        path.rotate_right(1);
        Some(path)
    }

    /// Why `root` needs `library`: a shortest path of requirements from the one to the other. `None` if it does not.
    #[must_use]
    pub fn why(&self, root: &LibName, library: &LibName) -> Option<Vec<&LibName>> {
        self.shortest(*self.nodes.get(root)?, *self.nodes.get(library)?)
    }

    /// The libraries that require this one directly, sorted.
    #[must_use]
    pub fn direct_dependents(&self, name: &LibName) -> Vec<&LibName> {
        let mut found = self.neighbors(name, Direction::Incoming);
        found.sort_unstable();
        found
    }

    /// The libraries that require this one, directly or not, sorted; without itself.
    #[must_use]
    pub fn dependents(&self, name: &LibName) -> Vec<&LibName> {
        let Some(start) = self.nodes.get(name) else {
            return Vec::new();
        };
        let reversed = petgraph::visit::Reversed(&self.graph);
        let mut walk = petgraph::visit::Bfs::new(reversed, *start);
        let mut found = Vec::new();
        while let Some(node) = walk.next(reversed) {
            if node != *start {
                found.push(&self.graph[node]);
            }
        }
        found.sort_unstable();
        found
    }

    fn neighbors(&self, name: &LibName, direction: Direction) -> Vec<&LibName> {
        let node = self.nodes.get(name).copied();
        let neighbors = node
            .into_iter()
            .flat_map(|node| self.graph.neighbors_directed(node, direction));
        neighbors.map(|node| &self.graph[node]).collect()
    }

    /// Breadth first, requirements from left to right, so that the answer does not depend on chance.
    fn shortest(&self, from: NodeIndex, to: NodeIndex) -> Option<Vec<&LibName>> {
        let mut previous: HashMap<NodeIndex, NodeIndex> = HashMap::from([(from, from)]);
        let mut queue = std::collections::VecDeque::from([from]);
        while let Some(node) = queue.pop_front().filter(|node| *node != to) {
            let mut next: Vec<NodeIndex> = self.graph.neighbors(node).collect();
            next.reverse();
            for next in next {
                previous.entry(next).or_insert_with(|| {
                    queue.push_back(next);
                    node
                });
            }
        }
        previous.get(&to)?;
        let mut path = vec![to];
        let mut node = to;
        while node != from {
            node = previous[&node];
            path.push(node);
        }
        Some(
            path.into_iter()
                .rev()
                .map(|node| &self.graph[node])
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> LibName {
        text.parse().expect("a right name")
    }

    fn graph(libs: &[(&str, &str)]) -> Graph {
        let libs: Vec<Lib> = libs
            .iter()
            .map(|(own, requires)| {
                let mut lib = Lib::new(name(own), "/lib");
                lib.requires = requires.split_whitespace().map(name).collect();
                lib
            })
            .collect();
        Graph::of_libs(&libs)
    }

    fn texts(names: Vec<&LibName>) -> Vec<&str> {
        names.into_iter().map(LibName::as_str).collect()
    }

    #[test]
    fn order_is_post_order_from_left_to_right_and_repetitions_change_nothing() {
        let graph = graph(&[
            ("a", "c b c"),
            ("b", "d"),
            ("c", "d e"),
            ("d", ""),
            ("e", ""),
        ]);
        assert_eq!(
            texts(graph.order([&name("a"), &name("c")])),
            ["d", "e", "c", "b", "a"]
        );
        assert_eq!(
            texts(graph.order([&name("b"), &name("a")])),
            ["d", "b", "e", "c", "a"]
        );
        assert_eq!(texts(graph.requirements(&name("c"))), ["d", "e"]);
    }

    #[test]
    fn a_circle_is_found_only_where_the_roots_reach_it() {
        let graph = graph(&[
            ("a", "b"),
            ("b", "c"),
            ("c", "b x"),
            ("d", "e"),
            ("e", ""),
            ("s", "s"),
        ]);
        assert_eq!(graph.cycle([&name("a")]).map(texts), Some(vec!["c", "b"]));
        assert_eq!(graph.cycle([&name("d")]), None);
        assert_eq!(graph.cycle([&name("s")]).map(texts), Some(vec!["s"]));
        let missing: Vec<_> = graph
            .missing()
            .map(|(missing, by)| (missing.as_str(), by.as_str()))
            .collect();
        assert_eq!(missing, [("x", "c")]);
    }

    #[test]
    fn dependents_are_sorted_and_leave_the_library_itself_out() {
        let graph = graph(&[("a", "b"), ("b", "c"), ("z", "c"), ("c", "a")]);
        assert_eq!(texts(graph.direct_dependents(&name("c"))), ["b", "z"]);
        assert_eq!(texts(graph.dependents(&name("c"))), ["a", "b", "z"]);
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let libs: Vec<Lib> = (0..100_000)
            .map(|number| {
                let mut lib = Lib::new(name(&format!("l{number}")), "/lib");
                lib.requires = vec![name(&format!("l{}", number + 1))];
                lib
            })
            .collect();
        let graph = Graph::of_libs(&libs);
        assert_eq!(graph.order([&name("l0")]).len(), 100_000);
        assert!(graph.cycle([&name("l0")]).is_none());
    }
}
