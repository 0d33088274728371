//! What META says of a library, and the library made of it.

use std::path::{Path, PathBuf};

use super::listing::DirectoryListing;
use super::of_package::{Error, LibOptions};
use super::{Lib, canonical_name};
use crate::meta::Position;
use crate::name::LibName;
use crate::{sys, text};

/// The values of a package's variables, before they are split and resolved.
#[derive(Debug, Default)]
pub(crate) struct Description {
    pub(crate) directory: Vec<u8>,
    pub(crate) meta_file: Vec<u8>,
    pub(crate) position: Option<Position>,
    pub(crate) stdlib: Vec<u8>,
    pub(crate) requires: Vec<u8>,
    pub(crate) exports: Vec<u8>,
    /// `archive` and `plugin` under one code each, since a question with both gives only the first that META has.
    pub(crate) byte_archive: Vec<u8>,
    pub(crate) native_archive: Vec<u8>,
    pub(crate) byte_plugin: Vec<u8>,
    pub(crate) native_plugin: Vec<u8>,
    pub(crate) jsoo_runtime: Vec<u8>,
    pub(crate) javascript_linkopts: Vec<u8>,
    pub(crate) ppx: Vec<u8>,
    pub(crate) warning: Vec<u8>,
    pub(crate) error: Vec<u8>,
    pub(crate) version: Vec<u8>,
    pub(crate) description: Vec<u8>,
}

impl Description {
    pub(crate) fn to_lib(
        &self,
        name: &LibName,
        options: &LibOptions,
        listing: &DirectoryListing,
    ) -> Result<Lib, Error> {
        let name = canonical_name(name, options.ocaml_major());
        let text =
            |value: &[u8]| (!value.is_empty()).then(|| String::from_utf8_lossy(value).into_owned());
        let mut lib = Lib {
            requires: names("requires", &self.requires, &name, options)?,
            exports: names("exports", &self.exports, &name, options)?,
            meta_file: Some(sys::path_buf(&self.meta_file)),
            meta_position: self.position,
            cma: self.paths(&self.byte_archive),
            cmxa: native_archives(
                self.paths(&self.native_archive),
                &self.paths(&self.byte_archive),
            ),
            js_stubs: self.js_stubs(),
            byte_plugins: self.paths(&self.byte_plugin),
            native_plugins: native_archives(
                self.paths(&self.native_plugin),
                &self.paths(&self.byte_plugin),
            ),
            ppx: (!self.ppx.is_empty()).then(|| self.ppx_command()),
            warning: text(&self.warning),
            error: text(&self.error),
            version: text(&self.version),
            description: text(&self.description),
            ..Lib::new(name, sys::path_buf(&self.directory))
        };
        lib.take_files(listing, options.extension());
        Ok(lib)
    }

    fn paths(&self, value: &[u8]) -> Vec<PathBuf> {
        text::words(value)
            .map(|word| sys::path_buf(&self.resolve(word)))
            .collect()
    }

    /// `Findlib.resolve_path` without `@`, which needs another package: such a word is kept.
    fn resolve(&self, word: &[u8]) -> Vec<u8> {
        match word {
            [b'^' | b'+', rest @ ..] => {
                text::concat(&text::normalise_directory(&self.stdlib), rest)
            }
            [b'@', ..] => word.to_vec(),
            _ if text::is_relative(word) => text::concat(&self.directory, word),
            _ => word.to_vec(),
        }
    }

    /// dune writes `jsoo_runtime`; topkg only linker options for js_of_ocaml, in which `+pkg` is the directory of a package.
    fn js_stubs(&self) -> Vec<PathBuf> {
        if text::words(&self.jsoo_runtime).next().is_some() {
            return self.paths(&self.jsoo_runtime);
        }
        let own = sys::path_buf(&self.meta_file);
        let package_directory = own.parent().unwrap_or(Path::new(""));
        let stubs =
            text::blank_words(&self.javascript_linkopts).filter(|word| word.ends_with(b".js"));
        let path = |word: &[u8]| match word.strip_prefix(b"+") {
            Some(rest) => {
                let file = rest.splitn(2, |byte| *byte == b'/').nth(1).unwrap_or(rest);
                package_directory.join(sys::os_str(file))
            }
            None => sys::path_buf(&self.resolve(word)),
        };
        stubs.map(path).collect()
    }

    /// The command is a path from the package's directory only when it starts with `./` or `../`; else it is looked for in `PATH`.
    fn ppx_command(&self) -> String {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let length = self.ppx.iter().position(blank).unwrap_or(self.ppx.len());
        let (program, arguments) = self.ppx.split_at(length);
        let explicit = [&b"./"[..], b"../", b"+", b"^"]
            .iter()
            .any(|start| program.starts_with(start));
        let program = if explicit {
            self.resolve(program)
        } else {
            program.to_vec()
        };
        String::from_utf8_lossy(&[&program, arguments].concat()).into_owned()
    }
}

/// The libraries that a variable names, each once under its canonical name, without the library itself.
fn names(
    variable: &'static str,
    value: &[u8],
    library: &LibName,
    options: &LibOptions,
) -> Result<Vec<LibName>, Error> {
    let mut names = Vec::new();
    for word in text::words(value) {
        let found = LibName::from_bytes(word).map_err(|source| Error::Requirement {
            variable,
            library: library.clone(),
            source,
        })?;
        let found = canonical_name(&found, options.ocaml_major());
        // Before OCaml 5 `threads` requires `threads.posix`, which is the same library.
        let alias = found == *library && library.as_str().starts_with("threads");
        if !alias && !names.contains(&found) {
            names.push(found);
        }
    }
    Ok(names)
}

impl Lib {
    /// The files of the directory, sorted into kinds.
    fn take_files(&mut self, listing: &DirectoryListing, c_archive_extension: &str) {
        let with = |extension: &str| {
            let files = listing
                .files
                .iter()
                .filter(|file| file.to_string_lossy().ends_with(extension));
            files
                .map(|file| self.directory.join(file))
                .collect::<Vec<_>>()
        };
        let (cmis, cmxs) = (with(".cmi"), with(".cmx"));
        let mut c_stubs = with(c_archive_extension);
        let beside =
            |archive: &PathBuf| archive.with_extension(c_archive_extension.trim_start_matches('.'));
        let is_archive = |archive: &&PathBuf| {
            archive
                .extension()
                .is_some_and(|extension| extension == "cmxa")
        };
        let candidates = self.cmxa.iter().filter(is_archive).map(beside);
        let c_archives: Vec<PathBuf> = candidates
            .filter(|file| listing.contains(&self.directory, file))
            .collect();
        c_stubs.retain(|file| {
            // The archive of another library of the directory stands beside its `.cmxa`.
            let native = file.with_extension("cmxa");
            !listing.contains(&self.directory, &native)
        });
        let named = [
            &self.cma,
            &self.cmxa,
            &self.byte_plugins,
            &self.native_plugins,
            &self.js_stubs,
        ];
        let mut missing: Vec<PathBuf> = Vec::new();
        if !listing.exists {
            missing.push(self.directory.clone());
        }
        for file in named.into_iter().flatten() {
            if !listing.contains(&self.directory, file) && !missing.contains(file) {
                missing.push(file.clone());
            }
        }
        (self.cmis, self.cmxs, self.c_archives, self.c_stubs) = (cmis, cmxs, c_archives, c_stubs);
        self.missing_files = missing;
    }
}

/// What META gives for `native` alone. Where it does not tell codes apart, byte archives are not native ones.
fn native_archives(native: Vec<PathBuf>, byte: &[PathBuf]) -> Vec<PathBuf> {
    let is_byte = |path: &Path| {
        path.extension()
            .is_some_and(|extension| extension == "cma" || extension == "cmo")
    };
    native
        .into_iter()
        .filter(|path| !(is_byte(path) && byte.contains(path)))
        .collect()
}
