//! Linking the compiler driver from the toolchain's compiler-libs.

use std::path::{Path, PathBuf};

use code_sets::Code;
use ocaml_toolchain::{Invocation, Toolchain};

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
    (
        "driver_native.ml",
        include_str!("../../../ocaml/driver_native.ml"),
    ),
    (
        "driver_byte.ml",
        include_str!("../../../ocaml/driver_byte.ml"),
    ),
];

/// `--wrap=system`: see system.c. `-s`: nobody debugs the compiler, and it is carried about.
pub(super) const RECIPE: &[&str] = &[
    "-I",
    "+compiler-libs",
    "-ccopt",
    "-Wl,--wrap=system",
    "-ccopt",
    "-s",
];

/// Whether the driver of a native kit can give assembly to the application in place of starting an assembler.
pub(super) fn gives_assembly(toolchain: &Toolchain) -> bool {
    toolchain.conf().architecture() == "amd64" && toolchain.conf().system() == "linux"
}

/// Links the driver for `code` into `staging`; gives its name there, or `None` when compiler-libs have no native
/// archives to link.
pub(super) async fn link(
    toolchain: &Toolchain,
    code: Code,
    work: &Path,
    staging: &Path,
) -> Result<Option<PathBuf>, BuildError> {
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
        let path = work.join(name);
        std::fs::write(&path, text).map_err(|source| BuildError::Io {
            path: Box::new(path),
            source,
        })?;
    }
    // The name of the module that driver_native.ml uses.
    let assembler = if gives_assembly(toolchain) {
        "assembler_text.ml"
    } else {
        "assembler_external.ml"
    };
    let module = work.join("assembler.ml");
    std::fs::copy(work.join(assembler), &module).map_err(|source| BuildError::Io {
        path: Box::new(module),
        source,
    })?;
    let output = staging.join("driver");
    let base = Invocation::new(ocamlopt)
        .args(RECIPE)
        .args(["ocamlcommon.cmxa", back_end, "system.c", "serve.c"])
        .args((code != Code::Byte).then_some("assembler.ml"))
        .args([main, "-o"])
        .arg(&output)
        .current_dir(work)
        .env("TMPDIR", work);
    // A static driver needs no library on the machine it is carried to. Where libc has no static archive (Fedora without
    // glibc-static, musl's absence) the shared one does.
    let linked = match base.clone().args(["-ccopt", "-static"]).run().await {
        Ok(output) => Ok(output),
        Err(_) => base.run().await,
    };
    match linked {
        Ok(_) => Ok(Some(PathBuf::from("driver"))),
        Err(source) => Err(BuildError::Tool {
            part: "compiler driver",
            source: Box::new(source),
        }),
    }
}
