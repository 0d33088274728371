//! The command line of `ocamlfind query`, as a value.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::error::system_message;
use super::{Closure, Query};
use crate::configuration::{self, Configuration, Environment};
use crate::index::PackageIndex;
use crate::{sys, text};

/// A command line of `ocamlfind query`, read as findlib reads it.
///
/// Single-dash options with their argument behind them or after `=`; they may stand anywhere, the last one counts, and there is
/// no `--`. All of findlib's are known. `-toolchain NAME`, which `ocamlfind` takes before `query`
/// ([`QueryCommand::with_toolchains`]), is accepted among them too.
///
/// ```
/// use lib_resolve::{Environment, QueryCommand};
/// # let directory = tempfile::tempdir()?;
/// # let lib = directory.path().to_path_buf();
/// # std::fs::create_dir(lib.join("fmt"))?;
/// # std::fs::write(lib.join("fmt/META"), r#"version = "0.9""#)?;
/// # let file = lib.join("findlib.conf");
/// # std::fs::write(&file, "")?;
/// let environment = Environment { ocamlpath: Some(lib.into()), configuration_file: Some(file.into()), ..Environment::default() };
/// let output = QueryCommand::parse(["-format", "%p %v", "fmt"]).run(&environment);
/// assert_eq!((output.status, &output.stdout[..]), (0, &b"fmt 0.9\n"[..]));
/// let output = QueryCommand::parse(["nothing"]).run(&environment);
/// assert_eq!((output.status, &output.stderr[..]), (2, &b"ocamlfind: Package `nothing' not found\n"[..]));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a command does nothing until it is run"]
pub struct QueryCommand {
    query: Query,
    /// Those named before `query`: for each findlib reads the configuration, ahead of the options.
    toolchains: Vec<OsString>,
    /// The one named among the options.
    toolchain: Option<OsString>,
    quiet_errors: bool,
    quiet_output: bool,
    /// What the options themselves print, in order.
    printed: Vec<u8>,
    /// The options ask for no query, or are wrong.
    end: Option<End>,
}

/// What a command line leads to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryOutput {
    /// Exit status: 0, 2 for what findlib reports, 3 for what it does not catch.
    pub status: u8,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

const LONG_FORMAT: &str = "package:     %p\ndescription: %D\nversion:     %v\narchive(s):  %A\nlinkopts:    %O\nlocation:    %d\n";

const HELP_FORMAT: &str = "\
Formats for -format strings:

    %p         package name
    %d         package directory
    %m         META file
    %D         description
    %v         version
    %a         archive file(s)
    %+a        archive file(s), converted to absolute paths
    %A         archive files as single string
    %+A        archive files as single string, converted to absolute paths
    %o         link option(s)
    %O         link options as single string
    %(name)    the value of the property <name>
    %+(name)   the value of the property <name>, converted to absolute paths
               (like <archive>)
";

/// What `ocamlfind query -help` prints.
const USAGE: &str = include_str!("usage.txt");

impl QueryCommand {
    /// Reads the arguments that follow `query`. Faults are reported by [`QueryCommand::run`], with findlib's exit status.
    pub fn parse<Argument: Into<OsString>>(
        arguments: impl IntoIterator<Item = Argument>,
    ) -> QueryCommand {
        let mut command = QueryCommand {
            query: Query::new::<&[u8]>([]),
            toolchains: Vec::new(),
            toolchain: None,
            quiet_errors: false,
            quiet_output: false,
            printed: Vec::new(),
            end: None,
        };
        let mut arguments = arguments
            .into_iter()
            .map(|argument| sys::bytes(argument.into()));
        while let Some(argument) = arguments.next() {
            if argument.first() != Some(&b'-') {
                command.query = command.query.name(&argument);
            } else if let Err(end) = command.option(&argument, &mut arguments) {
                command.end = Some(end);
                break;
            }
        }
        command
    }

    /// The toolchains named before `query`, each with a `-toolchain` of its own. The last one counts where the arguments name none; as
    /// with findlib the configuration is read for every one, and each can be warned of.
    pub fn with_toolchains(
        mut self,
        toolchains: impl IntoIterator<Item = OsString>,
    ) -> QueryCommand {
        self.toolchains = toolchains.into_iter().collect();
        self
    }

    /// Answers, in an environment.
    #[must_use]
    pub fn run(&self, environment: &Environment) -> QueryOutput {
        let mut output = QueryOutput::default();
        match self.answer(environment, &mut output) {
            Ok(()) => {}
            Err(Failure { status, message }) => {
                output.status = status;
                output.stderr.extend(message);
            }
        }
        output
    }

    fn answer(&self, environment: &Environment, output: &mut QueryOutput) -> Result<(), Failure> {
        let mut configuration = None;
        for toolchain in &self.toolchains {
            configuration = Some(configure(environment, Some(toolchain), output)?);
        }
        output.stdout.extend_from_slice(&self.printed);
        match &self.end {
            Some(End::Help) => {
                output.stdout.extend_from_slice(USAGE.as_bytes());
                return Ok(());
            }
            Some(End::Wrong(failure)) => return Err(failure.clone()),
            None => {}
        }
        let configuration = match (configuration, &self.toolchain) {
            (Some(configuration), None) => configuration,
            (_, toolchain) => configure(environment, toolchain.as_deref(), output)?,
        };
        let mut index = PackageIndex::new(configuration);
        let mut tell = |warning: &str| output.warn(warning);
        match self.query.run_telling(&mut index, &mut tell) {
            Ok(_) if self.quiet_output => {}
            Ok(answers) => output.stdout.extend(answers),
            Err(error) if self.quiet_errors && error.is_quiet_with_qe() => {
                output.status = error.findlib_status()
            }
            Err(error) => {
                return Err(Failure::new(
                    error.findlib_status(),
                    &error.findlib_message(),
                ));
            }
        }
        Ok(())
    }

    /// One option, by the rules of OCaml's `Arg`.
    fn option(
        &mut self,
        argument: &[u8],
        rest: &mut impl Iterator<Item = Vec<u8>>,
    ) -> Result<(), End> {
        if self.switch(argument) {
            return Ok(());
        }
        if is_help(argument) {
            return Err(End::Help);
        }
        // A whole argument that is an option wins over one split at `=`.
        let equals = argument.iter().position(|byte| *byte == b'=');
        let (name, attached) = match equals {
            Some(equals) if !takes_value(argument) => {
                (&argument[..equals], Some(argument[equals + 1..].to_vec()))
            }
            _ => (argument, None),
        };
        if !takes_value(name) {
            let known = is_help(name) || self.clone().switch(name);
            return Err(match attached.filter(|_| known) {
                Some(value) => End::wrong(&[
                    b"wrong argument '",
                    &value,
                    b"'; option '",
                    argument,
                    b"' expects no argument",
                ]),
                None => End::wrong(&[b"unknown option '", argument, b"'"]),
            });
        }
        let Some(value) = attached.or_else(|| rest.next()) else {
            return Err(End::wrong(&[b"option '", argument, b"' needs an argument"]));
        };
        self.set(name, value);
        Ok(())
    }

    /// An option without argument; false if it is none.
    fn switch(&mut self, name: &[u8]) -> bool {
        let format = match name {
            b"-long-format" | b"-l" => LONG_FORMAT,
            b"-i-format" => "-I %d",
            b"-l-format" => "-ccopt -L%d",
            b"-a-format" => "%+a",
            b"-o-format" => "%o",
            b"-p-format" => "%p",
            b"-recursive" | b"-r" => {
                self.with_requirements();
                return true;
            }
            b"-descendants" | b"-d" => {
                self.change(|query| query.closure(Closure::DependentsAsFindlib));
                return true;
            }
            b"-pp" => {
                self.with_requirements();
                self.change(|query| query.preprocessor(true));
                return true;
            }
            b"-help-format" => {
                self.printed.extend_from_slice(HELP_FORMAT.as_bytes());
                return true;
            }
            b"-qe" => {
                self.quiet_errors = true;
                return true;
            }
            b"-qo" => {
                self.quiet_output = true;
                return true;
            }
            _ => return false,
        };
        self.change(|query| query.format(format));
        true
    }

    /// `-descendants` wins over `-recursive`, wherever they stand.
    fn with_requirements(&mut self) {
        if self.query.closure != Closure::DependentsAsFindlib {
            self.change(|query| query.closure(Closure::RequiredAsFindlib));
        }
    }

    fn set(&mut self, name: &[u8], value: Vec<u8>) {
        match name {
            b"-predicates" => self.change(|query| query.predicates(value)),
            b"-format" => self.change(|query| query.format(value)),
            b"-separator" => self.change(|query| query.separator(value)),
            b"-prefix" => self.change(|query| query.prefix(value)),
            b"-suffix" => self.change(|query| query.suffix(value)),
            _ => self.toolchain = Some(sys::os_str(&value).into_owned()),
        }
    }

    fn change(&mut self, change: impl FnOnce(Query) -> Query) {
        let query = std::mem::replace(&mut self.query, Query::new::<&[u8]>([]));
        self.query = change(query);
    }
}

impl QueryOutput {
    fn warn(&mut self, message: &str) {
        self.stderr.extend_from_slice(message.as_bytes());
        self.stderr.push(b'\n');
    }
}

/// How the options end, when not in a query.
#[derive(Debug, Clone)]
enum End {
    Help,
    Wrong(Failure),
}

impl End {
    /// As OCaml's `Arg` says it, which takes `query` for the name of the program.
    fn wrong(message: &[&[u8]]) -> End {
        let message = [b"query: ", &message.concat()[..], b".\n", USAGE.as_bytes()].concat();
        End::Wrong(Failure { status: 2, message })
    }
}

/// What ends a command.
#[derive(Debug, Clone)]
struct Failure {
    status: u8,
    message: Vec<u8>,
}

impl Failure {
    fn new(status: u8, message: &str) -> Failure {
        let message = format!("{message}\n").into_bytes();
        Failure { status, message }
    }
}

/// `Findlib.init`: reads the configuration, and warns of what it warns of.
fn configure(
    environment: &Environment,
    toolchain: Option<&OsStr>,
    output: &mut QueryOutput,
) -> Result<Configuration, Failure> {
    let configuration = Configuration::read(environment, toolchain)
        .map_err(|error| configuration_failure(&error))?;
    if let Some(toolchain) = configuration.undefined_toolchain() {
        output.warn(&format!(
            "ocamlfind: [WARNING] Undefined toolchain: {toolchain}"
        ));
    }
    let commands = environment
        .commands
        .clone()
        .map(sys::bytes)
        .unwrap_or_default();
    for _ in text::words(&commands).filter(|word| !word.contains(&b'=')) {
        output.warn("Warning: Please check the environment variable OCAMLFIND_COMMANDS");
    }
    Ok(configuration)
}

fn is_help(name: &[u8]) -> bool {
    matches!(name, b"-help" | b"--help")
}

fn takes_value(name: &[u8]) -> bool {
    matches!(
        name,
        b"-predicates" | b"-format" | b"-separator" | b"-prefix" | b"-suffix" | b"-toolchain"
    )
}

fn configuration_failure(error: &configuration::Error) -> Failure {
    let show = |path: &Path| path.as_os_str().to_string_lossy().into_owned();
    let (status, message) = match error {
        configuration::Error::Missing { file, directory } => {
            let (file, directory) = (show(file), show(directory));
            (
                2,
                format!(
                    "ocamlfind: Config file not found - neither {file} nor the directory {directory}"
                ),
            )
        }
        // OCaml names the path when it cannot open something, and not when it cannot read what is a directory.
        configuration::Error::Unreadable { source, .. }
            if source.kind() == std::io::ErrorKind::IsADirectory =>
        {
            (2, format!("ocamlfind: {}", system_message(source)))
        }
        configuration::Error::Unreadable { path, source } => (
            2,
            format!("ocamlfind: {}: {}", show(path), system_message(source)),
        ),
        configuration::Error::Parse { source, .. } => {
            let message = source
                .findlib_message()
                .replace('\\', "\\\\")
                .replace('"', "\\\"");
            (
                3,
                format!("Uncaught exception: Fl_metascanner.Error(\"{message}\")"),
            )
        }
    };
    Failure::new(status, &message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(arguments: &[&str]) -> u8 {
        let environment = Environment {
            configuration_file: Some("/dev/null".into()),
            ..Environment::default()
        };
        QueryCommand::parse(arguments.iter().copied().map(OsStr::new))
            .run(&environment)
            .status
    }

    #[test]
    fn no_package_is_no_error_and_no_format_is_looked_at() {
        assert_eq!(status(&[]), 0);
        assert_eq!(status(&["-format", "%"]), 0);
        assert_eq!(status(&["-format=%"]), 0);
    }

    #[test]
    fn wrong_options_have_status_2() {
        for arguments in [
            &["-nothing"][..],
            &["--"],
            &["-"],
            &["-format"],
            &["-r=x"],
            &["-formatx", "y"],
        ] {
            assert_eq!(status(arguments), 2, "{arguments:?}");
        }
    }

    #[test]
    fn a_name_without_component_is_an_exception_that_findlib_does_not_catch() {
        assert_eq!(status(&[".."]), 3);
        assert_eq!(status(&["-qe", ".."]), 3);
    }
}
