//! Loadable files of libraries that ship none, made once and kept.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ocaml_toolchain::files;

use crate::kit::{Kit, Need};
use crate::library::Error;
use crate::seal::Seal;
use crate::shared_library::{Code, SharedLibrary};
use crate::unit::Evaluation;

/// The file of `code` that can be loaded: made if need be, kept in the kit's cache or else left in `work`. Blocks.
pub(crate) fn loadable(
    kit: &Kit,
    library: &SharedLibrary,
    code: &Code,
    work: &Path,
) -> Result<PathBuf, Error> {
    let archive = match code {
        Code::Loadable(path) => return Ok(kit.directory(Need::Load).join(path)),
        Code::Archive(archive) => archive,
    };
    let stem = archive.file_stem().unwrap_or_default().to_string_lossy();
    let name = format!("{stem}-{}.cmxs", library.soname);
    let kept = kit.library_cache().map(|cache| cache.join(&name));
    let seal = seal(kit, library);
    if let Some(kept) = kept.as_ref().filter(|kept| is_whole(kept, &seal)) {
        return Ok(kept.clone());
    }
    let output = work.join(&name);
    build(kit, library, archive, &output)?;
    let Some(kept) = kept else { return Ok(output) };
    // Where it cannot be kept, it is made again next time.
    match keep(&output, &kept, &seal) {
        Ok(()) => Ok(kept),
        Err(_) => Ok(output),
    }
}

/// Whether a kept file is what the seal says, to the last byte.
pub(crate) fn is_whole(kept: &Path, seal: &Seal) -> bool {
    let bytes = fs::read(kept).unwrap_or_default();
    Seal::read(&bytes).is_ok_and(|(found, _)| found == *seal)
}

/// What the end of a kept file says of it.
fn seal(kit: &Kit, library: &SharedLibrary) -> Seal {
    Seal {
        compiler: kit.conf().version().to_string(),
        code: code_sets::Code::Native,
        evaluation: Evaluation::AtLoad,
        host_image: kit.host_image_identity().to_owned(),
        interface: String::new(),
        fingerprint: library.identity.clone(),
        module: library.name.clone(),
        libraries: Vec::new(),
    }
}

/// Links the whole archive, as the manual has it for plugins (OCaml manual, section 12.6, `-shared`, `-linkall`).
fn build(kit: &Kit, library: &SharedLibrary, archive: &Path, output: &Path) -> Result<(), Error> {
    let failed = |source| Error::Build {
        name: library.name.as_str().into(),
        source: Box::new(source),
    };
    let Some(ocamlopt) = kit.ocamlopt() else {
        return Err(Error::Read {
            name: library.name.as_str().into(),
            path: output.to_owned(),
            source: io::Error::other("the toolchain has no compiler to make it with"),
        });
    };
    let folder = archive.parent().unwrap_or(Path::new("."));
    let invocation = ocamlopt
        .args(["-shared", "-linkall", "-I"])
        .arg(folder)
        .args(kit.shared_link_arguments())
        .arg("-o")
        .arg(output)
        .arg(archive)
        .current_dir(folder)
        .env("TMPDIR", output.parent().unwrap_or(Path::new(".")));
    let built = futures_lite::future::block_on(invocation.run());
    built.map(|_| ()).map_err(failed)
}

/// Puts a finished file, sealed, into the cache, under its name at once whole.
pub(crate) fn keep(made: &Path, kept: &Path, seal: &Seal) -> io::Result<()> {
    let folder = kept.parent().unwrap_or(Path::new("."));
    let mut bytes = fs::read(made)?;
    seal.append(&mut bytes);
    files::check_length(bytes.len())?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut file, &bytes)?;
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(0o700))?;
    file.persist(kept).map_err(|error| error.error)?;
    Ok(())
}
