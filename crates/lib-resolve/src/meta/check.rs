//! What findlib checks after parsing: no variable is set twice for one set of predicates, no subpackage is there twice.

use std::collections::HashMap;

use rustc_hash::FxHashSet;

use super::error::{CheckFailure, Fault};
use super::view::{Definition, Flavour, Package, Predicate};
use super::{DefinitionNode, Meta, print};

/// Up to this many definitions all pairs are compared, which costs less than hashing.
const FEW: usize = 24;

pub(super) fn check(meta: &Meta) -> Result<(), CheckFailure> {
    let mut seen: FxHashSet<(u32, &[u8])> = FxHashSet::default();
    // Parents stand before children, so this is the order of findlib's recursion.
    for package in meta.packages() {
        if package.parent().is_some() {
            let parent = meta.packages[package.index()].parent;
            if !seen.insert((parent, package.name())) {
                return Err(failure(package, Fault::DoublePackage(path(package))));
            }
            if package.name().contains(&b'.') {
                return Err(failure(package, Fault::DottedName(lossy(package.name()))));
            }
        }
        if let Some(definition) = first_double(meta, package) {
            let variable = lossy(&print::head(
                definition.variable(),
                sorted_predicates(definition),
            ));
            return Err(failure(
                package,
                Fault::DoubleDefinition {
                    variable,
                    package: path(package),
                },
            ));
        }
    }
    Ok(())
}

/// The first definition that a later one repeats.
fn first_double<'a>(meta: &'a Meta, package: Package<'a>) -> Option<Definition<'a>> {
    let range = meta.packages[package.index()].definitions;
    let nodes = &meta.definitions[range.start as usize..range.end as usize];
    if nodes.len() <= FEW {
        return first_double_of_few(meta, nodes);
    }
    let set = package
        .definitions()
        .filter(|definition| definition.flavour() == Flavour::Set);
    let mut first_of = HashMap::new();
    let mut doubled: Option<(usize, Definition<'_>)> = None;
    for (index, definition) in set.enumerate() {
        let key = (definition.variable(), sorted_predicates(definition));
        let (first_index, first) = *first_of.entry(key).or_insert((index, definition));
        if first_index != index && doubled.is_none_or(|(best, _)| first_index < best) {
            doubled = Some((first_index, first));
        }
    }
    doubled.map(|(_, definition)| definition)
}

/// Compares only definitions whose shapes are alike: few are.
fn first_double_of_few<'a>(meta: &'a Meta, nodes: &'a [DefinitionNode]) -> Option<Definition<'a>> {
    let mut shapes = 0_u64;
    let mut first: Option<usize> = None;
    for (index, node) in nodes.iter().enumerate().filter(|(_, node)| !node.appends) {
        let shape = 1_u64 << (shape(meta, node) % 64);
        if shapes & shape != 0 {
            let earlier = nodes[..first.unwrap_or(index)].iter();
            let same = |earlier: &DefinitionNode| !earlier.appends && is_same(meta, earlier, node);
            first = earlier.clone().position(same).or(first);
        }
        shapes |= shape;
    }
    first.map(|index| Definition::new(meta, &nodes[index]))
}

/// Equal for definitions that set the same.
fn shape(meta: &Meta, node: &DefinitionNode) -> u32 {
    let variable = meta.slice(node.variable);
    let first = variable.first().copied().unwrap_or_default();
    let range = node.predicates.start as usize..node.predicates.end as usize;
    let lengths: u32 = meta.predicates[range]
        .iter()
        .map(|predicate| predicate.name.len())
        .sum();
    u32::from(first) + 7 * node.variable.len() + 11 * lengths
}

/// Whether a later definition sets what an earlier one sets. Nearly all pairs differ in a length.
fn is_same(meta: &Meta, node: &DefinitionNode, later: &DefinitionNode) -> bool {
    if later.appends
        || node.variable.len() != later.variable.len()
        || node.predicates.len() != later.predicates.len()
        || meta.slice(node.variable) != meta.slice(later.variable)
    {
        return false;
    }
    let (node, later) = (Definition::new(meta, node), Definition::new(meta, later));
    // Each predicate is in a list once, so equal numbers and inclusion are equality.
    let mut predicates = node.predicates();
    predicates.all(|predicate| later.predicates().any(|other| other == predicate))
}

/// OCaml's polymorphic `compare` puts `` `NegPred _`` before `` `Pred _``, by the hashes of the two names.
fn sorted_predicates(definition: Definition<'_>) -> Vec<Predicate<'_>> {
    let mut predicates: Vec<_> = definition.predicates().collect();
    predicates.sort_unstable_by_key(|predicate| (!predicate.negated, predicate.name));
    predicates
}

/// The names from the outermost subpackage down, joined by dots; findlib's message leaves out empty outer names.
fn path(package: Package<'_>) -> Box<str> {
    let mut names = Vec::new();
    let mut current = Some(package);
    while let Some(package) = current.filter(|package| package.parent().is_some()) {
        names.push(package.name());
        current = package.parent();
    }
    let mut path = Vec::new();
    for name in names.into_iter().rev() {
        if !path.is_empty() {
            path.push(b'.');
        }
        path.extend_from_slice(name);
    }
    lossy(&path)
}

fn failure(package: Package<'_>, fault: Fault) -> CheckFailure {
    CheckFailure {
        fault,
        offset: package.offset(),
    }
}

fn lossy(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into()
}

#[cfg(test)]
mod tests {
    use crate::meta::parse;

    #[test]
    fn many_definitions_are_checked_like_few() {
        let mut source: String = (0..100).map(|index| format!("v{index} = \"\"\n")).collect();
        assert!(parse(source.as_bytes()).is_ok());
        source.push_str("v7 = \"\" v3 = \"\"");
        let error = parse(source.as_bytes()).expect_err("two variables are set twice");
        assert_eq!(error.findlib_message(), "Double definition of 'v3'");
    }

    #[test]
    fn appending_may_be_repeated() {
        assert!(parse(br#"v = "" v += "a" v += "a""#).is_ok());
    }

    #[test]
    fn subpackages_are_unique_and_have_no_dot_but_may_have_no_name() {
        let message = |source: &str| {
            parse(source.as_bytes())
                .map(|_| ())
                .map_err(|error| error.findlib_message().to_owned())
        };
        assert_eq!(message(r#"package "" ()"#), Ok(()));
        assert_eq!(
            message(r#"package "a" ( package "b" () package "b" () )"#),
            Err("Double definition for subpackage a.b".to_owned())
        );
        assert_eq!(
            message(r#"package "a.b" ()"#),
            Err("Subpackage name must not contain '.': \"a.b\"".to_owned())
        );
    }
}
