//! Printing. Results go to standard output, everything else to standard error; colours respect NO_COLOR and terminals.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
pub(crate) const BOLD: Style = Style::new().bold();

/// `error: …` on standard error.
pub(crate) fn error(message: &str) {
    anstream::eprintln!("{ERROR}error{ERROR:#}: {message}");
}

/// What lies behind the error above.
pub(crate) fn because(message: &str) {
    anstream::eprintln!("  because: {message}");
}

/// What the user may do.
pub(crate) fn hint(message: &str) {
    anstream::eprintln!("{HINT}hint{HINT:#}: {message}");
}

/// A warning.
pub(crate) fn warning(message: &str) {
    anstream::eprintln!("{WARNING}warning{WARNING:#}: {message}");
}

/// A line on standard error.
pub(crate) fn plain(message: impl Display) {
    anstream::eprintln!("{message}");
}

/// What is going on, for steps that take more than a moment; only where somebody watches.
pub(crate) fn progress(message: &str) {
    use std::io::IsTerminal;
    if std::io::stderr().is_terminal() {
        anstream::eprintln!("{BOLD}{message}{BOLD:#} ...");
    }
}

/// A line of the result, on standard output.
pub(crate) fn result(message: impl Display) {
    anstream::println!("{message}");
}

/// A result as JSON.
pub(crate) fn json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => anstream::println!("{text}"),
        Err(problem) => error(&format!("cannot print this as JSON: {problem}")),
    }
}
