//! The seal: a trailer on every compiled file that says what it was made by and for.
//!
//! Layout, integers little-endian: the compiled bytes; the fields, each a `u32` length and UTF-8 text; the BLAKE3
//! digest of everything before it (32 bytes); the length of the fields (`u32`); the version (`u32`); the magic (8
//! bytes). The dynamic linker and `Dynlink` ignore what follows the parts they know, so a sealed `.cmxs` or `.cmo`
//! stays what it was.

use code_sets::Code;

use crate::unit::Evaluation;

const MAGIC: &[u8; 8] = b"SDLBPLUG";
const VERSION: u32 = 2;

/// The version whose seals name no libraries.
const WITHOUT_LIBRARIES: u32 = 1;
const DIGEST: usize = 32;

/// What a compiled file was made by and for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The version of OCaml.
    pub compiler: String,
    /// The code in the file.
    pub code: Code,
    /// Whether the top level runs while the file is loaded, or when asked.
    pub evaluation: Evaluation,
    /// The host image it is linked against.
    pub host_image: String,
    /// The name of the interface it was checked against; empty for effects only.
    pub interface: String,
    /// The fingerprint of that interface.
    pub fingerprint: String,
    /// The module that is the plugin.
    pub module: String,
    /// The libraries that it uses, in link order: each its name, a space, and the digest of its code.
    pub libraries: Vec<String>,
}

/// The error returned when a compiled file is not what it has to be. Such a file is never given to the dynamic linker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file has no seal.
    #[error("the file was not compiled by this library, or its end is missing")]
    Missing,
    /// The seal is of a later version of this library.
    #[error(
        "the file was sealed by a newer version of this library (format {found}, known up to {VERSION})"
    )]
    Newer {
        /// The version found.
        found: u32,
    },
    /// The bytes are not those that were sealed.
    #[error("the file has been damaged: its digest differs from its seal's")]
    Damaged,
    /// The file is whole, but made for another compiler, host image, interface or code.
    #[error(
        "the file was compiled for another {what}: it has `{found}`, and `{expected}` is needed"
    )]
    Mismatch {
        /// What differs.
        what: Aspect,
        /// What the file has.
        found: Box<str>,
        /// What the loader needs.
        expected: Box<str>,
    },
}

/// What two ends of a load must agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aspect {
    /// The version of OCaml.
    Compiler,
    /// Byte or native code.
    Code,
    /// The host image.
    HostImage,
    /// The interface.
    Interface,
    /// A library that the plugin uses.
    Library,
}

impl std::fmt::Display for Aspect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Aspect::Compiler => "compiler",
            Aspect::Code => "code",
            Aspect::HostImage => "host image",
            Aspect::Interface => "interface",
            Aspect::Library => "version of a library",
        })
    }
}

impl Seal {
    /// Appends the seal to compiled bytes.
    pub(crate) fn append(&self, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        let evaluation = match self.evaluation {
            Evaluation::AtLoad => "at-load",
            Evaluation::OnDemand => "on-demand",
        };
        for field in [
            &self.compiler,
            self.code.name(),
            evaluation,
            &self.host_image,
            &self.interface,
            &self.fingerprint,
            &self.module,
            &self.libraries.join("\n"),
        ] {
            bytes.extend_from_slice(&length(field.len()).to_le_bytes());
            bytes.extend_from_slice(field.as_bytes());
        }
        let fields = length(bytes.len() - start);
        let digest = blake3::hash(bytes);
        bytes.extend_from_slice(digest.as_bytes());
        bytes.extend_from_slice(&fields.to_le_bytes());
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(MAGIC);
    }

    /// Reads and verifies the seal of a file; gives it with the compiled bytes.
    ///
    /// # Errors
    /// When there is no seal, it is of a newer version, or a byte has changed.
    pub fn read(file: &[u8]) -> Result<(Seal, &[u8]), Error> {
        Seal::read_with(file, |rest, digest| blake3::hash(rest) == *digest)
    }

    /// As [`Seal::read`], for bytes that another digest has vouched for.
    pub(crate) fn read_verified(file: &[u8]) -> Result<(Seal, &[u8]), Error> {
        Seal::read_with(file, |_, _| true)
    }

    fn read_with(
        file: &[u8],
        is_whole: impl FnOnce(&[u8], &[u8; DIGEST]) -> bool,
    ) -> Result<(Seal, &[u8]), Error> {
        let (rest, magic) = file.split_last_chunk::<8>().ok_or(Error::Missing)?;
        if magic != MAGIC {
            return Err(Error::Missing);
        }
        let (rest, version) = split_u32(rest).ok_or(Error::Missing)?;
        if version > VERSION {
            return Err(Error::Newer { found: version });
        }
        let (rest, fields) = split_u32(rest).ok_or(Error::Missing)?;
        let (rest, digest) = rest.split_last_chunk::<DIGEST>().ok_or(Error::Missing)?;
        let known = [VERSION, WITHOUT_LIBRARIES].contains(&version);
        if !known || !is_whole(rest, digest) {
            return Err(Error::Damaged);
        }
        let compiled = rest
            .len()
            .checked_sub(fields as usize)
            .ok_or(Error::Damaged)?;
        let (compiled, fields) = rest.split_at(compiled);
        let seal = Seal::parse(fields, version != WITHOUT_LIBRARIES);
        Ok((seal.ok_or(Error::Damaged)?, compiled))
    }

    fn parse(mut fields: &[u8], with_libraries: bool) -> Option<Seal> {
        let mut next = || {
            let (length, rest) = fields.split_first_chunk::<4>()?;
            let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            fields = rest;
            String::from_utf8(text.to_vec()).ok()
        };
        let seal = Seal {
            compiler: next()?,
            code: next()?.parse().ok()?,
            evaluation: match next()?.as_str() {
                "at-load" => Evaluation::AtLoad,
                "on-demand" => Evaluation::OnDemand,
                _ => return None,
            },
            host_image: next()?,
            interface: next()?,
            fingerprint: next()?,
            module: next()?,
            libraries: match with_libraries {
                true => next()?.lines().map(str::to_owned).collect(),
                false => Vec::new(),
            },
        };
        fields.is_empty().then_some(seal)
    }

    /// Compares with what a loader needs, the most telling difference first.
    pub(crate) fn check(&self, needed: &Seal) -> Result<(), Error> {
        let interface = |seal: &Seal| match seal.interface.as_str() {
            "" => String::from("effects only"),
            name => format!("{name} ({})", seal.fingerprint),
        };
        for (what, found, expected) in [
            (
                Aspect::Code,
                self.code.name().to_owned(),
                needed.code.name().to_owned(),
            ),
            (
                Aspect::Compiler,
                self.compiler.clone(),
                needed.compiler.clone(),
            ),
            (
                Aspect::HostImage,
                self.host_image.clone(),
                needed.host_image.clone(),
            ),
            (Aspect::Interface, interface(self), interface(needed)),
        ] {
            if found != expected {
                return Err(Error::Mismatch {
                    what,
                    found: found.into(),
                    expected: expected.into(),
                });
            }
        }
        self.check_libraries(needed)
    }

    /// A library that the loader does not have at all is not missed before the plugin is loaded.
    fn check_libraries(&self, needed: &Seal) -> Result<(), Error> {
        fn name(library: &str) -> &str {
            library.split(' ').next().unwrap_or_default()
        }
        let other = |found: &String| {
            let given = needed
                .libraries
                .iter()
                .find(|given| name(given) == name(found));
            given.filter(|given| *given != found)
        };
        let differs = |found| Some((found, other(found)?));
        match self.libraries.iter().find_map(differs) {
            None => Ok(()),
            Some((found, expected)) => Err(Error::Mismatch {
                what: Aspect::Library,
                found: found.as_str().into(),
                expected: expected.as_str().into(),
            }),
        }
    }

    /// The names of the libraries that it uses, in link order.
    pub fn library_names(&self) -> impl Iterator<Item = &str> {
        self.libraries
            .iter()
            .filter_map(|library| library.split(' ').next())
    }
}

fn split_u32(bytes: &[u8]) -> Option<(&[u8], u32)> {
    let (rest, number) = bytes.split_last_chunk::<4>()?;
    Some((rest, u32::from_le_bytes(*number)))
}

fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seal() -> Seal {
        Seal {
            compiler: "4.13.1".into(),
            code: Code::Native,
            evaluation: Evaluation::OnDemand,
            host_image: "abc".into(),
            interface: "Greeter".into(),
            fingerprint: "f".repeat(64),
            module: "Greeter".into(),
            libraries: vec!["str 01".into(), "yojson 02".into()],
        }
    }

    fn sealed(bytes: &[u8]) -> Vec<u8> {
        let mut file = bytes.to_vec();
        seal().append(&mut file);
        file
    }

    #[test]
    fn a_seal_is_read_back_with_the_compiled_bytes() {
        let file = sealed(b"compiled");
        assert_eq!(Seal::read(&file).unwrap(), (seal(), &b"compiled"[..]));
    }

    #[test]
    fn files_without_a_seal_and_of_newer_versions_are_told_apart() {
        assert_eq!(Seal::read(b"\x7fELF").unwrap_err(), Error::Missing);
        let mut newer = sealed(b"x");
        let at = newer.len() - 12;
        newer[at] = 3;
        assert_eq!(Seal::read(&newer).unwrap_err(), Error::Newer { found: 3 });
    }

    #[test]
    fn each_difference_is_named() {
        type Change = fn(&mut Seal);
        let changes: [(Aspect, Change); 5] = [
            (Aspect::Compiler, |seal| seal.compiler = "5.3.0".into()),
            (Aspect::Code, |seal| seal.code = Code::Byte),
            (Aspect::HostImage, |seal| seal.host_image = "def".into()),
            (Aspect::Interface, |seal| seal.fingerprint = "0".into()),
            (Aspect::Library, |seal| {
                seal.libraries[1] = "yojson 03".into()
            }),
        ];
        for (aspect, change) in changes {
            let mut other = seal();
            change(&mut other);
            let Err(Error::Mismatch { what, .. }) = seal().check(&other) else {
                panic!("{aspect} is not compared")
            };
            assert_eq!(what, aspect);
        }
        assert_eq!(seal().check(&seal()), Ok(()));
    }

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<Error>() <= 64);
    }

    proptest! {
        #[test]
        fn no_changed_byte_goes_unnoticed(bytes in prop::collection::vec(any::<u8>(), 0..200), at: prop::sample::Index, flip in 1u8..) {
            let mut file = sealed(&bytes);
            let at = at.index(file.len());
            file[at] ^= flip;
            prop_assert!(Seal::read(&file).is_err());
        }

        #[test]
        fn no_cut_goes_unnoticed(bytes in prop::collection::vec(any::<u8>(), 0..200), length: prop::sample::Index) {
            let file = sealed(&bytes);
            prop_assert!(Seal::read(&file[..length.index(file.len())]).is_err());
        }
    }
}
