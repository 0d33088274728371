//! The names that line directives use, and the paths they stand for.

use std::path::{Path, PathBuf};

use crate::bundle::Bundle;

/// The name in line directives of text that is no user's.
pub(crate) const GENERATED: &str = "<saddlebag>";

/// Maps between the names in the generated unit and the user's files.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct NameTable {
    entries: Vec<Entry>,
    /// The implementation of the last module, which messages about the whole plugin point to.
    main: Option<(PathBuf, u32)>,
    /// What the interface that the plugin is checked against is called.
    interface: String,
    unit_files: [String; 2],
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: String,
    path: PathBuf,
    module_line: bool,
    /// The last line of a source, counted from 1, and its length.
    end: (u32, u32),
}

impl NameTable {
    pub(crate) fn new(bundles: &[Bundle], interface: Option<&str>) -> NameTable {
        let main = bundles.last().map(|bundle| {
            let file = bundle.implementation();
            let contents = file.contents();
            let (last, _) = end_of(contents.strip_suffix(b"\n").unwrap_or(contents));
            (file.path().to_owned(), last)
        });
        NameTable {
            entries: Vec::new(),
            main,
            interface: interface.unwrap_or("").to_owned(),
            unit_files: Default::default(),
        }
    }

    /// The name to write for `path`. A directive has no escapes (`Lexer` of the compiler reads up to the
    /// next `"`), so a path with quotes or line ends is replaced and found again in messages.
    pub(crate) fn directive_name(&mut self, path: &Path, contents: &[u8]) -> String {
        let plain = path
            .to_str()
            .filter(|name| !name.contains(|c: char| c.is_control() || c == '"'));
        self.name(path, false, plain, end_of(contents))
    }

    /// The name to write for the generated line that begins the module in `path`.
    pub(crate) fn module_line_name(&mut self, path: &Path) -> String {
        self.name(path, true, None, (1, 0))
    }

    fn name(
        &mut self,
        path: &Path,
        module_line: bool,
        plain: Option<&str>,
        end: (u32, u32),
    ) -> String {
        let known = self
            .entries
            .iter()
            .find(|entry| entry.path == path && entry.module_line == module_line);
        if let Some(entry) = known {
            return entry.name.clone();
        }
        let number = self.entries.len() + 1;
        let name = plain.map_or_else(|| format!("<source {number}>"), str::to_owned);
        self.entries.push(Entry {
            name: name.clone(),
            path: path.to_owned(),
            module_line,
            end,
        });
        name
    }

    fn entry(&self, name: &str, module_line: bool) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| entry.name == name && entry.module_line == module_line)
    }

    /// The source that a name in a message stands for.
    pub(crate) fn path_of(&self, name: &str) -> Option<&Path> {
        Some(&self.entry(name, false)?.path)
    }

    /// The last line of that source, counted from 1, and the length of the line in bytes.
    pub(crate) fn end_of(&self, name: &str) -> Option<(u32, u32)> {
        Some(self.entry(name, false)?.end)
    }

    /// The source whose module begins on the generated line of this name.
    pub(crate) fn path_of_module_line(&self, name: &str) -> Option<&Path> {
        Some(&self.entry(name, true)?.path)
    }

    /// Whether a path is one of the user's sources.
    pub(crate) fn is_source(&self, path: &Path) -> bool {
        self.entries.iter().any(|entry| entry.path == path)
    }

    /// Whether a file named in a message is text that no user wrote.
    pub(crate) fn is_generated(&self, file: &Path) -> bool {
        file == Path::new(GENERATED) || self.unit_files.iter().any(|unit| file == Path::new(unit))
    }

    /// Records the files that the unit is written to.
    pub(crate) fn set_unit(&mut self, unit: &str) {
        self.unit_files = [format!("{unit}.ml"), format!("{unit}.mli")];
    }

    /// The implementation of the last module and the number of its lines.
    pub(crate) fn main(&self) -> Option<(&Path, u32)> {
        self.main
            .as_ref()
            .map(|(path, lines)| (path.as_path(), *lines))
    }

    /// A message in which generated signatures are called by what they stand for.
    pub(crate) fn without_generated_names(&self, message: &str) -> String {
        const PREFIX: &str = "Saddlebag_";
        let mut out = String::with_capacity(message.len());
        let mut rest = message;
        while let Some(at) = rest.find(PREFIX) {
            let (before, after) = (&rest[..at], &rest[at + PREFIX.len()..]);
            out.push_str(before.strip_suffix("Plugin.").unwrap_or(before));
            let end = after
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '\'')
                .unwrap_or(after.len());
            match &after[..end] {
                "interface" => out.push_str(&format!("the interface {}", self.interface)),
                "host" => out.push_str("Saddlebag_host"),
                module => out.push_str(&format!("the interface of {module}")),
            }
            rest = &after[end..];
        }
        out.push_str(rest);
        out
    }
}

/// The last line of a text, counted from 1, and its length in bytes.
fn end_of(text: &[u8]) -> (u32, u32) {
    let newlines = text.iter().filter(|byte| **byte == b'\n').count();
    let last = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(text.len(), |newline| text.len() - newline - 1);
    let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
    (number(newlines).saturating_add(1), number(last))
}
