//! `saddlebag embed`: an executable with a compiler in its saddlebag.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use embedded_archive::{Archive, Level};
use embedded_compiler::{PackOptions, Packed, group_name, pack};
use serde::Serialize;

use crate::Outcome;
use crate::arguments::{Embed, ToolchainChoice, ToolchainOptions};
use crate::compiler;
use crate::executable;
use crate::failure::Failure;
use crate::interface_command;
use crate::output;
use crate::signals;

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
    let executable_bytes = executable::length(&arguments.executable)?;
    executable::check_output(&arguments.output)?;
    let toolchain = ToolchainOptions {
        toolchain: ToolchainChoice::System,
        ocaml: arguments.ocaml.clone(),
        persistent_archive: None,
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
            "`{}` is no 64-bit ELF file with a section table: only the end of the output names the archive, and strip \
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
        executable_bytes,
        archive_bytes,
        output_bytes: attached.length,
        groups,
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

pub(crate) fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
