//! A library: what a build tool has to know of one.

mod description;
mod listing;
mod of_package;
mod order;

pub use of_package::{Error, LibOptions};
pub use order::Error as OrderError;

pub(crate) use description::Description;
pub(crate) use listing::{DirectoryListing, DirectoryListings};
pub(crate) use order::{order, requirers};

use std::path::PathBuf;

use crate::meta::Position;
use crate::name::LibName;

/// A library, with the files that compiling against it and linking it need.
///
/// One from META comes from [`Lib::of_package`]; a build system makes its own with [`Lib::new`] and sets the fields.
///
/// ```
/// use lib_resolve::Lib;
/// let mut lib = Lib::new("fmt.tty".parse()?, "/opt/ocaml/lib/fmt");
/// lib.requires = vec!["unix".parse()?, "fmt".parse()?];
/// lib.cmxa = vec!["/opt/ocaml/lib/fmt/fmt_tty.cmxa".into()];
/// assert!(lib.cma.is_empty());
/// # Ok::<(), lib_resolve::name::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Lib {
    /// The canonical name; see [`canonical_name`].
    pub name: LibName,
    /// The libraries it requires, in order, each once.
    pub requires: Vec<LibName>,
    /// The libraries it gives on to those who require it, in order.
    pub exports: Vec<LibName>,
    /// The directory of its files.
    pub directory: PathBuf,
    /// The META file that describes it.
    pub meta_file: Option<PathBuf>,
    /// Where in that file.
    pub meta_position: Option<Position>,
    /// The compiled interfaces in the directory. Libraries that share a directory have the same.
    pub cmis: Vec<PathBuf>,
    /// The `.cmx` files in the directory, for inlining across libraries.
    pub cmxs: Vec<PathBuf>,
    /// Archives of byte code (`.cma`, sometimes `.cmo`), in linking order.
    pub cma: Vec<PathBuf>,
    /// Archives of native code (`.cmxa`, sometimes `.cmx`), in linking order.
    pub cmxa: Vec<PathBuf>,
    /// The C archives (`.a`) that go with the native archives; those with no code have none.
    pub c_archives: Vec<PathBuf>,
    /// The other C archives of the directory: stubs. Libraries that share a directory have the same.
    pub c_stubs: Vec<PathBuf>,
    /// JavaScript stubs for js_of_ocaml.
    pub js_stubs: Vec<PathBuf>,
    /// Archives to load at run time as byte code (`.cma`).
    pub byte_plugins: Vec<PathBuf>,
    /// Archives to load at run time as native code (`.cmxs`).
    pub native_plugins: Vec<PathBuf>,
    /// The command of a ppx rewriter, its path resolved.
    pub ppx: Option<String>,
    /// What META warns of. Show it to who uses the library.
    pub warning: Option<String>,
    /// Why META says that the library must not be used.
    pub error: Option<String>,
    /// The version.
    pub version: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The archives, plugins and directories that META names and that do not exist.
    pub missing_files: Vec<PathBuf>,
}

impl Lib {
    /// A library of nothing but a name and a directory.
    pub fn new(name: LibName, directory: impl Into<PathBuf>) -> Lib {
        Lib {
            name,
            requires: Vec::new(),
            exports: Vec::new(),
            directory: directory.into(),
            meta_file: None,
            meta_position: None,
            cmis: Vec::new(),
            cmxs: Vec::new(),
            cma: Vec::new(),
            cmxa: Vec::new(),
            c_archives: Vec::new(),
            c_stubs: Vec::new(),
            js_stubs: Vec::new(),
            byte_plugins: Vec::new(),
            native_plugins: Vec::new(),
            ppx: None,
            warning: None,
            error: None,
            version: None,
            description: None,
            missing_files: Vec::new(),
        }
    }

    /// The names of the compilation units whose interfaces lie in the directory: `Fmt_tty` for `fmt_tty.cmi`.
    pub fn units(&self) -> impl Iterator<Item = String> {
        self.cmis
            .iter()
            .filter_map(|cmi| unit_name(cmi.file_stem()?.to_str()?))
    }
}

/// The unit that a file's stem names: the same with a capital.
pub(crate) fn unit_name(stem: &str) -> Option<String> {
    let mut characters = stem.chars();
    let first = characters.next()?;
    Some(first.to_ascii_uppercase().to_string() + characters.as_str())
}

/// The one name of a library that has several.
///
/// `ocaml.threads`, `threads` and `threads.posix` are one library: `threads.posix` before OCaml 5, where it holds the archive, and
/// `threads` from OCaml 5 on.
///
/// ```
/// let threads = "threads".parse()?;
/// assert_eq!(lib_resolve::canonical_name(&threads, 4).as_str(), "threads.posix");
/// assert_eq!(lib_resolve::canonical_name(&threads, 5).as_str(), "threads");
/// # Ok::<(), lib_resolve::name::Error>(())
/// ```
#[must_use]
pub fn canonical_name(name: &LibName, ocaml_major: u32) -> LibName {
    let canonical = match name.as_str() {
        "ocaml.threads" | "threads" | "threads.posix" if ocaml_major < 5 => "threads.posix",
        "ocaml.threads" | "threads" | "threads.posix" => "threads",
        _ => return name.clone(),
    };
    LibName::new(canonical).unwrap_or_else(|_| name.clone())
}
