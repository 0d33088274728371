//! `why`, `rdeps` and `suggest`: how libraries hang together.

use std::io::Write;

use lib_resolve::{Graph, LibName, PackageIndex};
use serde::Serialize;

use super::arguments::{Common, Rdeps, Suggest, Why};
use super::failure::{Failure, kind};
use super::show::{open, predicates, write_json};
use super::table::Table;

/// The graph of everything installed, which must hold these names.
fn graph(common: &Common, names: &[LibName]) -> Result<Graph, Failure> {
    let mut index: PackageIndex = open(common)?;
    index.load_all();
    let predicates = predicates(common);
    let graph = Graph::of_index(&index, &predicates);
    let absent: Vec<LibName> = names
        .iter()
        .filter(|name| !graph.contains(name))
        .cloned()
        .collect();
    if absent.is_empty() {
        return Ok(graph);
    }
    Err(Failure::Missing {
        missing: index.missing(&absent, &predicates),
    })
}

pub(super) fn why(arguments: &Why, output: &mut impl Write) -> Result<(), Failure> {
    let names = [arguments.root.clone(), arguments.name.clone()];
    let graph = graph(&arguments.common, &names)?;
    let [root, name] = names;
    let Some(path) = graph.why(&root, &name) else {
        return Err(Failure::NotRequired { root, name });
    };
    if arguments.common.json {
        return write_json(&path, output);
    }
    let mut table = Table::default();
    match &path[..] {
        [alone] => table.row([format!("{alone} is {alone}")]),
        path => {
            for step in path.windows(2) {
                table.row([step[0].as_str(), "requires", step[1].as_str()]);
            }
        }
    }
    table.write(output).map_err(Failure::write)
}

/// Who requires a library.
#[derive(Serialize)]
struct Dependents<'a> {
    name: &'a LibName,
    required_by: Vec<&'a LibName>,
}

pub(super) fn rdeps(arguments: &Rdeps, output: &mut impl Write) -> Result<(), Failure> {
    let graph = graph(&arguments.common, &arguments.names)?;
    let dependents = arguments.names.iter().map(|name| Dependents {
        name,
        required_by: if arguments.direct {
            graph.direct_dependents(name)
        } else {
            graph.dependents(name)
        },
    });
    let dependents: Vec<_> = dependents.collect();
    if arguments.common.json {
        return write_json(&dependents, output);
    }
    let several = dependents.len() > 1;
    let mut table = Table::default();
    for of_one in &dependents {
        for requirer in &of_one.required_by {
            if several {
                table.row([of_one.name.as_str(), requirer.as_str()]);
            } else {
                table.row([requirer.as_str()]);
            }
        }
    }
    table.write(output).map_err(Failure::write)
}

/// What is said of a name.
#[derive(Serialize)]
struct Suggestions<'a> {
    name: &'a LibName,
    found: bool,
    suggestions: Vec<lib_resolve::Suggestion>,
}

pub(super) fn suggest(arguments: &Suggest, output: &mut impl Write) -> Result<(), Failure> {
    let mut index = open(&arguments.common)?;
    let mut all = Vec::new();
    for name in &arguments.names {
        let suggestions = index.suggest(name);
        let found = matches!(index.find(name.as_str()), Ok(Some(_)));
        all.push(Suggestions {
            name,
            found,
            suggestions,
        });
    }
    if arguments.common.json {
        return write_json(&all, output);
    }
    for of_one in &all {
        let state = if of_one.found { "found" } else { "not found" };
        writeln!(output, "{}: {state}", of_one.name).map_err(Failure::write)?;
        for suggestion in &of_one.suggestions {
            writeln!(output, "  {}: {suggestion}", kind(suggestion)).map_err(Failure::write)?;
        }
    }
    Ok(())
}
