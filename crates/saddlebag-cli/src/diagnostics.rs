//! The compiler's messages as a user reads them: OCaml's own layout, with the source's text.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use dynloader::compile::Error;
use dynloader::diagnostic::{Code, Diagnostic, Location, Severity};
use serde::Serialize;

use crate::arguments::ErrorFormat;
use crate::failure::Failure;
use crate::output;

/// How many lines of a range are shown whole; of a longer one the first and the last.
const SHOWN_LINES: usize = 6;

/// Prints what the compiler said and gives the command's failure.
pub(crate) fn rejected(error: Error, format: ErrorFormat) -> Failure {
    match &error {
        Error::Rejected(rejection) => {
            print(&rejection.diagnostics, format);
            Failure::Told
        }
        // What the compiler printed is in the error's own words.
        Error::Failed(rejection) if format == ErrorFormat::Json => {
            print(&rejection.diagnostics, format);
            Failure::new(error)
        }
        // Only `--assembler internal` leads here.
        Error::Assemble(_) => Failure::advised(
            error,
            "use the assembler and the linker where they are needed: --assembler auto",
        ),
        _ => Failure::new(error),
    }
}

/// Prints messages on standard error.
pub(crate) fn print(diagnostics: &[Diagnostic], format: ErrorFormat) {
    match format {
        ErrorFormat::Human => {
            let mut texts = Texts::default();
            for diagnostic in diagnostics {
                output::plain(render(diagnostic, &mut texts).trim_end());
            }
        }
        // One object a line, so that a tool can read them as they come.
        ErrorFormat::Json => {
            for diagnostic in diagnostics {
                output::plain(
                    serde_json::to_string(&Message::from(diagnostic)).unwrap_or_default(),
                );
            }
        }
    }
}

/// Files read for their lines, each once.
#[derive(Default)]
struct Texts(HashMap<PathBuf, Option<String>>);

impl Texts {
    fn lines(&mut self, path: &Path) -> Option<Vec<&str>> {
        let read = || Some(String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned());
        let text = self.0.entry(path.to_owned()).or_insert_with(read);
        text.as_deref().map(|text| text.lines().collect())
    }
}

fn render(diagnostic: &Diagnostic, texts: &mut Texts) -> String {
    let colour = match diagnostic.severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Magenta.on_default().bold(),
        Severity::Note => Style::new(),
    };
    let mut text = String::new();
    if let Some(location) = &diagnostic.location {
        place(&mut text, location, colour, texts);
    }
    let (label, detail) = heading(diagnostic);
    if !label.is_empty() {
        let _ = write!(text, "{colour}{label}{colour:#}{detail}: ");
    }
    // Further lines are set below the first, as the compiler sets them.
    let indent = label.len() + if label.is_empty() { 0 } else { 2 };
    for (index, line) in diagnostic.message.lines().enumerate() {
        let indent = if index == 0 || line.is_empty() {
            0
        } else {
            indent
        };
        let _ = writeln!(text, "{:indent$}{line}", "");
    }
    for related in &diagnostic.related {
        place(&mut text, &related.location, Style::new().bold(), texts);
        let _ = writeln!(text, "  {}", related.message);
    }
    text
}

/// OCaml's own headings: `Error`, `Error (warning 32 [unused-value-declaration])`, `Warning 32 [...]`, `Alert …`.
fn heading(diagnostic: &Diagnostic) -> (&'static str, String) {
    match (diagnostic.severity, &diagnostic.code) {
        (Severity::Note, _) => ("", String::new()),
        (Severity::Error, None) => ("Error", String::new()),
        (Severity::Error, Some(code)) => ("Error", format!(" ({code})")),
        (Severity::Warning, None) => ("Warning", String::new()),
        (Severity::Warning, Some(Code::Alert(name))) => ("Alert", format!(" {name}")),
        (Severity::Warning, Some(Code::Warning { number, name })) => {
            let name = name
                .as_ref()
                .map_or(String::new(), |name| format!(" [{name}]"));
            ("Warning", format!(" {number}{name}"))
        }
    }
}

/// `File …, line …, characters …:` and the lines themselves, the range underlined.
fn place(text: &mut String, location: &Location, colour: Style, texts: &mut Texts) {
    let bold = output::BOLD;
    let _ = writeln!(text, "{bold}{location}{bold:#}:");
    let Some(lines) = texts.lines(&location.file) else {
        return;
    };
    let (first, last) = (location.line as usize, location.last_line as usize);
    let width = last.to_string().len();
    for number in first..=last {
        let Some(line) = number.checked_sub(1).and_then(|index| lines.get(index)) else {
            return;
        };
        if last - first >= SHOWN_LINES && number > first + 1 && number + 1 < last {
            if number == first + 2 {
                let _ = writeln!(text, "{:width$}   ...", "");
            }
            continue;
        }
        let _ = writeln!(text, "{number:width$} | {line}");
        if let (true, Some((start, end))) = (first == last, location.columns) {
            let marks = underline(line, start as usize, end as usize);
            let _ = writeln!(text, "{:width$}   {colour}{marks}{colour:#}", "");
        }
    }
}

/// Blanks and `^`s below the bytes from `start` to `end` of `line`, as wide as the characters are many; tabs stay tabs.
fn underline(line: &str, start: usize, end: usize) -> String {
    let mut marks = String::new();
    for (index, character) in line.char_indices() {
        if index >= end.max(start + 1) {
            break;
        }
        marks.push(match (index < start, character) {
            (true, '\t') => '\t',
            (true, _) => ' ',
            (false, _) => '^',
        });
    }
    if start >= line.len() {
        marks.push('^');
    }
    marks
}

/// One message for tools.
#[derive(Serialize)]
struct Message<'a> {
    severity: &'static str,
    code: Option<String>,
    message: &'a str,
    location: Option<Place>,
    related: Vec<RelatedMessage<'a>>,
}

#[derive(Serialize)]
struct RelatedMessage<'a> {
    location: Place,
    message: &'a str,
}

/// Lines count from 1; columns are bytes counted from 0, the last one not included.
#[derive(Serialize)]
struct Place {
    file: String,
    line: u32,
    last_line: u32,
    start_column: Option<u32>,
    end_column: Option<u32>,
}

impl From<&Location> for Place {
    fn from(location: &Location) -> Place {
        Place {
            file: location.file.display().to_string(),
            line: location.line,
            last_line: location.last_line,
            start_column: location.columns.map(|columns| columns.0),
            end_column: location.columns.map(|columns| columns.1),
        }
    }
}

impl<'a> From<&'a Diagnostic> for Message<'a> {
    fn from(diagnostic: &'a Diagnostic) -> Message<'a> {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let related = diagnostic.related.iter();
        Message {
            severity,
            code: diagnostic.code.as_ref().map(ToString::to_string),
            message: &diagnostic.message,
            location: diagnostic.location.as_ref().map(Place::from),
            related: related
                .map(|related| RelatedMessage {
                    location: (&related.location).into(),
                    message: &related.message,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_underlined_by_characters_not_bytes() {
        assert_eq!(underline("let é = 1 + x", 13, 14), "            ^");
        assert_eq!(underline("\tfoo bar", 5, 8), "\t    ^^^");
        assert_eq!(underline("let x =", 7, 7), "       ^");
        assert_eq!(underline("", 0, 0), "^");
    }
}
