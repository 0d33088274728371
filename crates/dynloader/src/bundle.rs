//! Bundles: each module of a plugin with its implementation and, if it has one, its interface.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::module_name::{self, ModuleName};
use crate::script_head::ScriptHead;
use crate::source::Source;

/// A source file whose bytes have been read, once, so that what is checked, cached and compiled is
/// the same text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    path: PathBuf,
    contents: Arc<[u8]>,
}

impl SourceFile {
    /// The path as the caller gave it, extension included; messages name it so.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes as they were read.
    pub fn contents(&self) -> &[u8] {
        &self.contents
    }
}

/// A module of a plugin: its `.ml`, and its `.mli` when there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    module_name: ModuleName,
    implementation: SourceFile,
    interface: Option<SourceFile>,
}

impl Bundle {
    /// The module that the files define.
    pub fn module_name(&self) -> &ModuleName {
        &self.module_name
    }

    /// The `.ml`.
    pub fn implementation(&self) -> &SourceFile {
        &self.implementation
    }

    /// The `.mli`.
    pub fn interface(&self) -> Option<&SourceFile> {
        self.interface.as_ref()
    }

    /// The libraries that the files require at their heads, with `#require "LIB"`, in order. The directives are not
    /// part of what is compiled; who loads the bundle finds the libraries, for
    /// [`Options::libraries`](crate::Options::libraries).
    ///
    /// ```
    /// use dynloader::{Source, bundle};
    ///
    /// let script = Source::text("find.ml", "#!/usr/bin/env saddlebag\n#require \"str\";;\nlet () = ()");
    /// assert_eq!(bundle::read(vec![script])?[0].required_libraries(), ["str"]);
    /// # Ok::<(), bundle::Error>(())
    /// ```
    #[must_use]
    pub fn required_libraries(&self) -> Vec<String> {
        self.files()
            .flat_map(|file| ScriptHead::read(file.contents()).libraries)
            .collect()
    }

    /// The files as sources that need not be read again.
    pub fn sources(&self) -> impl Iterator<Item = Source> {
        self.files()
            .map(|file| Source::shared(file.path.clone(), file.contents.clone()))
    }

    /// The files of the bundle, interface first.
    pub fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.interface
            .iter()
            .chain(std::iter::once(&self.implementation))
    }
}

/// The error returned by [`read`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The list of sources is empty.
    #[error("no source was given")]
    NoSource,
    /// A name ends in something other than `.ml` and `.mli`.
    #[error("`{path}` is neither a `.ml` nor a `.mli` file")]
    Extension {
        /// The source as it was named.
        path: PathBuf,
    },
    /// A file name cannot be the name of a module.
    #[error("`{path}` does not name a module")]
    ModuleName {
        /// The source as it was named.
        path: PathBuf,
        /// The rule it breaks.
        source: module_name::Error,
    },
    /// Two files implement one module.
    #[error("module `{module}` has two implementations: `{first}` and `{second}`")]
    TwoImplementations {
        /// The module of both.
        module: Box<ModuleName>,
        /// The one that came first.
        first: Box<Path>,
        /// The other.
        second: Box<Path>,
    },
    /// Two files are the interface of one module.
    #[error("module `{module}` has two interfaces: `{first}` and `{second}`")]
    TwoInterfaces {
        /// The module of both.
        module: Box<ModuleName>,
        /// The one that came first.
        first: Box<Path>,
        /// The other.
        second: Box<Path>,
    },
    /// A file could not be read; a missing one has [`io::ErrorKind::NotFound`].
    #[error("cannot read `{path}`")]
    Read {
        /// The file, extension included.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Groups sources by module and reads each file once. The order is that of first mention; files of
/// one module may be apart in the list and may lie in different directories.
///
/// - a name without extension stands for its `.ml`;
/// - a `.ml` brings the `.mli` beside it, and a lone `.mli` its `.ml`; the first letters of the two
///   names may differ in case;
/// - texts given with their name bring nothing.
///
/// # Errors
/// When a name is not that of a module, two files claim one place, or a file cannot be read.
///
/// ```
/// use dynloader::{Source, bundle};
///
/// let bundles = bundle::read(vec![
///     Source::text("util.ml", "let one = 1"),
///     Source::text("main.ml", "let () = print_int Util.one"),
///     Source::text("util.mli", "val one : int"),
/// ])?;
/// let names: Vec<_> = bundles.iter().map(|b| b.module_name().as_str()).collect();
/// assert_eq!(names, ["Util", "Main"]);
/// assert!(bundles[0].interface().is_some());
/// # Ok::<(), bundle::Error>(())
/// ```
pub fn read(sources: Vec<Source>) -> Result<Vec<Bundle>, Error> {
    if sources.is_empty() {
        return Err(Error::NoSource);
    }
    let mut drafts: Vec<Draft> = Vec::with_capacity(sources.len());
    for source in sources {
        let (path, text) = source.into_parts();
        let (path, kind) = classify(path)?;
        let module_name = ModuleName::of_path(&path).map_err(|source| Error::ModuleName {
            path: path.clone(),
            source,
        })?;
        let position = drafts
            .iter()
            .position(|draft| draft.module_name == module_name);
        let draft = match position {
            Some(position) => &mut drafts[position],
            None => {
                drafts.push(Draft {
                    module_name,
                    implementation: None,
                    interface: None,
                });
                drafts.last_mut().expect("a draft was just pushed")
            }
        };
        draft.add(kind, Named { path, text })?;
    }
    drafts.into_iter().map(Draft::read).collect()
}

#[derive(Clone, Copy)]
enum Kind {
    Implementation,
    Interface,
}

struct Named {
    path: PathBuf,
    text: Option<Arc<[u8]>>,
}

struct Draft {
    module_name: ModuleName,
    implementation: Option<Named>,
    interface: Option<Named>,
}

fn classify(path: PathBuf) -> Result<(PathBuf, Kind), Error> {
    match path.extension() {
        None => {
            let mut with_extension = path.into_os_string();
            with_extension.push(".ml");
            Ok((with_extension.into(), Kind::Implementation))
        }
        Some(extension) if extension == "ml" => Ok((path, Kind::Implementation)),
        Some(extension) if extension == "mli" => Ok((path, Kind::Interface)),
        Some(_) => Err(Error::Extension { path }),
    }
}

impl Draft {
    fn add(&mut self, kind: Kind, named: Named) -> Result<(), Error> {
        let place = match kind {
            Kind::Implementation => &mut self.implementation,
            Kind::Interface => &mut self.interface,
        };
        let Some(first) = place else {
            *place = Some(named);
            return Ok(());
        };
        let module = Box::new(self.module_name.clone());
        let (first, second) = (first.path.as_path().into(), named.path.into());
        Err(match kind {
            Kind::Implementation => Error::TwoImplementations {
                module,
                first,
                second,
            },
            Kind::Interface => Error::TwoInterfaces {
                module,
                first,
                second,
            },
        })
    }

    fn read(self) -> Result<Bundle, Error> {
        let (implementation, interface) = match (self.implementation, self.interface) {
            (Some(implementation), interface) => {
                let beside = match (&interface, &implementation.text) {
                    (None, None) => beside(&implementation.path, "mli"),
                    _ => None,
                };
                (
                    implementation,
                    interface.or(beside.map(|path| Named { path, text: None })),
                )
            }
            (None, Some(interface)) => {
                let path = match interface.text {
                    None => beside(&interface.path, "ml"),
                    Some(_) => None,
                };
                let path = path.unwrap_or_else(|| interface.path.with_extension("ml"));
                (Named { path, text: None }, Some(interface))
            }
            (None, None) => unreachable!("a draft is made for a file"),
        };
        Ok(Bundle {
            module_name: self.module_name,
            implementation: implementation.read()?,
            interface: interface.map(Named::read).transpose()?,
        })
    }
}

impl Named {
    fn read(self) -> Result<SourceFile, Error> {
        let Named { path, text } = self;
        let contents = match text {
            Some(text) => text,
            None => match std::fs::read(&path) {
                Ok(bytes) => bytes.into(),
                Err(source) => return Err(Error::Read { path, source }),
            },
        };
        Ok(SourceFile { path, contents })
    }
}

/// The file beside `path` with the other extension, its first letter in either case.
fn beside(path: &Path, extension: &str) -> Option<PathBuf> {
    let same = path.with_extension(extension);
    if same.exists() {
        return Some(same);
    }
    let name = same.file_name()?.to_str()?;
    let first = name.chars().next()?;
    let flipped = if first.is_ascii_uppercase() {
        first.to_ascii_lowercase()
    } else {
        first.to_ascii_uppercase()
    };
    let other = same.with_file_name(format!("{flipped}{}", &name[first.len_utf8()..]));
    other.exists().then_some(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("(* {file} *)")).unwrap();
        }
        folder
    }

    fn names(folder: &Path, sources: &[&str]) -> Result<Vec<String>, Error> {
        let sources = sources
            .iter()
            .map(|name| Source::file(folder.join(name)))
            .collect();
        let strip = |file: &SourceFile| {
            assert_eq!(
                file.contents(),
                format!(
                    "(* {} *)",
                    file.path().strip_prefix(folder).unwrap().display()
                )
                .as_bytes()
            );
            file.path()
                .strip_prefix(folder)
                .unwrap()
                .display()
                .to_string()
        };
        Ok(read(sources)?
            .iter()
            .map(|bundle| {
                let files: Vec<_> = bundle.files().map(strip).collect();
                format!("{}: {}", bundle.module_name(), files.join(" "))
            })
            .collect())
    }

    #[test]
    fn sources_may_be_named_with_and_without_extension_in_any_mixture() {
        let folder = folder(&["a.ml", "a.mli", "b.ml", "c.ml", "c.mli"]);
        let expected = ["A: a.mli a.ml", "B: b.ml", "C: c.mli c.ml"];
        for sources in [
            &["a", "b", "c"][..],
            &["a.ml", "b.ml", "c.ml"],
            &["a.mli", "b", "c.mli"],
            &["a.mli", "b.ml", "c.ml", "a.ml", "c.mli"],
            &["a", "a.mli", "b", "c.mli", "c"],
        ] {
            assert_eq!(
                names(folder.path(), sources).unwrap(),
                expected,
                "{sources:?}"
            );
        }
    }

    #[test]
    fn interface_and_implementation_may_lie_apart_and_differ_in_case() {
        let folder = folder(&["x/Foo.ml", "y/foo.mli", "bar.ml", "Bar.mli"]);
        assert_eq!(
            names(folder.path(), &["x/Foo.ml", "y/foo.mli", "bar"]).unwrap(),
            ["Foo: y/foo.mli x/Foo.ml", "Bar: Bar.mli bar.ml"]
        );
        assert_eq!(
            names(folder.path(), &["Bar.mli"]).unwrap(),
            ["Bar: Bar.mli bar.ml"]
        );
    }

    #[test]
    fn two_files_for_one_place_are_both_named() {
        let folder = folder(&["a.ml", "x/A.ml", "a.mli", "x/a.mli"]);
        let error = names(folder.path(), &["a", "x/A.ml"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("module `A` has two implementations") && error.contains("x/A.ml"));
        let error = names(folder.path(), &["a.mli", "x/a.mli"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("module `A` has two interfaces") && error.contains("x/a.mli"));
    }

    #[test]
    fn a_missing_implementation_is_named() {
        let folder = folder(&["lone.mli"]);
        for (source, missing) in [
            ("lone.mli", "lone.ml"),
            ("gone", "gone.ml"),
            ("x.ml", "x.ml"),
        ] {
            let Err(Error::Read { path, source }) = names(folder.path(), &[source]) else {
                panic!("{source} was read");
            };
            assert_eq!(path, folder.path().join(missing));
            assert_eq!(source.kind(), io::ErrorKind::NotFound);
        }
    }

    #[test]
    fn names_that_no_module_can_have_are_refused() {
        let folder = folder(&[]);
        let refused = |source| names(folder.path(), &[source]).unwrap_err();
        assert!(matches!(
            refused("invalid-name.ml"),
            Error::ModuleName { .. }
        ));
        assert!(matches!(refused("a.txt"), Error::Extension { .. }));
        assert!(matches!(read(vec![]).unwrap_err(), Error::NoSource));
    }

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<Error>() <= 64);
    }
}
