//! Libraries by name, from scopes.

mod error;

pub use error::Error;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_lock::OnceCell;
use futures::future::join_all;
use ocaml_toolchain::Conf;

use crate::graph::Graph;
use crate::library::{self, Lib, canonical_name};
use crate::memo::Memo;
use crate::missing::{self, Missing};
use crate::name::LibName;
use crate::scope::{self, Scope};

type Lookup = Arc<OnceCell<Result<Option<Arc<Lib>>, scope::Error>>>;

/// Finds libraries in scopes, each once however many ask at the same time, and puts them in linking order.
///
/// Names are canonical: `threads` and `threads.posix` are one library. What `get*` do not find fails the memo and is the error.
///
/// ```
/// # futures_lite::future::block_on(async {
/// use std::sync::Arc;
/// use lib_resolve::{Lib, Resolver, memo::LocalMemo, scope::{self, BuildLib}};
/// # let conf = ocaml_toolchain::Conf::parse("version: 5.1.0\nstandard_library: /lib\narchitecture: amd64\nsystem: linux\n")?;
/// let mut app = Lib::new("app".parse()?, "_build/app");
/// app.requires = vec!["util".parse()?];
/// let util = Lib::new("util".parse()?, "_build/util");
/// let build = scope::build([BuildLib::ready(app, "app"), BuildLib::ready(util, "util")]);
/// let resolver = Resolver::create(Arc::new(LocalMemo::new(1)), Arc::new(conf), [Arc::new(build) as _]);
/// let libs = resolver.get_list_and_deps(&["app".parse()?]).await?;
/// let names: Vec<_> = libs.iter().map(|lib| lib.name.as_str()).collect();
/// assert_eq!(names, ["util", "app"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub struct Resolver {
    memo: Arc<dyn Memo>,
    conf: Arc<Conf>,
    scopes: Vec<Arc<dyn Scope>>,
    lookups: Mutex<HashMap<LibName, Lookup>>,
}

impl Resolver {
    /// The mark under which a resolver does its work.
    pub const MARK: &'static str = "ocamlib";

    /// A resolver that asks `scopes` in order, for the compiler that `conf` describes, on behalf of `memo`.
    pub fn create(
        memo: Arc<dyn Memo>,
        conf: Arc<Conf>,
        scopes: impl IntoIterator<Item = Arc<dyn Scope>>,
    ) -> Resolver {
        let memo = memo.with_mark(Resolver::MARK);
        Resolver {
            memo,
            conf,
            scopes: scopes.into_iter().collect(),
            lookups: Mutex::default(),
        }
    }

    /// The compiler for which libraries are looked up.
    #[must_use]
    pub fn ocaml_conf(&self) -> &Arc<Conf> {
        &self.conf
    }

    /// The memo, marked.
    #[must_use]
    pub fn memo(&self) -> &Arc<dyn Memo> {
        &self.memo
    }

    /// The scopes, in order.
    #[must_use]
    pub fn scopes(&self) -> &[Arc<dyn Scope>] {
        &self.scopes
    }

    /// The one name under which a library is known here.
    #[must_use]
    pub fn canonical_name(&self, name: &LibName) -> LibName {
        canonical_name(name, self.conf.version().major)
    }

    /// The library of this name, from the first scope that has it; `None` if none has.
    ///
    /// # Errors
    /// A scope has it and it is of no use.
    pub async fn find(&self, name: &LibName) -> Result<Option<Arc<Lib>>, Error> {
        let name = self.canonical_name(name);
        let lookup = {
            let mut lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(lookups.entry(name.clone()).or_default())
        };
        // If the future that looks dies, one that waits goes on.
        let found = lookup.get_or_init(|| self.find_in_scopes(&name)).await;
        found.clone().map_err(|source| Error::Scope { source })
    }

    async fn find_in_scopes(&self, name: &LibName) -> Result<Option<Arc<Lib>>, scope::Error> {
        for scope in &self.scopes {
            if let Some(mut lib) = scope.find(&self.conf, &self.memo, name).await? {
                lib.requires = self.distinct(&lib.requires);
                lib.exports = self.distinct(&lib.exports);
                return Ok(Some(Arc::new(lib)));
            }
        }
        Ok(None)
    }

    /// The library of this name, which must exist.
    ///
    /// # Errors
    /// It is missing, with suggestions, or of no use.
    pub async fn get(&self, name: &LibName) -> Result<Arc<Lib>, Error> {
        let result = match self.find(name).await {
            Ok(Some(lib)) => Ok(lib),
            Ok(None) => Err(self
                .missing(vec![self.canonical_name(name)], &[], &[])
                .await),
            Err(error) => Err(error),
        };
        self.tell(result)
    }

    /// The libraries of these names, in the order given, a repeated one where it comes first.
    ///
    /// # Errors
    /// Libraries are missing, and all that are missing are reported; or one is of no use.
    pub async fn get_list(&self, names: &[LibName]) -> Result<Vec<Arc<Lib>>, Error> {
        let result = self.get_list_quietly(names).await;
        self.tell(result)
    }

    async fn get_list_quietly(&self, names: &[LibName]) -> Result<Vec<Arc<Lib>>, Error> {
        let (found, absent) = self.find_all(self.distinct(names)).await?;
        if absent.is_empty() {
            Ok(found)
        } else {
            Err(self.missing(absent, &[], &[]).await)
        }
    }

    /// The libraries, all they export and require, each once, in linking order: depth-first post-order from left to right, exports before
    /// requirements.
    ///
    /// # Errors
    /// Libraries are missing, and all that are missing are reported, each with who requires it; libraries require each other in a circle, which
    /// is shown; or one is of no use.
    pub async fn get_list_and_deps(&self, names: &[LibName]) -> Result<Vec<Arc<Lib>>, Error> {
        let result = self
            .closure(names, |lib| {
                lib.exports.iter().chain(&lib.requires).cloned().collect()
            })
            .await;
        let ordered = result.and_then(|libs| {
            library::order(libs, &self.distinct(names), |lib| lib)
                .map_err(|path| Error::Cycle { path })
        });
        self.tell(ordered)
    }

    /// The libraries and all they export, directly or not, each once; a library goes after what it exports. These are the libraries whose
    /// directories a compilation against `names` sees.
    ///
    /// # Errors
    /// As [`Resolver::get_list_and_deps`], for exports alone.
    pub async fn get_list_and_exports(&self, names: &[LibName]) -> Result<Vec<Arc<Lib>>, Error> {
        let result = self.closure(names, |lib| lib.exports.clone()).await;
        let ordered = result.and_then(|libs| {
            let exports: Vec<Lib> = libs
                .iter()
                .map(|lib| Lib {
                    exports: lib.exports.clone(),
                    ..Lib::new(lib.name.clone(), "")
                })
                .collect();
            let paired: Vec<(Lib, Arc<Lib>)> = exports.into_iter().zip(libs).collect();
            let ordered = library::order(paired, &self.distinct(names), |(exports, _)| exports);
            ordered.map_err(|path| Error::Cycle { path })
        });
        self.tell(ordered.map(|libs| libs.into_iter().map(|(_, lib)| lib).collect()))
    }

    /// Why `root` needs `library`: a shortest path of exports and requirements; `None` if it does not.
    ///
    /// # Errors
    /// As [`Resolver::get_list_and_deps`] for `root`.
    pub async fn why(
        &self,
        root: &LibName,
        library: &LibName,
    ) -> Result<Option<Vec<LibName>>, Error> {
        let graph = self.graph(std::slice::from_ref(root)).await?;
        let path = graph.why(&self.canonical_name(root), &self.canonical_name(library));
        Ok(path.map(|path| path.into_iter().cloned().collect()))
    }

    /// The graph of the libraries and all they need, for `rdeps` and other questions.
    ///
    /// # Errors
    /// As [`Resolver::get_list_and_deps`].
    pub async fn graph(&self, roots: &[LibName]) -> Result<Graph, Error> {
        let libs = self.get_list_and_deps(roots).await?;
        Ok(Graph::of_libs(libs.iter().map(|lib| &**lib)))
    }

    /// What the scopes say of a name that is not found, in their order.
    pub async fn suggest(&self, name: &LibName) -> Vec<crate::Suggestion> {
        let mut suggestions = Vec::new();
        for scope in &self.scopes {
            for suggestion in scope.suggest(&self.conf, &self.memo, name).await {
                if !suggestions.contains(&suggestion) {
                    suggestions.push(suggestion);
                }
            }
        }
        suggestions
    }

    /// All libraries that `next` leads to, level by level, so that a scope can answer a level at once.
    async fn closure(
        &self,
        names: &[LibName],
        next: impl Fn(&Lib) -> Vec<LibName>,
    ) -> Result<Vec<Arc<Lib>>, Error> {
        let mut seen: HashSet<LibName> = HashSet::new();
        let roots = self.distinct(names);
        let mut level = roots.clone();
        let (mut libs, mut absent) = (Vec::new(), Vec::new());
        while !level.is_empty() {
            seen.extend(level.iter().cloned());
            let (found, not_found) = self.find_all(level).await?;
            absent.extend(not_found);
            let needed: Vec<LibName> = found.iter().flat_map(|lib| next(lib)).collect();
            level = self
                .distinct(&needed)
                .into_iter()
                .filter(|name| !seen.contains(name))
                .collect();
            libs.extend(found);
        }
        if absent.is_empty() {
            Ok(libs)
        } else {
            Err(self.missing(absent, &libs, &roots).await)
        }
    }

    /// Looks all up at once: those found, and the names of those not.
    async fn find_all(&self, names: Vec<LibName>) -> Result<(Vec<Arc<Lib>>, Vec<LibName>), Error> {
        let unknown: Vec<LibName> = {
            let lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
            names
                .iter()
                .filter(|name| !lookups.contains_key(*name))
                .cloned()
                .collect()
        };
        if unknown.len() > 1 {
            for scope in &self.scopes {
                scope.prefetch(&self.conf, &self.memo, &unknown).await;
            }
        }
        let results = join_all(names.iter().map(|name| self.find(name))).await;
        let (mut found, mut absent) = (Vec::new(), Vec::new());
        for (name, result) in names.into_iter().zip(results) {
            match result? {
                Some(lib) => found.push(lib),
                None => absent.push(name),
            }
        }
        Ok((found, absent))
    }

    async fn missing(&self, absent: Vec<LibName>, libs: &[Arc<Lib>], roots: &[LibName]) -> Error {
        let mut missing = Vec::new();
        let requirers = |name: &LibName| library::requirers(libs.iter().map(|lib| &**lib), name);
        // The libraries are in the order of their distance from the roots.
        let first = |name: &LibName| match roots.contains(name) {
            true => None,
            false => requirers(name).into_iter().next(),
        };
        for name in absent {
            let suggestions = self.suggest(&name).await;
            missing.push(Missing {
                required_by: requirers(&name),
                path: missing::path(&name, first),
                name,
                suggestions,
            });
        }
        Error::Missing { missing }
    }

    /// The names in canonical form, each once.
    fn distinct(&self, names: &[LibName]) -> Vec<LibName> {
        let mut seen = HashSet::new();
        let canonical = names.iter().map(|name| self.canonical_name(name));
        canonical.filter(|name| seen.insert(name.clone())).collect()
    }

    /// Fails the memo with the error, if it is one.
    fn tell<Output>(&self, result: Result<Output, Error>) -> Result<Output, Error> {
        if let Err(error) = &result {
            self.memo.fail(&error.to_string());
        }
        result
    }
}
