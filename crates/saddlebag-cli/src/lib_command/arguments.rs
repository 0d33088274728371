//! The command line of `saddlebag lib`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use lib_resolve::LibName;

#[derive(Debug, Subcommand)]
pub(crate) enum LibCommand {
    /// Answer as `ocamlfind query` does, with its own options (see `saddlebag lib query -help`)
    #[command(disable_help_flag = true)]
    Query {
        #[arg(
            value_name = "ARGUMENT",
            trailing_var_arg = true,
            allow_hyphen_values = true
        )]
        arguments: Vec<OsString>,
    },
    /// Show libraries: directory, archives, requirements, versions
    Find(Find),
    /// Show libraries and all they require, in linking order
    Deps(Deps),
    /// List the installed libraries
    List(List),
    /// Show why one library requires another: a shortest path of requirements
    Why(Why),
    /// Show who requires a library
    Rdeps(Rdeps),
    /// Say why a name is not found and which names are like it
    Suggest(Suggest),
}

/// Where to look and how to answer.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Look in DIR before the search path
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Vec<PathBuf>,
    /// Predicates that hold besides `byte` and `native`, with commas between them
    #[arg(
        long,
        value_name = "LIST",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) predicates: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Find {
    /// Names of libraries
    #[arg(value_name = "NAME", required_unless_present = "unit")]
    pub(crate) names: Vec<LibName>,
    /// Show the libraries that may define the compilation unit UNIT, such as `Lwt_unix`
    #[arg(long, value_name = "UNIT", conflicts_with = "names")]
    pub(crate) unit: Option<String>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct Deps {
    /// Names of libraries
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<LibName>,
    /// Also fail, as findlib does, for circles among libraries that are not required but share a META file with one that is
    #[arg(long)]
    pub(crate) strict_findlib: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only libraries whose names begin so
    #[arg(value_name = "PREFIX")]
    pub(crate) prefixes: Vec<String>,
    /// List the META files in the shadow of another one instead
    #[arg(long)]
    pub(crate) shadowed: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    /// The library that requires
    #[arg(value_name = "ROOT")]
    pub(crate) root: LibName,
    /// The library that is required
    #[arg(value_name = "NAME")]
    pub(crate) name: LibName,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct Rdeps {
    /// Names of libraries
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<LibName>,
    /// Only those that name it in their own requirements
    #[arg(long)]
    pub(crate) direct: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct Suggest {
    /// Names that are not found
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<LibName>,
    #[command(flatten)]
    pub(crate) common: Common,
}
