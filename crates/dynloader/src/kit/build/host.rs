//! Linking a host image.

use std::path::{Path, PathBuf};

use code_sets::Code;
use ocaml_toolchain::{Invocation, Toolchain};

use super::super::HostImage;
use super::BuildError;

/// The directory of the kit that holds the registry's compiled interface, and nothing else.
pub(super) const INTERFACES: &str = "interfaces";

/// Until the runtime crate offers them.
mod host_image {
    pub(super) const SOURCES: &[(&str, &str)] = &[
        (
            "saddlebag_host.ml",
            include_str!("../../../../ocaml-runtime/ocaml/saddlebag_host.ml"),
        ),
        (
            "saddlebag_host.mli",
            include_str!("../../../../ocaml-runtime/ocaml/saddlebag_host.mli"),
        ),
        (
            "saddlebag_stubs.c",
            include_str!("../../../../ocaml-runtime/ocaml/saddlebag_stubs.c"),
        ),
    ];
}

const PART: &str = "host image";

/// The host image's sources, by file name.
pub(super) fn sources() -> &'static [(&'static str, &'static str)] {
    host_image::SOURCES
}

/// What decides how the image is linked, for the kit's identity.
pub(super) fn recipe(code: Code) -> Vec<String> {
    arguments(code, "SONAME")
}

/// The arguments that link an image of soname `soname`, without its output.
fn arguments(code: Code, soname: &str) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "-g", "-I", "+unix", "-I", "+threads", "-I", "+dynlink", "-linkall",
    ]
    .map(str::to_owned)
    .into();
    arguments.extend(["-runtime-variant", "_pic"].map(str::to_owned));
    let (kind, extension) = match code {
        Code::Byte => (
            ["-output-complete-obj", "-ccopt", "-shared"].as_slice(),
            "cma",
        ),
        _ => (
            ["-output-obj", "-ccopt", "-Wl,-u,caml_startup_exn"].as_slice(),
            "cmxa",
        ),
    };
    arguments.extend(kind.iter().map(|argument| (*argument).to_owned()));
    // `-S` keeps the symbols that plugins and gdb's backtraces need, without the line tables.
    let linker_options = [
        "--wrap=caml_sys_exit,--wrap=caml_terminate_signals,--wrap=caml_raise".to_owned(),
        format!("-soname,{soname}"),
        "-S".to_owned(),
        "-Bsymbolic".to_owned(),
    ];
    for option in linker_options {
        arguments.extend(["-ccopt".to_owned(), format!("-Wl,{option}")]);
    }
    arguments
        .extend(["unix", "threads", "dynlink"].map(|library| format!("{library}.{extension}")));
    arguments
}

/// Links the image and its stub into `staging`.
pub(super) async fn link(
    toolchain: &Toolchain,
    code: Code,
    identity: &str,
    work: &Path,
    staging: &Path,
) -> Result<HostImage, BuildError> {
    let compiler = match code {
        Code::Byte => toolchain.ocamlc(),
        _ => toolchain.ocamlopt(),
    };
    let Some(compiler) = compiler else {
        let reason = format!("the toolchain has no compiler to {code} code");
        return Err(BuildError::Code { code, reason });
    };
    let io = |path: &Path| {
        let path = Box::new(path.to_owned());
        move |source| BuildError::Io { path, source }
    };
    for (name, text) in sources() {
        let path = work.join(name);
        std::fs::write(&path, text).map_err(io(&path))?;
    }
    let tool = |invocation: Invocation| async move {
        let invocation = invocation.current_dir(work).env("TMPDIR", work);
        invocation.run().await.map_err(|source| BuildError::Tool {
            part: PART,
            source: Box::new(source),
        })
    };
    let file = |extension: &str| {
        let names = sources().iter().map(|(name, _)| *name);
        names
            .filter(|name| {
                Path::new(name)
                    .extension()
                    .is_some_and(|found| found == extension)
            })
            .collect::<Vec<_>>()
    };
    tool(
        Invocation::new(compiler)
            .arg("-c")
            .args(["-ccopt", "-O2 -fPIC"])
            .args(file("c")),
    )
    .await?;
    // Opaque: plugins are compiled against the interface alone, so that they do not depend on the registry's code.
    tool(
        Invocation::new(compiler)
            .args(["-c", "-opaque"])
            .args(file("mli")),
    )
    .await?;
    let objects = file("c")
        .into_iter()
        .map(|name| Path::new(name).with_extension("o"));
    let soname = format!("libsaddlebag-host-{}-{code}.so", &identity[..16]);
    tool(
        Invocation::new(compiler)
            .args(arguments(code, &soname))
            .args(objects)
            .args(file("ml"))
            .arg("-o")
            .arg(staging.join(&soname)),
    )
    .await?;

    let interfaces = staging.join(INTERFACES);
    std::fs::create_dir(&interfaces).map_err(io(&interfaces))?;
    for name in file("mli") {
        let name = Path::new(name).with_extension("cmi");
        std::fs::copy(work.join(&name), interfaces.join(&name)).map_err(io(&interfaces))?;
    }
    let link_stub = match code {
        Code::Byte => PathBuf::new(),
        _ => link_stub(toolchain, &soname, work, staging, &tool).await?,
    };
    Ok(HostImage {
        image: PathBuf::from(&soname),
        link_stub,
        soname,
    })
}

/// An empty shared object with the image's soname.
async fn link_stub<F>(
    toolchain: &Toolchain,
    soname: &str,
    work: &Path,
    staging: &Path,
    tool: impl Fn(Invocation) -> F,
) -> Result<PathBuf, BuildError>
where
    F: Future<Output = Result<std::process::Output, BuildError>>,
{
    let incomplete = |error| BuildError::Incomplete(Box::new(error));
    let assembler = toolchain.require_assembler().map_err(incomplete)?;
    let linker = toolchain.require_linker().map_err(incomplete)?;
    let source = work.join("stub.s");
    std::fs::write(&source, "\t.section .note.GNU-stack,\"\",%progbits\n").map_err(|error| {
        BuildError::Io {
            path: Box::new(source),
            source: error,
        }
    })?;
    tool(assembler.invocation().args(["-o", "stub.o", "stub.s"])).await?;
    let name = PathBuf::from("host-stub.so");
    let output = staging.join(&name);
    tool(
        Invocation::new(linker)
            .args(["-shared", "-s", "-soname", soname, "stub.o", "-o"])
            .arg(&output),
    )
    .await?;
    Ok(name)
}
