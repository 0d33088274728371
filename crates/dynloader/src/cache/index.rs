//! The index of a cache directory: which plugins it holds, from the oldest to the newest.
//!
//! Layout, integers little-endian: magic (8 bytes), version (`u32`), the first 8 bytes of the BLAKE3 digest of these
//! two, so that damage is never taken for a newer version; then, as version 2 has it, the BLAKE3 digest of the rest
//! (32 bytes), the number of records (`u32`), and the records: plugin digest and context digest (32 bytes each), the
//! number of file names (`u32`), and each name with its length (`u32`).

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::key::Key;
use crate::fields::{push_length, push_string, take_number, take_string};

pub(crate) const MAGIC: &[u8; 8] = b"SDLBINDX";
/// Changes with the form of the entries too: those of an earlier version go with their index.
pub(crate) const VERSION: u32 = 2;

/// The plugins of a cache, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Index {
    records: Vec<Key>,
}

/// What the bytes of an index turn out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Good(Index),
    /// Written by an earlier version.
    Older,
    /// Written by a later version.
    Newer(u32),
    Broken,
}

impl Index {
    pub(crate) fn read(bytes: &[u8]) -> Reading {
        let Some((head, rest)) = bytes.split_at_checked(20) else {
            return Reading::Broken;
        };
        if head[..8] != MAGIC[..] || head[12..] != check(&head[..12]) {
            return Reading::Broken;
        }
        let version = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
        if version != VERSION {
            return if version > VERSION {
                Reading::Newer(version)
            } else {
                Reading::Older
            };
        }
        let Some((digest, body)) = rest.split_first_chunk::<32>() else {
            return Reading::Broken;
        };
        if blake3::hash(body) != *digest {
            return Reading::Broken;
        }
        parse(body).map_or(Reading::Broken, |records| Reading::Good(Index { records }))
    }

    /// The bytes of an index.
    pub(crate) fn write(&self) -> Vec<u8> {
        self.write_version(VERSION)
    }

    pub(crate) fn write_version(&self, version: u32) -> Vec<u8> {
        let mut body = Vec::new();
        push_length(&mut body, self.records.len());
        for record in &self.records {
            body.extend_from_slice(&record.plugin);
            body.extend_from_slice(&record.context);
            push_length(&mut body, record.files.len());
            for file in &record.files {
                push_string(&mut body, file.as_os_str().as_bytes());
            }
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&version.to_le_bytes());
        let check = check(&bytes);
        bytes.extend_from_slice(&check);
        bytes.extend_from_slice(blake3::hash(&body).as_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    pub(crate) fn holds(&self, key: &Key) -> bool {
        self.records
            .iter()
            .any(|record| record.digest() == key.digest())
    }

    /// The same plugin as other compilers made it, the newest first.
    pub(crate) fn others(&self, key: &Key) -> Vec<Key> {
        let others = self.records.iter().rev();
        let others =
            others.filter(|record| record.plugin == key.plugin && record.context != key.context);
        others
            .map(|record| key.in_context(record.context))
            .collect()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.records.iter()
    }

    /// Adds a plugin as the newest, in place of an equal one.
    pub(crate) fn add(&mut self, key: Key) {
        self.records
            .retain(|record| record.digest() != key.digest());
        self.records.push(key);
    }

    /// Takes plugins out until at most `max` are left. First goes the oldest of the plugins with the most versions
    /// from the same files, then from files of the same base names, then the oldest of all.
    pub(crate) fn evict(&mut self, max: usize) {
        while self.records.len() > max {
            let by_path = count(&self.records, |record| record.files.clone());
            let by_name = count(&self.records, base_names);
            let order = |record: &Key| {
                (
                    Reverse(by_path[&record.files]),
                    Reverse(by_name[&base_names(record)]),
                )
            };
            // `min_by_key` gives the first, which is the oldest, of equal ones.
            let first = self
                .records
                .iter()
                .enumerate()
                .min_by_key(|(_, record)| order(record));
            let Some(position) = first.map(|(position, _)| position) else {
                return;
            };
            self.records.remove(position);
        }
    }
}

fn count<K: std::hash::Hash + Eq>(records: &[Key], of: impl Fn(&Key) -> K) -> HashMap<K, usize> {
    let mut counts = HashMap::new();
    for record in records {
        *counts.entry(of(record)).or_insert(0) += 1;
    }
    counts
}

fn base_names(record: &Key) -> Vec<OsString> {
    record
        .files
        .iter()
        .map(|file| file.file_name().unwrap_or_default().to_owned())
        .collect()
}

fn check(head: &[u8]) -> [u8; 8] {
    let digest = blake3::hash(head);
    let mut check = [0; 8];
    check.copy_from_slice(&digest.as_bytes()[..8]);
    check
}

fn parse(mut body: &[u8]) -> Option<Vec<Key>> {
    let mut records = Vec::new();
    for _ in 0..take_number(&mut body)? {
        let (plugin, rest) = body.split_first_chunk::<32>()?;
        let (context, rest) = rest.split_first_chunk::<32>()?;
        body = rest;
        let mut files = Vec::new();
        for _ in 0..take_number(&mut body)? {
            let file = take_string(&mut body)?.to_vec();
            files.push(PathBuf::from(OsString::from_vec(file)));
        }
        records.push(Key {
            plugin: *plugin,
            context: *context,
            files,
        });
    }
    body.is_empty().then_some(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(plugin: u8, context: u8, file: &str) -> Key {
        Key {
            plugin: [plugin; 32],
            context: [context; 32],
            files: vec![file.into()],
        }
    }

    fn kept(added: &[(u8, &str)], max: usize) -> Vec<u8> {
        let mut index = Index::default();
        for (plugin, file) in added {
            index.add(key(*plugin, 0, file));
            index.evict(max);
        }
        index.keys().map(|key| key.plugin[0]).collect()
    }

    #[test]
    fn the_oldest_goes_first() {
        assert_eq!(kept(&[(1, "a.ml"), (2, "b.ml"), (3, "c.ml")], 2), [2, 3]);
        assert!(kept(&[(1, "a.ml")], 0).is_empty());
    }

    #[test]
    fn new_versions_of_a_file_replace_its_old_ones_before_other_files_suffer() {
        assert_eq!(
            kept(&[(1, "a.ml"), (2, "b.ml"), (3, "b.ml"), (4, "b.ml")], 3),
            [1, 3, 4]
        );
    }

    #[test]
    fn files_of_one_base_name_suffer_before_files_that_are_alone() {
        assert_eq!(
            kept(&[(1, "c.ml"), (2, "x/a.ml"), (3, "y/a.ml"), (4, "d.ml")], 3),
            [1, 3, 4]
        );
    }

    #[test]
    fn an_equal_plugin_is_stored_once_and_is_the_newest() {
        assert_eq!(kept(&[(1, "a.ml"), (2, "b.ml"), (1, "a.ml")], 5), [2, 1]);
    }

    #[test]
    fn the_same_plugin_of_other_compilers_is_found_newest_first() {
        let mut index = Index::default();
        for context in [1, 2, 3] {
            index.add(key(7, context, "a.ml"));
        }
        index.add(key(8, 9, "a.ml"));
        let others: Vec<u8> = index
            .others(&key(7, 2, "a.ml"))
            .iter()
            .map(|key| key.context[0])
            .collect();
        assert_eq!(others, [3, 1]);
    }

    #[test]
    fn versions_are_told_from_damage() {
        let with_version = |version| Index::read(&Index::default().write_version(version));
        assert_eq!(with_version(0), Reading::Older);
        assert_eq!(with_version(9), Reading::Newer(9));
        let mut bytes = Index::default().write();
        bytes[8] = 9;
        assert_eq!(Index::read(&bytes), Reading::Broken);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(records in prop::collection::vec((any::<[u8; 32]>(), any::<[u8; 32]>(), prop::collection::vec("[a-zé ]{0,9}", 0..3)), 0..5)) {
            let mut index = Index::default();
            for (plugin, context, files) in records {
                index.add(Key { plugin, context, files: files.into_iter().map(PathBuf::from).collect() });
            }
            prop_assert_eq!(Index::read(&index.write()), Reading::Good(index));
        }

        #[test]
        fn damage_is_broken(at: prop::sample::Index, flip in 1u8..) {
            let mut index = Index::default();
            index.add(key(1, 2, "a.ml"));
            let mut bytes = index.write();
            let at = at.index(bytes.len());
            prop_assert_eq!(Index::read(&bytes[..at]), Reading::Broken);
            bytes[at] ^= flip;
            prop_assert_eq!(Index::read(&bytes), Reading::Broken);
        }
    }
}
