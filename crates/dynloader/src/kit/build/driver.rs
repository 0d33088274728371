//! Linking the compiler driver from the toolchain's compiler-libs.

use std::path::{Path, PathBuf};

use code_sets::Code;
use ocaml_toolchain::{Invocation, Toolchain, files, invocation};

use super::BuildError;

/// The driver's sources, by file name.
pub(super) const SOURCES: &[(&str, &str)] = &[
    ("system.c", include_str!("../../../ocaml/system.c")),
    ("serve.c", include_str!("../../../ocaml/serve.c")),
    (
        "assembler_text.ml",
        include_str!("../../../ocaml/assembler_text.ml"),
    ),
    (
        "assembler_external.ml",
        include_str!("../../../ocaml/assembler_external.ml"),
    ),
    ("state.c", include_str!("../../../ocaml/state.c")),
    ("worker.ml", include_str!("../../../ocaml/worker.ml")),
    ("no_worker.ml", include_str!("../../../ocaml/no_worker.ml")),
    (
        "unit_by_path.ml",
        include_str!("../../../ocaml/unit_by_path.ml"),
    ),
    (
        "target_5_2.ml",
        include_str!("../../../ocaml/target_5_2.ml"),
    ),
    (
        "target_5_3.ml",
        include_str!("../../../ocaml/target_5_3.ml"),
    ),
    (
        "unit_by_target.ml",
        include_str!("../../../ocaml/unit_by_target.ml"),
    ),
    (
        "passes_4_13.ml",
        include_str!("../../../ocaml/passes_4_13.ml"),
    ),
    (
        "passes_5_1.ml",
        include_str!("../../../ocaml/passes_5_1.ml"),
    ),
    (
        "passes_5_2.ml",
        include_str!("../../../ocaml/passes_5_2.ml"),
    ),
    (
        "lines_4_13.ml",
        include_str!("../../../ocaml/lines_4_13.ml"),
    ),
    ("lines_5_1.ml", include_str!("../../../ocaml/lines_5_1.ml")),
    ("gas_text.ml", include_str!("../../../ocaml/gas_text.ml")),
    (
        "driver_native.ml",
        include_str!("../../../ocaml/driver_native.ml"),
    ),
    ("link_byte.ml", include_str!("../../../ocaml/link_byte.ml")),
    (
        "units_by_identifier.ml",
        include_str!("../../../ocaml/units_by_identifier.ml"),
    ),
    (
        "units_by_name.ml",
        include_str!("../../../ocaml/units_by_name.ml"),
    ),
    (
        "driver_byte.ml",
        include_str!("../../../ocaml/driver_byte.ml"),
    ),
];

/// `--wrap`: see system.c. `-s`: nobody debugs the compiler, and it is carried about.
pub(super) const RECIPE: &[&str] = &[
    "-I",
    "+compiler-libs",
    "-ccopt",
    "-Wl,--wrap=system",
    "-ccopt",
    "-Wl,--wrap=secure_getenv",
    "-ccopt",
    "-s",
];

/// What a driver with a compile worker is linked with besides. `--wrap`: see state.c.
pub(super) const WORKER_RECIPE: &[&str] = &[
    "-ccopt",
    "-Wl,--wrap=getrusage",
    "-ccopt",
    "-Wl,--wrap=caml_gc_quick_stat",
];

/// Whether the driver of a native kit can give assembly to the application in place of starting an assembler.
pub(super) fn gives_assembly(toolchain: &Toolchain) -> bool {
    toolchain.conf().architecture() == "amd64" && toolchain.conf().system() == "linux"
}

/// The files with what the compile worker needs to know of compiler-libs, which make one module, or why there can be no
/// worker.
fn worker_sources(toolchain: &Toolchain, code: Code) -> Result<&'static [&'static str], String> {
    let version = toolchain.conf().version();
    if code == Code::Byte {
        Err("byte code is compiled by compilers that fork".to_owned())
    } else if !gives_assembly(toolchain) {
        Err("it is for x86-64 Linux".to_owned())
    } else if toolchain.conf().flambda() == Some(true) {
        Err("this OCaml optimises with flambda, which cannot be started afresh".to_owned())
    } else if version.at_least(5, 3) {
        Ok(&[
            "target_5_3.ml",
            "unit_by_target.ml",
            "passes_5_2.ml",
            "lines_5_1.ml",
        ])
    } else if version.at_least(5, 2) {
        Ok(&[
            "target_5_2.ml",
            "unit_by_target.ml",
            "passes_5_2.ml",
            "lines_5_1.ml",
        ])
    } else if version.at_least(5, 1) {
        Ok(&["unit_by_path.ml", "passes_5_1.ml", "lines_5_1.ml"])
    } else {
        Ok(&["unit_by_path.ml", "passes_4_13.ml", "lines_4_13.ml"])
    }
}

/// A driver that was linked.
pub(super) struct Linked {
    /// Its name in the staging directory.
    pub(super) driver: PathBuf,
    /// Why it cannot be a compile worker.
    pub(super) no_worker: Option<String>,
}

/// Links the driver for `code` into `staging`; gives `None` when compiler-libs have no native archives to link.
pub(super) async fn link(
    toolchain: &Toolchain,
    code: Code,
    work: &Path,
    staging: &Path,
) -> Result<Option<Linked>, BuildError> {
    let (main, back_end) = match code {
        Code::Byte => ("driver_byte.ml", "ocamlbytecomp.cmxa"),
        _ => ("driver_native.ml", "ocamloptcomp.cmxa"),
    };
    let archives = toolchain
        .compiler_libs()
        .map(|libraries| libraries.join(back_end));
    let (Some(ocamlopt), true) = (
        toolchain.ocamlopt(),
        archives.is_some_and(|archive| archive.is_file()),
    ) else {
        return Ok(None);
    };
    for (name, text) in SOURCES {
        write(&work.join(name), text)?;
    }
    // The modules of which the drivers have one name, whichever it is.
    let assembler = match gives_assembly(toolchain) {
        true => "assembler_text.ml",
        false => "assembler_external.ml",
    };
    let units = match toolchain.conf().version().at_least(5, 2) {
        true => "units_by_name.ml",
        false => "units_by_identifier.ml",
    };
    write(&work.join("assembler.ml"), source(assembler))?;
    write(&work.join("units.ml"), source(units))?;
    let base = Invocation::new(ocamlopt)
        .args(RECIPE)
        .args(["ocamlcommon.cmxa", back_end, "system.c", "serve.c"])
        .current_dir(work)
        .env("TMPDIR", work);
    let output = staging.join("driver");
    let finish = |invocation: Invocation| invocation.args([main, "-o"]).arg(&output);
    let linked = |no_worker| Linked {
        driver: PathBuf::from("driver"),
        no_worker,
    };
    let no_worker = match worker_sources(toolchain, code) {
        Err(reason) => Some(reason),
        Ok(parts) => {
            let compiler: String = parts.iter().map(|part| source(part)).collect();
            write(&work.join("compiler.ml"), &compiler)?;
            let worker = [
                "state.c",
                "assembler.ml",
                "compiler.ml",
                "gas_text.ml",
                "worker.ml",
            ];
            let base = base.clone().args(WORKER_RECIPE);
            match run(&finish(base.args(worker))).await {
                Ok(()) => return Ok(Some(linked(None))),
                Err(error) => Some(format!("it cannot be built: {error}")),
            }
        }
    };
    write(&work.join("worker.ml"), source("no_worker.ml"))?;
    let others = match code {
        Code::Byte => ["units.ml", "link_byte.ml"],
        _ => ["assembler.ml", "worker.ml"],
    };
    match run(&finish(base.args(others))).await {
        Ok(()) => Ok(Some(linked(no_worker))),
        Err(source) => Err(BuildError::Tool {
            part: "compiler driver",
            source: Box::new(source),
        }),
    }
}

/// A static driver needs no library on the machine it is carried to. Where libc has no static archive (Fedora without
/// glibc-static, musl's absence) the shared one does.
async fn run(invocation: &Invocation) -> Result<(), invocation::Error> {
    match invocation.clone().args(["-ccopt", "-static"]).run().await {
        Ok(_) => Ok(()),
        Err(_) => invocation.run().await.map(|_| ()),
    }
}

fn source(name: &str) -> &'static str {
    let found = SOURCES.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, text)| text)
}

fn write(path: &Path, text: &str) -> Result<(), BuildError> {
    files::write(path, text).map_err(|source| BuildError::Io {
        path: Box::new(path.to_owned()),
        source,
    })
}
