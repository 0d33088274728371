//! The stored form of what the compiler said when it made a plugin, so that it is said again when the cache has it.
//!
//! A place in one of the plugin's sources names it by its number among them: the same sources may lie elsewhere next time.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::diagnostic::{Code, Diagnostic, Location, Related, Severity};
use crate::fields::{push_length, push_number, push_string, take_byte, take_number, take_string};

const ABSENT: u8 = 0;
const PRESENT: u8 = 1;
/// Kinds of [`Code`].
const NUMBERED: u8 = 1;
const NAMED: u8 = 2;
const ALERT: u8 = 3;
/// Kinds of files.
const SOURCE: u8 = 0;
const OTHER: u8 = 1;

/// The bytes for `diagnostics` of a plugin made of `files`; none for none.
pub(super) fn encode(diagnostics: &[Diagnostic], files: &[PathBuf]) -> Vec<u8> {
    let mut writer = Writer {
        bytes: Vec::new(),
        files,
    };
    if !diagnostics.is_empty() {
        push_length(&mut writer.bytes, diagnostics.len());
        diagnostics.iter().for_each(|one| writer.diagnostic(one));
    }
    writer.bytes
}

/// What was stored, for a plugin made of `files`; `None` where it is not understood.
pub(super) fn decode(bytes: &[u8], files: &[PathBuf]) -> Option<Vec<Diagnostic>> {
    let mut reader = Reader { bytes, files };
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let diagnostics = reader.list(Reader::diagnostic)?;
    reader.bytes.is_empty().then_some(diagnostics)
}

struct Writer<'a> {
    bytes: Vec<u8>,
    files: &'a [PathBuf],
}

impl Writer<'_> {
    fn diagnostic(&mut self, diagnostic: &Diagnostic) {
        match &diagnostic.location {
            None => self.bytes.push(ABSENT),
            Some(location) => {
                self.bytes.push(PRESENT);
                self.location(location);
            }
        }
        self.bytes.push(diagnostic.severity as u8);
        match &diagnostic.code {
            None => self.bytes.push(ABSENT),
            Some(Code::Warning { number, name: None }) => {
                self.bytes.push(NUMBERED);
                push_number(&mut self.bytes, *number);
            }
            Some(Code::Warning {
                number,
                name: Some(name),
            }) => {
                self.bytes.push(NAMED);
                push_number(&mut self.bytes, *number);
                push_string(&mut self.bytes, name.as_bytes());
            }
            Some(Code::Alert(name)) => {
                self.bytes.push(ALERT);
                push_string(&mut self.bytes, name.as_bytes());
            }
        }
        push_string(&mut self.bytes, diagnostic.message.as_bytes());
        push_length(&mut self.bytes, diagnostic.related.len());
        for related in &diagnostic.related {
            self.location(&related.location);
            push_string(&mut self.bytes, related.message.as_bytes());
        }
    }

    fn location(&mut self, location: &Location) {
        match self.files.iter().position(|file| *file == location.file) {
            Some(number) => {
                self.bytes.push(SOURCE);
                push_length(&mut self.bytes, number);
            }
            None => {
                self.bytes.push(OTHER);
                push_string(&mut self.bytes, location.file.as_os_str().as_bytes());
            }
        }
        push_number(&mut self.bytes, location.line);
        push_number(&mut self.bytes, location.last_line);
        match location.columns {
            None => self.bytes.push(ABSENT),
            Some((first, end)) => {
                self.bytes.push(PRESENT);
                push_number(&mut self.bytes, first);
                push_number(&mut self.bytes, end);
            }
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    files: &'a [PathBuf],
}

impl Reader<'_> {
    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = take_number(&mut self.bytes)?;
        (0..count).map(|_| one(self)).collect()
    }

    fn diagnostic(&mut self) -> Option<Diagnostic> {
        let location = match take_byte(&mut self.bytes)? {
            ABSENT => None,
            PRESENT => Some(self.location()?),
            _ => return None,
        };
        let severities = [Severity::Note, Severity::Warning, Severity::Error];
        let severity = take_byte(&mut self.bytes)?;
        let severity = severities.into_iter().find(|one| *one as u8 == severity)?;
        let code = match take_byte(&mut self.bytes)? {
            ABSENT => None,
            NUMBERED => Some(Code::Warning {
                number: take_number(&mut self.bytes)?,
                name: None,
            }),
            NAMED => Some(Code::Warning {
                number: take_number(&mut self.bytes)?,
                name: Some(self.text()?),
            }),
            ALERT => Some(Code::Alert(self.text()?)),
            _ => return None,
        };
        Some(Diagnostic {
            location,
            severity,
            code,
            message: self.text()?,
            related: self.list(|reader| {
                Some(Related {
                    location: reader.location()?,
                    message: reader.text()?,
                })
            })?,
        })
    }

    fn location(&mut self) -> Option<Location> {
        let file = match take_byte(&mut self.bytes)? {
            SOURCE => {
                let number = take_number(&mut self.bytes)? as usize;
                self.files.get(number)?.clone()
            }
            OTHER => PathBuf::from(OsString::from_vec(take_string(&mut self.bytes)?.to_vec())),
            _ => return None,
        };
        Some(Location {
            file,
            line: take_number(&mut self.bytes)?,
            last_line: take_number(&mut self.bytes)?,
            columns: match take_byte(&mut self.bytes)? {
                ABSENT => None,
                PRESENT => Some((take_number(&mut self.bytes)?, take_number(&mut self.bytes)?)),
                _ => return None,
            },
        })
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(take_string(&mut self.bytes)?.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn location(file: &str) -> Location {
        Location {
            file: file.into(),
            line: 3,
            last_line: 4,
            columns: Some((1, 7)),
        }
    }

    fn diagnostics(file: &str) -> Vec<Diagnostic> {
        let warning = Diagnostic {
            location: Some(location(file)),
            severity: Severity::Warning,
            code: Some(Code::Warning {
                number: 32,
                name: Some("unused-value-declaration".to_owned()),
            }),
            message: "unused value f.".to_owned(),
            related: vec![Related {
                location: Location {
                    columns: None,
                    ..location("/usr/lib/ocaml/list.mli")
                },
                message: "Definition".to_owned(),
            }],
        };
        let alert = Diagnostic {
            code: Some(Code::Alert("deprecated".to_owned())),
            ..warning.clone()
        };
        let old = Diagnostic {
            code: Some(Code::Warning {
                number: 8,
                name: None,
            }),
            ..warning.clone()
        };
        let note = Diagnostic::unplaced(Severity::Note, "na\u{ef}ve\nnote".to_owned());
        vec![warning, alert, old, note]
    }

    fn files(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn what_is_stored_is_read_back() {
        let files = files(&["a.ml", "b.ml"]);
        assert_eq!(decode(&encode(&[], &files), &files), Some(vec![]));
        for file in ["b.ml", "elsewhere.ml"] {
            let diagnostics = diagnostics(file);
            let stored = encode(&diagnostics, &files);
            assert_eq!(decode(&stored, &files), Some(diagnostics));
        }
    }

    #[test]
    fn sources_are_named_where_they_now_are() {
        let stored = encode(&diagnostics("x/b.ml"), &files(&["x/a.ml", "x/b.ml"]));
        let now = decode(&stored, &files(&["y/a.ml", "y/b.ml"]));
        assert_eq!(now, Some(diagnostics("y/b.ml")));
    }

    #[test]
    fn a_source_that_is_not_there_is_not_understood() {
        let stored = encode(&diagnostics("b.ml"), &files(&["a.ml", "b.ml"]));
        assert_eq!(decode(&stored, &files(&["a.ml"])), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes, &[]);
        }
    }
}
