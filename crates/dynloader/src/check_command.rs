//! A command that checks plugins, for applications to mount in their own. OCaml: `check_plugin_cmd`.

use std::path::PathBuf;

use crate::compile;
use crate::dependencies;
use crate::diagnostic::Diagnostic;
use crate::load;
use crate::loader::Loader;
use crate::plugin::Plugin;
use crate::unit::Evaluation;

/// The arguments of a command that checks a plugin for errors. It prints nothing; the application says what it was told.
///
/// ```
/// use clap::{CommandFactory, Parser};
/// use dynloader::check_command::CheckCommand;
///
/// #[derive(Parser)]
/// enum Application {
///     /// Check a plugin for compilation errors
///     CheckPlugin(CheckCommand),
/// }
///
/// Application::command().debug_assert();
/// let Application::CheckPlugin(check) =
///     Application::try_parse_from(["application", "check-plugin", "--ocamldep", "rules.ml"])?;
/// assert!(!check.is_verbose());
/// # Ok::<(), clap::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct CheckCommand {
    /// The plugin's sources, the last of them its main module
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Run the plugin's top level to check for run-time errors
    #[arg(long)]
    execute_plugin_toplevel: bool,
    /// Find the other files with ocamldep; give the main file alone
    #[arg(long)]
    ocamldep: bool,
    /// Say which files are checked, and that they are fine
    #[arg(long, short)]
    verbose: bool,
}

/// The error returned by [`CheckCommand::run`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `--ocamldep` was given with more than one file.
    #[error("give only the main file with --ocamldep, not {} files", .0.len())]
    OneFile(Vec<PathBuf>),
    /// The files that the main file needs could not be found.
    #[error("cannot tell which files the plugin needs")]
    Dependencies(#[source] Box<dependencies::Error>),
    /// The compiler does not accept the plugin.
    #[error("the plugin does not compile")]
    Compile(#[source] Box<compile::Error>),
    /// The plugin's top level, which was to be run, failed.
    #[error("the plugin does not run")]
    Load(#[source] Box<load::Error>),
}

impl CheckCommand {
    /// Whether the user wants to hear of what goes well: the files, told to `notify` of [`CheckCommand::run`], and that
    /// they are fine.
    #[must_use]
    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Checks the plugin, and gives the compiler's warnings. `notify` is told the files before they are checked.
    ///
    /// # Errors
    /// When the plugin does not compile or, if it is to be run, its top level fails.
    pub async fn run<P: Plugin + ?Sized>(
        &self,
        loader: &Loader,
        notify: impl FnOnce(&[PathBuf]),
    ) -> Result<Vec<Diagnostic>, Error> {
        let files = match (self.ocamldep, &self.files[..]) {
            (false, files) => files.to_vec(),
            (true, [main]) => {
                let found = loader.find_dependencies(main).await;
                found.map_err(|error| Error::Dependencies(Box::new(error)))?
            }
            (true, files) => return Err(Error::OneFile(files.to_vec())),
        };
        notify(&files);
        let failed = |error| Error::Compile(Box::new(error));
        if !self.execute_plugin_toplevel {
            return loader.check_sources::<P>(files).await.map_err(failed);
        }
        let compiled = loader.compile_sources::<P>(files, Evaluation::AtLoad).await;
        let mut compiled = compiled.map_err(failed)?;
        let diagnostics = std::mem::take(&mut compiled.diagnostics);
        let loaded = loader.load_compiled::<P>(compiled).await;
        loaded.map_err(|error| Error::Load(Box::new(error)))?;
        Ok(diagnostics)
    }
}
