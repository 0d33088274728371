//! Views of a parsed META file.

use std::borrow::Cow;

use super::{DefinitionNode, Meta, PackageNode, Position};
use crate::predicates::Predicates;

/// One package of a [`Meta`]: the main one or a subpackage.
#[derive(Clone, Copy)]
pub struct Package<'a> {
    meta: &'a Meta,
    index: usize,
}

/// One definition of a variable: `variable(predicates) = "value"` or `+=`.
#[derive(Clone, Copy)]
pub struct Definition<'a> {
    meta: &'a Meta,
    node: &'a DefinitionNode,
}

/// How a definition gives its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// `=`: the value, unless a definition with more predicates applies.
    Set,
    /// `+=`: joined to the value with a space.
    Append,
}

/// One condition of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Predicate<'a> {
    /// The name without the `-`.
    pub name: &'a [u8],
    /// Whether the predicate must be false.
    pub negated: bool,
}

impl<'a> Package<'a> {
    pub(super) fn new(meta: &'a Meta, index: usize) -> Package<'a> {
        Package { meta, index }
    }

    /// The package at a position of [`Meta::packages`], which the caller knows to be there.
    pub(crate) fn at(meta: &'a Meta, index: usize) -> Package<'a> {
        Package::new(meta, index)
    }

    /// The name as the file has it: without the parent's; empty for the main package.
    #[must_use]
    pub fn name(self) -> &'a [u8] {
        self.meta.slice(self.node().name)
    }

    /// Which package of [`Meta::packages`] this is.
    #[must_use]
    pub fn index(self) -> usize {
        self.index
    }

    /// The enclosing package; `None` for the main one.
    #[must_use]
    pub fn parent(self) -> Option<Package<'a>> {
        (self.index > 0).then(|| Package::new(self.meta, self.node().parent as usize))
    }

    /// The direct subpackages in file order.
    pub fn children(self) -> impl Iterator<Item = Package<'a>> {
        self.meta
            .packages()
            .skip(self.index + 1)
            .filter(move |other| other.node().parent as usize == self.index)
    }

    /// The definitions in file order.
    pub fn definitions(self) -> impl ExactSizeIterator<Item = Definition<'a>> + Clone {
        let range = self.node().definitions;
        let nodes = &self.meta.definitions[range.start as usize..range.end as usize];
        nodes
            .iter()
            .map(move |node| Definition::new(self.meta, node))
    }

    /// The value of a variable under the predicates, by findlib's rule.
    ///
    /// Among the `=` definitions that apply, the one with most predicates counts, the first of equals; then all `+=`
    /// definitions that apply are joined to it with one space, in file order. Without an `=` definition that applies
    /// there is no value, whatever `+=` definitions say.
    #[must_use]
    pub fn lookup(self, variable: &str, predicates: &Predicates) -> Option<Cow<'a, [u8]>> {
        super::lookup(self.definitions(), variable.as_bytes(), predicates)
    }

    /// Where the package starts: its `package` token, or the start of the file.
    #[must_use]
    pub fn position(self) -> Position {
        Position::of(&self.meta.text, self.node().offset)
    }

    pub(super) fn offset(self) -> Option<u32> {
        (self.index > 0).then(|| self.node().offset)
    }

    pub(super) fn same_as(self, other: Package<'_>) -> bool {
        self.name() == other.name()
            && self.node().parent == other.node().parent
            && self.definitions().len() == other.definitions().len()
            && self
                .definitions()
                .zip(other.definitions())
                .all(|(left, right)| left.same_as(right))
    }

    fn node(self) -> &'a PackageNode {
        &self.meta.packages[self.index]
    }
}

impl<'a> Definition<'a> {
    pub(super) fn new(meta: &'a Meta, node: &'a DefinitionNode) -> Definition<'a> {
        Definition { meta, node }
    }

    /// The variable's name.
    #[must_use]
    pub fn variable(self) -> &'a [u8] {
        self.meta.slice(self.node.variable)
    }

    /// The value, with escapes undone and blanks kept.
    #[must_use]
    pub fn value(self) -> &'a [u8] {
        self.meta.slice(self.node.value)
    }

    /// Whether this is `=` or `+=`.
    #[must_use]
    pub fn flavour(self) -> Flavour {
        if self.node.appends {
            Flavour::Append
        } else {
            Flavour::Set
        }
    }

    /// The conditions, each once, in file order.
    pub fn predicates(self) -> impl ExactSizeIterator<Item = Predicate<'a>> {
        let range = self.node.predicates;
        let nodes = &self.meta.predicates[range.start as usize..range.end as usize];
        nodes.iter().map(move |node| Predicate {
            name: self.meta.slice(node.name),
            negated: node.negated,
        })
    }

    /// Whether every condition holds.
    #[must_use]
    pub fn applies(self, predicates: &Predicates) -> bool {
        self.predicates()
            .all(|predicate| predicates.holds(predicate.name) != predicate.negated)
    }

    fn same_as(self, other: Definition<'_>) -> bool {
        self.variable() == other.variable()
            && self.value() == other.value()
            && self.flavour() == other.flavour()
            && self.predicates().eq(other.predicates())
    }
}

impl std::fmt::Debug for Package<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Package")
            .field("name", &String::from_utf8_lossy(self.name()))
            .field("definitions", &self.definitions().collect::<Vec<_>>())
            .field(
                "children",
                &self
                    .children()
                    .map(|child| child.index())
                    .collect::<Vec<_>>(),
            )
            .finish()
    }
}

impl std::fmt::Debug for Definition<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}",
            String::from_utf8_lossy(&super::print::definition(*self))
        )
    }
}
