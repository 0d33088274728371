//! The libraries that the installed `ocamlfind` finds.

mod answer;

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ocaml_toolchain::{Conf, Invocation, threads};

use super::{Error, Scope};
use crate::configuration::{Configuration, Environment};
use crate::index::PackageIndex;
use crate::library::{Description, DirectoryListing, Lib, LibOptions};
use crate::memo::{self, Action, Memo};
use crate::name::LibName;
use crate::predicates::Predicates;
use crate::suggestion::Suggestion;
use crate::sys;
use answer::{ANSWER, FIELD, absent_name};

/// A scope made by [`ocamlfind`].
pub struct Ocamlfind {
    tool: PathBuf,
    cache_directory: Option<PathBuf>,
    environment: Environment,
    /// What is known already; `None`: not found.
    known: Mutex<HashMap<LibName, Option<Arc<Description>>>>,
}

/// The scope of the libraries that the `ocamlfind` of `PATH` finds, for build tools whose users have special ones.
///
/// A name costs three processes, since archives are asked for byte and native code apart; names that are announced together
/// ([`Scope::prefetch`]) share them. Results go through the memo with `cache_directory` and all that they depend on: the tool, its
/// variables, findlib's configuration files, the META files looked at and the places in front of them where none is. The environment is
/// that of this process, read now.
pub fn ocamlfind(cache_directory: Option<PathBuf>) -> Ocamlfind {
    Ocamlfind {
        tool: PathBuf::from("ocamlfind"),
        cache_directory,
        environment: Environment::from_process(),
        known: Mutex::default(),
    }
}

/// The variables asked for under both codes, in the order of the fields of an answer.
const VARIABLES: [&str; 8] = [
    "requires",
    "exports",
    "jsoo_runtime",
    "ppx",
    "warning",
    "error",
    "version",
    "description",
];

/// The error of asking `ocamlfind`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The memo could not run it.
    #[error("could not ask `ocamlfind`")]
    Run {
        /// The cause.
        source: memo::Error,
    },
    /// It failed for another reason than that a library does not exist.
    #[error("`{command}` failed: {message}")]
    Failed {
        /// The command.
        command: String,
        /// What it printed on standard error.
        message: String,
    },
    /// It printed something else than it was asked for.
    #[error("`{command}` printed an answer of another form")]
    Form {
        /// The command.
        command: String,
    },
}

impl Ocamlfind {
    /// The program to run. Default: `ocamlfind`, found in `PATH`.
    #[must_use]
    pub fn tool(mut self, tool: impl Into<PathBuf>) -> Ocamlfind {
        self.tool = tool.into();
        self
    }

    /// Takes findlib's variables from here and gives them to the tool. Default: this process's.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Ocamlfind {
        self.environment = environment;
        self
    }

    /// Asks for names; those that do not exist are left out. One process for all, and one more for each name that does not exist.
    async fn ask(
        &self,
        memo: &Arc<dyn Memo>,
        names: &[LibName],
        predicates: &Predicates,
        variables: &[&str],
    ) -> Result<HashMap<LibName, Vec<Vec<u8>>>, AskError> {
        let mut names: Vec<LibName> = names.to_vec();
        while !names.is_empty() {
            let invocation = self.query(&names, predicates, variables);
            let action = self.action(invocation.clone(), &names).await;
            let output = memo
                .run(action)
                .await
                .map_err(|source| AskError::Run { source })?;
            if output.status == Some(0) {
                return answer::parse(&output, &names, variables.len() + 2).ok_or_else(|| {
                    AskError::Form {
                        command: invocation.command_line(),
                    }
                });
            }
            let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let absent = absent_name(&message);
            let Some(position) = names.iter().position(|name| Some(name.as_str()) == absent) else {
                return Err(AskError::Failed {
                    command: invocation.command_line(),
                    message,
                });
            };
            names.remove(position);
        }
        Ok(HashMap::new())
    }

    fn query(&self, names: &[LibName], predicates: &Predicates, variables: &[&str]) -> Invocation {
        let fields = ["%m".to_owned(), "%d".to_owned()].into_iter();
        let fields: Vec<String> = fields
            .chain(variables.iter().map(|variable| format!("%({variable})")))
            .collect();
        let predicates: Vec<String> = predicates.clone().into();
        let mut invocation =
            Invocation::new(&self.tool).args(["query", "-predicates", &predicates.join(",")]);
        invocation = invocation.args([
            "-separator",
            ANSWER,
            "-suffix",
            "",
            "-format",
            &fields.join(FIELD),
        ]);
        for (name, value) in self.environment.variables() {
            invocation = match value {
                Some(value) => invocation.env(name, value),
                None => invocation.env_remove(name),
            };
        }
        invocation.args(names.iter().map(LibName::as_str))
    }

    /// The query with all that its result depends on.
    async fn action(&self, invocation: Invocation, names: &[LibName]) -> Action {
        let mut action = Action::new(invocation);
        let variables = self.environment.variables();
        action.variables = variables
            .map(|(name, value)| (name.to_owned(), value.map(OsString::from)))
            .into();
        action.cache_directory = self.cache_directory.clone();
        let (environment, names, tool) =
            (self.environment.clone(), names.to_vec(), self.tool.clone());
        action.reads = threads::unblock(move || reads(&environment, &names, &tool)).await;
        action
    }

    /// Asks for what is not known yet.
    async fn learn(
        &self,
        conf: &Conf,
        memo: &Arc<dyn Memo>,
        names: &[LibName],
    ) -> Result<(), AskError> {
        let options = options(conf);
        // The threads library is asked for under predicates of its own.
        let (threads, others): (Vec<_>, Vec<_>) = {
            let known = self.known();
            let unknown: BTreeSet<LibName> = names
                .iter()
                .filter(|name| !known.contains_key(*name))
                .cloned()
                .collect();
            unknown
                .into_iter()
                .partition(|name| name.main() == "threads")
        };
        for group in [threads, others] {
            let Some(first) = group.first() else { continue };
            let [both, byte, native] = options.predicate_sets(first);
            let answers = self.ask(memo, &group, &both, &VARIABLES).await?;
            let found: Vec<LibName> = group
                .iter()
                .filter(|name| answers.contains_key(*name))
                .cloned()
                .collect();
            let archives = ["archive", "plugin"];
            let mut byte = self.ask(memo, &found, &byte, &archives).await?;
            let mut native = self.ask(memo, &found, &native, &archives).await?;
            let javascript = self
                .ask(
                    memo,
                    &found,
                    &Predicates::parse("javascript"),
                    &["linkopts"],
                )
                .await?;
            let mut known = self.known();
            for name in group {
                let description = answers.get(&name).map(|answer| {
                    let mut of_byte = byte.remove(&name).unwrap_or_default().into_iter().skip(2);
                    let mut of_native =
                        native.remove(&name).unwrap_or_default().into_iter().skip(2);
                    let linkopts = javascript
                        .get(&name)
                        .and_then(|answer| answer.get(2).cloned());
                    let field = |index: usize| answer.get(index).cloned().unwrap_or_default();
                    Arc::new(Description {
                        meta_file: field(0),
                        directory: field(1),
                        stdlib: sys::path_bytes(conf.standard_library()),
                        requires: field(2),
                        exports: field(3),
                        jsoo_runtime: field(4),
                        javascript_linkopts: linkopts.unwrap_or_default(),
                        ppx: field(5),
                        warning: field(6),
                        error: field(7),
                        version: field(8),
                        description: field(9),
                        byte_archive: of_byte.next().unwrap_or_default(),
                        byte_plugin: of_byte.next().unwrap_or_default(),
                        native_archive: of_native.next().unwrap_or_default(),
                        native_plugin: of_native.next().unwrap_or_default(),
                        position: None,
                    })
                });
                known.insert(name, description);
            }
        }
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, HashMap<LibName, Option<Arc<Description>>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn options(conf: &Conf) -> LibOptions {
    LibOptions::new(conf.version().major).c_archive_extension(conf.ext_lib().unwrap_or(".a"))
}

/// The paths on which an answer for these names depends.
fn reads(environment: &Environment, names: &[LibName], tool: &std::path::Path) -> Vec<PathBuf> {
    let mut reads = Vec::new();
    let directories = environment
        .path
        .iter()
        .flat_map(|path| std::env::split_paths(path));
    reads.extend(
        directories
            .map(|directory| directory.join(tool))
            .find(|file| file.exists()),
    );
    // Where the configuration cannot be read `ocamlfind` will say so itself.
    let Ok(configuration) = Configuration::read(environment, None) else {
        return reads;
    };
    reads.extend(configuration.watched_files());
    let mut index = PackageIndex::new(configuration);
    for name in names {
        reads.extend(index.watched_files(name));
    }
    reads.sort_unstable();
    reads.dedup();
    reads
}

#[async_trait::async_trait]
impl Scope for Ocamlfind {
    fn name(&self) -> &str {
        "ocamlfind"
    }

    async fn find(
        &self,
        conf: &Arc<Conf>,
        memo: &Arc<dyn Memo>,
        name: &LibName,
    ) -> Result<Option<Lib>, Error> {
        let fail = |source| Error::new(name.clone(), source);
        self.learn(conf, memo, std::slice::from_ref(name))
            .await
            .map_err(fail)?;
        let Some(description) = self.known().get(name).cloned().flatten() else {
            return Ok(None);
        };
        let (options, library) = (options(conf), name.clone());
        let lib = threads::unblock(move || {
            let listing = DirectoryListing::read(&sys::path_buf(&description.directory));
            description.to_lib(&library, &options, &listing)
        });
        lib.await
            .map(Some)
            .map_err(|source| Error::new(name.clone(), source))
    }

    async fn suggest(&self, _: &Arc<Conf>, _: &Arc<dyn Memo>, name: &LibName) -> Vec<Suggestion> {
        let (environment, name) = (self.environment.clone(), name.clone());
        let suggest = move || {
            let configuration = Configuration::read(&environment, None).ok()?;
            Some(PackageIndex::new(configuration).suggest(&name))
        };
        threads::unblock(suggest).await.unwrap_or_default()
    }

    async fn prefetch(&self, conf: &Arc<Conf>, memo: &Arc<dyn Memo>, names: &[LibName]) {
        // A fault of one of them would hide the others; each shows when it is asked for.
        let _ = self.learn(conf, memo, names).await;
    }
}
