//! Maps as association lists, sets as lists.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

use super::containers::{in_element, push_list, read_list};
use crate::convert::{Error, FromOcaml, OcamlType, Ref, Stack, ToOcaml};
use crate::describe::{TypeExpression, Types};

macro_rules! maps {
    ($($map:ident $set:ident [$($key:tt)*] [$($hasher:ident: $($bound:tt)*)?];)*) => {$(
        // SAFETY: pushed and read as a list of pairs below.
        #[expect(unsafe_code, reason = "the trait is unsafe to implement; see its contract")]
        unsafe impl<K: OcamlType, V: OcamlType $(, $hasher)?> OcamlType for $map<K, V $(, $hasher)?> {
            const OF_INSTANCE: bool = K::OF_INSTANCE || V::OF_INSTANCE;

            fn describe(types: &mut Types) -> TypeExpression {
                let pair = [K::describe(types), V::describe(types)];
                TypeExpression::apply("list", [TypeExpression::tuple(pair)])
            }
        }

        impl<K: ToOcaml, V: ToOcaml $(, $hasher)?> ToOcaml for $map<K, V $(, $hasher)?> {
            fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
                let pairs: Vec<(&K, &V)> = self.iter().collect();
                push_list(&pairs, stack)
            }
        }

        impl<K: FromOcaml + $($key)*, V: FromOcaml $(, $hasher: $($bound)*)?> FromOcaml
            for $map<K, V $(, $hasher)?>
        {
            /// Of two pairs with one key, the first counts, as for `List.assoc`.
            fn read(value: Ref<'_>) -> Result<Self, Error> {
                let mut map = Self::default();
                let mut index = 0;
                read_list(value, |pair| {
                    let [key, value] = pair.fields(0)?;
                    let key = K::read(key).map_err(|error| in_element(error, index))?;
                    let value = V::read(value).map_err(|error| in_element(error, index))?;
                    map.entry(key).or_insert(value);
                    index += 1;
                    Ok(())
                })?;
                Ok(map)
            }
        }

        // SAFETY: pushed and read as a list below.
        #[expect(unsafe_code, reason = "the trait is unsafe to implement; see its contract")]
        unsafe impl<T: OcamlType $(, $hasher)?> OcamlType for $set<T $(, $hasher)?> {
            const OF_INSTANCE: bool = T::OF_INSTANCE;

            fn describe(types: &mut Types) -> TypeExpression {
                TypeExpression::apply("list", [T::describe(types)])
            }
        }

        impl<T: ToOcaml $(, $hasher)?> ToOcaml for $set<T $(, $hasher)?> {
            fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
                let elements: Vec<&T> = self.iter().collect();
                push_list(&elements, stack)
            }
        }

        impl<T: FromOcaml + $($key)* $(, $hasher: $($bound)*)?> FromOcaml for $set<T $(, $hasher)?> {
            fn read(value: Ref<'_>) -> Result<Self, Error> {
                let mut set = Self::default();
                let mut index = 0;
                read_list(value, |element| {
                    set.insert(T::read(element).map_err(|error| in_element(error, index))?);
                    index += 1;
                    Ok(())
                })?;
                Ok(set)
            }
        }
    )*};
}

maps! {
    BTreeMap BTreeSet [Ord] [];
    HashMap HashSet [Eq + Hash] [S: BuildHasher + Default];
}
