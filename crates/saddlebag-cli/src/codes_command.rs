//! `saddlebag codes`: which codes can be generated, are asked for, and are generated.

use std::io::{self, Write};

use clap::Args;
use code_sets::{CodeSet, Determined, Wanted, determined};
use serde::Serialize;

#[derive(Debug, Args)]
pub(crate) struct CodesArguments {
    /// What to ask for: `auto`, or names with commas between them, such as `byte,native`
    #[arg(long, value_name = "CODES", default_value = "auto")]
    pub(crate) wanted: Wanted,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Writes to `output` the codes that are `available`, wanted and built.
///
/// A script that asks for what is not available gets an error and nothing on `output`.
pub(crate) fn run(
    arguments: &CodesArguments,
    available: CodeSet,
    output: &mut impl Write,
) -> Result<(), Error> {
    let determined = Determined::new(&arguments.wanted, available, &[])
        .map_err(|source| Error::Undetermined { source })?;
    let report = Report {
        available,
        wanted: &arguments.wanted,
        built: determined.built(),
    };
    let written = if arguments.json {
        report.write_json(output)
    } else {
        report.write_text(output)
    };
    written.map_err(|source| Error::Write { source })
}

/// What the command says; its fields are those of the JSON object.
#[derive(Serialize)]
struct Report<'a> {
    available: CodeSet,
    wanted: &'a Wanted,
    built: CodeSet,
}

impl Report<'_> {
    fn write_json(&self, output: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *output, self)?;
        writeln!(output)
    }

    // Sets are written as `--wanted` takes them.
    fn write_text(&self, output: &mut impl Write) -> io::Result<()> {
        writeln!(output, "available: {}", Wanted::from(self.available))?;
        writeln!(output, "wanted:    {}", self.wanted)?;
        writeln!(output, "built:     {}", Wanted::from(self.built))
    }
}

/// The error returned by [`run`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What is wanted is not available.
    #[error("could not determine the codes of a build")]
    Undetermined { source: determined::Error },
    /// The report could not be written.
    #[error("could not write the codes")]
    Write { source: io::Error },
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        codes: CodesArguments,
    }

    fn codes(line: &str, available: CodeSet) -> Result<String, Error> {
        let words = std::iter::once("codes").chain(line.split_whitespace());
        let command = Command::try_parse_from(words).expect("a good command line");
        let mut output = Vec::new();
        run(&command.codes, available, &mut output)?;
        Ok(String::from_utf8(output).expect("UTF-8"))
    }

    #[test]
    fn without_a_wish_everything_available_is_built() {
        insta::assert_snapshot!(codes("", CodeSet::TRADITIONAL).unwrap(), @r"
        available: byte,native
        wanted:    auto
        built:     byte,native
        ");
    }

    #[test]
    fn a_wish_is_built_and_shown_as_it_was_written() {
        insta::assert_snapshot!(codes("--wanted native,byte", CodeSet::ALL).unwrap(), @r"
        available: byte,native,wasm
        wanted:    native,byte
        built:     byte,native
        ");
        insta::assert_snapshot!(codes("--wanted none", CodeSet::BYTE).unwrap(), @r"
        available: byte
        wanted:    none
        built:     none
        ");
    }

    #[test]
    fn json_has_the_names_in_lists() {
        let parse = |line: &str| -> serde_json::Value {
            serde_json::from_str(&codes(line, CodeSet::TRADITIONAL).unwrap()).unwrap()
        };
        assert_eq!(
            parse("--json"),
            serde_json::json!({
                "available": ["byte", "native"],
                "wanted": "auto",
                "built": ["byte", "native"],
            })
        );
        assert_eq!(
            parse("--json --wanted byte")["wanted"],
            serde_json::json!(["byte"])
        );
        assert_eq!(
            parse("--json --wanted byte")["built"],
            serde_json::json!(["byte"])
        );
    }

    #[test]
    fn asking_for_what_is_not_available_fails_with_both_sets() {
        let error = codes("--wanted byte,native", CodeSet::BYTE).unwrap_err();
        let source = std::error::Error::source(&error).expect("a source");
        assert_eq!(
            source.to_string(),
            "the build wants codes byte and native, but only code byte is available"
        );
    }

    #[test]
    fn a_name_of_no_code_is_wrong_usage() {
        let error = Command::try_parse_from(["codes", "--wanted", "bite"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(
            error
                .to_string()
                .contains("unknown code `bite`: expected `auto`"),
            "{error}"
        );
    }
}
