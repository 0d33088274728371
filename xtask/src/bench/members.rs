//! The benchmarks that member crates bring as examples: they print their own rows, each against its own anchor.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Bench, quiet};
use crate::{Outcome, shell};

/// How large the archive of a native compiler may be.
const ARCHIVE_MEGABYTES: f64 = 5.0;

pub(super) fn rows(bench: &Bench, root: &Path, image: &Path) -> Outcome {
    let folder = bench.scratch.clone();
    let calls = calls(bench, root)?;
    show(
        root,
        "calls, against the C API by hand",
        "ocaml-runtime",
        "bench-calls",
        &[image, &calls],
    )?;
    show(
        root,
        "plugins in a running loader, against ocamlopt.opt",
        "dynloader",
        "bench-loader",
        &[],
    )?;
    show(
        root,
        "many plugins, against ocamlopt.opt",
        "dynloader",
        "bench-many",
        &[],
    )?;
    let carrier = bench.carrier()?;
    let files = folder.join("files");
    let size = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.len());
    let archive = (size(&carrier)? - size(&bench.saddlebag)?) as f64 / 1e6;
    let verdict = if archive <= ARCHIVE_MEGABYTES {
        "met"
    } else {
        "MISSED"
    };
    println!(
        "\nnative archive over the executable: {archive:.2} MB, goal <= {ARCHIVE_MEGABYTES} {verdict}"
    );
    quiet(
        Command::new(&bench.saddlebag)
            .args(["archive", "extract"])
            .arg(&carrier)
            .arg(&files),
    )?;
    show(
        root,
        "the archive of a compiler, against tar and zstd",
        "embedded-archive",
        "bench-archive",
        &[&files],
    )?;
    let assembly = assembly(bench)?;
    let assembly: Vec<&Path> = assembly.iter().map(PathBuf::as_path).collect();
    show(
        root,
        "assembling and linking a plugin, against GNU as and ld",
        "ocaml-assembler",
        "bench-assemble",
        &assembly,
    )
}

/// Compiles the plugin that the calls are made to.
fn calls(bench: &Bench, root: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let source = example(root, "ocaml-runtime", "bench-calls")
        .arg("--source")
        .output()?;
    let path = bench.scratch.join("calls.ml");
    std::fs::write(&path, source.stdout)?;
    let conf = Command::new(&bench.saddlebag)
        .args(["conf", "--json", "--toolchain", "system"])
        .output()?;
    let conf: serde_json::Value = serde_json::from_slice(&conf.stdout)?;
    let image = conf["host_image"]
        .as_str()
        .ok_or("`saddlebag conf --json` names no host image")?;
    let interfaces = Path::new(image).with_file_name("interfaces");
    let plugin = bench.scratch.join("calls.cmxs");
    quiet(
        Command::new(&bench.ocamlopt)
            .args(["-g", "-O3", "-w", "-a", "-shared", "-I"])
            .arg(interfaces)
            // A plugin finds its host image by the name that it is linked with, used or not.
            .arg("-ccopt")
            .arg(format!("-Wl,--no-as-needed,{image}"))
            .arg(&path)
            .arg("-o")
            .arg(&plugin),
    )?;
    Ok(plugin)
}

/// The assembly of one plugin.
fn assembly(bench: &Bench) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let folder = bench.scratch.join("assembly");
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(bench.scratch.join("words.ml"), folder.join("words.ml"))?;
    quiet(Command::new(&bench.ocamlopt).current_dir(&folder).args([
        "-shared",
        "-S",
        "-dstartup",
        "words.ml",
        "-o",
        "words.cmxs",
    ]))?;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "s") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn show(root: &Path, title: &str, package: &str, name: &str, arguments: &[&Path]) -> Outcome {
    println!("\n{title}");
    let mut command = example(root, package, name);
    let status = command.args(arguments).status()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("`{}` ended with {status}", shell::line(&command)).into())
}

fn example(root: &Path, package: &str, name: &str) -> Command {
    let mut command = shell::cargo();
    command
        .current_dir(root)
        .args([
            "run",
            "--release",
            "--quiet",
            "-p",
            package,
            "--example",
            name,
            "--",
        ])
        .stdin(Stdio::null());
    command
}
