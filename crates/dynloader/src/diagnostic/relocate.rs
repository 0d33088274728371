//! Positions in generated text moved to the user's files.

use std::path::Path;

use super::{Diagnostic, Location, Severity};
use crate::name_table::NameTable;

/// The last message of a compilation whose warnings are errors; each of them has a message of its own.
const SUMMARY: &str = "Some fatal warnings were triggered";

/// Replaces the names of line directives by the paths they stand for, and positions in generated text by
/// the nearest in a source: the declaration that does not fit, else the last module as a whole.
pub(crate) fn relocate(diagnostics: &mut Vec<Diagnostic>, names: &NameTable) {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count();
    if errors > 1 {
        diagnostics.retain(|diagnostic| !diagnostic.message.starts_with(SUMMARY));
    }
    for diagnostic in diagnostics {
        for related in &mut diagnostic.related {
            resolve(&mut related.location, names);
        }
        // `Location.none` of the compiler: the message concerns no place.
        let location = diagnostic
            .location
            .take()
            .filter(|location| location.file != Path::new("_none_"));
        let location = location.map(|mut location| {
            let exact = resolve(&mut location, names);
            (location, exact)
        });
        diagnostic.location = location.and_then(|(location, exact)| match exact {
            Place::Source | Place::Foreign => Some(location),
            place => {
                let actual = diagnostic.related.iter().position(|related| {
                    related.message == "Actual declaration"
                        && names.is_source(&related.location.file)
                });
                match actual {
                    Some(actual) => Some(diagnostic.related.remove(actual).location),
                    None if place == Place::Module => Some(location),
                    None => names
                        .main()
                        .map(|(path, lines)| whole_line(path.to_owned(), lines)),
                }
            }
        });
        diagnostic
            .related
            .retain(|related| !names.is_generated(&related.location.file));
        diagnostic.message = names.without_generated_names(&diagnostic.message);
    }
}

/// What a position of the compiler means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Text of the user's.
    Source,
    /// A generated line that begins a user's module.
    Module,
    /// Other generated text.
    Generated,
    /// A file that is no source of the plugin, as named by a directive within one.
    Foreign,
}

fn resolve(location: &mut Location, names: &NameTable) -> Place {
    let name = location.file.to_string_lossy().into_owned();
    if let Some(path) = names.path_of(&name) {
        location.file = path.to_owned();
        if let Some(end) = names.end_of(&name) {
            stay_within(location, end);
        }
        return Place::Source;
    }
    if let Some(path) = names.path_of_module_line(&name) {
        *location = whole_line(path.to_owned(), 1);
        return Place::Module;
    }
    match names.is_generated(&location.file) {
        true => Place::Generated,
        false => Place::Foreign,
    }
}

/// What is missing at the end of a source is found missing in the generated text after it.
fn stay_within(location: &mut Location, (last_line, length): (u32, u32)) {
    let Some((first, end)) = &mut location.columns else {
        return;
    };
    if location.line >= last_line {
        *first = if location.line > last_line {
            length
        } else {
            length.min(*first)
        };
        location.line = last_line;
    }
    if location.last_line >= last_line {
        *end = if location.last_line > last_line {
            length
        } else {
            length.min(*end)
        };
        location.last_line = last_line;
    }
}

fn whole_line(file: std::path::PathBuf, line: u32) -> Location {
    Location {
        file,
        line,
        last_line: line,
        columns: None,
    }
}
