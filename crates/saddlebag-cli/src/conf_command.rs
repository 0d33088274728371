//! `saddlebag conf`: which compiler is used, and why.

use std::collections::BTreeMap;
use std::process::ExitCode;

use code_sets::CodeSet;
use embedded_compiler::Chosen;
use ocaml_toolchain::Toolchain;
use serde::Serialize;

use crate::Outcome;
use crate::arguments::{Conf, ToolchainChoice, ToolchainOptions};
use crate::compiler;
use crate::output;

#[derive(Serialize)]
struct Shown {
    /// `embedded` or `system`.
    toolchain: &'static str,
    /// How it was come by.
    origin: String,
    ocaml_version: String,
    architecture: String,
    system: String,
    codes: CodeSet,
    standard_library: String,
    compiler: String,
    needs_shell: bool,
    /// Whether plugins are assembled and linked in this process; else, and as the way out, by the programs below.
    assembles_in_process: bool,
    /// Why there is no compiler that stays, so that each compilation starts one; nothing where there is.
    no_compile_worker: Option<String>,
    assembler: Option<String>,
    linker: Option<String>,
    host_image: Option<String>,
    identity: String,
    /// Everything `ocamlopt -config` prints.
    config: BTreeMap<String, String>,
}

/// `saddlebag conf`.
pub(crate) fn run(arguments: Conf) -> Outcome {
    let chosen = compiler::choose(&arguments.toolchain, None)?;
    let shown = shown(&chosen, &arguments.toolchain);
    if arguments.json {
        output::json(&shown);
        return Ok(ExitCode::SUCCESS);
    }
    output::result(format!(
        "toolchain         {} ({})",
        shown.toolchain, shown.origin
    ));
    output::result(format!(
        "OCaml             {} for {}, {}",
        shown.ocaml_version, shown.architecture, shown.system
    ));
    output::result(format!("codes             {}", shown.codes));
    output::result(format!("compiler          {}", shown.compiler));
    output::result(format!("standard library  {}", shown.standard_library));
    let assembling = match shown.assembles_in_process {
        true => "in this process",
        false => "by the assembler and the linker",
    };
    output::result(format!("assembling        {assembling}"));
    let worker = match &shown.no_compile_worker {
        None => "compiles one plugin after the other".to_owned(),
        Some(reason) => format!("none: {reason}"),
    };
    output::result(format!("compile worker    {worker}"));
    for (label, value) in [
        ("assembler", &shown.assembler),
        ("linker", &shown.linker),
        ("host image", &shown.host_image),
    ] {
        if let Some(value) = value {
            output::result(format!("{label:17} {value}"));
        }
    }
    let shell = if shown.needs_shell {
        "needed: there are no compiler-libs to build a driver from"
    } else {
        "not needed"
    };
    output::result(format!("shell             {shell}"));
    output::result(format!("identity          {}", shown.identity));
    Ok(ExitCode::SUCCESS)
}

fn shown(chosen: &Chosen, asked: &ToolchainOptions) -> Shown {
    let (kit, conf) = (&chosen.kit, chosen.kit.conf());
    let manifest = kit.manifest();
    let show = |path: &std::path::Path| path.display().to_string();
    let (toolchain, origin, tools) = match &chosen.carried {
        Some(carried) => {
            let file = carried
                .archive()
                .path()
                .map_or_else(|| "memory".to_owned(), show);
            ("embedded", format!("carried by {file}"), None)
        }
        None => {
            let found = match kit.found_toolchain() {
                Some(toolchain) => Some(toolchain.clone()),
                None => Toolchain::find_blocking(&compiler::places(asked)).ok(),
            };
            let origin = found.as_ref().map_or_else(String::new, |toolchain| {
                format!("from {}", toolchain.origin())
            });
            let why = match asked.toolchain {
                ToolchainChoice::System => origin,
                _ if asked.ocaml.is_some() => origin,
                _ => format!("this file carries no compiler; {origin}"),
            };
            ("system", why, found)
        }
    };
    let (assembler, linker) = match &tools {
        Some(tools) => (
            tools.assembler().map(|tool| show(&tool.program)),
            tools.linker().map(show),
        ),
        None => {
            let assembler = manifest.tools.as_ref().zip(conf.asm().first().copied());
            (
                assembler.map(|(tools, name)| show(&tools.join(name))),
                manifest.linker.as_deref().map(show),
            )
        }
    };
    let program = kit.ocamlopt().or_else(|| kit.ocamlc());
    let image = manifest.native.as_ref().or(manifest.byte.as_ref());
    Shown {
        toolchain,
        origin,
        ocaml_version: conf.version().to_string(),
        architecture: conf.architecture().to_owned(),
        system: conf.system().to_owned(),
        codes: tools
            .as_ref()
            .map_or_else(|| kit.codes(), compiler::codes_of),
        standard_library: show(&manifest.standard_library),
        compiler: program.map_or_else(String::new, |program| show(program.program())),
        needs_shell: kit.needs_shell(),
        assembles_in_process: manifest.gives_assembly,
        no_compile_worker: manifest.no_worker.clone(),
        assembler,
        linker,
        host_image: image
            .map(|host| show(&kit.directory(dynloader::kit::Need::Load).join(&host.image))),
        identity: kit.identity().to_owned(),
        config: conf
            .fields()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}
