//! From sources to a compiled plugin, or to one that was compiled before.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use code_sets::Code;
use ocaml_toolchain::threads;
use tracing::Instrument;

use crate::bundle::{self, Bundle};
use crate::cache::{self, DirectoryStore, Key, KeyParts, Store};
use crate::compile::{self, Finished, Goal};
use crate::compile_arguments::key_arguments;
use crate::compiled::{Artefact, Compiled};
use crate::contract::Contract;
use crate::diagnostic::Diagnostic;
use crate::kit::Need;
use crate::library::{self, Library};
use crate::loader::{Loader, Shared, Storage, Unavailable};
use crate::made_by;
use crate::relay::Relay;
use crate::seal::Seal;
use crate::shared_library::SharedLibrary;
use crate::source::Source;
use crate::unit::{Evaluation, Shape, Unit};

impl Loader {
    /// Has the compiler look at the sources, and gives its warnings.
    pub(crate) async fn check(
        &self,
        contract: &Contract,
        sources: Vec<Source>,
    ) -> Result<Vec<Diagnostic>, compile::Error> {
        let bundles = match are_given(&sources) {
            true => self.shared.read(sources)?,
            false => {
                let shared = self.shared.clone();
                threads::unblock(move || shared.read(sources)).await?
            }
        };
        let finished = self
            .run_compiler(contract, Evaluation::AtLoad, &bundles, Goal::Check, None)
            .await?;
        Ok(finished.diagnostics)
    }

    /// Compiles the sources, or finds them compiled. With a relay, which is for [`Goal::LoadHere`], a worker's answer is
    /// waited for on the relay's thread.
    pub(crate) async fn compile(
        &self,
        contract: &Contract,
        evaluation: Evaluation,
        sources: Vec<Source>,
        goal: Goal,
        relay: Option<&Relay>,
    ) -> Result<Compiled, compile::Error> {
        let shared = &self.shared;
        let waits = shared.store.is_some() || !shared.knows_libraries() || !are_given(&sources);
        let looked = match waits {
            false => shared.look_up(contract, evaluation, sources)?,
            true => {
                let (shared, owned) = (shared.clone(), contract.clone());
                let look_up = move || shared.look_up(&owned, evaluation, sources);
                threads::unblock(look_up).await?
            }
        };
        self.compile_unless_found(contract, evaluation, looked, goal, relay)
            .await
    }

    /// As [`Loader::compile`], on the calling thread where the cache has the plugin: handing files to another thread
    /// and back takes longer than reading them.
    pub(crate) fn compile_blocking(
        &self,
        contract: &Contract,
        evaluation: Evaluation,
        sources: Vec<Source>,
    ) -> Result<Compiled, compile::Error> {
        let looked = self.look_up_blocking(contract, evaluation, sources)?;
        let compile = self.compile_unless_found(contract, evaluation, looked, Goal::Load, None);
        futures_lite::future::block_on(compile)
    }

    /// Reads the sources and looks for what was made of them before.
    pub(crate) fn look_up_blocking(
        &self,
        contract: &Contract,
        evaluation: Evaluation,
        sources: Vec<Source>,
    ) -> Result<LookedUp, compile::Error> {
        self.shared.look_up(contract, evaluation, sources)
    }

    /// The second half of [`Loader::compile`].
    pub(crate) async fn compile_unless_found(
        &self,
        contract: &Contract,
        evaluation: Evaluation,
        looked: LookedUp,
        goal: Goal,
        relay: Option<&Relay>,
    ) -> Result<Compiled, compile::Error> {
        let LookedUp {
            bundles,
            seal,
            key,
            found,
        } = looked;
        if let Some(compiled) = found {
            return Ok(compiled);
        }
        let cache = |error| compile::Error::Cache(Box::new(error));
        // What is stored is for other processes too.
        let (goal, relay) = match &key {
            Some(_) => (Goal::Load, None),
            None => (goal, relay),
        };
        let stored = key.zip(self.shared.store.as_ref());
        if let Some((key, Storage::Other(store))) = &stored
            && let Some(compiled) = find_in(&**store, key, &self.shared.needed(&seal))
                .await
                .map_err(cache)?
        {
            return Ok(compiled);
        }
        let Finished {
            artefact,
            diagnostics,
            assembler: _,
        } = self
            .run_compiler(contract, evaluation, &bundles, goal, relay)
            .await?;
        let artefact = artefact.expect("what compiles for a load leaves something to load");
        let compiled = Compiled {
            seal,
            artefact,
            diagnostics,
            from_cache: false,
        };
        let Some((key, storage)) = stored else {
            return Ok(compiled);
        };
        let (compiled, sealed) = compiled.sealed().await;
        let put = storage
            .store()
            .put(&key, &cache::encode(&key, &sealed, &compiled.diagnostics))
            .await;
        put.map_err(cache)?;
        Ok(compiled)
    }

    async fn run_compiler(
        &self,
        contract: &Contract,
        evaluation: Evaluation,
        bundles: &[Bundle],
        goal: Goal,
        relay: Option<&Relay>,
    ) -> Result<Finished, compile::Error> {
        let shared = &self.shared;
        let _permit = shared.jobs().acquire().await;
        let workspace =
            shared
                .workspace_async()
                .await
                .map_err(|unavailable| match unavailable {
                    Unavailable::Cleaned => compile::Error::Cleaned,
                    Unavailable::Workspace(error) => compile::Error::Workspace(Box::new(error)),
                })?;
        if let Some(hook) = &shared.options.initialize {
            let directory = workspace.directory().to_owned();
            let run = || hook.0(directory);
            shared
                .initialized
                .get_or_try_init(run)
                .await
                .map_err(compile::Error::Initialize)?;
        }
        let text = contract.text();
        let shape = Shape {
            evaluation,
            interface: &text,
            hide_unexported: !shared.options.warnings.are_compiler_defaults(),
            warn_despite_mli: shared.options.warn_unused_despite_mli,
        };
        let (kit, options) = (&shared.kit, &shared.options);
        kit.prepare(Need::Compile)
            .await
            .map_err(|error| compile::Error::Prepare(Box::new(error)))?;
        let root = kit.directory(Need::Compile);
        let directories = || options.libraries.iter().flat_map(Library::directories);
        let unit = Unit::build(bundles, shape, |name| {
            library::have_interface(root, directories(), name)
        });
        let libraries = match goal {
            Goal::Check => &[],
            Goal::Load | Goal::LoadHere => {
                // Looking for the plugin has read them.
                shared.shared_libraries()?
            }
        };
        let assembler = tracing::field::Empty;
        let span = tracing::debug_span!("compile", unit = unit.name, ?goal, assembler);
        let finished = compile::run(shared, &workspace, libraries, unit, goal, relay)
            .instrument(span.clone())
            .await
            .map_err(|error| made_by::told(&shared.kit, &shared.options, error))?;
        span.record("assembler", finished.assembler);
        Ok(finished)
    }
}

/// Whether no file has to be read for the sources.
fn are_given(sources: &[Source]) -> bool {
    sources.iter().all(|source| source.given_text().is_some())
}

/// What is known of a plugin before any compiler runs.
pub(crate) struct LookedUp {
    bundles: Vec<Bundle>,
    seal: Seal,
    /// Under which it is stored, where there is a store.
    key: Option<Key>,
    /// The plugin, if the directory of the cache has it.
    found: Option<Compiled>,
}

impl LookedUp {
    /// Whether nothing is left to be compiled.
    pub(crate) fn is_found(&self) -> bool {
        self.found.is_some()
    }
}

impl Shared {
    /// Reads and groups the sources. Blocks.
    fn read(&self, sources: Vec<Source>) -> Result<Vec<Bundle>, compile::Error> {
        if self.cleaned.load(Ordering::Acquire) {
            return Err(compile::Error::Cleaned);
        }
        let _reading = tracing::debug_span!("read").entered();
        bundle::read(sources).map_err(compile::Error::Bundle)
    }

    /// Reads the sources and looks for what was made of them before. Blocks.
    fn look_up(
        &self,
        contract: &Contract,
        evaluation: Evaluation,
        sources: Vec<Source>,
    ) -> Result<LookedUp, compile::Error> {
        let bundles = self.read(sources)?;
        let module = bundles
            .last()
            .map_or("", |bundle| bundle.module_name().as_str());
        let libraries = self.shared_libraries()?;
        let seal = self.seal(contract, evaluation, module, libraries);
        let fingerprint = &seal.fingerprint;
        let key = self
            .store
            .is_some()
            .then(|| self.key(&bundles, libraries, fingerprint, evaluation));
        let found = match (&self.store, &key) {
            (Some(Storage::Directory(store)), Some(key)) => {
                find_in_directory(store, key, &self.needed(&seal))
                    .map_err(|error| compile::Error::Cache(Box::new(error)))?
            }
            _ => None,
        };
        Ok(LookedUp {
            bundles,
            seal,
            key,
            found,
        })
    }

    /// What a compiled file for the contract must say of itself.
    pub(crate) fn seal(
        &self,
        contract: &Contract,
        evaluation: Evaluation,
        module: &str,
        libraries: &[SharedLibrary],
    ) -> Seal {
        let kit = &self.kit;
        let (interface, fingerprint) = contract.name_and_fingerprint();
        Seal {
            compiler: kit.conf().version().to_string(),
            code: self.options.code,
            evaluation,
            host_image: kit.host_image_identity().to_owned(),
            interface,
            fingerprint,
            module: module.to_owned(),
            libraries: libraries.iter().map(SharedLibrary::seal).collect(),
        }
    }

    fn needed<'a>(&self, seal: &'a Seal) -> Needed<'a> {
        Needed {
            seal,
            is_of_kit: self.options.compiles_against_kit_alone(),
        }
    }

    /// The libraries with code that plugins use. Reads their files the first time, so it blocks then.
    pub(crate) fn shared_libraries(&self) -> Result<&[SharedLibrary], compile::Error> {
        if let Some(libraries) = self.libraries.get() {
            return Ok(libraries);
        }
        let libraries = match self.options.code {
            Code::Native => SharedLibrary::of(&self.kit, &self.options.libraries)
                .map_err(|error| compile::Error::Library(Box::new(error)))?,
            Code::Byte | Code::Wasm => Vec::new(),
        };
        Ok(self.libraries.get_or_init(|| libraries))
    }

    /// Whether [`Shared::shared_libraries`] has no file to read.
    fn knows_libraries(&self) -> bool {
        self.libraries.get().is_some() || self.options.libraries.is_empty()
    }

    /// The key of a plugin. Reads the folders of interfaces, so it blocks.
    fn key(
        &self,
        bundles: &[Bundle],
        libraries: &[SharedLibrary],
        fingerprint: &str,
        evaluation: Evaluation,
    ) -> Key {
        let options = &self.options;
        let hidden = !options.warnings.are_compiler_defaults();
        let despite = options.warn_unused_despite_mli;
        let mut programs: Vec<&Path> = options.programs.ocamlopt.as_deref().into_iter().collect();
        programs.extend(options.preprocessor_program());
        // Plugins of byte code hold what they use of libraries.
        let linked = match options.code {
            Code::Byte => options.libraries.as_slice(),
            Code::Native | Code::Wasm => &[],
        };
        let installed = linked
            .iter()
            .filter(|library| library.carried_identity().is_none());
        programs.extend(installed.flat_map(Library::archives));
        // A kit's own libraries lie anywhere, and their digests are of all their files.
        let installed = options.libraries.iter();
        let directories = installed
            .filter(|library| library.carried_identity().is_none())
            .flat_map(Library::directories)
            .map(Path::to_owned);
        let directories: Vec<PathBuf> = options
            .include_directories
            .iter()
            .cloned()
            .chain(directories)
            .collect();
        let mut arguments = key_arguments(options);
        for library in &options.libraries {
            let identity = library.carried_identity().unwrap_or_default();
            arguments
                .push(format!("{} {} {identity}", library.include_option(), library.name()).into());
        }
        // What the kit adds by itself is part of the kit's archive, whose identity does not name it.
        if let Some(carried) = &self.kit.manifest().preprocessor {
            let used = format!("{:?} {}", options.preprocessor, carried.identity);
            arguments.push(used.into());
        }
        arguments.extend(libraries.iter().map(|library| library.seal().into()));
        Key::new(&KeyParts {
            bundles,
            shape: &format!(
                "{} {} {evaluation:?} {hidden} {despite}",
                compile::RECIPE,
                options.code
            ),
            fingerprint,
            arguments,
            include_directories: &directories,
            programs,
            kit: self.kit.identity(),
        })
    }
}

/// What a stored plugin must be to be used.
struct Needed<'a> {
    seal: &'a Seal,
    /// Whether the plugin that the key names is compiled against the kit's interfaces alone.
    is_of_kit: bool,
}

/// Looks for a plugin, and for the same plugin as other compilers made it where the store offers these.
async fn find_in(
    store: &dyn Store,
    key: &Key,
    needed: &Needed<'_>,
) -> Result<Option<Compiled>, cache::Error> {
    if let Some(compiled) = usable(key, store.get(key).await?, needed) {
        return Ok(Some(compiled));
    }
    for other in store.others(key).await? {
        if let Some(compiled) = usable(&other, store.get(&other).await?, needed) {
            return Ok(Some(compiled));
        }
    }
    Ok(None)
}

/// As [`find_in`]; blocks.
fn find_in_directory(
    store: &DirectoryStore,
    key: &Key,
    needed: &Needed<'_>,
) -> Result<Option<Compiled>, cache::Error> {
    if let Some(compiled) = usable(key, store.get_blocking(key)?, needed) {
        return Ok(Some(compiled));
    }
    for other in store.others_blocking(key)? {
        if let Some(compiled) = usable(&other, store.get_blocking(&other)?, needed) {
            return Ok(Some(compiled));
        }
    }
    Ok(None)
}

/// What a store gave, if it is what was stored for the key, and sealed for this loader.
fn usable(key: &Key, stored: Option<Vec<u8>>, needed: &Needed<'_>) -> Option<Compiled> {
    let mut stored = stored?;
    let (place, diagnostics) = cache::decode(key, &stored)?;
    // What was stored is whole, so the sealed file in it is.
    let (seal, compiled) = Seal::read_verified(&stored[place.clone()]).ok()?;
    let length = compiled.len();
    let is_for_us = seal.check(needed.seal).is_ok() && seal.evaluation == needed.seal.evaluation;
    is_for_us.then(|| {
        stored.drain(..place.start);
        stored.truncate(length);
        let artefact = Artefact {
            bytes: stored,
            fits: needed.is_of_kit,
        };
        Compiled {
            seal,
            artefact,
            diagnostics,
            from_cache: true,
        }
    })
}
