//! `saddlebag embed`: an executable with a compiler in its saddlebag.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use dynloader::{Library, Options, Preprocessor, Source, modules};
use embedded_archive::{Archive, Level};
use embedded_compiler::{
    ArchiveMetadata, Chosen, PackOptions, Packed, PackedFile, group_name, pack,
};
use serde::Serialize;

use crate::Outcome;
use crate::arguments::{Embed, ErrorFormat, ToolchainChoice, ToolchainOptions};
use crate::compiler;
use crate::diagnostics;
use crate::executable;
use crate::failure::Failure;
use crate::interface_command;
use crate::libraries;
use crate::output;
use crate::signals;

/// The name of the library of the application's own modules.
const APPLICATION: &str = "application";

/// What was made, for `--json`.
#[derive(Serialize)]
struct Made {
    output: String,
    ocaml_version: String,
    codes: code_sets::CodeSet,
    needs_shell: bool,
    replaced: bool,
    executable_bytes: u64,
    archive_bytes: u64,
    output_bytes: u64,
    groups: BTreeMap<&'static str, Group>,
    libraries: Vec<CarriedLibrary>,
}

#[derive(Serialize)]
struct CarriedLibrary {
    name: String,
    version: Option<String>,
    bytes: u64,
}

#[derive(Serialize, Default)]
struct Group {
    files: usize,
    bytes: u64,
}

/// `saddlebag embed`.
pub(crate) fn run(arguments: Embed) -> Outcome {
    signals::install();
    let started = Instant::now();
    // Before the compiler is packed, which takes seconds.
    let executable = executable::examine(&arguments.executable)?;
    executable::check_output(&arguments.output)?;
    if executable.is_foreign {
        output::warning(&format!(
            "`{}` is for another machine than the compiler, which it will carry and cannot use",
            arguments.executable.display()
        ));
    }
    let toolchain = ToolchainOptions {
        toolchain: ToolchainChoice::System,
        ocaml: arguments.ocaml.clone(),
        persistent_archive: None,
        preferred_archive: None,
    };
    let chosen = compiler::choose(&toolchain, Some(arguments.code.code()))?;
    let mut options = PackOptions::default();
    if arguments.with_binutils {
        options = options.with_binutils();
    }
    if let Some(path) = &arguments.assembler {
        options = options.assembler(path);
    }
    if let Some(path) = &arguments.linker {
        options = options.linker(path);
    }
    for path in &arguments.interface {
        if interface_command::module_name(path).is_none() {
            return Err(Failure::Usage(format!(
                "`{}` is not the .mli of a module",
                path.display()
            )));
        }
        options = options.interface(path);
    }
    let names = libraries::names(&arguments.require);
    let carried = libraries::resolve(&chosen, &names)?;
    let preprocessor = match &arguments.ppx {
        Some(program) => Preprocessor::Ppx(program.clone()),
        None => libraries::preprocessor(&chosen, &names)?,
    };
    if let Preprocessor::Ppx(program) = &preprocessor {
        let rewriters = match arguments.ppx {
            Some(_) => Vec::new(),
            None => libraries::rewriters(&chosen, &names)?,
        };
        options = options.preprocessor(program, rewriters);
    }
    let module_options = Options::program()
        .libraries(carried.iter().cloned())
        .preprocessor(preprocessor);
    // Kept until what is compiled there is packed.
    let work = (!arguments.module.is_empty())
        .then(tempfile::tempdir)
        .transpose()
        .map_err(|error| {
            let advice =
                "modules are compiled in a directory for temporary files: name one in TMPDIR";
            Failure::advised(error, advice)
        })?;
    let modules = match &work {
        Some(work) => Some(modules(&arguments, &chosen, &module_options, work.path())?),
        None => None,
    };
    options = options.libraries(carried).libraries(modules);
    let Packed {
        mut builder,
        metadata,
        files,
    } = futures_lite::future::block_on(pack(&chosen.kit, &options)).map_err(Failure::new)?;
    builder.level(Level::new(arguments.level));
    output::progress(&format!(
        "Packing OCaml {} ({} files)",
        metadata.ocaml_version,
        files.len()
    ));
    let bytes = builder.build().map_err(Failure::new)?;
    let archive_bytes = bytes.len() as u64;
    let archive = Archive::from_bytes(bytes).map_err(Failure::new)?;
    let attached = embedded_archive::attach(&arguments.executable, &archive, &arguments.output)
        .map_err(Failure::new)?;

    if !attached.section {
        output::warning(&format!(
            "`{}` is no 64-bit little-endian ELF file with a section table: only the end of the output names the archive, and strip \
             and the like lose it",
            arguments.executable.display()
        ));
    }
    let mut groups: BTreeMap<&'static str, Group> = BTreeMap::new();
    for file in &files {
        let group = groups.entry(group_name(file.group)).or_default();
        group.files += 1;
        group.bytes += file.length;
    }
    if metadata.needs_shell {
        output::warning(
            "this OCaml has no compiler-libs: the carried compiler starts its assembler and linker through /bin/sh, \
             which the target must have",
        );
    }
    let made = Made {
        output: arguments.output.display().to_string(),
        ocaml_version: metadata.ocaml_version.to_string(),
        codes: metadata.codes,
        needs_shell: metadata.needs_shell,
        replaced: attached.replaced,
        executable_bytes: executable.length,
        archive_bytes,
        output_bytes: attached.length,
        groups,
        libraries: carried_libraries(&metadata, &files),
    };
    if arguments.json {
        output::json(&made);
        return Ok(ExitCode::SUCCESS);
    }
    output::result(format!(
        "{}: OCaml {}, {}",
        made.output,
        made.ocaml_version,
        made.codes.human()
    ));
    for (name, group) in &made.groups {
        output::result(format!(
            "  {name:8} {:>4} files {:>9}",
            group.files,
            megabytes(group.bytes)
        ));
    }
    for library in &made.libraries {
        let version = library.version.as_deref().unwrap_or_default();
        let name = format!("{} {version}", library.name);
        output::result(format!(
            "  library  {name:24} {:>9}",
            megabytes(library.bytes)
        ));
    }
    output::result(format!(
        "  packed to {} in {:.1} s{}; the file has {}",
        megabytes(made.archive_bytes),
        started.elapsed().as_secs_f64(),
        if made.replaced {
            ", in place of the archive that was there"
        } else {
            ""
        },
        megabytes(made.output_bytes),
    ));
    Ok(ExitCode::SUCCESS)
}

/// The application's own modules, compiled: a library that every plugin has.
fn modules(
    arguments: &Embed,
    chosen: &Chosen,
    options: &Options,
    directory: &Path,
) -> Result<Library, Failure> {
    let sources = arguments.module.iter().map(Source::file).collect();
    let compiled = modules::compile(&chosen.kit, options, APPLICATION, sources, directory);
    match futures_lite::future::block_on(compiled) {
        Ok(library) => Ok(library),
        Err(error) => Err(diagnostics::rejected(error, ErrorFormat::Human)),
    }
}

/// The OCaml libraries carried, with the sizes of their own files.
fn carried_libraries(metadata: &ArchiveMetadata, files: &[PackedFile]) -> Vec<CarriedLibrary> {
    let size = |directories: &[PathBuf]| {
        let is_below = |file: &&PackedFile| {
            directories
                .iter()
                .any(|directory| Path::new(&file.name).starts_with(directory))
        };
        files.iter().filter(is_below).map(|file| file.length).sum()
    };
    let libraries = metadata.kit.libraries.iter();
    libraries
        .map(|library| CarriedLibrary {
            name: library.name.clone(),
            version: library.version.clone(),
            bytes: size(&library.directories),
        })
        .collect()
}

pub(crate) fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
