//! What findlib says of the compiler's own libraries, for an OCaml without findlib.
//!
//! OCaml 5 installs META files of its own; for OCaml 4 findlib brings them (`site-lib-src` in its sources).

use std::sync::Arc;

use super::PackageIndex;
use super::file::MetaFile;
use crate::stamp::Stamp;
use crate::{meta, sys, text};

/// By name: the directory, from the standard library's, a file that tells that the library is there, and the description.
const LIBRARIES: [Own; 8] = [
    Own {
        name: "unix",
        witness: "unix.cma",
        description: "directory = \"^\" archive(byte) = \"unix.cma\" archive(native) = \"unix.cmxa\" \
                      plugin(byte) = \"unix.cma\" plugin(native) = \"unix.cmxs\"",
    },
    Own {
        name: "str",
        witness: "str.cma",
        description: "directory = \"^\" archive(byte) = \"str.cma\" archive(native) = \"str.cmxa\" \
                      plugin(byte) = \"str.cma\" plugin(native) = \"str.cmxs\"",
    },
    Own {
        name: "dynlink",
        witness: "dynlink.cma",
        description: "directory = \"^\" archive(byte) = \"dynlink.cma\" archive(native) = \"dynlink.cmxa\"",
    },
    Own {
        name: "threads",
        witness: "threads/threads.cma",
        description: "directory = \"^\" type_of_threads = \"posix\" requires(mt,mt_posix) = \"threads.posix\" \
                      package \"posix\" ( directory = \"+threads\" requires = \"unix\" \
                      archive(byte,mt,mt_posix) = \"threads.cma\" archive(native,mt,mt_posix) = \"threads.cmxa\" )",
    },
    Own {
        name: "compiler-libs",
        witness: "compiler-libs/ocamlcommon.cma",
        description: "directory = \"+compiler-libs\" \
                      package \"common\" ( requires = \"compiler-libs\" \
                      archive(byte) = \"ocamlcommon.cma\" archive(native) = \"ocamlcommon.cmxa\" ) \
                      package \"bytecomp\" ( requires = \"compiler-libs.common\" \
                      archive(byte) = \"ocamlbytecomp.cma\" archive(native) = \"ocamlbytecomp.cmxa\" ) \
                      package \"optcomp\" ( requires = \"compiler-libs.common\" exists_if = \"ocamloptcomp.cma\" \
                      archive(byte) = \"ocamloptcomp.cma\" archive(native) = \"ocamloptcomp.cmxa\" ) \
                      package \"toplevel\" ( requires = \"compiler-libs.bytecomp\" \
                      archive(byte) = \"ocamltoplevel.cma\" ) \
                      package \"native-toplevel\" ( requires = \"compiler-libs.optcomp dynlink\" \
                      exists_if = \"ocamltoplevel.cmxa\" archive(native) = \"ocamltoplevel.cmxa\" )",
    },
    Own {
        name: "bigarray",
        witness: "bigarray.cma",
        description: "requires = \"unix\" directory = \"^\" archive(byte) = \"bigarray.cma\" \
                      archive(native) = \"bigarray.cmxa\" plugin(byte) = \"bigarray.cma\" plugin(native) = \"bigarray.cmxs\"",
    },
    // In the standard library since OCaml 5.0 and 4.02; libraries go on requiring them.
    Own {
        name: "bigarray",
        witness: "stdlib.cma",
        description: "directory = \"^\"",
    },
    Own {
        name: "bytes",
        witness: "stdlib.cma",
        description: "directory = \"^\"",
    },
];

struct Own {
    name: &'static str,
    witness: &'static str,
    description: &'static str,
}

impl PackageIndex {
    /// The description of one of the compiler's own libraries, where there is no findlib.
    pub(super) fn of_compiler(&self, main: &[u8]) -> Option<MetaFile> {
        let own = self
            .own_libraries()
            .find(|own| own.name.as_bytes() == main)?;
        let stdlib = self.configuration.stdlib_bytes();
        let meta = meta::parse(own.description.as_bytes()).ok()?;
        Some(MetaFile {
            // Where findlib would have it; it decides as soon as it is there.
            path: text::concat(stdlib, &[b"META.", main].concat()).into(),
            directory: stdlib.into(),
            meta: Arc::new(meta),
            stamp: Stamp::default(),
            settled: false,
            first_package: 0,
        })
    }

    /// The names that [`PackageIndex::of_compiler`] knows.
    pub(super) fn names_of_compiler(&self) -> impl Iterator<Item = Arc<[u8]>> {
        self.own_libraries().map(|own| own.name.as_bytes().into())
    }

    fn own_libraries(&self) -> impl Iterator<Item = &'static Own> {
        let stdlib = self.configuration.stdlib_bytes();
        let describes = self.configuration.describes_compiler() && !stdlib.is_empty();
        let is_there = move |own: &&Own| {
            describes && sys::exists(&text::concat(stdlib, own.witness.as_bytes()))
        };
        LIBRARIES.iter().filter(is_there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::{Configuration, Environment};
    use crate::library::LibOptions;
    use crate::name::LibName;

    #[test]
    fn every_description_is_in_the_syntax_of_meta() {
        for own in &LIBRARIES {
            let parsed = meta::parse(own.description.as_bytes());
            assert!(parsed.is_ok(), "{}: {parsed:?}", own.name);
        }
    }

    #[test]
    fn an_ocaml_without_findlib_has_its_own_libraries() {
        let prefix = tempfile::tempdir().expect("a temporary directory");
        let stdlib = prefix.path().join("lib/ocaml");
        // What the machine that runs this has is of another compiler.
        for file in [
            "stdlib.cma",
            "unix.cma",
            "unix.cmxa",
            "threads/threads.cma",
            "compiler-libs/ocamlcommon.cma",
        ] {
            let file = stdlib.join(file);
            std::fs::create_dir_all(file.parent().expect("a directory")).expect("writable");
            std::fs::write(file, "").expect("writable");
        }
        let environment = Environment {
            opam_switch_prefix: Some(prefix.path().into()),
            ..Environment::default()
        };
        let configuration =
            Configuration::of_compiler(&environment, &stdlib).expect("a configuration");
        let mut index = PackageIndex::new(configuration);
        let name = |name: &str| LibName::new(name).expect("a name");
        let wanted = ["threads", "compiler-libs.common", "bigarray"].map(name);
        let libs = index
            .libs_and_deps(&wanted, &LibOptions::new(4))
            .expect("all are there");
        let found: Vec<_> = libs
            .iter()
            .map(|lib| {
                let directory = lib.directory.strip_prefix(&stdlib).expect("below");
                (lib.name.as_str(), directory.to_str().expect("text"))
            })
            .collect();
        assert_eq!(
            found,
            [
                ("unix", ""),
                ("threads.posix", "threads"),
                ("compiler-libs", "compiler-libs"),
                ("compiler-libs.common", "compiler-libs"),
                ("bigarray", "")
            ]
        );
        assert_eq!(libs[1].cma, [stdlib.join("threads/threads.cma")]);
        assert!(libs[4].cma.is_empty());
        assert_eq!(index.find("str").expect("no fault"), None);
        assert!(index.load_all().is_empty());
        let mut whole = PackageIndex::new(index.configuration().clone());
        assert!(whole.load_all().is_empty());
        assert_eq!(whole.packages().count(), index.packages().count());
        assert!(index.packages().any(|package| package.name() == "bytes"));

        // A META file of the compiler's own decides.
        std::fs::create_dir(stdlib.join("unix")).expect("writable");
        std::fs::write(stdlib.join("unix/META"), "version = \"5\"").expect("writable");
        let changes = index.rescan();
        assert!(changes.errors.is_empty());
        let unix = index.find("unix").expect("no fault").expect("there");
        assert_eq!(index.package(unix).directory(), stdlib.join("unix"));
    }
}
