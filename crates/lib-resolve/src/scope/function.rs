//! A scope made of two functions.

use std::sync::Arc;

use futures::future::BoxFuture;
use ocaml_toolchain::Conf;

use super::{Error, Scope};
use crate::library::Lib;
use crate::memo::Memo;
use crate::name::LibName;
use crate::suggestion::Suggestion;

type Call<Output> =
    Box<dyn Fn(Arc<Conf>, Arc<dyn Memo>, LibName) -> BoxFuture<'static, Output> + Send + Sync>;

/// A scope made by [`from_functions`].
pub struct Function {
    name: String,
    find: Call<Result<Option<Lib>, Error>>,
    suggest: Call<Vec<Suggestion>>,
}

/// A scope of two functions.
///
/// ```
/// # futures_lite::future::block_on(async {
/// use std::sync::Arc;
/// use lib_resolve::{Lib, Resolver, memo::LocalMemo, scope};
/// # let conf = ocaml_toolchain::Conf::parse("version: 5.1.0\nstandard_library: /lib\narchitecture: amd64\nsystem: linux\n")?;
/// let vendored = scope::from_functions(
///     "vendored",
///     |_conf, _memo, name| async move { Ok((name.as_str() == "fmt").then(|| Lib::new(name, "vendor/fmt"))) },
///     |_conf, _memo, _name| async { Vec::new() },
/// );
/// let resolver = Resolver::create(Arc::new(LocalMemo::new(1)), Arc::new(conf), [Arc::new(vendored) as _]);
/// assert_eq!(resolver.get(&"fmt".parse()?).await?.directory, std::path::Path::new("vendor/fmt"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub fn from_functions<Find, Found, Suggest, Suggested>(
    name: impl Into<String>,
    find: Find,
    suggest: Suggest,
) -> Function
where
    Find: Fn(Arc<Conf>, Arc<dyn Memo>, LibName) -> Found + Send + Sync + 'static,
    Found: Future<Output = Result<Option<Lib>, Error>> + Send + 'static,
    Suggest: Fn(Arc<Conf>, Arc<dyn Memo>, LibName) -> Suggested + Send + Sync + 'static,
    Suggested: Future<Output = Vec<Suggestion>> + Send + 'static,
{
    Function {
        name: name.into(),
        find: Box::new(move |conf, memo, name| Box::pin(find(conf, memo, name))),
        suggest: Box::new(move |conf, memo, name| Box::pin(suggest(conf, memo, name))),
    }
}

#[async_trait::async_trait]
impl Scope for Function {
    fn name(&self) -> &str {
        &self.name
    }

    async fn find(
        &self,
        conf: &Arc<Conf>,
        memo: &Arc<dyn Memo>,
        name: &LibName,
    ) -> Result<Option<Lib>, Error> {
        (self.find)(Arc::clone(conf), Arc::clone(memo), name.clone()).await
    }

    async fn suggest(
        &self,
        conf: &Arc<Conf>,
        memo: &Arc<dyn Memo>,
        name: &LibName,
    ) -> Vec<Suggestion> {
        (self.suggest)(Arc::clone(conf), Arc::clone(memo), name.clone()).await
    }
}
