//! The small string functions of findlib (`Fl_split`) and of OCaml's `Filename`, over bytes.

use crate::sys;

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The words of a value, as findlib splits `requires`, `archive`, `exists_if`, predicates and names:
/// blanks *and commas* separate.
///
/// ```
/// let words: Vec<_> = lib_resolve::text::words(b" a, b\n,c").collect();
/// assert_eq!(words, [b"a", b"b", b"c"]);
/// ```
pub fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| is_blank(*byte) || *byte == b',')
        .filter(|word| !word.is_empty())
}

/// The words of a value that only blanks separate, as findlib splits `linkopts` and `ppxopt`.
///
/// ```
/// let words: Vec<_> = lib_resolve::text::blank_words(b"-cclib -Wl,-E").collect();
/// assert_eq!(words, [&b"-cclib"[..], b"-Wl,-E"]);
/// ```
pub fn blank_words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| is_blank(*byte))
        .filter(|word| !word.is_empty())
}

/// The entries of a search path: split at the system's separator, empty ones dropped.
pub(crate) fn path_entries(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| *byte == sys::PATH_SEPARATOR)
        .filter(|entry| !entry.is_empty())
}

/// The first component of a package name: what names its META file.
///
/// `None` when the name has no component (`""`, `".."`), for which findlib raises `Invalid_argument`.
pub(crate) fn main_component(name: &[u8]) -> Option<&[u8]> {
    if name == b"." {
        return Some(name);
    }
    name.split(|byte| *byte == b'.')
        .find(|component| !component.is_empty())
}

/// OCaml's `Filename.concat` on Unix: nothing is ever normalised.
pub(crate) fn concat(directory: &[u8], file: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(directory.len() + 1 + file.len());
    joined.extend_from_slice(directory);
    push_component(&mut joined, file);
    joined
}

/// As [`concat`], onto a path that is there.
pub(crate) fn push_component(path: &mut Vec<u8>, file: &[u8]) {
    if !path.is_empty() && !path.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(file);
}

/// OCaml's `Filename.is_relative` on Unix.
pub(crate) fn is_relative(path: &[u8]) -> bool {
    !path.starts_with(b"/")
}

/// `Fl_split.norm_dir` on Unix: a slash after a slash and a slash at the end are dropped.
pub(crate) fn normalise_directory(directory: &[u8]) -> Vec<u8> {
    let last = directory.len().saturating_sub(1);
    let keep = |index: usize, byte: u8| {
        index == 0 || byte != b'/' || (directory[index - 1] != b'/' && index != last)
    };
    let bytes = directory.iter().enumerate();
    bytes
        .filter(|&(index, byte)| keep(index, *byte))
        .map(|(_, byte)| *byte)
        .collect()
}

/// The items with one separator between two of them.
pub(crate) fn join<'a>(items: impl IntoIterator<Item = &'a [u8]>, separator: &[u8]) -> Vec<u8> {
    let mut joined = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            joined.extend_from_slice(separator);
        }
        joined.extend_from_slice(item);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_is_added_only_where_one_is_missing() {
        assert_eq!(concat(b"", b"META"), b"META");
        assert_eq!(concat(b"/a/", b"META"), b"/a/META");
        assert_eq!(concat(b"/a", b"/META"), b"/a//META");
    }

    #[test]
    fn double_and_final_slashes_leave_a_normalised_directory() {
        assert_eq!(normalise_directory(b"//usr//lib/"), b"/usr/lib");
        assert_eq!(normalise_directory(b"/"), b"/");
        assert_eq!(
            normalise_directory(b"a///"),
            b"a/",
            "findlib drops the last slash only when it is alone"
        );
        assert_eq!(normalise_directory(b""), b"");
    }

    #[test]
    fn a_name_of_dots_has_no_main_component_but_a_single_dot_has() {
        assert_eq!(main_component(b".."), None);
        assert_eq!(main_component(b""), None);
        assert_eq!(main_component(b"."), Some(&b"."[..]));
        assert_eq!(main_component(b".a.b"), Some(&b"a"[..]));
    }

    #[test]
    fn empty_entries_of_a_search_path_are_dropped() {
        let entries: Vec<_> = path_entries(b":/a::b c:").collect();
        assert_eq!(entries, [&b"/a"[..], b"b c"]);
    }
}
