//! The command line, as clap types. The grammar is a contract with scripts: extend it, do not break it.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use code_sets::{Code, loading};

use crate::examples;

/// Compile, load and run OCaml source as native plugins; put the compiler into an executable.
#[derive(Debug, Parser)]
#[command(name = "saddlebag", version, after_help = examples::SADDLEBAG, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// `saddlebag run` alone, from the words behind `run`. A start from the cache takes three milliseconds, and describing all
/// commands is a tenth of that; see also [`plain_run`](crate::plain_run). Whatever this does not take, [`Arguments`] judges.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
pub(crate) struct RunAlone {
    #[command(flatten)]
    pub(crate) run: Run,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Load FILEs as one plugin, for its side effects
    #[command(after_help = examples::RUN)]
    Run(Run),
    /// Compile FILEs only; nothing of the plugin runs
    #[command(after_help = examples::CHECK)]
    Check(Check),
    /// Compile FILEs and leave the plugin in OUT
    #[command(after_help = examples::BUILD)]
    Build(Build),
    /// Run what `saddlebag build` made
    #[command(after_help = examples::LOAD)]
    Load(Load),
    /// Make OUT: EXE with a compiler in its saddlebag
    #[command(after_help = examples::EMBED)]
    Embed(Embed),
    /// Look into the archive that an executable carries
    #[command(subcommand, after_help = examples::ARCHIVE)]
    Archive(ArchiveCommand),
    /// Show the interface that plugins are checked against, or make a folder for their authors
    #[command(after_help = examples::INTERFACE)]
    Interface(Interface),
    /// Find OCaml libraries, and explain
    #[command(subcommand, after_help = examples::LIB)]
    Lib(crate::lib_command::LibCommand),
    /// Show which codes (byte, native) can be, are asked to be, and are generated
    #[command(after_help = examples::CODES)]
    Codes(Codes),
    /// Show which compiler is used and why
    #[command(after_help = examples::CONF)]
    Conf(Conf),
}

#[derive(Debug, Default, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) sources: Sources,
    #[command(flatten)]
    pub(crate) compile: CompileOptions,
    #[command(flatten)]
    pub(crate) toolchain: ToolchainOptions,
    /// Arguments of the plugin (`Sys.argv`, after the name of the last FILE); what follows a script, a FILE that begins
    /// with `#!`, is for the script without `--` too
    #[arg(last = true, value_name = "ARG")]
    pub(crate) arguments: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) sources: Sources,
    #[command(flatten)]
    pub(crate) compile: CompileOptions,
    #[command(flatten)]
    pub(crate) toolchain: ToolchainOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// Where the compiled plugin goes; written whole or not at all
    #[arg(short = 'o', value_name = "OUT")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) compile: CompileOptions,
    #[command(flatten)]
    pub(crate) toolchain: ToolchainOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Load {
    /// What `saddlebag build` made
    #[arg(value_name = "OUT")]
    pub(crate) plugin: PathBuf,
    #[command(flatten)]
    pub(crate) toolchain: ToolchainOptions,
    /// Arguments of the plugin (`Sys.argv`, after its name)
    #[arg(last = true, value_name = "ARG")]
    pub(crate) arguments: Vec<OsString>,
}

/// The sources of one plugin.
#[derive(Debug, Default, Args)]
pub(crate) struct Sources {
    /// Sources in the order of evaluation: `x.ml`, `x.mli`, or `x`; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Whether the one FILE is a script, once that is known.
    #[arg(skip)]
    pub(crate) script: OnceCell<bool>,
    /// Find the other files of the plugin with ocamldep, in the folder of the one FILE
    #[arg(long)]
    pub(crate) find_dependencies: bool,
}

/// How sources are compiled.
#[derive(Debug, Default, Args)]
pub(crate) struct CompileOptions {
    /// Make every warning of the strict set an error (without it: the compiler's own defaults)
    #[arg(long)]
    pub(crate) strict: bool,
    /// The compiler's warning specification, as for `ocamlopt -w`
    #[arg(long, value_name = "SPEC", allow_hyphen_values = true)]
    pub(crate) warnings: Option<String>,
    /// Warn of unused values of the files before the last one, though they have an .mli
    #[arg(long)]
    pub(crate) warnings_in_utils: bool,
    /// Allow `e1; e2` where e1 is not of type unit
    #[arg(long)]
    pub(crate) no_strict_sequence: bool,
    /// Add DIR to the directories searched for compiled interfaces
    #[arg(short = 'I', value_name = "DIR")]
    pub(crate) include: Vec<PathBuf>,
    /// Require an OCaml library (also `#require "LIB"` at the head of a file)
    #[arg(long, value_name = "LIB")]
    pub(crate) require: Vec<String>,
    /// Preprocess with the ppx driver EXE
    #[arg(long, value_name = "EXE")]
    pub(crate) ppx: Option<PathBuf>,
    /// Pass F to the compiler when it compiles
    #[arg(long, value_name = "F", allow_hyphen_values = true)]
    pub(crate) cmx_flag: Vec<OsString>,
    /// Pass F to the compiler when it links the plugin
    #[arg(long, value_name = "F", allow_hyphen_values = true)]
    pub(crate) cmxs_flag: Vec<OsString>,
    /// Work in a fresh directory inside DIR
    #[arg(long, value_name = "DIR")]
    pub(crate) in_dir: Option<PathBuf>,
    /// Keep compiled plugins in DIR and use them again
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Keep no compiled script (scripts, which begin with `#!`, are kept in the user's cache directory)
    #[arg(long, conflicts_with = "cache")]
    pub(crate) no_cache: bool,
    /// How many compiled plugins the cache keeps
    #[arg(long, value_name = "N", requires = "cache")]
    pub(crate) cache_size: Option<usize>,
    /// The code to compile to: native or byte
    #[arg(long, value_name = "CODE", value_parser = code_name)]
    pub(crate) code: Option<CodeName>,
    /// What makes a plugin of the compiler's assembly: this process, other programs, or this process where it can
    #[arg(long, value_name = "WHICH", value_enum, default_value = "auto")]
    pub(crate) assembler: AssemblerChoice,
    /// How diagnostics are printed on standard error
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "human")]
    pub(crate) error_format: ErrorFormat,
}

/// Which compiler.
#[derive(Debug, Default, Args)]
pub(crate) struct ToolchainOptions {
    /// Which compiler to use: the one this file carries, the system's, or the first of the two there is
    #[arg(long, value_name = "WHICH", value_enum, default_value = "auto")]
    pub(crate) toolchain: ToolchainChoice,
    /// Use the OCaml installed in PATH: a prefix, a directory of tools, or a compiler (goes before SADDLEBAG_OCAML,
    /// OPAM_SWITCH_PREFIX and PATH; implies --toolchain system)
    #[arg(long, value_name = "PATH")]
    pub(crate) ocaml: Option<PathBuf>,
    /// Extract the carried compiler into DIR and use it again from there
    #[arg(long, value_name = "DIR")]
    pub(crate) persistent_archive: Option<PathBuf>,
    /// Where to extract it to if nothing was named and this can be used.
    #[arg(skip)]
    pub(crate) preferred_archive: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum ToolchainChoice {
    #[default]
    Auto,
    Embedded,
    System,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum ErrorFormat {
    #[default]
    Human,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum AssemblerChoice {
    #[default]
    Auto,
    Internal,
    External,
}

/// A code that plugins can be loaded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeName {
    Native,
    Byte,
}

fn code_name(name: &str) -> Result<CodeName, String> {
    let code: Code = name
        .parse()
        .map_err(|_| "expected `native` or `byte`".to_owned())?;
    match code {
        Code::Native => Ok(CodeName::Native),
        Code::Byte => Ok(CodeName::Byte),
        Code::Wasm => Err(loading::check(code)
            .err()
            .map_or_else(String::new, |error| error.to_string())),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Embed {
    /// The executable; one that carries a compiler already gets the new one in its place
    #[arg(value_name = "EXE")]
    pub(crate) executable: PathBuf,
    /// The file to make
    #[arg(short = 'o', value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// The code the carried compiler makes: native or byte
    #[arg(long, value_name = "CODE", value_parser = code_name, default_value = "native")]
    pub(crate) code: CodeName,
    /// Carry the OCaml installed in PATH: a prefix, a directory of tools, or a compiler
    #[arg(long, value_name = "PATH")]
    pub(crate) ocaml: Option<PathBuf>,
    /// Carry an OCaml library, with all it requires, for plugins to use where nothing is installed (may be repeated)
    #[arg(long, value_name = "LIB")]
    pub(crate) require: Vec<String>,
    /// Carry the ppx driver EXE: every plugin passes through it
    #[arg(long, value_name = "EXE")]
    pub(crate) ppx: Option<PathBuf>,
    /// Carry an OCaml module of the application's own, which every plugin sees: `x.ml` and `x.mli`, in the order of
    /// evaluation; they are compiled now (may be repeated)
    #[arg(long, value_name = "FILE")]
    pub(crate) module: Vec<PathBuf>,
    /// Carry the toolchain's assembler and linker too, for plugins with C code; the rest needs none
    #[arg(long)]
    pub(crate) with_binutils: bool,
    /// Carry this assembler, and a linker with it
    #[arg(long, value_name = "PATH")]
    pub(crate) assembler: Option<PathBuf>,
    /// Carry this linker, and an assembler with it
    #[arg(long, value_name = "PATH")]
    pub(crate) linker: Option<PathBuf>,
    /// Carry the interface of a plugin, an .mli, for `saddlebag interface`
    #[arg(long, value_name = "FILE")]
    pub(crate) interface: Vec<PathBuf>,
    /// Compression level, 1 to 22
    #[arg(long, value_name = "N", default_value_t = 19, value_parser = clap::value_parser!(i32).range(1..=22))]
    pub(crate) level: i32,
    /// Print what is carried as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ArchiveCommand {
    /// List the files carried
    List(ArchiveOf),
    /// Show what the archive says of itself: compiler, codes, licences
    Metadata(ArchiveOf),
    /// Check every byte
    Verify(ArchiveOf),
    /// Extract the files into DIR
    Extract {
        #[command(flatten)]
        archive: ArchiveOf,
        /// The directory to make, which must be empty if it exists [default: EXE.files here]
        #[arg(value_name = "DIR")]
        directory: Option<PathBuf>,
        /// The same
        #[arg(
            short = 'o',
            long = "output",
            value_name = "DIR",
            conflicts_with = "directory"
        )]
        output: Option<PathBuf>,
    },
    /// Remove compilers from a persistent directory: all but this program's own and those in use
    Clean {
        /// The directory, as named with --persistent-archive [default: where the compilers of scripts are]
        #[arg(value_name = "DIR")]
        directory: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ArchiveOf {
    /// The executable, or a file that is an archive [default: this program]
    #[arg(value_name = "EXE")]
    pub(crate) executable: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Interface {
    /// An executable that carries interfaces, or an interface: an .mli that an application made
    #[arg(value_name = "FROM")]
    pub(crate) from: PathBuf,
    /// Which interface, where FROM carries several
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Make the folder DIR for plugins' authors: the interface, and what dune and Merlin need to know of it
    #[arg(short = 'o', long = "output", value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Codes {
    #[command(flatten)]
    pub(crate) codes: crate::codes_command::CodesArguments,
    #[command(flatten)]
    pub(crate) toolchain: ToolchainOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Conf {
    #[command(flatten)]
    pub(crate) toolchain: ToolchainOptions,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
