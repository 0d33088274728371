//! Scopes: shared objects without code, which name what is to be found through them.
//!
//! Host images and libraries are opened with `RTLD_LOCAL`. The dynamic linker looks a plugin's symbols up in what the plugin
//! names as needed, and in what that names (`elf/dl-load.c` of glibc), so a scope stands for a library: its soname is fixed,
//! and the paths it names are those of one machine.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use code_sets::Code;
use ocaml_assembler::{LinkOptions, assemble, link_shared};
use ocaml_toolchain::{Invocation, files, invocation};

use crate::kit::Kit;
use crate::shared_library::SharedLibrary;

/// Why there is no scope.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot write `{}`", path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot link it")]
    Link(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("there is no linker")]
    NoLinker,
}

impl Error {
    pub(crate) fn into_io(self) -> std::io::Error {
        match self {
            Error::Write { source, .. } => source,
            error => std::io::Error::other(error),
        }
    }
}

/// What a scope names.
#[derive(Debug, Default, Clone)]
pub(crate) struct Needed<'a> {
    /// Files, by absolute path.
    pub(crate) files: &'a [PathBuf],
    /// Scopes that are loaded already, by soname.
    pub(crate) scopes: &'a [String],
}

/// Writes the scope `soname`, which names the host image besides, into `directory`; with the kit's linker where
/// `with_linker` says so or this process cannot.
pub(crate) fn write(
    kit: &Kit,
    directory: &Path,
    soname: &str,
    needed: &Needed<'_>,
    with_linker: bool,
) -> Result<PathBuf, Error> {
    let path = directory.join(soname);
    if with_linker || kit.conf().architecture() != "amd64" {
        futures_lite::future::block_on(link_with(kit, directory, soname, needed))?;
        return Ok(path);
    }
    let image = kit.soname(Code::Native).into_iter().map(str::to_owned);
    let sonames: Vec<String> = image.chain(needed.scopes.iter().cloned()).collect();
    let bytes = link(soname, needed.files, &sonames)?;
    match files::write(&path, bytes) {
        Ok(()) => Ok(path),
        Err(source) => Err(Error::Write { path, source }),
    }
}

/// Writes scopes of nothing for the libraries into `directory`, and gives the arguments with which a compiler that runs there
/// has a linker name the libraries as needed.
pub(crate) fn link_stubs(
    kit: &Kit,
    libraries: &[SharedLibrary],
    directory: &Path,
    with_linker: bool,
) -> Result<Vec<OsString>, Error> {
    let mut arguments = Vec::new();
    for SharedLibrary { soname, .. } in libraries {
        write(kit, directory, soname, &Needed::default(), with_linker)?;
        // The name has nothing that a shell would change.
        arguments.extend(["-ccopt".into(), soname.into()]);
    }
    Ok(arguments)
}

/// The scope's bytes, made in this process.
fn link(soname: &str, files: &[PathBuf], sonames: &[String]) -> Result<Vec<u8>, Error> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| Error::Link(error);
    let nothing = assemble("\t.section .note.GNU-stack,\"\",%progbits\n")
        .map_err(|error| failed(Box::new(error)))?;
    let mut options = LinkOptions::default().soname(soname);
    for file in files {
        let file = file
            .to_str()
            .ok_or_else(|| failed(format!("the path `{}` is not UTF-8", file.display()).into()))?;
        options = options.needed(file);
    }
    for soname in sonames {
        options = options.needed(soname);
    }
    link_shared(&[nothing], &options).map_err(|error| failed(Box::new(error)))
}

/// As [`link`], with the kit's linker, which names as needed what it is given: the stub of the host image, files, and scopes
/// of nothing for those that are loaded.
async fn link_with(
    kit: &Kit,
    directory: &Path,
    soname: &str,
    needed: &Needed<'_>,
) -> Result<(), Error> {
    let (linker, stub) = kit.linker_and_stub().ok_or(Error::NoLinker)?;
    let mut inputs: Vec<PathBuf> = vec![stub.clone()];
    for soname in needed.scopes {
        let input = directory.join(format!("needed-{soname}"));
        run(&linker, soname, &input, std::slice::from_ref(&stub)).await?;
        inputs.push(input);
    }
    inputs.extend(needed.files.iter().cloned());
    run(&linker, soname, &directory.join(soname), &inputs).await
}

async fn run(linker: &Path, soname: &str, output: &Path, inputs: &[PathBuf]) -> Result<(), Error> {
    let mut option = OsString::from("-soname=");
    option.push(std::ffi::OsStr::from_bytes(soname.as_bytes()));
    let invocation = Invocation::new(linker)
        .args(["-shared", "-s", "--no-as-needed"])
        .arg(option)
        .arg("-o")
        .arg(output)
        .args(inputs);
    let failed = |error: invocation::Error| Error::Link(Box::new(error));
    invocation.run().await.map(|_| ()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_names_files_and_sonames() {
        let files = [PathBuf::from("/lib/a.cmxs")];
        let sonames = ["libhost.so".to_owned()];
        let bytes = link("saddlebag-a-1.so", &files, &sonames).unwrap();
        for name in ["/lib/a.cmxs", "libhost.so", "saddlebag-a-1.so"] {
            let text = format!("\0{name}\0");
            assert!(
                bytes
                    .windows(text.len())
                    .any(|window| window == text.as_bytes()),
                "{name}"
            );
        }
    }
}
