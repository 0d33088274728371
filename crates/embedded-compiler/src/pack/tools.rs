//! The assembler and the linker, and the shared libraries they bring with them.

use std::path::{Path, PathBuf};

use dynloader::kit::{Kit, Need};

use ocaml_toolchain::Invocation;

use super::{PackError, PackOptions};

/// The linker's name in the archive's `bin`.
pub(super) const LINKER: &str = "ld";

/// A program to be carried.
pub(super) struct Tool {
    /// Its name in the archive's `bin`: for the assembler the one the compiler calls it by.
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// A shared library, under the name that programs ask for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Library {
    pub(super) soname: String,
    pub(super) path: PathBuf,
}

/// Assembler and linker of a native kit.
pub(super) fn native(kit: &Kit, options: &PackOptions) -> Result<[Tool; 2], PackError> {
    let called = kit
        .conf()
        .asm()
        .first()
        .map_or("as", |name| *name)
        .to_owned();
    let manifest = kit.manifest();
    let directory = kit.directory(Need::Compile);
    let installed = manifest
        .tools
        .as_ref()
        .map(|tools| directory.join(tools).join(&called));
    let assembler = options.assembler.clone().or(installed);
    let assembler = assembler.ok_or(PackError::Missing { tool: "assembler" })?;
    let linker = options
        .linker
        .clone()
        .or_else(|| manifest.linker.as_ref().map(|path| directory.join(path)));
    let linker = linker.ok_or(PackError::Missing { tool: "linker" })?;
    // The compiler may name its assembler by path.
    let name = Path::new(&called)
        .file_name()
        .map_or(called.clone(), |name| name.to_string_lossy().into_owned());
    Ok([
        Tool {
            name,
            path: assembler,
        },
        Tool {
            name: LINKER.to_owned(),
            path: linker,
        },
    ])
}

/// What an assembler that is not GNU as must be told: llvm-mc prints assembly unless it is asked for an object
/// (`llvm-mc --help`).
pub(super) fn assembler_arguments(path: &Path) -> Vec<String> {
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let is_llvm = [path, &real].iter().any(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().contains("llvm-mc"))
    });
    if is_llvm {
        vec!["-filetype=obj".to_owned()]
    } else {
        Vec::new()
    }
}

/// The shared libraries of a program.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Libraries {
    /// Those that are not libc's.
    pub(super) own: Vec<Library>,
    /// Those of libc besides libc itself: they come with every whole glibc and must be of the target's version, but the
    /// target may have a part of glibc only.
    pub(super) family: Vec<Library>,
}

impl Libraries {
    fn of(listed: Vec<Library>) -> Libraries {
        let (family, own) = listed
            .into_iter()
            .filter(|library| !is_libc(&library.soname) || is_family(&library.soname))
            .partition(|library| is_family(&library.soname));
        Libraries { own, family }
    }
}

/// The shared libraries of `program`, without libc and the dynamic linker. None for a static one.
pub(super) async fn libraries(program: &Path) -> Result<Libraries, PackError> {
    let listed = parse(program, &listing(program, Invocation::new(program)).await?)?;
    Ok(Libraries::of(listed))
}

/// As [`libraries()`], for a shared object, or a program that may be of any make: it is not started, as a static one
/// would be. `dynamic` is any dynamically linked program; it names the dynamic linker.
pub(super) async fn libraries_by(file: &Path, dynamic: &Path) -> Result<Libraries, PackError> {
    Ok(Libraries::of(shared_object(file, dynamic).await?))
}

/// All shared libraries that a shared object needs.
async fn shared_object(image: &Path, program: &Path) -> Result<Vec<Library>, PackError> {
    let text = listing(program, Invocation::new(program)).await?;
    let Some(linker) = dynamic_linker(&text) else {
        return Ok(Vec::new());
    };
    // A shared object cannot be started; the dynamic linker lists it when asked (ld.so(8), `--list`).
    parse(
        image,
        &listing(image, Invocation::new(linker).arg("--list").arg(image)).await?,
    )
}

/// Asks the dynamic linker which files it would map (ld.so(8), `LD_TRACE_LOADED_OBJECTS`).
async fn listing(file: &Path, invocation: Invocation) -> Result<String, PackError> {
    match invocation
        .env("LD_TRACE_LOADED_OBJECTS", "1")
        .output()
        .await
    {
        Ok(output) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(source) => Err(PackError::Libraries {
            program: file.to_owned(),
            source: Box::new(source),
        }),
    }
}

/// The line of the listing without an arrow that names a path: `/lib64/ld-linux-x86-64.so.2 (0x…)`.
fn dynamic_linker(text: &str) -> Option<&str> {
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with('/') && !line.contains(" => "))?;
    line.rsplit_once(" (").map(|(path, _)| path)
}

/// Libraries that glibc consists of (glibc manual, and the package's list of files).
fn is_libc(soname: &str) -> bool {
    const STEMS: &[&str] = &[
        "libc",
        "libm",
        "libdl",
        "libpthread",
        "librt",
        "libutil",
        "libresolv",
        "libmvec",
        "libanl",
        "linux-vdso",
    ];
    soname.starts_with("ld-")
        || soname
            .split_once(".so")
            .is_some_and(|(stem, _)| STEMS.contains(&stem))
}

/// Libraries of glibc that a machine with libc may lack.
fn is_family(soname: &str) -> bool {
    is_libc(soname)
        && !["libc.", "ld-", "linux-vdso"]
            .iter()
            .any(|prefix| soname.starts_with(prefix))
}

/// Lines of `LD_TRACE_LOADED_OBJECTS`: `libz.so.1 => /lib/libz.so.1 (0x…)`, `libx.so => not found`.
fn parse(program: &Path, text: &str) -> Result<Vec<Library>, PackError> {
    let mut libraries = Vec::new();
    for line in text.lines() {
        let Some((soname, rest)) = line.trim().split_once(" => ") else {
            continue;
        };
        let path = rest.rsplit_once(" (").map_or(rest, |(path, _)| path);
        if path == "not found" {
            return Err(PackError::NoLibrary {
                program: program.to_owned(),
                library: soname.to_owned(),
            });
        }
        libraries.push(Library {
            soname: soname.to_owned(),
            path: PathBuf::from(path),
        });
    }
    Ok(libraries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_from_the_dynamic_linkers_listing() {
        let text = "\tlinux-vdso.so.1 (0x00007f5d22cec000)\n\
                    \tlibbfd-2.40-system.so => /lib/x86_64-linux-gnu/libbfd-2.40-system.so (0x00007f5d22a7e000)\n\
                    \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f5d227c1000)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f5d22cee000)\n";
        let found = parse(Path::new("as"), text).unwrap();
        let names: Vec<&str> = found
            .iter()
            .map(|library| library.soname.as_str())
            .collect();
        assert_eq!(names, ["libbfd-2.40-system.so", "libc.so.6"]);
        assert_eq!(dynamic_linker(text), Some("/lib64/ld-linux-x86-64.so.2"));
        assert!(is_family("libm.so.6") && is_family("libdl.so.2"));
        assert!(
            ["libc.so.6", "ld-linux-x86-64.so.2", "libz.so.1"]
                .iter()
                .all(|name| !is_family(name))
        );
        assert!(is_libc("libc.so.6") && is_libc("libm.so.6") && is_libc("ld-linux-x86-64.so.2"));
        assert!(
            !is_libc("libbfd-2.40-system.so")
                && !is_libc("libctf.so.0")
                && !is_libc("libmagic.so.1")
        );
    }

    #[test]
    fn llvm_mc_is_told_to_make_an_object() {
        assert_eq!(
            assembler_arguments(Path::new("/usr/bin/llvm-mc-14")),
            ["-filetype=obj"]
        );
        assert!(assembler_arguments(Path::new("/usr/bin/x86_64-linux-gnu-as")).is_empty());
    }

    #[test]
    fn a_missing_library_is_named() {
        let error = parse(Path::new("as"), "\tlibodd.so.1 => not found\n").unwrap_err();
        assert!(
            matches!(&error, PackError::NoLibrary { library, .. } if library == "libodd.so.1"),
            "{error}"
        );
    }
}
