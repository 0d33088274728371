//! The libraries of the build in progress.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use ocaml_toolchain::Conf;

use super::{Error, Scope};
use crate::library::{Lib, canonical_name};
use crate::memo::{Memo, Notice};
use crate::name::LibName;
use crate::suggestion::Suggestion;

type Pending = Shared<BoxFuture<'static, Result<Lib, Error>>>;

/// A library that the build in progress makes.
#[derive(Clone)]
pub struct BuildLib {
    name: LibName,
    /// Who defines it, for messages.
    unit: String,
    lib: Pending,
}

impl BuildLib {
    /// A library that is known already. `unit` is the part of the build that defines it, for messages.
    pub fn ready(lib: Lib, unit: impl Into<String>) -> BuildLib {
        BuildLib::pending(lib.name.clone(), unit, async { Ok(lib) })
    }

    /// A library that is known when a future has completed. The future is polled first when the library is first asked for, and runs once.
    pub fn pending(
        name: LibName,
        unit: impl Into<String>,
        lib: impl Future<Output = Result<Lib, Error>> + Send + 'static,
    ) -> BuildLib {
        BuildLib {
            name,
            unit: unit.into(),
            lib: lib.boxed().shared(),
        }
    }
}

/// A scope made by [`build()`].
pub struct Build {
    libs: Vec<BuildLib>,
    told: Mutex<bool>,
}

/// The scope of the libraries of the build in progress. Put it before those of the environment.
///
/// When two define one library the first is used, and the memo is notified of the second at the first lookup.
pub fn build(libs: impl IntoIterator<Item = BuildLib>) -> Build {
    Build {
        libs: libs.into_iter().collect(),
        told: Mutex::new(false),
    }
}

impl Build {
    fn tell_duplicates(&self, major: u32, memo: &Arc<dyn Memo>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *told, true) {
            return;
        }
        let mut first_of: HashMap<LibName, &BuildLib> = HashMap::new();
        for lib in &self.libs {
            let first = *first_of
                .entry(canonical_name(&lib.name, major))
                .or_insert(lib);
            if !std::ptr::eq(first, lib) {
                memo.notify(Notice::warning(format!(
                    "library `{}` is defined in `{}` already; its definition in `{}` is ignored",
                    lib.name, first.unit, lib.unit
                )));
            }
        }
    }
}

#[async_trait::async_trait]
impl Scope for Build {
    fn name(&self) -> &str {
        "build"
    }

    async fn find(
        &self,
        conf: &Arc<Conf>,
        memo: &Arc<dyn Memo>,
        name: &LibName,
    ) -> Result<Option<Lib>, Error> {
        let major = conf.version().major;
        self.tell_duplicates(major, memo);
        let lib = self
            .libs
            .iter()
            .find(|lib| canonical_name(&lib.name, major) == *name);
        match lib {
            Some(lib) => lib.lib.clone().await.map(Some),
            None => Ok(None),
        }
    }

    async fn suggest(&self, _: &Arc<Conf>, _: &Arc<dyn Memo>, name: &LibName) -> Vec<Suggestion> {
        crate::suggestion::likenesses(name, self.libs.iter().map(|lib| lib.name.clone()))
    }
}
