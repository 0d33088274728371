//! `find`, `deps` and `list`: what libraries are.

use std::io::Write;
use std::path::PathBuf;

use lib_resolve::{
    Configuration, Environment, Lib, LibName, LibOptions, PackageId, PackageIndex, Predicates,
    Provider, Requirements, Units,
};
use serde::Serialize;

use super::arguments::{Common, Deps, Find, List};
use super::failure::Failure;
use super::table::Table;

/// The index that the options ask for.
pub(super) fn open(common: &Common) -> Result<PackageIndex, Failure> {
    let configuration = Configuration::read(&Environment::from_process(), None)
        .map_err(|source| Failure::Configuration { source })?;
    Ok(PackageIndex::new(
        configuration.with_paths(common.path.iter().cloned()),
    ))
}

/// `byte`, `native` and those that the options add.
pub(super) fn predicates(common: &Common) -> Predicates {
    Predicates::parse(&format!("byte native {}", common.predicates))
}

pub(super) fn write_json(value: &impl Serialize, output: &mut impl Write) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *output, value)
        .map_err(|error| Failure::write(error.into()))?;
    writeln!(output).map_err(Failure::write)
}

pub(super) fn find(arguments: &Find, output: &mut impl Write) -> Result<(), Failure> {
    let mut index = open(&arguments.common)?;
    if let Some(unit) = &arguments.unit {
        return find_unit(unit, &mut index, &arguments.common, output);
    }
    let options = options(&index, &arguments.common);
    let libs = index
        .libs(&arguments.names, &options)
        .map_err(Failure::libs)?;
    if arguments.common.json {
        return write_json(&libs, output);
    }
    for (position, lib) in libs.iter().enumerate() {
        if position > 0 {
            writeln!(output).map_err(Failure::write)?;
        }
        describe(lib).write(output).map_err(Failure::write)?;
    }
    Ok(())
}

fn find_unit(
    unit: &str,
    index: &mut PackageIndex,
    common: &Common,
    output: &mut impl Write,
) -> Result<(), Failure> {
    index.load_all();
    let packages: Vec<PackageId> = index.packages().map(|package| package.id()).collect();
    let options = options(index, common);
    // A library with a wrong name in it defines units all the same, but cannot be used.
    let libs = packages
        .iter()
        .filter_map(|package| Lib::of_package(index.package(*package), &options).ok());
    let units = Units::of_libs(&libs.collect::<Vec<_>>());
    let providers = units.providers(unit);
    if providers.is_empty() {
        return Err(Failure::Unit {
            unit: unit.to_owned(),
        });
    }
    if common.json {
        return write_json(&providers, output);
    }
    let beside = |provider: &Provider| {
        let same = providers.iter().filter(|other| other.cmi == provider.cmi);
        same.count()
    };
    let mut table = Table::default();
    for provider in providers {
        table.row([
            provider.library.to_string(),
            provider.cmi.display().to_string(),
            match &provider.archive {
                Some(archive) => archive.display().to_string(),
                // Only one of the libraries of the directory has it.
                None if beside(provider) > 1 => "one of several libraries here".to_owned(),
                None => String::new(),
            },
        ]);
    }
    table.write(output).map_err(Failure::write)
}

fn options(index: &PackageIndex, common: &Common) -> LibOptions {
    // Without a standard library there are no threads to name either.
    let major = index.configuration().ocaml_major().unwrap_or(5);
    LibOptions::new(major).predicates(Predicates::parse(&common.predicates))
}

fn describe(lib: &Lib) -> Table {
    let mut table = Table::default();
    table.row([lib.name.as_str()]);
    let mut row = |label: &str, value: String| {
        if !value.is_empty() {
            table.row([format!("  {label}"), value]);
        }
    };
    let names = |names: &[LibName]| {
        names
            .iter()
            .map(LibName::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let files = |files: &[PathBuf]| {
        files
            .iter()
            .map(|file| file.display().to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let text = |text: &Option<String>| {
        text.iter()
            .flat_map(|text| text.split_whitespace())
            .collect::<Vec<_>>()
            .join(" ")
    };
    row("description", text(&lib.description));
    row("version", text(&lib.version));
    row("warning", text(&lib.warning));
    row("error", text(&lib.error));
    row("requires", names(&lib.requires));
    row("exports", names(&lib.exports));
    row("directory", lib.directory.display().to_string());
    if let (Some(file), Some(position)) = (&lib.meta_file, lib.meta_position) {
        row(
            "described in",
            format!("{}:{}", file.display(), position.line),
        );
    }
    row("byte", files(&lib.cma));
    row("native", files(&lib.cmxa));
    row("c archives", files(&lib.c_archives));
    row("c stubs", files(&lib.c_stubs));
    row("js stubs", files(&lib.js_stubs));
    row("byte plugins", files(&lib.byte_plugins));
    row("native plugins", files(&lib.native_plugins));
    row("ppx", text(&lib.ppx));
    row("units", lib.units().collect::<Vec<_>>().join(" "));
    row("missing", files(&lib.missing_files));
    table
}

pub(super) fn deps(arguments: &Deps, output: &mut impl Write) -> Result<(), Failure> {
    let mut index = open(&arguments.common)?;
    let options = options(&index, &arguments.common);
    if arguments.strict_findlib {
        let names = arguments.names.iter().map(|name| name.as_str().as_bytes());
        let mut requirements = Requirements::new(predicates(&arguments.common));
        requirements
            .findlib_closure(&mut index, names)
            .map_err(|source| Failure::Order { source })?;
    }
    let libs = index
        .libs_and_deps(&arguments.names, &options)
        .map_err(Failure::libs)?;
    tell_conflicts(&libs).map_err(Failure::write)?;
    if arguments.common.json {
        return write_json(&libs, output);
    }
    let mut table = Table::default();
    for lib in &libs {
        table.row([
            lib.name.as_str(),
            lib.version.as_deref().unwrap_or("-"),
            &lib.directory.to_string_lossy(),
        ]);
    }
    table.write(output).map_err(Failure::write)
}

/// Says which units cannot go into one program, on standard error.
fn tell_conflicts(libs: &[Lib]) -> std::io::Result<()> {
    let mut stderr = std::io::stderr().lock();
    for conflict in Units::of_libs(libs).conflicts() {
        writeln!(
            stderr,
            "saddlebag: several libraries define the unit `{}`",
            conflict.unit
        )?;
        for provider in conflict.providers {
            writeln!(
                stderr,
                "  note: {} has `{}`",
                provider.library,
                provider.cmi.display()
            )?;
        }
    }
    Ok(())
}

/// A library as `list` shows it.
#[derive(Serialize)]
struct Listed {
    name: String,
    version: Option<String>,
    description: Option<String>,
    directory: PathBuf,
    meta_file: PathBuf,
}

pub(super) fn list(arguments: &List, output: &mut impl Write) -> Result<(), Failure> {
    let mut index = open(&arguments.common)?;
    if arguments.shadowed {
        return list_shadowed(&mut index, &arguments.common, output);
    }
    index.load_all();
    let predicates = predicates(&arguments.common);
    let wanted = |name: &str| {
        arguments.prefixes.is_empty()
            || arguments
                .prefixes
                .iter()
                .any(|prefix| name.starts_with(prefix.as_str()))
    };
    let mut listed: Vec<Listed> = index
        .packages()
        .filter(|package| wanted(&package.name()))
        .map(|package| {
            let text = |variable| {
                let value = package.lookup(variable, &predicates)?;
                Some(
                    String::from_utf8_lossy(&value)
                        .split_whitespace()
                        .collect::<Vec<_>>()
                        .join(" "),
                )
            };
            Listed {
                name: package.name().into_owned(),
                version: text("version"),
                description: text("description"),
                directory: package.directory(),
                meta_file: package.meta_file(),
            }
        })
        .collect();
    listed.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    if arguments.common.json {
        return write_json(&listed, output);
    }
    let mut table = Table::default();
    for lib in &listed {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        table.row([
            lib.name.clone(),
            or_dash(&lib.version),
            lib.description.clone().unwrap_or_default(),
        ]);
    }
    table.write(output).map_err(Failure::write)
}

fn list_shadowed(
    index: &mut PackageIndex,
    common: &Common,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let duplicates = index.duplicates();
    if common.json {
        return write_json(&duplicates, output);
    }
    let mut table = Table::default();
    for duplicate in &duplicates {
        for shadowed in &duplicate.shadowed {
            let (shadowed, used) = (shadowed.display(), duplicate.used.display());
            table.row([
                duplicate.name.to_string(),
                shadowed.to_string(),
                format!("in the shadow of {used}"),
            ]);
        }
    }
    table.write(output).map_err(Failure::write)
}
