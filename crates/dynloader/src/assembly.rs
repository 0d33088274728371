//! From the assembly that the driver gives to a plugin, in this process.

use std::io;
use std::path::{Path, PathBuf};

use ocaml_assembler::{AssembleError, LinkError, LinkOptions, assemble, link_shared};

/// What the driver's output begins with (`collect` in `ocaml/system.c`).
const HEADING: &[u8] = b"saddlebag-assembly 2\n";

/// Why the compiler's assembly did not become a plugin in this process. The assembler and the linker of the kit are the
/// way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The driver's output is not what its source says.
    #[error("the driver gave no assembly of this version")]
    Form,
    /// The compiler of this loader gives no assembly: it is not the kit's driver, or cannot be one.
    #[error("`{compiler}` gives no assembly to this process")]
    NoAssembly {
        /// The compiler.
        compiler: String,
    },
    /// The plugin is made of more than what the compiler generated.
    #[error("`{input}` needs a linker")]
    NeedsLinker {
        /// An archive, a library or a flag.
        input: String,
    },
    /// A line is not understood.
    #[error("`{file}` cannot be assembled")]
    Assemble {
        /// The object that the text stands for.
        file: String,
        /// Which line, and what is wrong with it.
        source: AssembleError,
    },
    /// The objects cannot be linked.
    #[error("the objects cannot be linked")]
    Link(#[source] LinkError),
    /// The file could not be read or written.
    #[error("cannot use `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Makes the plugin of the driver's output.
pub(crate) fn link_file(path: &Path, needed: Vec<String>) -> Result<Vec<u8>, Error> {
    let collected = std::fs::read(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    link(&collected, needed)
}

/// The shared object made of the driver's output; it names `needed` as needed.
pub(crate) fn link(collected: &[u8], needed: Vec<String>) -> Result<Vec<u8>, Error> {
    match split(collected).ok_or(Error::Form)? {
        Collected::Texts(texts) => link_texts(&texts, needed),
        Collected::NeedsLinker(input) => {
            let input = input.to_owned();
            Err(Error::NeedsLinker { input })
        }
    }
}

/// The shared object made of assembly; each text comes with the name of the object that it stands for.
pub(crate) fn link_texts(texts: &[(&str, &str)], needed: Vec<String>) -> Result<Vec<u8>, Error> {
    let mut objects = Vec::with_capacity(texts.len());
    let assembling = tracing::debug_span!("assemble").entered();
    for (file, text) in texts {
        let object = assemble(text).map_err(|source| Error::Assemble {
            file: (*file).to_owned(),
            source,
        })?;
        objects.push(object);
    }
    drop(assembling);
    let _linking = tracing::debug_span!("link").entered();
    let options = needed
        .into_iter()
        .fold(LinkOptions::default(), LinkOptions::needed);
    link_shared(&objects, &options).map_err(Error::Link)
}

/// What the driver's output holds.
#[derive(Debug, PartialEq, Eq)]
enum Collected<'a> {
    /// Texts with the names of the objects they stand for.
    Texts(Vec<(&'a str, &'a str)>),
    /// What the driver met that is not text of its own.
    NeedsLinker(&'a str),
}

/// Each text is preceded by a line with its length and its name.
fn split(collected: &[u8]) -> Option<Collected<'_>> {
    let mut rest = std::str::from_utf8(collected.strip_prefix(HEADING)?).ok()?;
    if let Some(input) = rest.strip_prefix("linker ") {
        return Some(Collected::NeedsLinker(input.strip_suffix('\n')?));
    }
    let mut texts = Vec::new();
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n')?;
        let (length, name) = line.split_once(' ')?;
        let (text, after) = after.split_at_checked(length.parse().ok()?)?;
        texts.push((name, text));
        rest = after;
    }
    Some(Collected::Texts(texts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart_by_their_lengths() {
        let collected = b"saddlebag-assembly 2\n7 a b.o\n\t.data\n5 c.o\n\tret\n";
        assert_eq!(
            split(collected),
            Some(Collected::Texts(vec![
                ("a b.o", "\t.data\n"),
                ("c.o", "\tret\n")
            ]))
        );
        let empty = split(b"saddlebag-assembly 2\n");
        assert_eq!(empty, Some(Collected::Texts(vec![])));
    }

    #[test]
    fn what_needs_a_linker_is_named() {
        let error = link(b"saddlebag-assembly 2\nlinker a b.a\n", Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "`a b.a` needs a linker");
    }

    #[test]
    fn another_form_is_refused() {
        for collected in [
            &b"\x7fELF"[..],
            b"",
            b"saddlebag-assembly 3\n",
            b"saddlebag-assembly 2\n9 a.o\n\tret\n",
        ] {
            assert!(matches!(link(collected, Vec::new()), Err(Error::Form)));
        }
    }

    #[test]
    fn a_line_that_is_not_understood_names_its_file() {
        let error = link(b"saddlebag-assembly 2\n6 a.o\n\tfrob\n", Vec::new()).unwrap_err();
        assert!(
            matches!(&error, Error::Assemble { file, .. } if file == "a.o"),
            "{error:?}"
        );
    }
}
