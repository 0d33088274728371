//! Everything that a compilation and a load need, described by paths.

mod build;
mod c_library;
mod identity;
mod manifest;
mod private_directory;
mod worker;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_lock::OnceCell;
use async_trait::async_trait;
use code_sets::{Code, CodeSet};
use ocaml_toolchain::{Conf, Invocation, Toolchain};

pub use self::build::{BuildError, Progress, SystemOptions};
pub use self::manifest::{
    CarriedLibrary, CarriedPreprocessor, HostImage, MANIFEST_NAME, Manifest, ReadError,
    StockCompilers,
};
pub use self::private_directory::{
    PrivateDirectoryError, default_cache_directory, ensure_private_directory,
};
use self::worker::Workers;

/// A compiler, the tools it starts, the interfaces it reads and the host images plugins are loaded into.
///
/// A kit comes from an installed toolchain ([`Kit::system`]) or from a directory that was packed before
/// ([`Kit::from_manifest`]). Cloning is cheap.
#[derive(Clone)]
pub struct Kit {
    inner: Arc<Inner>,
}

struct Inner {
    directory: PathBuf,
    manifest: Manifest,
    preparation: Option<Box<dyn Prepare>>,
    /// Where what is made for installed libraries is kept.
    library_cache: Option<PathBuf>,
    toolchain: Option<Toolchain>,
    compile_directory: OnceCell<PathBuf>,
    load_directory: OnceCell<PathBuf>,
    workers: Workers,
}

/// What a kit's files are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// Compiling: the driver, the tools and the interfaces.
    Compile,
    /// Loading: the host images.
    Load,
}

/// Brings the files of a kit into being when they are first needed.
#[async_trait]
pub trait Prepare: Send + Sync {
    /// Makes the files for `need` exist and gives the directory that the manifest's paths for that need start from.
    /// Called at most once a need unless it fails.
    ///
    /// # Errors
    /// Whatever kept the files from being there.
    async fn prepare(&self, need: Need) -> Result<PathBuf, PrepareError>;

    /// As [`Prepare::prepare`], on the calling thread, which it may block. By default it waits for that.
    ///
    /// # Errors
    /// As [`Prepare::prepare`].
    fn prepare_blocking(&self, need: Need) -> Result<PathBuf, PrepareError> {
        futures_lite::future::block_on(self.prepare(need))
    }
}

/// The error returned by [`Kit::prepare`]: why the files of a kit could not be made.
#[derive(Debug, thiserror::Error)]
#[error("could not put the OCaml {} in its place", match need { Need::Compile => "compiler", Need::Load => "runtime" })]
pub struct PrepareError {
    /// What the files were wanted for.
    pub need: Need,
    /// What went wrong.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Kit {
    /// The kit of an installed toolchain. Our driver and the host image are built once and kept in the cache directory
    /// of `options`; a later call finds them there without starting a process.
    ///
    /// # Errors
    /// No usable toolchain, no compiler for the host image, or a cache directory that others can write to.
    pub async fn system(options: SystemOptions) -> Result<Kit, BuildError> {
        build::system(options).await
    }

    /// The kit that `manifest` describes, in `directory`. `preparation` makes its files when they are needed.
    #[must_use]
    pub fn from_manifest(
        directory: PathBuf,
        manifest: Manifest,
        preparation: Option<Box<dyn Prepare>>,
    ) -> Kit {
        Kit::new(directory, manifest, preparation, None, None)
    }

    fn new(
        directory: PathBuf,
        manifest: Manifest,
        preparation: Option<Box<dyn Prepare>>,
        library_cache: Option<PathBuf>,
        toolchain: Option<Toolchain>,
    ) -> Kit {
        let inner = Inner {
            directory,
            manifest,
            preparation,
            library_cache,
            toolchain,
            compile_directory: OnceCell::new(),
            load_directory: OnceCell::new(),
            workers: Workers::default(),
        };
        Kit {
            inner: Arc::new(inner),
        }
    }

    /// The directory that relative paths of the manifest start from, for files wanted for `need`.
    #[must_use]
    pub fn directory(&self, need: Need) -> &Path {
        self.prepared(need)
            .get()
            .map_or(&self.inner.directory, PathBuf::as_path)
    }

    /// The installed toolchain, where this process has searched for it: it does when the kit is new, or when anything
    /// has changed in the places searched.
    #[must_use]
    pub fn found_toolchain(&self) -> Option<&Toolchain> {
        self.inner.toolchain.as_ref()
    }

    /// What the kit holds.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.inner.manifest
    }

    /// What the compiler says of itself (`ocamlopt -config`).
    #[must_use]
    pub fn conf(&self) -> &Conf {
        &self.inner.manifest.conf
    }

    /// Names everything that decides what a compilation gives; part of every cache key.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.inner.manifest.identity
    }

    /// Names the host image that plugins are linked for.
    #[must_use]
    pub fn host_image_identity(&self) -> &str {
        &self.inner.manifest.host_identity
    }

    /// The codes that plugins can be compiled to and loaded in.
    #[must_use]
    pub fn codes(&self) -> CodeSet {
        let manifest = &self.inner.manifest;
        let mut codes = CodeSet::NONE;
        if manifest.byte.is_some() {
            codes.insert(Code::Byte);
        }
        if manifest.native.is_some() {
            codes.insert(Code::Native);
        }
        codes
    }

    /// Whether the kit brings its libraries with it; else they are those that are installed with its toolchain.
    #[must_use]
    pub fn is_carried(&self) -> bool {
        self.inner.preparation.is_some()
    }

    /// Whether the kit was made to do without an assembler and a linker.
    pub(crate) fn lacks_linker(&self) -> bool {
        self.is_carried() && self.inner.manifest.linker.is_none()
    }

    /// Where what is made for installed libraries is kept.
    pub(crate) fn library_cache(&self) -> Option<&Path> {
        self.inner.library_cache.as_deref()
    }

    /// The linker, and the stub of the native host image.
    pub(crate) fn linker_and_stub(&self) -> Option<(PathBuf, PathBuf)> {
        let manifest = &self.inner.manifest;
        let (linker, native) = (manifest.linker.as_ref()?, manifest.native.as_ref()?);
        Some((self.absolute(linker), self.absolute(&native.link_stub)))
    }

    /// Makes the files for `need` exist. Does nothing for an installed toolchain, and nothing the second time. The
    /// invocations and paths that the kit gives are right once this has succeeded.
    ///
    /// # Errors
    /// What the kit's [`Prepare`] reports.
    pub async fn prepare(&self, need: Need) -> Result<(), PrepareError> {
        let Some(preparation) = &self.inner.preparation else {
            return Ok(());
        };
        self.prepared(need)
            .get_or_try_init(|| preparation.prepare(need))
            .await
            .map(|_| ())
    }

    /// As [`Kit::prepare`], on the calling thread: files that are there already are found without the help of another one.
    pub(crate) fn prepare_blocking(&self, need: Need) -> Result<(), PrepareError> {
        let Some(preparation) = &self.inner.preparation else {
            return Ok(());
        };
        self.prepared(need)
            .get_or_try_init_blocking(|| preparation.prepare_blocking(need))
            .map(|_| ())
    }

    /// `ocamlopt`, ready for arguments: the environment is set, the standard library and the host image's interface are
    /// on its path. `None` when the toolchain makes no native code.
    ///
    /// The compiler writes assembly to `TMPDIR`; callers set it beside the working directory.
    #[must_use]
    pub fn ocamlopt(&self) -> Option<Invocation> {
        self.inner.manifest.native.as_ref()?;
        self.compiler("ocamlopt", |stock| stock.ocamlopt.as_deref())
    }

    /// `ocamlc`, likewise. `None` when the kit has no byte-code compiler.
    #[must_use]
    pub fn ocamlc(&self) -> Option<Invocation> {
        self.compiler("ocamlc", |stock| stock.ocamlc.as_deref())
    }

    /// `ocamldep`, likewise, without include directories.
    #[must_use]
    pub fn ocamldep(&self) -> Option<Invocation> {
        self.program("ocamldep", |stock| stock.ocamldep.as_deref())
    }

    /// The arguments of the one `ocamlopt -shared` call that makes a plugin: which linker makes the shared object, and
    /// the library whose soname makes the plugin name its host image.
    #[must_use]
    pub fn shared_link_arguments(&self) -> Vec<OsString> {
        let mut arguments = Vec::new();
        let manifest = &self.inner.manifest;
        if let Some(linker) = &manifest.linker {
            let mut command = quote_for_shell(&self.absolute(linker));
            // A plugin's own symbols are bound to itself, so that its calls and data go through no table: a fifth of the
            // time of small functions.
            command.push(" -shared -Bsymbolic");
            arguments.push("-cc".into());
            arguments.push(command);
        }
        if let Some(native) = &manifest.native {
            // As a flag of the linker, for which it is pasted into a command line: the compiler itself knows no `.so`.
            arguments.push("-ccopt".into());
            arguments.push(quote_for_shell(&self.absolute(&native.link_stub)));
        }
        arguments
    }

    /// `ocamlopt` as a compiler that gives assembly: with these changes to [`Kit::ocamlopt`] and these arguments in place
    /// of [`Kit::shared_link_arguments`], the output of `-shared` is the text of all assembly, for
    /// [`ocaml_assembler`]. `None` when the kit's driver cannot do it.
    pub(crate) fn assembly_ocamlopt(&self) -> Option<(Invocation, [OsString; 2])> {
        let ocamlopt = self.gives_assembly().then(|| self.ocamlopt()).flatten()?;
        Some((
            ocamlopt.env("SADDLEBAG_ASSEMBLER", "text"),
            ["-cc".into(), "saddlebag-collect".into()],
        ))
    }

    /// Whether the kit's driver can give assembly to this process.
    pub(crate) fn gives_assembly(&self) -> bool {
        self.inner.manifest.gives_assembly
    }

    /// Whether the kit's driver can be a compile worker.
    pub(crate) fn has_compile_worker(&self) -> bool {
        let manifest = &self.inner.manifest;
        manifest.no_worker.is_none() && manifest.driver.is_some()
    }

    /// The driver as a compile worker, ready for the options of its units. `None` when it cannot be one:
    /// [`Manifest::no_worker`] says why.
    pub(crate) fn compile_worker(&self) -> Option<Invocation> {
        let compiler = self
            .has_compile_worker()
            .then(|| self.ocamlopt())
            .flatten()?;
        Some(compiler.env("SADDLEBAG_ROLE", "work"))
    }

    /// Runs one of the kit's compilers. The second and later times a driver that is running already does it.
    pub(crate) async fn output(
        &self,
        invocation: &Invocation,
    ) -> Result<std::process::Output, ocaml_toolchain::invocation::Error> {
        let role = if self.inner.manifest.native.is_some() {
            "ocamlopt"
        } else {
            "ocamlc"
        };
        let driver = self
            .inner
            .manifest
            .driver
            .as_ref()
            .and_then(|_| self.program(role, |_| None));
        // A program that was put in the compiler's place does not serve.
        let ours = driver.filter(|driver| driver.program() == invocation.program());
        self.inner
            .workers
            .output(
                ours.map(|driver| driver.env("SADDLEBAG_ROLE", "serve")),
                invocation,
            )
            .await
    }

    /// Ends the drivers that are running and have nothing to do.
    pub(crate) async fn end_drivers(&self) {
        self.inner.workers.end().await;
    }

    /// The soname of the host image for `code`.
    pub(crate) fn soname(&self, code: Code) -> Option<&str> {
        let manifest = &self.inner.manifest;
        let image = match code {
            Code::Native => manifest.native.as_ref(),
            Code::Byte => manifest.byte.as_ref(),
            Code::Wasm => None,
        };
        image.map(|host| host.soname.as_str())
    }

    /// What a native plugin names as needed: its host image, and the libraries that ocamlopt's own plugins name.
    pub(crate) fn needed_libraries(&self) -> Vec<String> {
        let image = self.soname(Code::Native).map(str::to_owned);
        image
            .into_iter()
            .chain(["libm.so.6".to_owned(), "libc.so.6".to_owned()])
            .collect()
    }

    /// The host image for `code`, where the kit has one.
    #[must_use]
    pub fn host_image(&self, code: Code) -> Option<PathBuf> {
        let manifest = &self.inner.manifest;
        let image = match code {
            Code::Native => manifest.native.as_ref(),
            Code::Byte => manifest.byte.as_ref(),
            Code::Wasm => None,
        };
        image.map(|host| self.directory(Need::Load).join(&host.image))
    }

    /// Libraries for the host image to fall back to where the machine lacks them.
    #[must_use]
    pub fn fallback_libraries(&self) -> Option<PathBuf> {
        let libraries = self.inner.manifest.fallback_libraries.as_ref();
        libraries.map(|libraries| self.directory(Need::Load).join(libraries))
    }

    /// Whether compiling needs `/bin/sh`, because the toolchain has no compiler-libs to build our driver from. Compiling
    /// to byte code starts no other program.
    #[must_use]
    pub fn needs_shell(&self) -> bool {
        self.inner.manifest.driver.is_none() && self.inner.manifest.native.is_some()
    }

    /// Whether the kit has a compiler driver of ours, and not only the installed compilers.
    pub(crate) fn has_driver(&self) -> bool {
        self.inner.manifest.driver.is_some()
    }

    fn compiler(
        &self,
        role: &str,
        stock: impl Fn(&StockCompilers) -> Option<&Path>,
    ) -> Option<Invocation> {
        let mut invocation = self.program(role, stock)?;
        for directory in &self.inner.manifest.include_directories {
            invocation = invocation.arg("-I").arg(self.absolute(directory));
        }
        Some(invocation)
    }

    fn program(
        &self,
        role: &str,
        stock: impl Fn(&StockCompilers) -> Option<&Path>,
    ) -> Option<Invocation> {
        let manifest = &self.inner.manifest;
        let mut invocation = match (&manifest.driver, &manifest.stock) {
            (Some(driver), _) => Invocation::new(self.absolute(driver)).env("SADDLEBAG_ROLE", role),
            (None, Some(programs)) => Invocation::new(self.absolute(stock(programs)?)),
            (None, None) => return None,
        };
        // What a user's shell says to a compiler must not change what a plugin is compiled to: caches are keyed by the
        // options alone (OCaml manual, section 10.2.4 and 12.2).
        for variable in [
            "CAMLLIB",
            "OCAMLPARAM",
            "OCAML_COLOR",
            "OCAML_ERROR_STYLE",
            "OCAMLRUNPARAM",
            "CAMLRUNPARAM",
        ] {
            invocation = invocation.env_remove(variable);
        }
        invocation = invocation.env("OCAMLLIB", self.absolute(&manifest.standard_library));
        if let Some(tools) = &manifest.tools {
            invocation = invocation.env("SADDLEBAG_TOOLS", self.absolute(tools));
        }
        if !manifest.assembler_arguments.is_empty() {
            invocation = invocation.env(
                "SADDLEBAG_TOOLS_ARGUMENTS",
                manifest.assembler_arguments.join(" "),
            );
        }
        if let Some(libraries) = self.tools_library_path() {
            // For the compiler, where it is not static, and for the tools that it starts.
            invocation = invocation
                .env("LD_LIBRARY_PATH", &libraries)
                .env("SADDLEBAG_TOOLS_LIBRARY_PATH", libraries);
        }
        Some(invocation)
    }

    /// The directories of the libraries that come with the kit's programs, in the form of `LD_LIBRARY_PATH` (ld.so(8)).
    pub(crate) fn tools_library_path(&self) -> Option<OsString> {
        let manifest = &self.inner.manifest;
        let own = manifest.tools_library_path.as_ref();
        let mut path = self.absolute(own?).into_os_string();
        let fallback = manifest.tools_fallback_libraries.as_ref();
        let fallback = fallback.map(|fallback| self.absolute(fallback));
        if let Some(fallback) = fallback.filter(|fallback| c_library::lacks(fallback)) {
            path.push(":");
            path.push(fallback);
        }
        Some(path)
    }

    fn prepared(&self, need: Need) -> &OnceCell<PathBuf> {
        match need {
            Need::Compile => &self.inner.compile_directory,
            Need::Load => &self.inner.load_directory,
        }
    }

    /// A path of what compiling needs.
    fn absolute(&self, path: &Path) -> PathBuf {
        self.directory(Need::Compile).join(path)
    }
}

impl std::fmt::Debug for Kit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Kit")
            .field("directory", &self.inner.directory)
            .field("manifest", &self.inner.manifest)
            .finish_non_exhaustive()
    }
}

/// Quotes a path as OCaml's `Filename.quote` does: the compiler pastes `-cc` into a command line as it stands.
pub(crate) fn quote_for_shell(path: &Path) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let mut quoted = Vec::from(b"'");
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            _ => quoted.push(byte),
        }
    }
    quoted.push(b'\'');
    OsString::from_vec(quoted)
}
