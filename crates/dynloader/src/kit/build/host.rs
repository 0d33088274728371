//! Linking a host image.

use std::path::{Path, PathBuf};

use code_sets::Code;
use ocaml_runtime::host_image::{self, Compiler, Recipe};
use ocaml_toolchain::{Invocation, Toolchain, files};

use super::super::HostImage;
use super::BuildError;

/// The directory of the kit that holds the registry's compiled interface, and nothing else.
pub(super) const INTERFACES: &str = "interfaces";

const PART: &str = "host image";

/// How an image of soname `soname` is built.
pub(super) fn recipe(toolchain: &Toolchain, code: Code, soname: &str) -> Recipe {
    match code {
        Code::Byte => Recipe::byte(soname),
        _ if toolchain.conf().version().at_least(5, 0) => Recipe::native(soname),
        _ => Recipe::native(soname).dynlink_apart(),
    }
}

/// Links the image and its stub into `staging`.
pub(super) async fn link(
    toolchain: &Toolchain,
    code: Code,
    identity: &str,
    work: &Path,
    staging: &Path,
) -> Result<HostImage, BuildError> {
    let io = |path: &Path| {
        let path = Box::new(path.to_owned());
        move |source| BuildError::Io { path, source }
    };
    for (name, text) in host_image::SOURCES {
        let path = work.join(name);
        files::write(&path, text).map_err(io(&path))?;
    }
    let tool = |invocation: Invocation| async move {
        let invocation = invocation.current_dir(work).env("TMPDIR", work);
        invocation.run().await.map_err(|source| BuildError::Tool {
            part: PART,
            source: Box::new(source),
        })
    };
    let soname = format!("libsaddlebag-host-{}-{code}.so", &identity[..16]);
    let recipe = recipe(toolchain, code, &soname);
    for step in recipe.steps {
        let (compiler, code) = match step.compiler {
            Compiler::Native => (toolchain.ocamlopt(), Code::Native),
            Compiler::Byte => (toolchain.ocamlc(), Code::Byte),
        };
        let compiler = compiler.ok_or_else(|| BuildError::Code {
            code,
            reason: format!("the toolchain has no compiler to {code} code"),
        })?;
        tool(Invocation::new(compiler).args(step.arguments)).await?;
    }
    let interfaces = staging.join(INTERFACES);
    std::fs::create_dir(&interfaces).map_err(io(&interfaces))?;
    let mut moved = vec![(&*recipe.output, staging)];
    moved.push((host_image::COMPILED_INTERFACE, &interfaces));
    moved.extend(recipe.dynlink.iter().map(|name| (&**name, staging)));
    for (name, to) in moved {
        let to = to.join(name);
        std::fs::rename(work.join(name), &to).map_err(io(&to))?;
    }
    let link_stub = match code {
        Code::Byte => PathBuf::new(),
        _ => link_stub(toolchain, &soname, work, staging, &tool).await?,
    };
    Ok(HostImage {
        image: PathBuf::from(&soname),
        dynlink: recipe.dynlink.map(PathBuf::from),
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
    files::write(&source, "\t.section .note.GNU-stack,\"\",%progbits\n").map_err(|error| {
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
