//! The libraries of findlib's search path, looked up in this process.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ocaml_toolchain::{Conf, threads};

use super::{Error, Scope};
use crate::cache;
use crate::configuration::{Configuration, Environment};
use crate::index::PackageIndex;
use crate::library::{DirectoryListings, Lib, LibOptions};
use crate::memo::{Memo, Notice};
use crate::name::LibName;
use crate::predicates::Predicates;
use crate::suggestion::Suggestion;

/// A scope made by [`ocamlpath`].
pub struct Ocamlpath {
    cache_directory: Option<PathBuf>,
    paths: Vec<PathBuf>,
    environment: Environment,
    predicates: Predicates,
    state: Arc<Mutex<Option<State>>>,
}

struct State {
    index: PackageIndex,
    options: LibOptions,
    listings: DirectoryListings,
    cache_file: Option<PathBuf>,
    /// How many META files the index had when it was last kept.
    kept: usize,
}

/// The scope of the libraries on findlib's search path; it needs no `ocamlfind`.
///
/// `paths` go before the search path of findlib's configuration; after it comes the compiler's own directory of libraries, which since
/// OCaml 5 has META files. The environment is that of this process, read now; [`Ocamlpath::environment`] gives another. META files that
/// have been read are kept in `cache_directory`, for the next process to find unchanged.
///
/// A scope sees the search path as it was when it was first asked, until [`Ocamlpath::refresh`].
pub fn ocamlpath(
    cache_directory: Option<PathBuf>,
    paths: impl IntoIterator<Item = PathBuf>,
) -> Ocamlpath {
    Ocamlpath {
        cache_directory,
        paths: paths.into_iter().collect(),
        environment: Environment::from_process(),
        predicates: Predicates::none(),
        state: Arc::default(),
    }
}

impl Ocamlpath {
    /// Takes findlib's variables from here. Default: this process's.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Ocamlpath {
        self.environment = environment;
        self
    }

    /// More true predicates than `byte` and `native`. Default: none.
    #[must_use]
    pub fn predicates(mut self, predicates: Predicates) -> Ocamlpath {
        self.predicates = predicates;
        self
    }

    /// Forgets what was seen of the search path; the next lookup looks again, and reads only what has changed.
    pub fn refresh(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = &mut *state {
            state.index.rescan();
            state.listings = DirectoryListings::default();
        }
    }

    /// Does work on the index, on a thread that may block.
    async fn with_state<Output: Send + 'static>(
        &self,
        conf: &Arc<Conf>,
        memo: &Arc<dyn Memo>,
        name: &LibName,
        work: impl FnOnce(&mut State) -> Result<Output, Error> + Send + 'static,
    ) -> Result<Output, Error> {
        let state = Arc::clone(&self.state);
        let (conf, memo, name) = (Arc::clone(conf), Arc::clone(memo), name.clone());
        let open = self.opener();
        threads::unblock(move || {
            // A thread that panicked may have left half an index.
            let mut guard = state.lock().unwrap_or_else(|poisoned| {
                let mut guard = poisoned.into_inner();
                *guard = None;
                guard
            });
            let state = match &mut *guard {
                Some(state) => state,
                empty => {
                    let opened = open(&conf, &memo).map_err(|source| Error::new(name, source))?;
                    empty.insert(opened)
                }
            };
            let output = work(state);
            state.keep(&memo);
            output
        })
        .await
    }

    fn opener(
        &self,
    ) -> impl FnOnce(&Conf, &Arc<dyn Memo>) -> Result<State, crate::configuration::Error> + Send + 'static
    {
        let environment = self.environment.clone();
        let (paths, cache_directory) = (self.paths.clone(), self.cache_directory.clone());
        let predicates = self.predicates.clone();
        move |conf, memo| {
            let configuration = Configuration::read(&environment, None)?.with_paths(paths);
            let configuration = match conf.version().major {
                5.. => configuration.with_fallback_path(conf.standard_library()),
                _ => configuration,
            };
            let extension = conf.ext_lib().unwrap_or(".a");
            let options = LibOptions::new(conf.version().major)
                .c_archive_extension(extension)
                .predicates(predicates);
            let cache_file = cache_directory.map(|directory| directory.join("ocamlpath"));
            let mut index = PackageIndex::new(configuration);
            if let Some(file) = &cache_file
                && let Err(error) = index.recall(file)
            {
                memo.notify(Notice::warning(error.to_string()));
            }
            index.scan();
            Ok(State {
                kept: index.recalled_count(),
                index,
                options,
                listings: DirectoryListings::default(),
                cache_file,
            })
        }
    }
}

impl State {
    fn find(&mut self, name: &LibName) -> Result<Option<Lib>, Error> {
        let package = self
            .index
            .find(name.as_str())
            .map_err(|source| Error::new(name.clone(), source))?;
        let Some(package) = package.map(|package| self.index.package(package)) else {
            return Ok(None);
        };
        let listing = self.listings.of(&package.directory());
        let lib = Lib::of_package_listed(package, &self.options, listing);
        lib.map(Some)
            .map_err(|source| Error::new(name.clone(), source))
    }

    /// Keeps the META files when there are new ones. That this fails is worth a word, not a failure.
    fn keep(&mut self, memo: &Arc<dyn Memo>) {
        if let Some(file) = self
            .cache_file
            .as_deref()
            .filter(|_| self.index.file_count() > self.kept)
        {
            self.kept = self.index.file_count();
            if let Err(error) = self.index.keep(file) {
                memo.notify(Notice::warning(explain(&error, file)));
            }
        }
    }
}

fn explain(error: &cache::Error, file: &Path) -> String {
    format!("`{}` could not be kept: {error}", file.display())
}

#[async_trait::async_trait]
impl Scope for Ocamlpath {
    fn name(&self) -> &str {
        "ocamlpath"
    }

    async fn find(
        &self,
        conf: &Arc<Conf>,
        memo: &Arc<dyn Memo>,
        name: &LibName,
    ) -> Result<Option<Lib>, Error> {
        let wanted = name.clone();
        self.with_state(conf, memo, name, move |state| state.find(&wanted))
            .await
    }

    async fn suggest(
        &self,
        conf: &Arc<Conf>,
        memo: &Arc<dyn Memo>,
        name: &LibName,
    ) -> Vec<Suggestion> {
        let wanted = name.clone();
        let suggestions = self.with_state(conf, memo, name, move |state| {
            Ok(state.index.suggest(&wanted))
        });
        suggestions.await.unwrap_or_default()
    }
}
