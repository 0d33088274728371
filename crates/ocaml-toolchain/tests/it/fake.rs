//! Toolchains made of small shell scripts, one for each fault.

use ocaml_toolchain::find::Options;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory with an installation in it: `bin` and `lib/ocaml`.
pub(crate) struct Fake {
    dir: TempDir,
}

impl Fake {
    /// An installation without any tool.
    pub(crate) fn empty() -> Self {
        let fake = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir_all(fake.bin()).unwrap();
        std::fs::create_dir_all(fake.lib()).unwrap();
        fake
    }

    /// A whole installation: compilers, `ocamldep`, `ocamlfind`, assembler, linker, libraries.
    pub(crate) fn whole() -> Self {
        let fake = Self::empty().bytecode();
        fake.compiler("ocamlopt.opt").compiler("ocamlopt");
        fake.tool("as", "").tool("ld", "").library("stdlib.cmxa");
        for file in [
            "ocamlcommon.cmxa",
            "ocamlbytecomp.cmxa",
            "ocamloptcomp.cmxa",
            "optmaindriver.cmi",
        ] {
            fake.library(&format!("compiler-libs/{file}"));
        }
        fake.ocamlfind("ocamlfind", &fake.bin().join("ocamlopt"), &fake.lib());
        fake
    }

    /// An installation that makes byte code only.
    pub(crate) fn bytecode(self) -> Self {
        self.compiler("ocamlc")
            .tool("ocamldep", "")
            .library("stdlib.cmi")
            .library("stdlib.cma");
        self
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn bin(&self) -> PathBuf {
        self.root().join("bin")
    }

    pub(crate) fn lib(&self) -> PathBuf {
        self.root().join("lib/ocaml")
    }

    /// Options that find this installation by its `PATH`, and nothing else.
    pub(crate) fn path(&self) -> Options {
        Options::default().path(self.bin())
    }

    pub(crate) fn conf(&self, version: &str) -> String {
        format!(
            "version: {version}\nstandard_library: {}\narchitecture: amd64\nsystem: linux\nasm: as --64\n\
             native_pack_linker: ld -r -o \nsupports_shared_libraries: true\n",
            self.lib().display()
        )
    }

    /// A compiler that prints the usual configuration.
    pub(crate) fn compiler(&self, name: &str) -> &Self {
        self.compiler_with(name, &self.conf("4.14.1"))
    }

    /// A compiler that prints this for `-config`.
    pub(crate) fn compiler_with(&self, name: &str, conf: &str) -> &Self {
        // `printf` is part of the shell: the script must run under a `PATH` that holds nothing else.
        self.tool(
            name,
            &format!("[ \"$*\" = -config ] || exit 2\nprintf '%s' '{conf}'\n"),
        )
    }

    pub(crate) fn ocamlfind(&self, name: &str, compiler: &Path, standard_library: &Path) -> &Self {
        let script = format!(
            "case \"$*\" in\n'ocamlopt -only-show') echo '{} ' ;;\n'printconf stdlib') echo '{}' ;;\n*) exit 2 ;;\nesac\n",
            compiler.display(),
            standard_library.display()
        );
        self.tool(name, &script)
    }

    /// A program in `bin`.
    pub(crate) fn tool(&self, name: &str, script: &str) -> &Self {
        let path = self.bin().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// An empty file below the standard library.
    pub(crate) fn library(&self, name: &str) -> &Self {
        let path = self.lib().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
        self
    }

    pub(crate) fn remove(&self, path: &str) -> &Self {
        let path = self.root().join(path);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap()
        } else {
            std::fs::remove_file(path).unwrap()
        }
        self
    }
}
