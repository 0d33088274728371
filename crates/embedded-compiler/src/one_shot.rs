//! A compiler for one call: created, used and cleaned. OCaml: `Ocaml_compiler.Make`.

use dynloader::diagnostic::Diagnostic;
use dynloader::{Delayed, Plugin, Source, compile, load as loading};

use crate::compiler::{Compiler, Options, WithError};

/// Loads a plugin with a compiler of its own. OCaml: `Make(X).load_ocaml_src_files`.
///
/// # Errors
/// See [`WithError`] and `dynloader::load::Error`.
pub async fn load<P: Plugin + ?Sized>(
    options: Options,
    sources: impl IntoIterator<Item = impl Into<Source>>,
) -> Result<P::Handle, WithError<loading::Error>> {
    let sources = collect(sources);
    Compiler::with_compiler(options, async |compiler| compiler.load::<P>(sources).await).await
}

/// Loads a plugin whose top level the caller runs. OCaml: `Make(X).load_ocaml_src_files_without_running_them`.
///
/// # Errors
/// See [`WithError`] and `dynloader::load::Error`.
pub async fn load_without_running<P: Plugin + ?Sized>(
    options: Options,
    sources: impl IntoIterator<Item = impl Into<Source>>,
) -> Result<Delayed<P>, WithError<loading::Error>> {
    let sources = collect(sources);
    Compiler::with_compiler(options, async |compiler| {
        compiler.load_without_running::<P>(sources).await
    })
    .await
}

/// Checks a plugin, loads nothing, and gives the compiler's warnings. OCaml: `Make(X).check_ocaml_src_files`.
///
/// # Errors
/// See [`WithError`] and `dynloader::compile::Error`.
pub async fn check<P: Plugin + ?Sized>(
    options: Options,
    sources: impl IntoIterator<Item = impl Into<Source>>,
) -> Result<Vec<Diagnostic>, WithError<compile::Error>> {
    let sources = collect(sources);
    Compiler::with_compiler(options, async |compiler| compiler.check::<P>(sources).await).await
}

fn collect(sources: impl IntoIterator<Item = impl Into<Source>>) -> Vec<Source> {
    sources.into_iter().map(Into::into).collect()
}
