//! Scripts: files that begin with a line `#!`, which the system starts with `saddlebag run FILE ARG...`.
//!
//! What follows a script on the command line is for the script, options included.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use dynloader::Source;
use dynloader::cache::CacheConfig;
use dynloader::kit::{default_cache_directory, ensure_private_directory};

/// Whether the file begins as a script does.
pub(crate) fn is_script(path: &Path) -> bool {
    // Reading from a pipe would take its beginning away.
    if !path.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut beginning = [0; 2];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut beginning));
    read.is_ok() && beginning == *b"#!"
}

/// The command line `run [OPTION]... SCRIPT ARG...` with `--` behind the script, as clap wants it. The words begin with
/// `run`, whose options `run` describes.
pub(crate) fn part(mut words: Vec<OsString>, run: &clap::Command) -> Vec<OsString> {
    let Some(at) = first_operand(&words, run) else {
        return words;
    };
    let is_parted = words.get(at + 1).is_none_or(|next| next == "--");
    if !is_parted && is_script(Path::new(&words[at])) {
        words.insert(at + 1, "--".into());
    }
    words
}

/// Where the first word is that is neither an option of `run` nor the value of one.
fn first_operand(words: &[OsString], run: &clap::Command) -> Option<usize> {
    let takes_value = |is_it: &dyn Fn(&clap::Arg) -> bool| {
        let option = run.get_arguments().find(|option| is_it(option));
        option.is_some_and(|option| option.get_action().takes_values())
    };
    let mut at = 1;
    while let Some(word) = words.get(at) {
        let word = word.to_string_lossy();
        let value_follows = if let Some(long) = word.strip_prefix("--") {
            if long.is_empty() {
                return None;
            }
            !long.contains('=') && takes_value(&|option| option.get_long() == Some(long))
        } else if let Some(short) = word.strip_prefix('-').filter(|short| !short.is_empty()) {
            let mut letters = short.chars();
            let letter = letters.next();
            letters.next().is_none() && takes_value(&|option| option.get_short() == letter)
        } else {
            return Some(at);
        };
        at += if value_follows { 2 } else { 1 };
    }
    None
}

/// A script as a source. One that is not called `x.ml` goes by its name with that extension.
pub(crate) fn source(path: &Path) -> std::io::Result<Source> {
    if path.extension().is_some_and(|extension| extension == "ml") {
        return Ok(Source::file(path));
    }
    Ok(Source::text(named(path), std::fs::read(path)?))
}

/// A name that gives a module's.
fn named(path: &Path) -> PathBuf {
    let stem = path.file_name().unwrap_or(OsStr::new("script"));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut name: String = stem
        .as_bytes()
        .iter()
        .map(|&byte| if allowed(byte) { char::from(byte) } else { '_' })
        .collect();
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        name.insert_str(0, "script_");
    }
    path.with_file_name(name + ".ml")
}

/// Where compiled scripts are kept for their next start: the user's cache directory, if there is one that nobody else
/// writes to.
pub(crate) fn cache() -> Option<CacheConfig> {
    directory("scripts").map(|directory| CacheConfig::new(directory).optional(true))
}

/// Where a carried compiler is kept for the next start of a script.
pub(crate) fn archives() -> Option<PathBuf> {
    directory("archives")
}

fn directory(name: &str) -> Option<PathBuf> {
    let parent = default_cache_directory()?;
    let directory = parent.join(name);
    for path in [&parent, &directory] {
        ensure_private_directory(path).ok()?;
    }
    Some(directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Run;
    use clap::Args;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn what_follows_a_script_is_for_the_script() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("s.ml");
        std::fs::write(&script, "#!/usr/bin/env saddlebag\n").unwrap();
        let plain = directory.path().join("p.ml");
        std::fs::write(&plain, "let () = ()\n").unwrap();
        let (script, plain) = (script.display(), plain.display());
        for (line, parted) in [
            (
                format!("run {script} a -b --strict"),
                format!("run {script} -- a -b --strict"),
            ),
            (
                format!("run --require str -I d --strict --code=byte {script} {plain}"),
                format!("run --require str -I d --strict --code=byte {script} -- {plain}"),
            ),
            (format!("run {script} -- -x"), format!("run {script} -- -x")),
            (format!("run {script}"), format!("run {script}")),
            (
                format!("run {plain} {script}"),
                format!("run {plain} {script}"),
            ),
        ] {
            let run = Run::augment_args(clap::Command::new("run"));
            assert_eq!(part(words(&line), &run), words(&parted), "{line}");
        }
    }

    #[test]
    fn any_name_of_a_script_names_a_module() {
        for (path, name) in [
            ("bin/my-tool", "bin/my_tool.ml"),
            ("7zip", "script_7zip.ml"),
            ("a.b.sh", "a_b_sh.ml"),
        ] {
            assert_eq!(named(Path::new(path)), Path::new(name));
        }
    }
}
