//! Names of OCaml modules, as the compiler derives them from file names.

use std::fmt;
use std::path::Path;

/// The name of an OCaml module: an ASCII letter in upper case, then letters, digits, `_` and `'`.
///
/// ```
/// use dynloader::ModuleName;
///
/// assert_eq!(ModuleName::of_stem("greeter")?.as_str(), "Greeter");
/// assert!(ModuleName::of_stem("invalid-name").is_err());
/// # Ok::<(), dynloader::module_name::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleName(String);

/// Why a file name gives no module name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing is left of the name once its extension is gone.
    #[error("the name is empty")]
    Empty,
    /// The name starts with something other than an ASCII letter.
    #[error("a module name begins with a letter, not with `{0}`")]
    FirstCharacter(char),
    /// A later character cannot be part of a module name.
    #[error("a module name holds letters, digits, `_` and `'`, not `{0}`")]
    Character(char),
    /// The bytes of the name are not UTF-8.
    #[error("a module name is made of ASCII characters")]
    NotUtf8,
}

impl ModuleName {
    /// The module that a file with this name, extension removed, defines.
    ///
    /// # Errors
    /// When the name is not made as OCaml asks (`Lexer.is_valid_module_name` of the compiler).
    pub fn of_stem(stem: &str) -> Result<ModuleName, Error> {
        let mut characters = stem.chars();
        let first = characters.next().ok_or(Error::Empty)?;
        if !first.is_ascii_alphabetic() {
            return Err(Error::FirstCharacter(first));
        }
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '\'';
        if let Some(wrong) = characters.clone().find(|&c| !valid(c)) {
            return Err(Error::Character(wrong));
        }
        let mut name = String::with_capacity(stem.len());
        name.push(first.to_ascii_uppercase());
        name.push_str(characters.as_str());
        Ok(ModuleName(name))
    }

    /// The module that the file at `path` defines; the extension `.ml` or `.mli` may be absent.
    ///
    /// # Errors
    /// As [`ModuleName::of_stem`].
    pub fn of_path(path: &Path) -> Result<ModuleName, Error> {
        let stem = match path.extension() {
            Some(extension) if extension == "ml" || extension == "mli" => path.file_stem(),
            _ => path.file_name(),
        };
        let stem = stem.ok_or(Error::Empty)?;
        ModuleName::of_stem(stem.to_str().ok_or(Error::NotUtf8)?)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_letter_becomes_a_capital() {
        for (stem, name) in [("a", "A"), ("fooBar_1'", "FooBar_1'"), ("Z", "Z")] {
            assert_eq!(ModuleName::of_stem(stem).unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_that_are_no_identifiers_are_refused_with_the_character() {
        for (stem, error) in [
            ("", Error::Empty),
            ("1a", Error::FirstCharacter('1')),
            ("_a", Error::FirstCharacter('_')),
            ("invalid-name", Error::Character('-')),
            ("a b", Error::Character(' ')),
            ("é", Error::FirstCharacter('é')),
            ("aé", Error::Character('é')),
            ("a.b", Error::Character('.')),
        ] {
            assert_eq!(ModuleName::of_stem(stem).unwrap_err(), error, "{stem}");
        }
    }

    #[test]
    fn the_extension_of_a_source_is_not_part_of_the_name() {
        for path in ["dir/foo.ml", "foo.mli", "/x/foo"] {
            assert_eq!(
                ModuleName::of_path(Path::new(path)).unwrap().as_str(),
                "Foo"
            );
        }
        assert_eq!(
            ModuleName::of_path(Path::new("foo.txt")).unwrap_err(),
            Error::Character('.')
        );
    }
}
