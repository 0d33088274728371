//! The kit of an installed toolchain: built once, kept in the user's cache directory, found there again.
//!
//! ```text
//! CACHE/kits/IDENTITY-CODE/     kit.json, the driver, the host image, its link stub, the registry's interface
//! CACHE/kits/KEY.found          which kit the places searched lead to, and stamps of all that decided it
//! CACHE/kits/.lock              held while building; never deleted
//! CACHE/libraries/              loadable files made of libraries that ship none
//! ```

mod driver;
mod error;
mod found;
mod host;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use code_sets::Code;
use ocaml_runtime::host_image;
use ocaml_toolchain::{Toolchain, find, threads};

pub use self::error::BuildError;
use self::found::Found;
use super::identity::Digest;
use super::{Kit, Manifest, StockCompilers, ensure_private_directory};

/// Where a kit of an installed toolchain comes from and is kept.
#[derive(Clone)]
#[must_use = "options do nothing until they are given to `Kit::system`"]
pub struct SystemOptions {
    cache_directory: PathBuf,
    toolchain: find::Options,
    code: Code,
    progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
}

/// What is being built, told before each step. A kit that is already there reports nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The compiler driver is being linked.
    Driver,
    /// The host image is being linked.
    HostImage,
}

impl SystemOptions {
    /// Native code, the toolchain that the environment names, and this cache directory
    /// (see [`default_cache_directory`](super::default_cache_directory)).
    pub fn new(cache_directory: impl Into<PathBuf>) -> Self {
        SystemOptions {
            cache_directory: cache_directory.into(),
            toolchain: find::Options::from_environment(),
            code: Code::Native,
            progress: None,
        }
    }

    /// Where the toolchain is looked for. Default: what the environment names.
    pub fn toolchain(mut self, options: find::Options) -> Self {
        self.toolchain = options;
        self
    }

    /// The code that plugins are compiled to. Default: native.
    pub fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// Called before each step of building. Default: nothing is told.
    pub fn progress(mut self, progress: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }
}

/// See [`Kit::system`].
pub(super) async fn system(options: SystemOptions) -> Result<Kit, BuildError> {
    if options.code == Code::Wasm {
        return Err(BuildError::Code {
            code: options.code,
            reason: "it cannot be loaded into a process".to_owned(),
        });
    }
    let kits = options.cache_directory.join("kits");
    let libraries = options.cache_directory.join("libraries");
    for directory in [&options.cache_directory, &kits, &libraries] {
        ensure_private_directory(directory)
            .map_err(|error| BuildError::Directory(Box::new(error)))?;
    }
    let found_path = Found::path(&kits, &options.toolchain, options.code);
    if let Some(kit) = Found::read(&found_path) {
        let directory = kits.join(kit);
        if let Ok(manifest) = Manifest::read(&directory) {
            return Ok(Kit::new(directory, manifest, None, Some(libraries), None));
        }
    }
    let toolchain = Toolchain::find(&options.toolchain)
        .await
        .map_err(|error| BuildError::Toolchain(Box::new(error)))?;
    let inputs = inputs(&toolchain, options.code);
    let identity = identity(&toolchain, options.code, &inputs)?;
    let name = format!("{identity}-{}", options.code);
    let directory = kits.join(&name);
    let manifest = match found::verified(&directory) {
        Some(manifest) => manifest,
        None => {
            let _lock = lock(&kits).await?;
            match found::verified(&directory) {
                Some(manifest) => manifest,
                None => build(&options, &toolchain, &identity, &kits, &directory).await?,
            }
        }
    };
    // Only a shortcut: when it cannot be written, the next start takes the long way.
    let _ =
        Found::new(name, &options.toolchain, &toolchain, &inputs, &directory).write(&found_path);
    let libraries = Some(libraries);
    Ok(Kit::new(
        directory,
        manifest,
        None,
        libraries,
        Some(toolchain),
    ))
}

async fn lock(kits: &Path) -> Result<std::fs::File, BuildError> {
    let path = kits.join(".lock");
    threads::unblock(move || {
        let opened = std::fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        match opened.and_then(|file| file.lock().map(|()| file)) {
            Ok(file) => Ok(file),
            Err(source) => Err(BuildError::Io {
                path: Box::new(path),
                source,
            }),
        }
    })
    .await
}

/// The installed files that a kit is made of.
fn inputs(toolchain: &Toolchain, code: Code) -> Vec<PathBuf> {
    let library = toolchain.conf().standard_library();
    let names: &[&str] = match code {
        Code::Byte => &[
            "stdlib.cma",
            "libcamlrun_pic.a",
            "unix.cma",
            "unix/unix.cma",
            "threads/threads.cma",
            "dynlink.cma",
            "dynlink/dynlink.cma",
            "compiler-libs/ocamlcommon.a",
            "compiler-libs/ocamlbytecomp.a",
        ],
        _ => &[
            "stdlib.cmxa",
            "stdlib.a",
            "libasmrun_pic.a",
            "unix.cmxa",
            "unix/unix.cmxa",
            "threads/threads.cmxa",
            "dynlink.cmxa",
            "dynlink/dynlink.cmxa",
            "compiler-libs/ocamlcommon.a",
            "compiler-libs/ocamloptcomp.a",
        ],
    };
    let tools = [toolchain.ocamlopt(), toolchain.ocamlc(), toolchain.linker()];
    let assembler = toolchain
        .assembler()
        .map(|command| command.program.as_path());
    let tools = tools
        .into_iter()
        .chain([assembler])
        .flatten()
        .map(Path::to_owned);
    tools
        .chain(names.iter().map(|name| library.join(name)))
        .collect()
}

/// Names everything that decides what a compilation with this kit gives.
fn identity(toolchain: &Toolchain, code: Code, inputs: &[PathBuf]) -> Result<String, BuildError> {
    let mut digest = Digest::new("saddlebag kit 1");
    digest.part("code", code.to_string().as_bytes());
    for (name, value) in toolchain.conf().fields() {
        digest.part(name, value.as_bytes());
    }
    for path in inputs {
        let label = path.to_string_lossy();
        digest.file(&label, path).map_err(|source| BuildError::Io {
            path: Box::new(path.clone()),
            source,
        })?;
    }
    for (name, text) in driver::SOURCES.iter().chain(&host_image::SOURCES) {
        digest.part(name, text.as_bytes());
    }
    digest.part(
        "recipe",
        format!("{:?}", recipe(toolchain, code)).as_bytes(),
    );
    Ok(digest.finish())
}

/// What decides how a kit is made of its inputs.
fn recipe(toolchain: &Toolchain, code: Code) -> impl std::fmt::Debug {
    (
        driver::RECIPE,
        driver::WORKER_RECIPE,
        host::recipe(toolchain, code, ""),
        host_image::LIBRARIES,
    )
}

/// Builds a kit under another name and renames it to `directory`: it is there whole or not at all.
async fn build(
    options: &SystemOptions,
    toolchain: &Toolchain,
    identity: &str,
    kits: &Path,
    directory: &Path,
) -> Result<Manifest, BuildError> {
    let io = |path: &Path| {
        let path = Box::new(path.to_owned());
        move |source| BuildError::Io { path, source }
    };
    let report = |progress| {
        if let Some(tell) = &options.progress {
            tell(progress);
        }
    };
    // The lock is held, so whatever building left behind is dead.
    found::sweep(kits);
    let staging = tempfile::Builder::new()
        .prefix(found::STAGING_PREFIX)
        .tempdir_in(kits)
        .map_err(io(kits))?;
    let work = tempfile::Builder::new()
        .prefix(found::STAGING_PREFIX)
        .tempdir_in(kits)
        .map_err(io(kits))?;

    let conf = toolchain.conf().clone();
    let standard_library = conf.standard_library().to_owned();
    let mut manifest = Manifest::new(
        identity.to_owned(),
        identity.to_owned(),
        conf,
        standard_library.clone(),
    );
    manifest.linker = toolchain.linker().map(Path::to_owned);
    manifest.tools = toolchain
        .assembler()
        .and_then(|assembler| assembler.program.parent().map(Path::to_owned));

    if toolchain.compiler_libs().is_some() && toolchain.ocamlopt().is_some() {
        report(Progress::Driver);
        let linked = driver::link(toolchain, options.code, work.path(), staging.path()).await?;
        if let Some(driver::Linked { driver, no_worker }) = linked {
            (manifest.driver, manifest.no_worker) = (Some(driver), no_worker);
        }
    }
    manifest.gives_assembly = manifest.driver.is_some()
        && options.code != Code::Byte
        && driver::gives_assembly(toolchain);
    if manifest.driver.is_none() {
        manifest.stock = Some(StockCompilers {
            ocamlopt: toolchain.ocamlopt().map(Path::to_owned),
            ocamlc: toolchain.ocamlc().map(Path::to_owned),
            ocamldep: toolchain.ocamldep().map(Path::to_owned),
        });
    }
    report(Progress::HostImage);
    let host = host::link(
        toolchain,
        options.code,
        identity,
        work.path(),
        staging.path(),
    )
    .await?;
    manifest
        .include_directories
        .push(PathBuf::from(host::INTERFACES));
    // What the host image holds and the compiler of some version does not look for by itself.
    for library in host_image::LIBRARIES {
        let installed = standard_library.join(library);
        if installed.is_dir() {
            manifest.include_directories.push(installed);
        }
    }
    match options.code {
        Code::Byte => manifest.byte = Some(host),
        _ => manifest.native = Some(host),
    }
    found::settle(staging, &manifest, directory).map_err(io(directory))?;
    Ok(manifest)
}
