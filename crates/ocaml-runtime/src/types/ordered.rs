//! Maps and sets of OCaml's standard library.
//!
//! They are made and read as the balanced trees that `map.ml` and `set.ml` of the standard library declare. The
//! host image says whether its standard library still does (`knows_maps` in `ocaml/saddlebag_host.ml`).

use std::collections::{BTreeMap, BTreeSet};

use super::containers::{check_depth, in_element};
use crate::convert::{Error, FromOcaml, Kind, OcamlType, Ref, Stack, ToOcaml};
use crate::describe::{TypeExpression, Types};

/// A type of keys that Rust and OCaml's standard library order alike.
pub trait MapKey: Ord + FromOcaml + ToOcaml + sealed::Key {}

mod sealed {
    /// Names the module of the standard library that orders the keys.
    pub trait Key {
        /// `String` of `Map.Make(String)`.
        const MODULE: &'static str;
    }
}

macro_rules! keys {
    ($($module:literal: $($key:ty)+;)*) => {$($(
        impl MapKey for $key {}

        impl sealed::Key for $key {
            const MODULE: &'static str = $module;
        }
    )+)*};
}

// The runtime compares strings byte by byte (`caml_string_compare` of `runtime/str.c`), as Rust does.
keys! {
    "String": String;
    "Int": i8 i16 i32 i64 isize u8 u16 u32 u64 usize;
    "Char": char;
}

/// OCaml's `Map.Make(String).t`, with `Int` for integers and `Char` for characters as keys. (A plain `BTreeMap` is
/// a list of pairs.)
///
/// ```
/// use ocaml_runtime::{Interface, types::Map};
///
/// let interface = Interface::builder("Prices").function::<(Map<String, f64>,), f64>("total").build()?;
/// assert!(interface.signature().contains("val total : float Map.Make(String).t -> float"));
/// # Ok::<(), ocaml_runtime::interface::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Map<K, V>(pub BTreeMap<K, V>);

/// OCaml's `Set.Make(String).t`; see [`Map`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Set<K>(pub BTreeSet<K>);

#[expect(
    unsafe_code,
    reason = "the trait is unsafe to implement; see its contract"
)]
// SAFETY: made and read below in the layout that the image vouches for, in the order of the module's `compare`.
unsafe impl<K: MapKey, V: OcamlType> OcamlType for Map<K, V> {
    const OF_INSTANCE: bool = V::OF_INSTANCE;

    fn describe(types: &mut Types) -> TypeExpression {
        TypeExpression::apply(&format!("Map.Make({}).t", K::MODULE), [V::describe(types)])
    }
}

#[expect(
    unsafe_code,
    reason = "the trait is unsafe to implement; see its contract"
)]
// SAFETY: as for maps.
unsafe impl<K: MapKey> OcamlType for Set<K> {
    fn describe(_types: &mut Types) -> TypeExpression {
        TypeExpression::name(format!("Set.Make({}).t", K::MODULE))
    }
}

impl<K: MapKey, V: ToOcaml> ToOcaml for Map<K, V> {
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        push_map(&self.0, stack)
    }
}

impl<K: MapKey> ToOcaml for Set<K> {
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        push_set(&self.0, stack)
    }
}

pub(crate) fn push_map<K: MapKey, V: ToOcaml>(
    map: &BTreeMap<K, V>,
    stack: &mut Stack<'_>,
) -> Result<(), Error> {
    let pairs: Vec<(&K, &V)> = map.iter().collect();
    push_tree(&pairs, stack, &|(key, value), stack| {
        key.push_to(stack)?;
        value.push_to(stack)?;
        Ok(2)
    })
}

pub(crate) fn push_set<K: MapKey>(set: &BTreeSet<K>, stack: &mut Stack<'_>) -> Result<(), Error> {
    let elements: Vec<&K> = set.iter().collect();
    push_tree(&elements, stack, &|element, stack| {
        element.push_to(stack)?;
        Ok(1)
    })
}

impl<K: MapKey, V: FromOcaml> FromOcaml for Map<K, V> {
    fn read(value: Ref<'_>) -> Result<Map<K, V>, Error> {
        let mut pairs = Vec::new();
        read_tree::<5>(value, &mut |node| {
            let at = |error| in_element(error, pairs.len());
            let pair = (K::read(node[1]).map_err(at)?, V::read(node[2]).map_err(at)?);
            pairs.push(pair);
            Ok(())
        })?;
        Ok(Map(pairs.into_iter().collect()))
    }
}

impl<K: MapKey> FromOcaml for Set<K> {
    fn read(value: Ref<'_>) -> Result<Set<K>, Error> {
        let mut elements = Vec::new();
        read_tree::<4>(value, &mut |node| {
            let element = K::read(node[1]).map_err(|error| in_element(error, elements.len()))?;
            elements.push(element);
            Ok(())
        })?;
        Ok(Set(elements.into_iter().collect()))
    }
}

#[cold]
fn unknown() -> Error {
    let why = "maps and sets of this OCaml's standard library have another layout";
    Error::new(Kind::Custom(why.to_owned()))
}

/// Pushes the tree of these elements, which are sorted. `push` pushes the words of one and says how many.
fn push_tree<T>(
    elements: &[T],
    stack: &mut Stack<'_>,
    push: &impl Fn(&T, &mut Stack<'_>) -> Result<usize, Error>,
) -> Result<(), Error> {
    if !stack.knows_maps() {
        return Err(unknown());
    }
    push_subtree(elements, stack, push)?;
    Ok(())
}

/// Returns the tree's height. Both halves differ by at most one element, and so in height by at most one.
fn push_subtree<T>(
    elements: &[T],
    stack: &mut Stack<'_>,
    push: &impl Fn(&T, &mut Stack<'_>) -> Result<usize, Error>,
) -> Result<i64, Error> {
    check_depth()?;
    let (left, right) = elements.split_at(elements.len() / 2);
    let [middle, right @ ..] = right else {
        stack.push_constant(0);
        return Ok(0);
    };
    let left = push_subtree(left, stack, push)?;
    let words = push(middle, stack)?;
    let right = push_subtree(right, stack, push)?;
    let height = left.max(right) + 1;
    stack.push_int(height)?;
    stack.make_block(0, words + 3)?;
    Ok(height)
}

/// Gives each node of a tree to `node`, in order. A node has `N` fields: the left tree first, the right tree last
/// but one.
fn read_tree<const N: usize>(
    tree: Ref<'_>,
    node: &mut impl FnMut([Ref<'_>; N]) -> Result<(), Error>,
) -> Result<(), Error> {
    if !tree.knows_maps() {
        return Err(unknown());
    }
    read_subtree(tree, node)
}

fn read_subtree<const N: usize>(
    tree: Ref<'_>,
    node: &mut impl FnMut([Ref<'_>; N]) -> Result<(), Error>,
) -> Result<(), Error> {
    check_depth()?;
    if tree.is_immediate() {
        return Ok(());
    }
    let fields = tree.fields::<N>(0)?;
    read_subtree(fields[0], node)?;
    node(fields)?;
    read_subtree(fields[N - 2], node)
}
