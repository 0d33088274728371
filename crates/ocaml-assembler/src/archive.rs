//! Reading `ar` archives: the `.a` files with the objects of a library.

use std::ops::Range;

use rustc_hash::FxHashSet;

use crate::object::{Object, ReadError};

/// The error returned by [`Archive::parse`] and [`Archive::needed_by`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no archive.
    #[error("not an archive")]
    NotAnArchive,
    /// The archive refers to files instead of containing them (`ar --thin`).
    #[error("the archive is thin: it does not contain its members")]
    Thin,
    /// A member's header is malformed, or the archive ends too early.
    #[error("the archive is damaged at offset {offset}")]
    Damaged {
        /// Where.
        offset: usize,
    },
    /// A member that is needed is no object that can be linked.
    #[error("the member `{member}` cannot be linked")]
    Member {
        /// The member's name.
        member: String,
        /// What is wrong with it.
        source: ReadError,
    },
}

/// An archive of objects, such as `libunix.a` or the `.a` file beside a `.cmxa`.
///
/// ```
/// use ocaml_assembler::{Archive, assemble};
///
/// let object = assemble("\t.globl f\nf:\n\tret\n")?.to_elf();
/// let mut bytes = b"!<arch>\n".to_vec();
/// bytes.extend_from_slice(format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", "f.o/", 0, 0, 0, 644, object.len()).as_bytes());
/// bytes.extend_from_slice(&object);
///
/// let archive = Archive::parse(&bytes)?;
/// assert_eq!(archive.members().map(|(name, _)| name).collect::<Vec<_>>(), ["f.o"]);
/// let caller = assemble("\tcall\tf@PLT\n")?;
/// assert_eq!(archive.needed_by(&[caller])?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Archive<'b> {
    bytes: &'b [u8],
    members: Vec<(String, Range<usize>)>,
}

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER_SIZE: usize = 60;

impl<'b> Archive<'b> {
    /// Reads the list of members, in the format of System V and GNU (`ar(5)`).
    ///
    /// # Errors
    /// When the bytes are no archive, a thin one, or damaged.
    pub fn parse(bytes: &'b [u8]) -> Result<Archive<'b>, Error> {
        if bytes.starts_with(b"!<thin>\n") {
            return Err(Error::Thin);
        }
        if !bytes.starts_with(MAGIC) {
            return Err(Error::NotAnArchive);
        }
        let mut members = Vec::new();
        let mut long_names: &[u8] = &[];
        let mut offset = MAGIC.len();
        while offset < bytes.len() {
            let damaged = Error::Damaged { offset };
            let header = bytes
                .get(offset..offset + HEADER_SIZE)
                .filter(|header| header.ends_with(b"`\n"));
            let header = header.ok_or_else(|| damaged.clone())?;
            let start = offset + HEADER_SIZE;
            let end = decimal(&header[48..58]).and_then(|size| start.checked_add(size));
            let end = end
                .filter(|&end| end <= bytes.len())
                .ok_or_else(|| damaged.clone())?;
            match header[..16].trim_ascii_end() {
                // The symbol indices, which are not needed: members are read anyway.
                b"/" | b"/SYM64/" => {}
                b"//" => long_names = &bytes[start..end],
                name => {
                    let name = member_name(name, long_names).ok_or(damaged)?;
                    members.push((name, start..end));
                }
            }
            // Members begin at even offsets.
            offset = end + end % 2;
        }
        Ok(Archive { bytes, members })
    }

    /// The members' names and bytes, in order.
    pub fn members(&self) -> impl Iterator<Item = (&str, &'b [u8])> {
        self.members
            .iter()
            .map(|(name, range)| (&name[..], &self.bytes[range.clone()]))
    }

    /// The members that define what `objects`, or other such members, use and do not define: what
    /// a linker takes from an archive. In the order of the archive.
    ///
    /// # Errors
    /// When a member is no object that can be linked.
    pub fn needed_by(&self, objects: &[Object]) -> Result<Vec<Object>, Error> {
        let mut wanted: FxHashSet<String> = FxHashSet::default();
        let mut defined: FxHashSet<String> = FxHashSet::default();
        let mut note = |object: &Object, wanted: &mut FxHashSet<String>| {
            defined.extend(object.defined_symbols().map(str::to_owned));
            wanted.extend(object.undefined_symbols().map(str::to_owned));
            wanted.retain(|name| !defined.contains(name));
        };
        for object in objects {
            note(object, &mut wanted);
        }
        let mut candidates = Vec::with_capacity(self.members.len());
        for (name, bytes) in self.members() {
            let object = Object::parse(bytes).map_err(|source| Error::Member {
                member: name.to_owned(),
                source,
            })?;
            candidates.push(Some(object.with_name(name)));
        }
        let mut taken: Vec<Option<Object>> = vec![None; candidates.len()];
        loop {
            let mut changed = false;
            for (candidate, place) in candidates.iter_mut().zip(&mut taken) {
                let needed = candidate.as_ref().is_some_and(|object| {
                    object.defined_symbols().any(|name| wanted.contains(name))
                });
                if let Some(object) = candidate.take_if(|_| needed) {
                    note(&object, &mut wanted);
                    *place = Some(object);
                    changed = true;
                }
            }
            if !changed {
                return Ok(taken.into_iter().flatten().collect());
            }
        }
    }
}

/// The name in a header: ended by a slash, or the offset of a longer one in a table.
fn member_name(field: &[u8], long_names: &[u8]) -> Option<String> {
    let name = match field.strip_prefix(b"/") {
        Some(offset) => {
            let rest = long_names.get(decimal(offset)?..)?;
            let end = rest
                .iter()
                .position(|&byte| byte == b'\n')
                .unwrap_or(rest.len());
            &rest[..end]
        }
        None => field,
    };
    let name = name.strip_suffix(b"/").unwrap_or(name);
    Some(String::from_utf8_lossy(name).into_owned())
}

fn decimal(field: &[u8]) -> Option<usize> {
    std::str::from_utf8(field.trim_ascii()).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for (name, data) in members {
            bytes
                .extend_from_slice(format!("{name:<16}{:<32}{:<10}`\n", "", data.len()).as_bytes());
            bytes.extend_from_slice(data);
            bytes.resize(bytes.len().next_multiple_of(2), b'\n');
        }
        bytes
    }

    #[test]
    fn short_and_long_names_are_read() {
        let long: &[u8] = b"a-name-that-is-too-long.o/\n";
        let bytes = archive(&[("/", b"index"), ("//", long), ("a.o/", b"1"), ("/0", b"22")]);
        let archive = Archive::parse(&bytes).expect("an archive");
        let members: Vec<_> = archive.members().collect();
        assert_eq!(
            members,
            [
                ("a.o", &b"1"[..]),
                ("a-name-that-is-too-long.o", &b"22"[..])
            ]
        );
    }

    #[test]
    fn damaged_archives_are_refused() {
        assert_eq!(Archive::parse(b"\x7fELF").err(), Some(Error::NotAnArchive));
        assert_eq!(Archive::parse(b"!<thin>\n").err(), Some(Error::Thin));
        let bytes = archive(&[("a.o/", b"1234")]);
        assert_eq!(
            Archive::parse(&bytes[..bytes.len() - 1]).err(),
            Some(Error::Damaged { offset: 8 })
        );
        let unknown = archive(&[("/7", b"")]);
        assert_eq!(
            Archive::parse(&unknown).err(),
            Some(Error::Damaged { offset: 8 })
        );
    }

    #[test]
    fn only_needed_members_are_taken_and_what_they_need_themselves() {
        let object = |text: &str| crate::assemble(text).expect("assembly").to_elf();
        let first = object("\t.globl c\nc:\n\tret\n");
        let second = object("\t.globl b\nb:\n\tjmp\tc@PLT\n");
        let third = object("\t.globl d\nd:\n\tret\n");
        let bytes = archive(&[("c.o/", &first), ("b.o/", &second), ("d.o/", &third)]);
        let caller = crate::assemble("\tcall\tb@PLT\n").expect("assembly");
        let needed = Archive::parse(&bytes)
            .expect("an archive")
            .needed_by(&[caller])
            .expect("objects");
        assert_eq!(
            needed.iter().map(Object::name).collect::<Vec<_>>(),
            ["c.o", "b.o"]
        );
    }
}
