//! Which files of a folder a source needs, found with `ocamldep`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use ocaml_toolchain::{invocation, threads};

use crate::compile::Rejection;
use crate::diagnostic;
use crate::kit::{Kit, Need, PrepareError};
use crate::module_name::ModuleName;
use crate::name_table::NameTable;
use crate::options::Options;
use crate::preprocess::{self, Failure};
use crate::program::with_program;
use crate::unit::readable_text;
use crate::workspace::{self, JobDirectory};

/// The error returned by [`Loader::find_dependencies`](crate::Loader::find_dependencies).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The loader has been cleaned.
    #[error("the loader has been cleaned and looks for nothing more")]
    Cleaned,
    /// The file is not an implementation.
    #[error("`{}` is not the `.ml` file of a module", path.display())]
    NotAnImplementation {
        /// The file as it was named.
        path: PathBuf,
    },
    /// A file or the folder could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Modules depend on each other in a circle.
    #[error("modules depend on each other in a circle: {}", display_cycle(cycle))]
    Cycle {
        /// The modules in the order of dependence; the last depends on the first.
        cycle: Vec<ModuleName>,
    },
    /// A file that is needed cannot be parsed.
    #[error("cannot tell what the sources depend on: {}", .0.failure)]
    Rejected(Box<Rejection>),
    /// `ocamldep` could not be run.
    #[error("cannot run ocamldep")]
    Run(#[source] Box<invocation::Error>),
    /// The toolchain has no `ocamldep`.
    #[error("the toolchain has no ocamldep")]
    NoOcamldep,
    /// What `ocamldep` printed is not understood.
    #[error("ocamldep printed a line that is not understood: `{line}`")]
    Output {
        /// The line.
        line: String,
    },
    /// The kit's files could not be made.
    #[error("the compiler is not ready")]
    Prepare(#[source] Box<PrepareError>),
    /// There is no place to work in.
    #[error("there is no place to work in")]
    Workspace(#[source] Box<workspace::Error>),
}

fn display_cycle(cycle: &[ModuleName]) -> String {
    let names = cycle.iter().chain(cycle.first()).map(ModuleName::as_str);
    names.collect::<Vec<_>>().join(" -> ")
}

/// The sources in a folder, by module.
type Folder = BTreeMap<ModuleName, Files>;

#[derive(Debug, Default, Clone)]
struct Files {
    implementation: Option<PathBuf>,
    interface: Option<PathBuf>,
}

impl Files {
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.interface.iter().chain(&self.implementation)
    }
}

/// The modules that each module mentions.
type Graph = HashMap<ModuleName, BTreeSet<ModuleName>>;

/// The files that `file` needs and `file` itself, what is needed before what needs it.
pub(crate) async fn find(
    kit: &Kit,
    options: &Options,
    job: impl Fn() -> Result<JobDirectory, workspace::Error> + Clone + Send + 'static,
    file: PathBuf,
) -> Result<Vec<PathBuf>, Error> {
    kit.prepare(Need::Compile)
        .await
        .map_err(|error| Error::Prepare(Box::new(error)))?;
    let (folder, main) = threads::unblock(move || read_folder(file)).await?;
    let mut graph = Graph::new();
    // One process for each step away from the main module, and only for files that are needed.
    let mut wanted = vec![main.clone()];
    while !wanted.is_empty() {
        let mentioned = mentioned(kit, options, job.clone(), &folder, &wanted).await?;
        graph.extend(mentioned);
        let next: BTreeSet<&ModuleName> = wanted.iter().flat_map(|module| &graph[module]).collect();
        wanted = next
            .into_iter()
            .filter(|module| !graph.contains_key(module))
            .cloned()
            .collect();
    }
    let order = sort(&main, &graph)?;
    Ok(order
        .iter()
        .flat_map(|module| folder[module].paths().cloned())
        .collect())
}

fn read_folder(mut file: PathBuf) -> Result<(Folder, ModuleName), Error> {
    if file.extension().is_none() {
        file.as_mut_os_string().push(".ml");
    }
    let refused = || Error::NotAnImplementation { path: file.clone() };
    let main = ModuleName::of_path(&file).map_err(|_| refused())?;
    if file.extension().is_none_or(|extension| extension != "ml") {
        return Err(refused());
    }
    if let Err(source) = std::fs::metadata(&file) {
        return Err(Error::Read { path: file, source });
    }
    let parent = file.parent().unwrap_or(Path::new(""));
    let listed = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    let entries = std::fs::read_dir(listed).map_err(|source| Error::Read {
        path: listed.to_owned(),
        source,
    })?;
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    // Where two names differ in the case of the first letter only, the one in lower case wins: it comes last.
    names.sort();
    let mut folder = Folder::new();
    for name in &names {
        let path = Path::new(name);
        let extension = path.extension().and_then(|extension| extension.to_str());
        // Editors leave broken links and locks with names that begin with a dot.
        if name.as_encoded_bytes().starts_with(b".") || !matches!(extension, Some("ml" | "mli")) {
            continue;
        }
        let Ok(module) = ModuleName::of_path(path) else {
            continue;
        };
        let files = folder.entry(module).or_default();
        match extension {
            Some("ml") => files.implementation = Some(parent.join(path)),
            _ => files.interface = Some(parent.join(path)),
        }
    }
    folder.entry(main.clone()).or_default().implementation = Some(file);
    Ok((folder, main))
}

/// The modules of the folder that each of the `wanted` mentions.
async fn mentioned(
    kit: &Kit,
    options: &Options,
    job: impl Fn() -> Result<JobDirectory, workspace::Error> + Send + 'static,
    folder: &Folder,
    wanted: &[ModuleName],
) -> Result<Graph, Error> {
    let mut files: Vec<(String, &ModuleName, PathBuf)> = Vec::new();
    for module in wanted {
        for path in folder[module].paths() {
            let extension = path
                .extension()
                .and_then(|extension| extension.to_str())
                .unwrap_or("ml");
            // Names of our own: what `ocamldep` prints is then easy to read, whatever the user's files are called.
            files.push((
                format!("{}.{extension}", files.len() + 1),
                module,
                path.clone(),
            ));
        }
    }
    let copies: Vec<_> = files
        .iter()
        .map(|(name, _, path)| (name.clone(), path.clone()))
        .collect();
    let (job, names, copies) = threads::unblock(move || copy(job, copies)).await?;
    let written = async {
        let Some(program) = preprocess::program(kit, options) else {
            return Ok((preprocess::write(job, copies).await?, Vec::new()));
        };
        let turned_out = preprocess::run(&program, job, copies).await?;
        let job = preprocess::write(turned_out.job, turned_out.files).await?;
        Ok((job, turned_out.arguments))
    };
    let written = written.await;
    let (job, rewriter) = written.map_err(|failure| match failure {
        Failure::Run(error) => Error::Run(error),
        Failure::Refused(failure) => rejected(*failure, &names),
        Failure::Workspace(error) => Error::Workspace(error),
    })?;
    let mut invocation = kit.ocamldep().ok_or(Error::NoOcamldep)?;
    if let Some(program) = &options.programs.ocamldep {
        invocation = with_program(&invocation, program);
    }
    let invocation = invocation
        .arg("-modules")
        .args(rewriter)
        .args(files.iter().map(|(name, ..)| name))
        .current_dir(job.path())
        .env("TMPDIR", job.path())
        .env("OCAML_ERROR_STYLE", "short")
        .env("OCAML_COLOR", "never");
    let output = invocation
        .output()
        .await
        .map_err(|error| Error::Run(Box::new(error)))?;
    if !output.status.success() {
        return Err(rejected(
            ocaml_toolchain::CommandFailure::new(invocation, output),
            &names,
        ));
    }
    let mut graph: Graph = wanted
        .iter()
        .map(|module| (module.clone(), BTreeSet::new()))
        .collect();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let not_understood = || Error::Output {
            line: line.to_owned(),
        };
        let (name, modules) = line.split_once(':').ok_or_else(not_understood)?;
        let (_, module, _) = files
            .iter()
            .find(|(file, ..)| file == name)
            .ok_or_else(not_understood)?;
        let mentioned = modules
            .split_whitespace()
            .filter_map(|name| ModuleName::of_stem(name).ok());
        let of_folder = mentioned.filter(|name| name != *module && folder.contains_key(name));
        graph
            .entry((*module).clone())
            .or_default()
            .extend(of_folder);
    }
    Ok(graph)
}

fn rejected(failure: ocaml_toolchain::CommandFailure, names: &NameTable) -> Error {
    let mut diagnostics = diagnostic::parse(&failure.stderr_text());
    diagnostic::relocate(&mut diagnostics, names);
    Error::Rejected(Box::new(Rejection {
        diagnostics,
        failure,
    }))
}

type Copies = (JobDirectory, NameTable, Vec<(String, Vec<u8>)>);

/// Reads the files, given by the names of their copies and their own.
fn copy(
    job: impl Fn() -> Result<JobDirectory, workspace::Error>,
    copies: Vec<(String, PathBuf)>,
) -> Result<Copies, Error> {
    let job = job().map_err(|error| Error::Workspace(Box::new(error)))?;
    let mut names = NameTable::default();
    let mut texts = Vec::with_capacity(copies.len());
    for (name, path) in copies {
        match std::fs::read(&path) {
            Ok(contents) => texts.push((name, readable_text(&mut names, &path, &contents))),
            Err(source) => return Err(Error::Read { path, source }),
        }
    }
    Ok((job, names, texts))
}

/// The modules that `main` needs and `main`, each after what it needs; alphabetically where that leaves a choice.
fn sort(main: &ModuleName, graph: &Graph) -> Result<Vec<ModuleName>, Error> {
    let mut order: Vec<ModuleName> = Vec::new();
    // The way from the main module to the one being visited, with what is left to visit below each.
    let mut way = vec![(main, graph[main].iter())];
    let mut done = BTreeSet::new();
    while let Some((module, rest)) = way.last_mut() {
        let module = *module;
        let Some(next) = rest.next() else {
            way.pop();
            done.insert(module);
            order.push(module.clone());
            continue;
        };
        if let Some(start) = way.iter().position(|(module, _)| *module == next) {
            let cycle = way[start..]
                .iter()
                .map(|(module, _)| (*module).clone())
                .collect();
            return Err(Error::Cycle { cycle });
        }
        if !done.contains(next) {
            way.push((next, graph[next].iter()));
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn module(number: usize) -> ModuleName {
        ModuleName::of_stem(&format!("m{number:02}")).unwrap()
    }

    fn graph(edges: &[(usize, usize)], count: usize) -> Graph {
        let mut graph: Graph = (0..count)
            .map(|number| (module(number), BTreeSet::new()))
            .collect();
        for (from, to) in edges {
            graph.get_mut(&module(*from)).unwrap().insert(module(*to));
        }
        graph
    }

    #[test]
    fn a_module_comes_after_what_it_needs() {
        let graph = graph(&[(0, 1), (0, 2), (0, 3), (1, 2), (2, 3), (3, 4)], 6);
        let order: Vec<String> = sort(&module(0), &graph)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(order, ["M04", "M03", "M02", "M01", "M00"]);
    }

    #[test]
    fn a_circle_is_reported_with_its_way_only() {
        let graph = graph(&[(0, 1), (1, 2), (2, 3), (3, 1)], 4);
        let error = sort(&module(0), &graph).unwrap_err();
        assert_eq!(
            error.to_string(),
            "modules depend on each other in a circle: M01 -> M02 -> M03 -> M01"
        );
    }

    proptest! {
        #[test]
        fn every_acyclic_graph_is_sorted(edges in prop::collection::vec((0usize..12, 0usize..12), 0..40)) {
            let edges: Vec<_> = edges.into_iter().filter(|(from, to)| from < to).collect();
            let graph = graph(&edges, 12);
            let order = sort(&module(0), &graph).unwrap();
            let place = |wanted: usize| order.iter().position(|found| *found == module(wanted));
            prop_assert_eq!(place(0), Some(order.len() - 1));
            for (from, to) in edges {
                if let Some(from) = place(from) {
                    prop_assert!(place(to).is_some_and(|to| to < from));
                }
            }
        }
    }

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<Error>() <= 64);
    }
}
