//! The plain command lines of `saddlebag run`, read without clap.
//!
//! A start from the cache takes three milliseconds, of which clap would have a twentieth. What is not read here, and what is
//! wrong, clap judges; what is read here, clap reads the same way, as the tests make sure.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::arguments::{Run, ToolchainChoice};
use crate::script;

/// The meaning of the words behind `run`, where these are files, `--` with arguments, and the commonest options.
pub(crate) fn read(words: &[OsString]) -> Option<Run> {
    let mut run = Run::default();
    let mut rest = words;
    while let Some((word, behind)) = rest.split_first() {
        rest = behind;
        match word.to_str() {
            Some("--") => {
                run.arguments = rest.to_vec();
                break;
            }
            Some("--strict") if !run.compile.strict => run.compile.strict = true,
            Some("--require") => run
                .compile
                .require
                .push(take(&mut rest)?.to_str()?.to_owned()),
            Some("-I") => run.compile.include.push(take(&mut rest)?.into()),
            Some("--cache") => set(&mut run.compile.cache, &mut rest)?,
            Some("--persistent-archive") => set(&mut run.toolchain.persistent_archive, &mut rest)?,
            Some("--toolchain") if run.toolchain.toolchain == ToolchainChoice::Auto => {
                run.toolchain.toolchain = match take(&mut rest)?.to_str()? {
                    "embedded" => ToolchainChoice::Embedded,
                    "system" => ToolchainChoice::System,
                    _ => return None,
                };
            }
            _ if is_operand(word) => {
                run.sources.files.push(word.into());
                let is_first = run.sources.files.len() == 1;
                let is_followed = rest.first().is_some_and(|next| next != "--");
                if is_first && is_followed && script::is_script(word.as_ref()) {
                    run.arguments = rest.to_vec();
                    break;
                }
            }
            _ => return None,
        }
    }
    (!run.sources.files.is_empty()).then_some(run)
}

/// Whether a word is neither an option nor empty; `-` is none.
fn is_operand(word: &OsStr) -> bool {
    let bytes = word.as_encoded_bytes();
    bytes == b"-" || !matches!(bytes, [] | [b'-', ..])
}

/// The value of an option, which is the next word.
fn take<'a>(rest: &mut &'a [OsString]) -> Option<&'a OsStr> {
    let (value, behind) = rest.split_first()?;
    *rest = behind;
    is_operand(value).then_some(value)
}

/// Sets an option that is given once.
fn set(option: &mut Option<PathBuf>, rest: &mut &[OsString]) -> Option<()> {
    let value = take(rest)?;
    option.replace(value.into()).is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::RunAlone;
    use clap::{CommandFactory, Parser};
    use proptest::prelude::*;

    /// What clap makes of the words.
    fn by_clap(words: &[OsString]) -> Option<String> {
        let all: Vec<OsString> = [OsString::from("run")]
            .into_iter()
            .chain(words.iter().cloned())
            .collect();
        let parted = script::part(all, &RunAlone::command());
        let run = RunAlone::try_parse_from(&parted[1..]).ok()?.run;
        Some(format!("{run:?}"))
    }

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn common_lines_need_no_clap() {
        for line in [
            "a.ml",
            "-",
            "a.ml b -- -x --strict",
            "--toolchain system a.ml --cache dir",
            "--strict --require str,unix -I x -I y a.ml --persistent-archive dir",
        ] {
            assert!(read(&words(line)).is_some(), "{line}");
        }
    }

    #[test]
    fn what_follows_a_script_is_for_the_script() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("s.ml");
        std::fs::write(&script, "#!/usr/bin/env saddlebag\n").unwrap();
        let script = script.display();
        for line in [
            format!("{script} --strict a -- b"),
            format!("{script} -- a"),
            format!("--strict {script} {script}"),
            format!("{script}"),
            format!("a.ml {script} b"),
        ] {
            let words = words(&line);
            let read = read(&words).map(|run| format!("{run:?}"));
            assert!(read.is_some() && read == by_clap(&words), "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_clap_reads(
            line in prop::collection::vec(
                prop::sample::select(vec![
                    "a.ml", "b", "-", "", "--", "--strict", "--require", "str", "-I", "--cache", "--toolchain", "system",
                    "auto", "embedded", "--persistent-archive", "--no-cache", "--cache=x", "-Ix", "--help", "-h", "--version",
                ]),
                0..7,
            )
        ) {
            let words: Vec<OsString> = line.iter().map(OsString::from).collect();
            if let Some(run) = read(&words) {
                prop_assert_eq!(Some(format!("{run:?}")), by_clap(&words), "{:?}", words);
            }
        }
    }
}
