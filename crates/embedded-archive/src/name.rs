//! Names of files inside an archive: one validator for the packer and the reader.

/// The longest name, in bytes; every file system in use takes it below any sensible root.
pub const MAX_NAME: usize = 1024;

/// The longest part of a name between two slashes, in bytes (`NAME_MAX` of Linux, limits.h).
pub const MAX_PART: usize = 255;

/// A name that no archive may hold.
///
/// Names are relative, UTF-8, separated by single slashes, and name a place below the directory they are extracted to.
///
/// ```
/// use embedded_archive::Builder;
///
/// let error = Builder::new().bytes("../etc/passwd", "x").unwrap_err();
/// assert_eq!(error.to_string(), "`../etc/passwd` is no name for a file of an archive: it has a part `..`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no name for a file of an archive: {problem}", name.escape_debug())]
pub struct NameError {
    /// The name as it was given.
    pub name: String,
    /// What is wrong with it.
    pub problem: NameProblem,
}

/// What is wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameProblem {
    /// The name has no bytes.
    #[error("it is empty")]
    Empty,
    /// The name begins with a slash.
    #[error("it is absolute")]
    Absolute,
    /// Two slashes in a row, or one at the end.
    #[error("it has an empty part")]
    EmptyPart,
    /// A part is `.`.
    #[error("it has a part `.`")]
    Dot,
    /// A part is `..`.
    #[error("it has a part `..`")]
    DotDot,
    /// A NUL byte or another control character.
    #[error("it has a control character")]
    Control,
    /// A backslash, which is a separator elsewhere.
    #[error("it has a backslash")]
    Backslash,
    /// A part of more than 255 bytes.
    #[error("it has a part of more than {MAX_PART} bytes")]
    LongPart,
    /// More than 1024 bytes.
    #[error("it has more than {MAX_NAME} bytes")]
    Long,
    /// The path is not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
}

/// Says whether `name` may name a file of an archive.
pub(crate) fn check(name: &str) -> Result<(), NameProblem> {
    if name.is_empty() {
        return Err(NameProblem::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(NameProblem::Long);
    }
    if name.starts_with('/') {
        return Err(NameProblem::Absolute);
    }
    for part in name.split('/') {
        match part {
            "" => return Err(NameProblem::EmptyPart),
            "." => return Err(NameProblem::Dot),
            ".." => return Err(NameProblem::DotDot),
            _ if part.len() > MAX_PART => return Err(NameProblem::LongPart),
            _ if part.contains('\\') => return Err(NameProblem::Backslash),
            _ if part.chars().any(char::is_control) => return Err(NameProblem::Control),
            _ => {}
        }
    }
    Ok(())
}

/// The directories above `name`, the innermost first, without the root.
pub(crate) fn parents(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(parent(name), |directory| parent(directory))
}

fn parent(name: &str) -> Option<&str> {
    name.rfind('/').map(|slash| &name[..slash])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_taken() {
        for name in [
            "a",
            "a/b/c",
            "bin/ld.bfd",
            "..a",
            "a..",
            "...",
            ".hidden",
            "é/ü",
            "a b",
            &"x".repeat(255),
        ] {
            assert_eq!(check(name), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn names_that_leave_the_directory_or_confuse_a_file_system_are_refused() {
        let long_part = "x".repeat(256);
        let long = ["abcdefg"; 129].join("/");
        for (name, problem) in [
            ("", NameProblem::Empty),
            (".", NameProblem::Dot),
            ("..", NameProblem::DotDot),
            ("a/../b", NameProblem::DotDot),
            ("a/./b", NameProblem::Dot),
            ("/a", NameProblem::Absolute),
            ("//a", NameProblem::Absolute),
            ("a//b", NameProblem::EmptyPart),
            ("a/", NameProblem::EmptyPart),
            ("a\0b", NameProblem::Control),
            ("a\nb", NameProblem::Control),
            ("a\\b", NameProblem::Backslash),
            (&long_part, NameProblem::LongPart),
            (&long, NameProblem::Long),
        ] {
            assert_eq!(check(name), Err(problem), "{name:?}");
        }
    }

    #[test]
    fn parents_are_listed_from_the_innermost() {
        assert_eq!(parents("a/b/c").collect::<Vec<_>>(), ["a/b", "a"]);
        assert_eq!(parents("a").count(), 0);
    }
}
