//! What `ocamlfind query` answers.

mod command;
mod error;
mod format;

pub use command::{QueryCommand, QueryOutput};
pub use error::Error;
pub use format::{Format, FormatError};

use crate::index::{BaseWarning, PackageId, PackageIndex};
use crate::predicates::Predicates;
use crate::requirements::Requirements;
use crate::text;

/// A question to findlib: names, predicates, and the shape of the answer.
///
/// The answers are byte for byte those of `ocamlfind query` with the same options.
///
/// ```
/// use lib_resolve::{Configuration, PackageIndex, Query};
/// # let directory = tempfile::tempdir()?;
/// # let lib = directory.path().to_path_buf();
/// std::fs::create_dir(lib.join("a"))?;
/// std::fs::write(lib.join("a/META"), r#"version = "1" archive(byte) = "a.cma""#)?;
/// let mut index = PackageIndex::new(Configuration::new([lib.clone()], "/usr/lib/ocaml"));
/// let query = Query::new(["a"]).predicates("byte").format("%p %v %+a");
/// assert_eq!(query.run(&mut index)?, format!("a 1 {}/a/a.cma\n", lib.display()).as_bytes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a query does nothing until it is run"]
pub struct Query {
    names: Vec<Box<[u8]>>,
    predicates: Predicates,
    format: Format,
    separator: Box<[u8]>,
    prefix: Box<[u8]>,
    suffix: Box<[u8]>,
    closure: Closure,
    preprocessor: bool,
}

/// Which packages a [`Query`] is about, given the named ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Closure {
    /// The named ones, in the order given, repetitions included.
    #[default]
    Named,
    /// The named ones and all they require, in linking order; faults that the named ones do not depend on are ignored.
    Required,
    /// As findlib has it: see [`Requirements::findlib_closure`].
    RequiredAsFindlib,
    /// The named ones and all that require them, each before those that require it, as findlib's `-descendants` has it: everything on
    /// the search path is loaded, with the faults that brings.
    DependentsAsFindlib,
}

impl Query {
    /// Asks for packages. Each name is split at blanks and commas, as on findlib's command line.
    pub fn new<Name: AsRef<[u8]>>(names: impl IntoIterator<Item = Name>) -> Query {
        let mut query = Query {
            names: Vec::new(),
            predicates: Predicates::none(),
            format: Format::new("%d"),
            separator: b"\n"[..].into(),
            prefix: Box::default(),
            suffix: b"\n"[..].into(),
            closure: Closure::Named,
            preprocessor: false,
        };
        for name in names {
            query = query.name(name.as_ref());
        }
        query
    }

    /// Adds the names in `names`, which blanks and commas separate.
    pub fn name(mut self, names: &[u8]) -> Query {
        self.names.extend(text::words(names).map(Box::from));
        self
    }

    /// Adds predicates (`-predicates`), which blanks and commas separate. Default: none.
    pub fn predicates(mut self, list: impl AsRef<[u8]>) -> Query {
        self.predicates.add_words(list.as_ref());
        self
    }

    /// The format of an answer (`-format`). Default: `%d`.
    pub fn format(mut self, format: impl AsRef<[u8]>) -> Query {
        self.format = Format::new(format);
        self
    }

    /// What goes between two answers (`-separator`). Default: a line feed.
    pub fn separator(mut self, separator: impl AsRef<[u8]>) -> Query {
        self.separator = separator.as_ref().into();
        self
    }

    /// What goes before the first answer (`-prefix`). Default: nothing.
    pub fn prefix(mut self, prefix: impl AsRef<[u8]>) -> Query {
        self.prefix = prefix.as_ref().into();
        self
    }

    /// What goes after the last answer (`-suffix`). Default: a line feed.
    pub fn suffix(mut self, suffix: impl AsRef<[u8]>) -> Query {
        self.suffix = suffix.as_ref().into();
        self
    }

    /// Which packages to answer for (`-recursive` is [`Closure::RequiredAsFindlib`]). Default: those named.
    pub fn closure(mut self, closure: Closure) -> Query {
        self.closure = closure;
        self
    }

    /// Only packages that a camlp4 preprocessor loads (`-pp`): of those named the ones with an `archive` under the predicates,
    /// with `syntax` and `preprocessor` added and `byte` and `native` left out. Default: off.
    pub fn preprocessor(mut self, on: bool) -> Query {
        self.preprocessor = on;
        self
    }

    /// The whole output.
    ///
    /// # Errors
    /// [`Error`] has findlib's exit status and words. There is no partial output.
    pub fn run(&self, index: &mut PackageIndex) -> Result<Vec<u8>, Error> {
        self.run_telling(index, &mut |_| {})
    }

    /// As [`Query::run`], giving each line that findlib prints on standard error to `warn`.
    fn run_telling(
        &self,
        index: &mut PackageIndex,
        warn: &mut dyn FnMut(&str),
    ) -> Result<Vec<u8>, Error> {
        let answers = self.answers_telling(index, warn)?;
        let mut output = self.prefix.to_vec();
        output.extend(text::join(
            answers.iter().map(Vec::as_slice),
            &self.separator,
        ));
        output.extend_from_slice(&self.suffix);
        Ok(output)
    }

    /// The answers one by one. A package may have none or several: see [`Format`].
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn answers(&self, index: &mut PackageIndex) -> Result<Vec<Vec<u8>>, Error> {
        self.answers_telling(index, &mut |_| {})
    }

    fn answers_telling(
        &self,
        index: &mut PackageIndex,
        warn: &mut dyn FnMut(&str),
    ) -> Result<Vec<Vec<u8>>, Error> {
        // What findlib loads for dependents, and in what order, is of no use to others.
        let mut own = match self.closure {
            Closure::DependentsAsFindlib => Some(PackageIndex::new(index.configuration().clone())),
            _ => None,
        };
        let index = own.as_mut().unwrap_or(index);
        let mut predicates = self.predicates.clone();
        let mut names: Vec<&[u8]> = self.names.iter().map(|name| &**name).collect();
        let mut seen = Vec::new();
        if self.preprocessor {
            predicates.add(b"preprocessor");
            predicates.add(b"syntax");
            (names, seen) = self.preprocessor_names(index, &predicates, names)?;
        }
        let mut answers = Vec::new();
        match self.closure {
            // Each package is answered for before the next is looked up.
            Closure::Named => {
                for name in names {
                    let package = find(index, name)?;
                    self.format
                        .expand(index, package, &predicates, &mut answers)?;
                }
            }
            closure => {
                let mut requirements = Requirements::new(predicates.clone());
                let packages = match closure {
                    Closure::RequiredAsFindlib => {
                        requirements.findlib_closure_after(index, &seen, &names)
                    }
                    Closure::DependentsAsFindlib => {
                        let mut warn = |warning: &BaseWarning| warn(&error::base_warning(warning));
                        requirements.findlib_dependents(index, &names, &mut warn)
                    }
                    _ => {
                        let found: Result<Vec<_>, Error> =
                            names.into_iter().map(|name| find(index, name)).collect();
                        requirements.closure_of(index, &found?)
                    }
                };
                for package in packages.map_err(Error::requirements)? {
                    self.format
                        .expand(index, package, &predicates, &mut answers)?;
                }
            }
        }
        Ok(answers)
    }

    /// The names selected, and all packages looked at.
    fn preprocessor_names<'a>(
        &self,
        index: &mut PackageIndex,
        predicates: &Predicates,
        names: Vec<&'a [u8]>,
    ) -> Result<(Vec<&'a [u8]>, Vec<PackageId>), Error> {
        let mut predicates = predicates.clone();
        predicates.remove("byte");
        predicates.remove("native");
        let mut selected = Vec::new();
        let mut seen = Vec::new();
        for name in names {
            let package = find(index, name)?;
            seen.push(package);
            let archive = index.package(package).lookup("archive", &predicates);
            if archive.is_some_and(|archive| text::words(&archive).next().is_some()) {
                selected.push(name);
            }
        }
        Ok((selected, seen))
    }
}

/// The package of this name, for which there must be one.
fn find(index: &mut PackageIndex, name: &[u8]) -> Result<PackageId, Error> {
    index
        .find_bytes(name)
        .map_err(Error::load)?
        .ok_or_else(|| Error::not_found(name))
}
