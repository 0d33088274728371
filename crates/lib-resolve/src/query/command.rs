//! The command line of `ocamlfind query`, as a value.

use std::ffi::OsString;
use std::path::Path;

use super::error::system_message;
use super::{Closure, Query};
use crate::configuration::{self, Configuration, Environment};
use crate::index::PackageIndex;
use crate::sys;

/// A command line of `ocamlfind query`, read as findlib reads it.
///
/// Single-dash options with their argument behind them or after `=`; they may stand anywhere, the last one counts, and there is
/// no `--`. All of findlib's are known but `-descendants` and `-d`, which fail with status 2. `-toolchain NAME`, which
/// `ocamlfind` takes before `query`, is accepted among them.
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
    toolchain: Option<OsString>,
    /// Whether the configuration was read, for a toolchain named before `query`, ahead of the options.
    configuration_first: bool,
    quiet_errors: bool,
    quiet_output: bool,
    /// What the options themselves print, in order.
    printed: Vec<u8>,
    /// The options ask for no query, or are wrong.
    end: Option<QueryOutput>,
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

const USAGE: &str = "\
usage: query [OPTION]... PACKAGE...
  -predicates LIST    true predicates, with commas between them
  -format FORMAT      what to print of a package (see -help-format)
  -separator TEXT     what goes between two answers (a line feed)
  -prefix TEXT        what goes before the first answer
  -suffix TEXT        what goes after the last answer (a line feed)
  -recursive, -r      also what the packages require, in linking order
  -pp                 the packages of a camlp4 preprocessor; implies -recursive
  -long-format, -l    several lines a package
  -i-format           -I options
  -l-format           -ccopt -L options
  -a-format           archives as paths
  -o-format           link options
  -p-format           names
  -help-format        list the directives of formats
  -qe                 print no errors but for circles
  -qo                 print no answers
  -toolchain NAME     the toolchain whose configuration counts
";

impl QueryCommand {
    /// Reads the arguments that follow `query`. Faults are reported by [`QueryCommand::run`], with findlib's exit status.
    pub fn parse<Argument: Into<OsString>>(
        arguments: impl IntoIterator<Item = Argument>,
    ) -> QueryCommand {
        let mut command = QueryCommand {
            query: Query::new::<&[u8]>([]),
            toolchain: None,
            configuration_first: false,
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

    /// The toolchain that counts where the arguments name none, as given before `query`.
    pub fn with_toolchain(mut self, toolchain: Option<OsString>) -> QueryCommand {
        self.configuration_first = toolchain.is_some();
        self.toolchain = self.toolchain.or(toolchain);
        self
    }

    /// Answers, in an environment.
    #[must_use]
    pub fn run(&self, environment: &Environment) -> QueryOutput {
        let end = || {
            self.end.as_ref().map(|end| QueryOutput {
                stdout: [&self.printed[..], &end.stdout].concat(),
                ..end.clone()
            })
        };
        if let Some(end) = end().filter(|_| !self.configuration_first) {
            return end;
        }
        let mut output = QueryOutput {
            stdout: self.printed.clone(),
            ..QueryOutput::default()
        };
        let configuration = match Configuration::read(environment, self.toolchain.as_deref()) {
            Ok(configuration) => configuration,
            Err(error) => {
                let (status, message) = configuration_failure(&error);
                output.fail(status, &message);
                return output;
            }
        };
        if let Some(end) = end() {
            return end;
        }
        if let Some(toolchain) = configuration.undefined_toolchain() {
            output.warn(&format!(
                "ocamlfind: [WARNING] Undefined toolchain: {toolchain}"
            ));
        }
        match self.query.run(&mut PackageIndex::new(configuration)) {
            Ok(_) if self.quiet_output => {}
            Ok(answers) => output.stdout.extend(answers),
            Err(error) if self.quiet_errors && error.is_quiet_with_qe() => {
                output.status = error.findlib_status()
            }
            Err(error) => output.fail(error.findlib_status(), &error.findlib_message()),
        }
        output
    }

    /// One option, by the rules of OCaml's `Arg`.
    fn option(
        &mut self,
        argument: &[u8],
        rest: &mut impl Iterator<Item = Vec<u8>>,
    ) -> Result<(), QueryOutput> {
        if self.switch(argument) {
            return Ok(());
        }
        if matches!(argument, b"-help" | b"--help") {
            return Err(QueryOutput {
                stdout: USAGE.into(),
                ..QueryOutput::default()
            });
        }
        // A whole argument that is an option wins over one split at `=`.
        let equals = argument.iter().position(|byte| *byte == b'=');
        let (name, attached) = match equals {
            Some(equals) if !takes_value(argument) => {
                (&argument[..equals], Some(argument[equals + 1..].to_vec()))
            }
            _ => (argument, None),
        };
        let shown = String::from_utf8_lossy(argument);
        if !takes_value(name) {
            return Err(usage_failure(&format!("unknown option '{shown}'.")));
        }
        let Some(value) = attached.or_else(|| rest.next()) else {
            return Err(usage_failure(&format!(
                "option '{shown}' needs an argument."
            )));
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
                self.change(|query| query.closure(Closure::RequiredAsFindlib));
                return true;
            }
            b"-pp" => {
                self.change(|query| query.closure(Closure::RequiredAsFindlib).preprocessor(true));
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
    fn fail(&mut self, status: u8, message: &str) {
        self.status = status;
        self.warn(message);
    }

    fn warn(&mut self, message: &str) {
        self.stderr.extend_from_slice(message.as_bytes());
        self.stderr.push(b'\n');
    }
}

fn takes_value(name: &[u8]) -> bool {
    matches!(
        name,
        b"-predicates" | b"-format" | b"-separator" | b"-prefix" | b"-suffix" | b"-toolchain"
    )
}

fn usage_failure(message: &str) -> QueryOutput {
    let stderr = format!("ocamlfind: {message}\n{USAGE}").into_bytes();
    QueryOutput {
        status: 2,
        stdout: Vec::new(),
        stderr,
    }
}

fn configuration_failure(error: &configuration::Error) -> (u8, String) {
    let show = |path: &Path| path.as_os_str().to_string_lossy().into_owned();
    match error {
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
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

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
            &["-d"],
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
