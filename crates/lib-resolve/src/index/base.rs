//! Everything on the search path, loaded as findlib's `load_base` loads it.

use std::collections::HashSet;
use std::io;

use super::file::Candidate;
use super::{Clash, Error, PackageIndex};
use crate::sys;

/// Something that findlib warns of and leaves out.
#[derive(Debug)]
pub(crate) enum BaseWarning {
    /// A directory of the search path that cannot be listed.
    Directory {
        directory: Box<[u8]>,
        source: io::Error,
    },
    /// A META file in bad syntax.
    File(Error),
}

impl PackageIndex {
    /// `Fl_package_base.load_base`. It differs from [`PackageIndex::load_all`] in what it takes: files in the order of their
    /// directories, names with dots, and a file later on the search path where the first one is wrong or hides its main package.
    pub(crate) fn load_base(&mut self, warn: &mut dyn FnMut(&BaseWarning)) -> Result<(), Error> {
        let mut met = HashSet::new();
        for entry in self.configuration.search_path_bytes().to_vec() {
            let names = match names_in(&entry) {
                Ok(names) => names,
                Err(source) => {
                    warn(&BaseWarning::Directory {
                        directory: entry,
                        source,
                    });
                    continue;
                }
            };
            for name in names {
                let main = name.strip_prefix(b"META.").unwrap_or_default();
                // Whether or not it is loaded below, a question for the name would lead to it.
                let decides_main = !main.is_empty()
                    && !sys::exists(&Candidate::in_package_directory(&entry, main).path)
                    && met.insert(main.into());
                let of_directory = Candidate::in_package_directory(&entry, &name);
                if sys::exists(&of_directory.path) {
                    let decides = met.insert(name.clone());
                    self.load_for_base(&name, of_directory, decides, warn)?;
                } else if !main.is_empty() && !main.ends_with(b"~") {
                    let file = Candidate::in_search_path(&entry, main);
                    self.load_for_base(main, file, decides_main, warn)?;
                }
            }
        }
        Ok(())
    }

    /// `decides`: whether this is the file that a question for the name would lead to.
    fn load_for_base(
        &mut self,
        main: &[u8],
        candidate: Candidate,
        decides: bool,
        warn: &mut dyn FnMut(&BaseWarning),
    ) -> Result<(), Error> {
        if self.by_name.contains_key(main) {
            return Ok(());
        }
        match candidate.load(&self.known) {
            Ok(Some(file)) => {
                let main = main.into();
                let id = self.add_packages(&main, file).map_err(Clash::into_error)?;
                // A name with a dot is never asked for by its file.
                if decides && !main.contains(&b'.') {
                    self.by_main.insert(main, Some(id));
                }
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error @ (Error::Parse { .. } | Error::DirectoryRequired { .. })) => {
                warn(&BaseWarning::File(error));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// In the order of the directory, which is what `Sys.readdir` gives.
fn names_in(directory: &[u8]) -> io::Result<Vec<Box<[u8]>>> {
    let entries = std::fs::read_dir(sys::os_str(directory))?;
    entries
        .map(|entry| Ok(sys::bytes(entry?.file_name()).into()))
        .collect()
}
