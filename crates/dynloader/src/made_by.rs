//! Which OCaml compiled a file, by what it begins with.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ocaml_toolchain::conf::{Conf, MagicNumbers};

use crate::compile::Error;
use crate::kit::Kit;
use crate::options::Options;

/// `Caml1999A030`.
const LENGTH: usize = 12;

/// A file that another OCaml compiled.
pub(crate) struct Made {
    pub(crate) file: PathBuf,
    /// `OCaml 4.13`.
    pub(crate) by: String,
}

/// A directory on the include path that is of no use to the compiler.
#[derive(Debug)]
#[non_exhaustive]
pub struct OtherCompiler {
    /// The directory.
    pub directory: PathBuf,
    /// An interface in it.
    pub file: PathBuf,
    /// The OCaml that compiled it, `OCaml 4.13`.
    pub made: String,
    /// The version of the compiler.
    pub wanted: String,
}

impl fmt::Display for OtherCompiler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "`{}` was compiled by {}, and OCaml {} compiles here: `{}` must not be on the include path",
            self.file.display(),
            self.made,
            self.wanted,
            self.directory.display()
        )
    }
}

/// The first of the archives that is not of the OCaml of `conf`; where there are none, an interface in `directory`.
/// What cannot be read or is no file of OCaml tells nothing.
pub(crate) fn other(conf: &Conf, archives: &[PathBuf], directory: &Path) -> Option<Made> {
    if archives.is_empty() {
        return other_interface(conf, directory);
    }
    archives.iter().find_map(|archive| of_other(conf, archive))
}

/// Says so where the compiler failed over interfaces that another one made; it calls them none at all.
pub(crate) fn told(kit: &Kit, options: &Options, error: Error) -> Error {
    let Error::Failed(rejection) = &error else {
        return error;
    };
    let said = rejection.failure.stderr_text();
    let mut named = options
        .include_directories
        .iter()
        .filter(|directory| said.contains(&directory.display().to_string()));
    let found = named.find_map(|directory| {
        let made = other_interface(kit.conf(), directory)?;
        Some((directory, made))
    });
    match found {
        Some((directory, made)) => Error::OtherCompiler(Box::new(OtherCompiler {
            directory: directory.clone(),
            file: made.file,
            made: made.by,
            wanted: kit.conf().version().to_string(),
        })),
        None => error,
    }
}

/// An interface in `directory` that is not of the OCaml of `conf`. Those of one directory have one compiler.
fn other_interface(conf: &Conf, directory: &Path) -> Option<Made> {
    let paths = std::fs::read_dir(directory).ok()?.flatten();
    let mut paths = paths.map(|entry| entry.path());
    let interface = paths.find(|path| path.extension().is_some_and(|found| found == "cmi"))?;
    of_other(conf, &interface)
}

fn of_other(conf: &Conf, file: &Path) -> Option<Made> {
    let numbers = conf.magic_numbers();
    let wanted = match file.extension()?.to_str()? {
        "cma" => numbers.cma,
        "cmxa" => numbers.cmxa,
        "cmi" => numbers.cmi,
        _ => None,
    }?;
    let mut head = [0; LENGTH];
    File::open(file).ok()?.read_exact(&mut head).ok()?;
    if head == wanted.as_bytes() || !head.starts_with(b"Caml1999") {
        return None;
    }
    let by = match MagicNumbers::series(&head) {
        Some((major, minor)) => format!("OCaml {major}.{minor}"),
        None => "another version of OCaml".to_owned(),
    };
    Some(Made {
        file: file.to_owned(),
        by,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_another_compiler_are_told_and_others_say_nothing() {
        let conf = Conf::parse(
            "version: 5.3.0\narchitecture: amd64\nsystem: linux\nstandard_library: /lib/ocaml\n\
             cma_magic_number: Caml1999A035\ncmxa_magic_number: Caml1999Z035\ncmi_magic_number: Caml1999I035\n",
        )
        .unwrap();
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let by = |archive: PathBuf| {
            let made = other(&conf, std::slice::from_ref(&archive), directory.path());
            made.map(|made| {
                assert_eq!(made.file, archive);
                made.by
            })
        };
        assert_eq!(by(write("own.cmxa", "Caml1999Z035...")), None);
        assert_eq!(
            by(write("old.cma", "Caml1999A030...")).as_deref(),
            Some("OCaml 4.13")
        );
        assert_eq!(
            by(write("new.cmxa", "Caml1999Z077...")).as_deref(),
            Some("another version of OCaml")
        );
        assert_eq!(by(write("text.cma", "nothing that is OCaml's")), None);
        assert_eq!(by(write("short.cma", "Caml")), None);
        assert_eq!(by(directory.path().join("gone.cma")), None);
        assert!(other(&conf, &[], directory.path()).is_none());
        write("x.cmi", "Caml1999I031...");
        let made = other(&conf, &[], directory.path()).unwrap();
        assert_eq!(made.by, "OCaml 4.14");
        assert!(made.file.ends_with("x.cmi"));
    }
}
