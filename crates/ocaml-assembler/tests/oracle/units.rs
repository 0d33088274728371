//! Whole files: what ocamlopt prints for real sources.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::compare::difference;
use crate::tools::{gnu_as, require};

/// How many units of the standard library the short run takes with each set of flags.
const SAMPLE: usize = 12;

/// The flags that change what ocamlopt prints.
const FLAGS: [&[&str]; 5] = [
    &[],
    &["-g"],
    &["-g", "-inline", "200", "-unsafe"],
    &["-function-sections", "-g"],
    &["-nodynlink"],
];

/// The compiler: `OCAMLOPT` names another one than that of the path.
fn ocamlopt() -> OsString {
    std::env::var_os("OCAMLOPT").unwrap_or_else(|| "ocamlopt".into())
}

fn standard_library() -> PathBuf {
    let output = Command::new(ocamlopt())
        .arg("-where")
        .output()
        .expect("ocamlopt starts");
    PathBuf::from(String::from_utf8(output.stdout).expect("UTF-8").trim())
}

/// The sources of `directory` that can be compiled alone, in a fixed order.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let mut sources: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ml"))
        .collect();
    sources.sort();
    sources
}

/// The assembly of one source file; nothing when ocamlopt refuses it.
fn assembly(source: &Path, directory: &Path, flags: &[&str]) -> Option<String> {
    let unit = source.file_stem()?.to_str()?;
    let copy = directory.join(source.file_name()?);
    std::fs::copy(source, &copy).expect("a copy");
    // Units of the standard library see one another by their short names through `Stdlib`, and
    // are compiled without it themselves; as programs they only need their own interface gone.
    let output = Command::new(ocamlopt())
        .args(["-S", "-c", "-w", "-a", "-nolabels"])
        .args(flags)
        .arg(&copy)
        .current_dir(directory)
        .output()
        .expect("ocamlopt starts");
    let text = std::fs::read_to_string(directory.join(format!("{unit}.s"))).ok();
    for extension in ["s", "o", "cmi", "cmx", "ml"] {
        let _ = std::fs::remove_file(directory.join(format!("{unit}.{extension}")));
    }
    output.status.success().then_some(text).flatten()
}

#[test]
fn the_standard_library_assembles_to_the_objects_of_gnu_as() {
    let (Some(_), Some(_)) = (require("ocamlopt"), require("as")) else {
        return;
    };
    let all = std::env::var_os("OCAML_ASSEMBLER_ALL").is_some();
    let directory = tempfile::tempdir().expect("a directory");
    let sources = sources(&standard_library());
    let step = if all {
        1
    } else {
        sources.len().div_ceil(SAMPLE).max(1)
    };
    let (mut compared, mut failures) = (0, Vec::new());
    for (number, flags) in FLAGS.iter().enumerate() {
        // Another sample for each set of flags, so that the short run sees more units.
        for source in sources
            .iter()
            .skip(if all { 0 } else { number % step })
            .step_by(step)
        {
            let Some(text) = assembly(source, directory.path(), flags) else {
                continue;
            };
            let theirs =
                gnu_as(directory.path(), &text).expect("GNU as assembles what ocamlopt prints");
            compared += 1;
            let failure = match ocaml_assembler::assemble(&text) {
                Err(error) => Some(error.to_string()),
                Ok(ours) => difference(&ours.to_elf(), &theirs),
            };
            if let Some(failure) = failure {
                failures.push(format!("{} {flags:?}: {failure}", source.display()));
            }
        }
    }
    println!("{compared} units compared");
    assert!(
        failures.is_empty(),
        "{} of {compared}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(compared >= 30, "only {compared} units could be compared");
}
