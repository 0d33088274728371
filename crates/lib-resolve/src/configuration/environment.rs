//! What findlib takes from the process's environment, as a value.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The environment variables that decide where findlib looks.
///
/// [`Environment::default`] is the empty environment; only [`Environment::from_process`] reads the process's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Environment {
    /// `OCAMLFIND_CONF`: the configuration file. Empty counts as unset.
    pub configuration_file: Option<OsString>,
    /// `OCAMLFIND_TOOLCHAIN`: a predicate for the configuration. Empty counts as set.
    pub toolchain: Option<OsString>,
    /// `OCAMLPATH`: directories in front of the search path.
    pub ocamlpath: Option<OsString>,
    /// `OCAMLLIB`: the standard library's directory. Empty hides `CAMLLIB` but not the configuration's value.
    pub ocamllib: Option<OsString>,
    /// `CAMLLIB`: the same, when `OCAMLLIB` is not set.
    pub camllib: Option<OsString>,
    /// `OPAM_SWITCH_PREFIX`: the opam switch in use.
    pub opam_switch_prefix: Option<OsString>,
    /// `CAML_LD_LIBRARY_PATH`: findlib 1.9.7 finds a relocated installation from it.
    pub caml_ld_library_path: Option<OsString>,
    /// `OCAML_TOPLEVEL_PATH`: likewise.
    pub ocaml_toplevel_path: Option<OsString>,
    /// `OCAMLFIND_COMMANDS`: names of tools. It decides about no library; a malformed one is warned of.
    pub commands: Option<OsString>,
    /// `PATH`: `ocamlfind` and `ocamlc` are looked for in it to tell where an installation keeps its files.
    pub path: Option<OsString>,
}

/// The names of the variables in the order of the fields of [`Environment`].
const VARIABLES: [&str; 10] = [
    "OCAMLFIND_CONF",
    "OCAMLFIND_TOOLCHAIN",
    "OCAMLPATH",
    "OCAMLLIB",
    "CAMLLIB",
    "OPAM_SWITCH_PREFIX",
    "CAML_LD_LIBRARY_PATH",
    "OCAML_TOPLEVEL_PATH",
    "OCAMLFIND_COMMANDS",
    "PATH",
];

impl Environment {
    /// The variables of this process, read now.
    #[must_use]
    pub fn from_process() -> Environment {
        let [
            configuration_file,
            toolchain,
            ocamlpath,
            ocamllib,
            camllib,
            opam_switch_prefix,
            caml_ld_library_path,
            ocaml_toplevel_path,
            commands,
            path,
        ] = VARIABLES.map(std::env::var_os);
        Environment {
            configuration_file,
            toolchain,
            ocamlpath,
            ocamllib,
            camllib,
            opam_switch_prefix,
            caml_ld_library_path,
            ocaml_toplevel_path,
            commands,
            path,
        }
    }

    /// Each variable's name and value, for a child process or a cache key.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, Option<&OsStr>); 10] {
        let values = [
            &self.configuration_file,
            &self.toolchain,
            &self.ocamlpath,
            &self.ocamllib,
            &self.camllib,
            &self.opam_switch_prefix,
            &self.caml_ld_library_path,
            &self.ocaml_toplevel_path,
            &self.commands,
            &self.path,
        ];
        std::array::from_fn(|index| (VARIABLES[index], values[index].as_deref()))
    }

    /// The configuration file of the installation that this environment leads to.
    ///
    /// An `ocamlfind` has the name compiled in, and no file tells it. So this takes the first that exists of: what belongs to
    /// the `ocamlfind` on `PATH` (`../lib/findlib.conf`, `../etc/findlib.conf` beside its directory, or `/etc/ocamlfind.conf`
    /// and `/etc/findlib.conf` when it is the system's), the opam switch's, and the system's.
    #[must_use]
    pub fn default_configuration_file(&self) -> Option<PathBuf> {
        let mut candidates = Vec::new();
        let mut add = |prefix: &Path| {
            candidates
                .extend(["lib/findlib.conf", "etc/findlib.conf"].map(|file| prefix.join(file)));
        };
        let program = self.program_prefix("ocamlfind");
        let of_the_system = program
            .as_deref()
            .is_some_and(|prefix| prefix == Path::new("/usr"));
        if let Some(prefix) = program.filter(|_| !of_the_system) {
            add(&prefix);
        }
        if let Some(prefix) = self.opam_switch_prefix.as_ref().filter(|_| !of_the_system) {
            add(Path::new(prefix));
        }
        let system = [
            "/etc/ocamlfind.conf",
            "/etc/findlib.conf",
            "/usr/local/etc/findlib.conf",
        ];
        candidates.extend(system.map(PathBuf::from));
        candidates
            .into_iter()
            .find(|file| file.exists() || with_d(file).exists())
    }

    /// The standard library's directory of the compiler that this environment leads to: `lib/ocaml` beside the directory of the
    /// `ocamlc` on `PATH`, the opam switch's, or the system's; the first that holds a standard library.
    #[must_use]
    pub fn default_stdlib(&self) -> Option<PathBuf> {
        let prefixes = [
            self.program_prefix("ocamlc"),
            self.opam_switch_prefix.as_ref().map(PathBuf::from),
        ];
        let candidates = prefixes
            .into_iter()
            .flatten()
            .map(|prefix| prefix.join("lib/ocaml"));
        let system = ["/usr/lib/ocaml", "/usr/local/lib/ocaml"].map(PathBuf::from);
        candidates
            .chain(system)
            .find(|directory| directory.join("stdlib.cmi").exists())
    }

    /// The prefix for `$PREFIX` in a configuration, by the rule of findlib 1.9.7: the first of the opam switch, the grandparent
    /// of each `CAML_LD_LIBRARY_PATH` entry and that of `OCAML_TOPLEVEL_PATH` that has a `findlib.conf`.
    #[must_use]
    pub fn relocation_prefix(&self) -> Option<PathBuf> {
        let grandparent =
            |path: PathBuf| path.parent().and_then(Path::parent).map(Path::to_path_buf);
        let stubs = self
            .caml_ld_library_path
            .iter()
            .flat_map(|value| std::env::split_paths(value));
        let toplevel = self.ocaml_toplevel_path.iter().map(PathBuf::from);
        let switch = self.opam_switch_prefix.iter().map(PathBuf::from);
        switch
            .chain(stubs.chain(toplevel).filter_map(grandparent))
            .find(|prefix| {
                prefix.join("etc/findlib.conf").exists() || prefix.join("lib/findlib.conf").exists()
            })
    }

    /// The directory above the one that holds a program of `PATH`.
    fn program_prefix(&self, program: &str) -> Option<PathBuf> {
        let directories = std::env::split_paths(self.path.as_ref()?);
        let directory = directories
            .filter(|directory| directory.is_absolute())
            .find(|d| d.join(program).exists())?;
        // `/bin` is a link to `/usr/bin` on many systems.
        let directory = directory.canonicalize().unwrap_or(directory);
        directory.parent().map(Path::to_path_buf)
    }
}

/// `findlib.conf.d` for `findlib.conf`.
pub(super) fn with_d(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".d");
    PathBuf::from(name)
}
