//! Rows about whole processes: source to plugin, type check, start to plugin ran.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Bench, quiet};

pub(super) const PLUGIN: &str = r#"let words = Hashtbl.create 16

let count text =
  String.split_on_char ' ' text
  |> List.iter (fun word ->
         let seen = Option.value ~default:0 (Hashtbl.find_opt words word) in
         Hashtbl.replace words word (seen + 1))

let () =
  count "the quick brown fox jumps over the lazy dog and the cat";
  Hashtbl.fold (fun word seen all -> (word, seen) :: all) words []
  |> List.sort compare
  |> List.iter (fun (word, seen) -> Printf.printf "%s %d\n" word seen)
"#;

/// Adds the rows; gives the host image that was used.
pub(super) fn rows(bench: &mut Bench, root: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let folder = bench.scratch.clone();
    let source = folder.join("words.ml");
    std::fs::write(&source, PLUGIN)?;
    let compiled = folder.join("words.cmxs");
    let theirs = folder.join("theirs.cmxs");
    let saddlebag = bench.saddlebag.clone();
    let ours = |arguments: &[&str]| {
        let mut command = Command::new(&saddlebag);
        command
            .arg(arguments[0])
            .args(["--toolchain", "system"])
            .args(&arguments[1..])
            .current_dir(&folder);
        command
    };
    // Builds the kit, which is not part of any row.
    quiet(&mut ours(&["check", "words.ml"]))?;

    let ocamlopt = bench.ocamlopt.clone();
    let stock = |arguments: &[&str]| {
        let mut command = Command::new(&ocamlopt);
        command.args(arguments).current_dir(&folder);
        command
    };
    bench.row(
        "source to .cmxs",
        Some(0.75),
        ("saddlebag build", || {
            quiet(ours(&["build", "words.ml", "-o"]).arg(&compiled))
        }),
        ("ocamlopt.opt -shared", || {
            quiet(stock(&["-shared", "words.ml", "-o"]).arg(&theirs))
        }),
    )?;
    bench.row(
        "first plugin of a fresh process",
        Some(0.5),
        ("saddlebag run", || quiet(&mut ours(&["run", "words.ml"]))),
        ("ocamlopt.opt -shared", || {
            quiet(stock(&["-shared", "words.ml", "-o"]).arg(&theirs))
        }),
    )?;
    bench.row(
        "type check only",
        None,
        ("saddlebag check", || {
            quiet(&mut ours(&["check", "words.ml"]))
        }),
        ("ocamlopt.opt -stop-after typing", || {
            quiet(&mut stock(&["-c", "-stop-after", "typing", "words.ml"]))
        }),
    )?;

    let minimum = folder.join("minimum");
    let c = root.join("xtask/bench/minimum.c");
    quiet(
        Command::new("gcc")
            .args(["-O2", "-o"])
            .arg(&minimum)
            .arg(c)
            .arg("-ldl"),
    )?;
    let conf = ours(&["conf", "--json"]).output()?;
    let conf: serde_json::Value = serde_json::from_slice(&conf.stdout)?;
    let image = conf["host_image"]
        .as_str()
        .ok_or("`saddlebag conf --json` names no host image")?
        .to_owned();
    let cache = folder.join("cache");
    let cached = || {
        let mut command = ours(&["run", "words.ml"]);
        command.arg("--cache").arg(&cache);
        command
    };
    quiet(&mut cached())?;
    quiet(ours(&["build", "words.ml", "-o"]).arg(&compiled))?;
    let by_hand = || quiet(Command::new(&minimum).arg(&image).arg(&compiled));
    bench.row(
        "process start to plugin ran, cached",
        Some(1.3),
        ("saddlebag run --cache", || quiet(&mut cached())),
        ("dlopen, start and load by hand", by_hand),
    )?;
    bench.row(
        "process start to plugin ran, not cached",
        None,
        ("saddlebag run", || quiet(&mut ours(&["run", "words.ml"]))),
        ("dlopen, start and load by hand", by_hand),
    )?;

    let carrier = bench.carrier()?;
    let carried = || {
        let mut command = Command::new(&carrier);
        command
            .args(["run", "--toolchain", "embedded", "words.ml"])
            .arg("--persistent-archive")
            .arg(folder.join("archive"))
            .arg("--cache")
            .arg(folder.join("cache-of-the-carrier"))
            .current_dir(&folder);
        command
    };
    // Extracts and compiles; the second time finds both.
    quiet(&mut carried())?;
    quiet(&mut carried())?;
    bench.row(
        "the same from a persistent archive, cached",
        Some(1.3),
        ("saddlebag run --cache, carried", || quiet(&mut carried())),
        ("saddlebag run --cache, no archive", || quiet(&mut cached())),
    )?;
    Ok(PathBuf::from(image))
}
