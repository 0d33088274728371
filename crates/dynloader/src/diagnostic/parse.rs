//! The compiler's messages, read from its output; OCaml 4.13 to 5.x.
//!
//! The format is that of `Location.print_report` of the compiler's `parsing/location.ml`: a line
//! `File "…", line …, characters …:`, perhaps the quoted source, then a line that begins with `Error` or
//! `Warning` or `Alert`, then indented lines.

use std::path::PathBuf;

use super::{Code, Diagnostic, Location, Related, Severity};

/// Reads the messages in `output`. Nothing is lost: text that no rule explains becomes a message
/// without location, a note.
///
/// ```
/// use dynloader::diagnostic::{self, Severity};
///
/// let output = "File \"a.ml\", line 3, characters 4-9:\nError: Unbound value x\n";
/// let all = diagnostic::parse(output);
/// assert_eq!((all.len(), all[0].severity), (1, Severity::Error));
/// assert_eq!(all[0].message, "Unbound value x");
/// let location = all[0].location.as_ref().unwrap();
/// assert_eq!((location.line, location.columns), (3, Some((4, 9))));
/// ```
#[must_use]
pub fn parse(output: &str) -> Vec<Diagnostic> {
    let lines: Vec<&str> = output.lines().collect();
    let mut parser = Parser {
        found: Vec::new(),
        open: None,
    };
    let mut at = 0;
    while at < lines.len() {
        at += parser.take(&lines[at..]);
    }
    parser.close();
    parser.found
}

struct Parser {
    found: Vec<Diagnostic>,
    open: Option<Open>,
}

/// A message whose further lines may still come.
struct Open {
    diagnostic: Diagnostic,
    body: Vec<String>,
}

impl Parser {
    /// Reads one line or more, and says how many.
    fn take(&mut self, lines: &[&str]) -> usize {
        let line = lines[0];
        if let Some((location, "")) = located(line) {
            let quoted = lines[1..]
                .iter()
                .take_while(|line| is_quoted_source(line))
                .count();
            let next = lines.get(1 + quoted).copied().unwrap_or("");
            if let Some((severity, code, message)) = heading(next) {
                self.begin(Some(location), severity, code, message);
                return 2 + quoted;
            }
            if let Some(open) = &mut self.open {
                // A place that belongs to the message before, such as that of an unmatched bracket.
                let message = next.trim().to_owned();
                open.diagnostic.related.push(Related { location, message });
                return (2 + quoted).min(lines.len());
            }
        }
        if let Some((severity, code, message)) = heading(line) {
            self.begin(None, severity, code, message);
            return 1;
        }
        match &mut self.open {
            // Later lines of a message may be indented or not.
            Some(open) if !is_of_a_tool(line) => open.line(line),
            // Text of another program, or of a style to come.
            _ => match self.found.last_mut() {
                Some(last) if self.open.is_none() && is_loose(last) => {
                    last.message.push('\n');
                    last.message.push_str(line);
                }
                _ => {
                    self.close();
                    if !line.trim().is_empty() {
                        self.found
                            .push(Diagnostic::unplaced(Severity::Note, line.to_owned()));
                    }
                }
            },
        }
        1
    }

    fn begin(
        &mut self,
        location: Option<Location>,
        severity: Severity,
        code: Option<Code>,
        message: &str,
    ) {
        self.close();
        let message = message.to_owned();
        let diagnostic = Diagnostic {
            location,
            severity,
            code,
            message,
            related: Vec::new(),
        };
        self.open = Some(Open {
            diagnostic,
            body: Vec::new(),
        });
    }

    fn close(&mut self) {
        let Some(Open {
            mut diagnostic,
            mut body,
        }) = self.open.take()
        else {
            return;
        };
        while body.last().is_some_and(|line| line.trim().is_empty()) {
            body.pop();
        }
        // The lines of a box are aligned with the text after `Error: `; hints and examples are not.
        let indentation = |line: &String| line.len() - line.trim_start().len();
        let common = body
            .iter()
            .map(indentation)
            .filter(|spaces| *spaces > 0)
            .min()
            .unwrap_or(0);
        for line in &body {
            diagnostic.message.push('\n');
            diagnostic
                .message
                .push_str(&line[common.min(indentation(line))..]);
        }
        self.found.push(diagnostic);
    }
}

impl Open {
    fn line(&mut self, line: &str) {
        match located(line.trim_start()) {
            Some((location, message)) if !message.is_empty() => {
                let message = message.to_owned();
                self.diagnostic.related.push(Related { location, message });
            }
            Some((location, _)) => {
                self.diagnostic.related.push(Related {
                    location,
                    message: String::new(),
                });
            }
            None => {
                // The line after an indented place says what is there.
                match self.diagnostic.related.last_mut() {
                    Some(related) if related.message.is_empty() && !line.trim().is_empty() => {
                        related.message.push_str(line.trim());
                    }
                    _ => self.body.push(line.trim_end().to_owned()),
                }
            }
        }
    }
}

/// Whether a line is of the assembler, the linker or the like, as told by `program: ` at its beginning.
fn is_of_a_tool(line: &str) -> bool {
    const TOOLS: [&str; 9] = [
        "as", "ld", "gcc", "cc", "clang", "collect2", "sh", "ocamlopt", "ocamlc",
    ];
    let Some((program, _)) = line.split_once(':') else {
        return false;
    };
    program.starts_with('/') || TOOLS.contains(&program)
}

fn is_loose(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Note && diagnostic.location.is_none()
}

/// `File "…", line 1, characters 2-3:` and what follows the colon. The name may hold quotes: the last
/// `", line` of the line ends it.
fn located(line: &str) -> Option<(Location, &str)> {
    let rest = line.strip_prefix("File \"")?;
    let end = rest.rfind("\", line")?;
    let file = PathBuf::from(&rest[..end]);
    let rest = &rest[end + "\", line".len()..];
    let rest = rest.strip_prefix('s').unwrap_or(rest).strip_prefix(' ')?;
    let (line, rest) = number(rest)?;
    let (last_line, rest) = match rest.strip_prefix('-') {
        Some(rest) => number(rest)?,
        None => (line, rest),
    };
    let (columns, rest) = match rest.strip_prefix(", character") {
        Some(rest) => {
            let rest = rest.strip_prefix('s').unwrap_or(rest).strip_prefix(' ')?;
            let (first, rest) = number(rest)?;
            let (end, rest) = match rest.strip_prefix('-') {
                Some(rest) => number(rest)?,
                None => (first, rest),
            };
            (Some((first, end)), rest)
        }
        None => (None, rest),
    };
    let message = rest.strip_prefix(':')?.trim();
    Some((
        Location {
            file,
            line,
            last_line,
            columns,
        },
        message,
    ))
}

fn number(text: &str) -> Option<(u32, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// A line that begins a message: its severity, its code and the text after the colon.
fn heading(line: &str) -> Option<(Severity, Option<Code>, &str)> {
    if let Some(rest) = line.strip_prefix("Error") {
        if let Some(message) = rest.strip_prefix(':') {
            return Some((Severity::Error, None, message.trim_start()));
        }
        let (inside, message) = rest.strip_prefix(" (")?.split_once("):")?;
        let code = match inside.split_once(' ')? {
            ("warning", description) => warning(description)?,
            ("alert", name) => Code::Alert(name.to_owned()),
            _ => return None,
        };
        return Some((Severity::Error, Some(code), message.trim_start()));
    }
    if let Some(rest) = line.strip_prefix("Warning") {
        let (description, message) = rest.split_once(':')?;
        let code = match description.trim() {
            "" => None,
            description => Some(warning(description)?),
        };
        return Some((Severity::Warning, code, message.trim_start()));
    }
    let (name, message) = line.strip_prefix("Alert ")?.split_once(':')?;
    Some((
        Severity::Warning,
        Some(Code::Alert(name.to_owned())),
        message.trim_start(),
    ))
}

/// `32` or `32 [unused-value-declaration]`.
fn warning(description: &str) -> Option<Code> {
    let (number, rest) = number(description)?;
    let name = rest
        .trim()
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    Some(Code::Warning {
        number,
        name: name.map(str::to_owned),
    })
}

/// A line of the source that the compiler quotes, or the line of carets below it.
fn is_quoted_source(line: &str) -> bool {
    let trimmed = line.trim();
    if !trimmed.is_empty() && trimmed.bytes().all(|byte| byte == b'^' || byte == b' ') {
        return true;
    }
    let digits = trimmed.len()
        - trimmed
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .len();
    let dots = trimmed.bytes().take_while(|byte| *byte == b'.').count();
    (digits > 0 && trimmed[digits..].starts_with(" |")) || (dots > 2 && trimmed.len() == dots)
}

#[cfg(test)]
mod tests;
