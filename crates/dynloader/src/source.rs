//! One source as the caller names it: a file to read, or text with a name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A source of a plugin: the path of a file, or a text with a name.
///
/// The name ends in `.ml` or `.mli`; a path may also have no extension, it then stands for its `.ml`.
///
/// ```
/// use dynloader::Source;
///
/// let file = Source::file("plugins/greeter.ml");
/// let text = Source::text("greeter.ml", "let greet name = \"hello \" ^ name");
/// assert_eq!(text.name(), std::path::Path::new("greeter.ml"));
/// assert_ne!(file, text);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: PathBuf,
    text: Option<Arc<[u8]>>,
}

impl Source {
    /// A file that is read when the plugin is compiled; a relative path is relative to the process's
    /// current directory at that time.
    pub fn file(path: impl Into<PathBuf>) -> Source {
        Source {
            name: path.into(),
            text: None,
        }
    }

    /// A text that no file holds. `name` is used as the path of a file would be: for the module name
    /// and in messages.
    pub fn text(name: impl Into<PathBuf>, text: impl Into<Vec<u8>>) -> Source {
        Source {
            name: name.into(),
            text: Some(text.into().into()),
        }
    }

    /// A text that is read already.
    pub(crate) fn shared(name: PathBuf, text: Arc<[u8]>) -> Source {
        Source {
            name,
            text: Some(text),
        }
    }

    /// The path of the file, or the name of the text.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// The text, when it came with the source.
    pub fn given_text(&self) -> Option<&[u8]> {
        self.text.as_deref()
    }

    pub(crate) fn into_parts(self) -> (PathBuf, Option<Arc<[u8]>>) {
        (self.name, self.text)
    }
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Source {
        Source::file(path)
    }
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Source {
        Source::file(path)
    }
}

impl From<&PathBuf> for Source {
    fn from(path: &PathBuf) -> Source {
        Source::file(path)
    }
}

impl From<&str> for Source {
    fn from(path: &str) -> Source {
        Source::file(path)
    }
}

impl From<String> for Source {
    fn from(path: String) -> Source {
        Source::file(path)
    }
}

impl From<&Source> for Source {
    fn from(source: &Source) -> Source {
        source.clone()
    }
}
