//! The libraries that a kit brings with it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::kit::{CarriedLibrary, Kit, Need};
use crate::library::{HOST_LIBRARIES, Library};
use crate::requirement::{Error, can_hide};

/// The libraries of a kit that `names` need, in the kit's order, which is that of linking.
pub(crate) fn carried(
    all: &[CarriedLibrary],
    names: &[String],
    can_hide: bool,
) -> Result<Vec<Library>, Error> {
    let mut needed: BTreeSet<&str> = BTreeSet::new();
    let mut missing: Vec<String> = Vec::new();
    let everywhere = all.iter().filter(|library| library.everywhere);
    let mut waiting: Vec<&str> = names.iter().map(String::as_str).collect();
    waiting.extend(everywhere.map(|library| library.name.as_str()));
    while let Some(name) = waiting.pop() {
        if HOST_LIBRARIES.contains(&name) || !needed.insert(name) {
            continue;
        }
        match all.iter().find(|library| library.name == name) {
            Some(library) => waiting.extend(library.requires.iter().map(String::as_str)),
            None => missing.push(name.to_owned()),
        }
    }
    if !missing.is_empty() {
        missing.sort();
        return Err(Error::NotCarried {
            names: missing,
            carried: all.iter().map(|library| library.name.clone()).collect(),
        });
    }
    let library = |carried: &CarriedLibrary| {
        let library = Library::new(&carried.name).carried(&carried.identity);
        let library = carried
            .directories
            .iter()
            .fold(library, |library, directory| library.directory(directory));
        let library = carried
            .archives
            .iter()
            .fold(library, |library, archive| library.archive(archive));
        let library = carried
            .stub_libraries
            .iter()
            .fold(library, |library, stub| {
                library.stub_library(stub_name(carried, stub))
            });
        let seen = carried.everywhere || names.contains(&carried.name);
        library.hidden(can_hide && !seen)
    };
    let of_need = |library: &&CarriedLibrary| needed.contains(library.name.as_str());
    Ok(all.iter().filter(of_need).map(library).collect())
}

/// The name that plugins of byte code have for a stub library of a kit, whose place is another one in each process. As it
/// has no directory, `Dynlink` finds what has been opened under it.
fn stub_name(library: &CarriedLibrary, stub: &Path) -> String {
    let file = stub.file_name().unwrap_or_default().to_string_lossy();
    format!("saddlebag-{}-{file}", library.identity)
}

/// The file of a stub library that a plugin names.
pub(crate) fn stub_file(kit: &Kit, name: &str) -> PathBuf {
    let carried = kit.manifest().libraries.iter().find_map(|library| {
        let mut stubs = library.stub_libraries.iter();
        stubs.find(|stub| stub_name(library, stub) == name)
    });
    match carried {
        Some(stub) => kit.directory(Need::Load).join(stub),
        None => PathBuf::from(name),
    }
}

/// Adds the libraries of `kit` that every plugin has, with what they require, to those that a loader is given.
pub(crate) fn add_everywhere(kit: &Kit, libraries: &mut Vec<Library>) {
    let all = &kit.manifest().libraries;
    if !all.iter().any(|library| library.everywhere) {
        return;
    }
    let given: Vec<String> = libraries
        .iter()
        .filter(|library| library.carried_identity().is_some())
        .map(|library| library.name().to_owned())
        .collect();
    // What is given is carried too, so this finds everything; what an application gives of its own stays.
    if let Ok(carried) = carried(all, &given, can_hide(kit)) {
        libraries.retain(|library| library.carried_identity().is_none());
        libraries.splice(0..0, carried);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried_library(name: &str, requires: &[&str]) -> CarriedLibrary {
        CarriedLibrary {
            name: name.to_owned(),
            version: None,
            requires: requires.iter().map(|name| (*name).to_owned()).collect(),
            directories: vec![PathBuf::from(format!("libraries/{name}"))],
            archives: vec![PathBuf::from(format!("libraries/{name}/{name}.cmxs"))],
            stub_libraries: Vec::new(),
            everywhere: name == "everywhere",
            identity: name.to_owned(),
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_carried_library_comes_after_what_it_requires_and_nothing_else_comes() {
        let all = [
            carried_library("easy", &["unix"]),
            carried_library("other", &[]),
            carried_library("yojson", &["easy"]),
        ];
        let found = carried(&all, &names(&["yojson", "threads"]), true).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|library| (library.name(), library.include_option()))
            .collect();
        assert_eq!(found, [("easy", "-H"), ("yojson", "-I")]);
    }

    #[test]
    fn a_library_for_every_plugin_comes_without_asking() {
        let all = [
            carried_library("easy", &[]),
            carried_library("everywhere", &["easy"]),
            carried_library("yojson", &[]),
        ];
        let found = carried(&all, &[], true).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|library| (library.name(), library.include_option()))
            .collect();
        assert_eq!(found, [("easy", "-H"), ("everywhere", "-I")]);
    }

    #[test]
    fn a_library_that_is_not_carried_is_told_with_those_that_are() {
        let all = [carried_library("yojson", &[])];
        let error = carried(&all, &names(&["zarith", "re"]), false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the compiler carried here has no library `re`, `zarith`: it carries `yojson`"
        );
    }
}
