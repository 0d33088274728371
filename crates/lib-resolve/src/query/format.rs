//! Format strings: `%p`, `%+a`, `%(name)` and the rest.

use std::borrow::Cow;

use super::{Error, find};
use crate::index::{Package, PackageId, PackageIndex};
use crate::predicates::Predicates;
use crate::text;

/// A format of answers, in the language of `ocamlfind query -format`.
///
/// | directive | stands for |
/// | --- | --- |
/// | `%p` | name |
/// | `%d` | directory |
/// | `%m` | META file |
/// | `%D` | description, or `[n/a]` |
/// | `%v` | version, or `[unspecified]` |
/// | `%a`, `%o` | the words of `archive` and of `linkopts`, an answer for each |
/// | `%A`, `%O` | the same words, with spaces between them |
/// | `%(name)` | the variable, as it is; empty without a value |
/// | `%+x`, `%+(name)` | each word as a path: `+` and `^` the standard library, `@pkg` that package's directory, else from the package's directory |
/// | `%%` | `%` |
///
/// Nothing is checked before it is used: with no word for `%a`, what follows is not looked at, as findlib has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    text: Box<[u8]>,
}

/// A format string that findlib does not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad directive at byte {offset} of format `{format}`")]
pub struct FormatError {
    /// The format string.
    pub format: Box<str>,
    /// Where its `%` stands, from 0.
    pub offset: usize,
}

enum Piece<'a> {
    Text(&'a [u8]),
    Letter {
        letter: u8,
        resolved: bool,
        offset: usize,
    },
    Variable {
        name: &'a [u8],
        resolved: bool,
    },
}

impl Format {
    /// A format, unchecked.
    pub fn new(text: impl AsRef<[u8]>) -> Format {
        Format {
            text: text.as_ref().into(),
        }
    }

    /// Appends the answers for a package.
    pub(super) fn expand(
        &self,
        index: &mut PackageIndex,
        package: PackageId,
        predicates: &Predicates,
        answers: &mut Vec<Vec<u8>>,
    ) -> Result<(), Error> {
        let mut started = vec![Vec::new()];
        for piece in self.pieces()? {
            // Several words multiply the answers, the leftmost slowest; none ends them all.
            if started.is_empty() {
                return Ok(());
            }
            let words: Vec<Cow<'_, [u8]>> = match piece {
                Piece::Text(text) => vec![Cow::Borrowed(text)],
                Piece::Letter {
                    letter,
                    resolved,
                    offset,
                } => {
                    let words = letter_words(index.package(package), letter, predicates);
                    let words = words.ok_or_else(|| self.error(offset))?;
                    let words = words
                        .into_iter()
                        .map(|word| resolve(index, package, word, resolved));
                    words.collect::<Result<_, _>>()?
                }
                Piece::Variable { name, resolved } => {
                    let definitions = index.package(package).definitions().definitions();
                    let value = crate::meta::lookup(definitions, name, predicates)
                        .unwrap_or_default()
                        .into_owned();
                    vec![resolve(index, package, value, resolved)?]
                }
            };
            match &words[..] {
                [word] => started
                    .iter_mut()
                    .for_each(|answer| answer.extend_from_slice(word)),
                words => {
                    let multiplied = started.iter().flat_map(|answer| {
                        words.iter().map(move |word| [answer, &word[..]].concat())
                    });
                    started = multiplied.collect();
                }
            }
        }
        answers.append(&mut started);
        Ok(())
    }

    fn pieces(&self) -> Result<Vec<Piece<'_>>, Error> {
        let text = &*self.text;
        let mut pieces = Vec::new();
        let mut start = 0;
        let mut offset = 0;
        while offset < text.len() {
            if text[offset] != b'%' {
                offset += 1;
                continue;
            }
            pieces.push(Piece::Text(&text[start..offset]));
            let rest = &text[offset + 1..];
            let (resolved, rest) = match rest {
                [b'+', rest @ ..] => (true, rest),
                _ => (false, rest),
            };
            let (piece, after) = match rest {
                [] => return Err(self.error(offset)),
                [b'%' | b'+', ..] if resolved => return Err(self.error(offset)),
                [b'%', after @ ..] => (Piece::Text(b"%"), after),
                [b'(', after @ ..] => {
                    let end = after
                        .iter()
                        .position(|byte| *byte == b')')
                        .ok_or_else(|| self.error(offset))?;
                    (
                        Piece::Variable {
                            name: &after[..end],
                            resolved,
                        },
                        &after[end + 1..],
                    )
                }
                [letter, after @ ..] => (
                    Piece::Letter {
                        letter: *letter,
                        resolved,
                        offset,
                    },
                    after,
                ),
            };
            pieces.push(piece);
            offset = text.len() - after.len();
            start = offset;
        }
        pieces.push(Piece::Text(&text[start..]));
        Ok(pieces)
    }

    fn error(&self, offset: usize) -> Error {
        Error::Format {
            source: FormatError {
                format: String::from_utf8_lossy(&self.text).into(),
                offset,
            },
        }
    }
}

/// What a letter stands for; `None` for an unknown letter.
fn letter_words(package: Package<'_>, letter: u8, predicates: &Predicates) -> Option<Vec<Vec<u8>>> {
    let value = |variable| package.lookup(variable, predicates);
    let or = |variable, default: &[u8]| {
        value(variable).map_or_else(|| default.to_vec(), Cow::into_owned)
    };
    Some(match letter {
        b'p' => vec![package.name_bytes().to_vec()],
        b'd' => vec![package.directory_bytes().to_vec()],
        b'm' => vec![package.meta_file_bytes().to_vec()],
        b'D' => vec![or("description", b"[n/a]")],
        b'v' => vec![or("version", b"[unspecified]")],
        b'a' => text::words(&or("archive", b""))
            .map(<[u8]>::to_vec)
            .collect(),
        b'A' => vec![text::join(text::words(&or("archive", b"")), b" ")],
        b'o' => text::blank_words(&or("linkopts", b""))
            .map(<[u8]>::to_vec)
            .collect(),
        b'O' => vec![text::join(text::blank_words(&or("linkopts", b"")), b" ")],
        _ => return None,
    })
}

/// `Findlib.resolve_path` on each word, when asked for.
fn resolve(
    index: &mut PackageIndex,
    package: PackageId,
    value: Vec<u8>,
    resolved: bool,
) -> Result<Cow<'static, [u8]>, Error> {
    if !resolved {
        return Ok(Cow::Owned(value));
    }
    let mut paths = Vec::new();
    for word in text::words(&value) {
        paths.push(resolve_word(index, package, word)?);
    }
    Ok(Cow::Owned(text::join(
        paths.iter().map(Vec::as_slice),
        b" ",
    )))
}

fn resolve_word(
    index: &mut PackageIndex,
    package: PackageId,
    word: &[u8],
) -> Result<Vec<u8>, Error> {
    match word {
        [b'^' | b'+', rest @ ..] => {
            if index.configuration().stdlib_bytes().is_empty() {
                return Err(Error::NoStandardLibrary);
            }
            let stdlib = text::normalise_directory(index.configuration().stdlib_bytes());
            Ok(text::concat(&stdlib, rest))
        }
        [b'@', rest @ ..] => {
            let (name, file) = match rest.iter().position(|byte| *byte == b'/') {
                Some(slash) => (&rest[..slash], Some(&rest[slash + 1..])),
                None => (rest, None),
            };
            let other = find(index, name)?;
            let directory = index.package(other).directory_bytes();
            Ok(file.map_or_else(|| directory.to_vec(), |file| text::concat(directory, file)))
        }
        _ if text::is_relative(word) => {
            Ok(text::concat(index.package(package).directory_bytes(), word))
        }
        _ => Ok(word.to_vec()),
    }
}
