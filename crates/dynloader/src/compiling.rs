//! From sources to a compiled plugin, or to one that was compiled before.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use crate::bundle::{self, Bundle};
use crate::cache::{self, Key, KeyParts, Store};
use crate::compile::{self, Goal};
use crate::compiled::{Artefact, Compiled};
use crate::contract::Contract;
use crate::diagnostic::Diagnostic;
use crate::loader::{Loader, Shared, Unavailable};
use crate::seal::Seal;
use crate::source::Source;
use crate::unit::{Evaluation, Shape, Unit};
use crate::workspace::JobDirectory;

impl Loader {
    /// Reads and groups the sources; makes the key they are stored under, where there is a store.
    async fn read(
        &self,
        contract: &Contract,
        evaluation: Evaluation,
        sources: Vec<Source>,
    ) -> Result<(Vec<Bundle>, Option<Key>), compile::Error> {
        if self.shared.cleaned.load(Ordering::Acquire) {
            return Err(compile::Error::Cleaned);
        }
        let shared = self.shared.clone();
        let fingerprint = contract.name_and_fingerprint().1;
        blocking::unblock(move || {
            let bundles = bundle::read(sources).map_err(compile::Error::Bundle)?;
            let stored = shared.store.is_some();
            let key = stored.then(|| shared.key(&bundles, &fingerprint, evaluation));
            Ok((bundles, key))
        })
        .await
    }

    /// Has the compiler look at the sources, and gives its warnings.
    pub(crate) async fn check(
        &self,
        contract: &Contract,
        sources: Vec<Source>,
    ) -> Result<Vec<Diagnostic>, compile::Error> {
        let (bundles, _) = self.read(contract, Evaluation::AtLoad, sources).await?;
        let (_, diagnostics, _) = self
            .run_compiler(contract, Evaluation::AtLoad, &bundles, Goal::Check)
            .await?;
        Ok(diagnostics)
    }

    /// Compiles the sources, or finds them compiled.
    pub(crate) async fn compile(
        &self,
        contract: &Contract,
        evaluation: Evaluation,
        sources: Vec<Source>,
    ) -> Result<Compiled, compile::Error> {
        let (bundles, key) = self.read(contract, evaluation, sources).await?;
        let seal = self.seal(
            contract,
            evaluation,
            bundles
                .last()
                .map_or("", |bundle| bundle.module_name().as_str()),
        );
        let (Some(store), Some(key)) = (&self.shared.store, key) else {
            let (job, diagnostics, file) = self
                .run_compiler(contract, evaluation, &bundles, Goal::Load)
                .await?;
            let artefact = Artefact::Fresh { job, file };
            return Ok(Compiled {
                seal,
                artefact,
                diagnostics,
                from_cache: false,
            });
        };
        let cache = |error| compile::Error::Cache(Box::new(error));
        if let Some(compiled) = find_in(&**store, &key, &seal).await.map_err(cache)? {
            return Ok(compiled);
        }
        let (job, diagnostics, file) = self
            .run_compiler(contract, evaluation, &bundles, Goal::Load)
            .await?;
        let compiled = Compiled {
            seal,
            artefact: Artefact::Fresh { job, file },
            diagnostics,
            from_cache: false,
        };
        let (compiled, sealed) = compiled.sealed().await?;
        store
            .put(&key, &cache::encode(&key, &sealed))
            .await
            .map_err(cache)?;
        Ok(compiled)
    }

    async fn run_compiler(
        &self,
        contract: &Contract,
        evaluation: Evaluation,
        bundles: &[Bundle],
        goal: Goal,
    ) -> Result<(JobDirectory, Vec<Diagnostic>, PathBuf), compile::Error> {
        let shared = &self.shared;
        let _permit = shared.jobs.acquire().await;
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
        let unit = Unit::build(bundles, shape);
        let job = blocking::unblock(move || workspace.job()).await;
        let job = job.map_err(|error| compile::Error::Workspace(Box::new(error)))?;
        compile::run(&shared.kit, &shared.options, unit, job, goal).await
    }

    /// What a compiled file for the contract must say of itself.
    pub(crate) fn seal(&self, contract: &Contract, evaluation: Evaluation, module: &str) -> Seal {
        let kit = &self.shared.kit;
        let (interface, fingerprint) = contract.name_and_fingerprint();
        Seal {
            compiler: kit.conf().version().to_string(),
            code: self.shared.options.code,
            evaluation,
            host_image: kit.host_image_identity().to_owned(),
            interface,
            fingerprint,
            module: module.to_owned(),
        }
    }
}

impl Shared {
    /// The key of a plugin. Reads the folders of interfaces, so it blocks.
    fn key(&self, bundles: &[Bundle], fingerprint: &str, evaluation: Evaluation) -> Key {
        let options = &self.options;
        let hidden = !options.warnings.are_compiler_defaults();
        let despite = options.warn_unused_despite_mli;
        let mut programs: Vec<&Path> = options.programs.ocamlopt.as_deref().into_iter().collect();
        programs.extend(options.preprocessor_program());
        Key::new(&KeyParts {
            bundles,
            shape: &format!(
                "{} {} {evaluation:?} {hidden} {despite}",
                compile::RECIPE,
                options.code
            ),
            fingerprint,
            arguments: compile::key_arguments(options),
            include_directories: &options.include_directories,
            programs,
            kit: self.kit.identity(),
        })
    }
}

/// Looks for a plugin, and for the same plugin as other compilers made it where the store offers these. What the
/// store gives is only used when it is what was stored for the key, and sealed for this loader.
async fn find_in(
    store: &dyn Store,
    key: &Key,
    needed: &Seal,
) -> Result<Option<Compiled>, cache::Error> {
    let usable = |key: &Key, stored: Option<Vec<u8>>| {
        let stored = stored?;
        let (seal, compiled) = Seal::read(cache::decode(key, &stored)?).ok()?;
        let fits = seal.check(needed).is_ok() && seal.evaluation == needed.evaluation;
        fits.then(|| {
            let artefact = Artefact::Stored(compiled.to_vec());
            Compiled {
                seal,
                artefact,
                diagnostics: Vec::new(),
                from_cache: true,
            }
        })
    };
    if let Some(compiled) = usable(key, store.get(key).await?) {
        return Ok(Some(compiled));
    }
    for other in store.others(key).await? {
        if let Some(compiled) = usable(&other, store.get(&other).await?) {
            return Ok(Some(compiled));
        }
    }
    Ok(None)
}
