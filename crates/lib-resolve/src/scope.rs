//! Places where libraries are looked up.

mod build;
mod function;
mod ocamlfind;
mod ocamlpath;

pub use build::{Build, BuildLib, build};
pub use function::{Function, from_functions};
pub use ocamlfind::{AskError, Ocamlfind, ocamlfind};
pub use ocamlpath::{Ocamlpath, ocamlpath};

use std::sync::Arc;

use ocaml_toolchain::Conf;

use crate::library::Lib;
use crate::memo::Memo;
use crate::name::LibName;
use crate::suggestion::Suggestion;

/// A place where libraries are looked up; a [`Resolver`](crate::Resolver) asks its scopes in order.
///
/// Predefined: [`ocamlpath`], [`ocamlfind`], [`build()`]; [`from_functions`] makes one of two functions.
#[async_trait::async_trait]
pub trait Scope: Send + Sync {
    /// What people call it.
    fn name(&self) -> &str;

    /// The library of this name; `None` if it is not here. The name is canonical: see [`canonical_name`](crate::canonical_name).
    ///
    /// An error says that the library is here and of no use: later scopes are then not asked.
    async fn find(
        &self,
        conf: &Arc<Conf>,
        memo: &Arc<dyn Memo>,
        name: &LibName,
    ) -> Result<Option<Lib>, Error>;

    /// Why a name is not here, or what may have been meant. Nothing by default.
    async fn suggest(
        &self,
        conf: &Arc<Conf>,
        memo: &Arc<dyn Memo>,
        name: &LibName,
    ) -> Vec<Suggestion> {
        let _ = (conf, memo, name);
        Vec::new()
    }

    /// Told of names before they are asked for, so that one process can answer for many. Nothing by default. Faults show when the names
    /// are asked for.
    async fn prefetch(&self, conf: &Arc<Conf>, memo: &Arc<dyn Memo>, names: &[LibName]) {
        let _ = (conf, memo, names);
    }
}

/// The error of [`Scope::find`]: the library is there and cannot be used. Cheap to clone.
#[derive(Debug, Clone, thiserror::Error)]
#[error("library `{library}` cannot be used")]
pub struct Error {
    /// The library.
    pub library: LibName,
    /// The cause.
    pub source: Arc<dyn std::error::Error + Send + Sync>,
}

impl Error {
    /// An error with its cause.
    pub fn new(library: LibName, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error {
            library,
            source: Arc::new(source),
        }
    }
}
